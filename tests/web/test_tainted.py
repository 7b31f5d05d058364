"""What is tainted does not leave: in bodies, streams, headers, packed bodies, sockets and returned objects."""

import gzip
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import litestar
import pytest
from fastapi import APIRouter, FastAPI
from litestar import Litestar
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from tests.attacks.apps import App, Line, page
from tests.attacks.wire import events
from tests.support.site import SECRET as APPLICATION_SECRET
from tests.support.site import Site
from watchword import public, taint_object_reference, taint_unique_value, untaint
from watchword.web import fastapi, starlette
from watchword.web.litestar import Watchword

KEY = "sk_live_4f9a77c2b1e80d6653"
WHY = "Do not send the payment key to the browser"


@pytest.fixture(autouse=True)
def tainted() -> Iterator[None]:
    taint_unique_value(WHY, App, KEY)
    yield
    untaint(KEY)


def answering(site: Site, response: Any, *lines: Line, middleware: Any = None) -> tuple[int, bytes, Any]:
    """Return what a public handler's answer comes out as: status, body, and the whole reply."""

    @public
    async def handler(request: Request) -> Response:
        return response() if callable(response) and not isinstance(response, Response) else response

    app = Starlette(routes=[Route("/", handler)])
    if middleware:
        app.add_middleware(middleware, minimum_size=10)
    starlette.protect(app, site.auth)
    reply = App(site, app).call("GET", "/", *lines)
    return reply.status, reply.body, reply


def test_a020_a_key_in_a_body_is_withheld_and_the_developer_is_told_which(sqlite_site: Site):
    status, body, reply = answering(sqlite_site, JSONResponse({"nested": [{"key": f"x{KEY}y"}]}))
    assert (status, reply.json["code"]) == (500, "response_withheld")
    assert WHY in reply.json["detail"]
    assert "handler" in reply.json["detail"]
    assert KEY.encode() not in body
    assert events(sqlite_site, "response_withheld") == 1


def test_a020_what_watchword_keeps_secret_itself_is_withheld(sqlite_site: Site):
    token = App(sqlite_site).token()
    hashed = sqlite_site.auth.password.steps.hash_new("password", "analytical engine no. 1", ())
    for secret in (token, hashed, APPLICATION_SECRET):
        assert answering(sqlite_site, JSONResponse({"debug": secret}))[0] == 500


def test_a020_a_key_in_a_header_is_withheld(sqlite_site: Site):
    for name in ("x-debug", "location", "set-cookie"):
        status, _, reply = answering(sqlite_site, JSONResponse({}, headers={name: f"/?a={KEY}"}))
        assert status == 500
        assert KEY not in repr(reply.lines)


@pytest.mark.parametrize("size", [100, 200_000])
def test_a020_a_key_in_a_packed_body_is_withheld(sqlite_site: Site, size: int):
    text = f"{'word ' * (size // 10)}{KEY}{' word' * (size // 10)}"
    status, _, _ = answering(
        sqlite_site, JSONResponse({"text": text}), ("accept-encoding", "gzip"), middleware=GZipMiddleware
    )
    assert status == 500
    packed = zlib.compress(text.encode())
    assert answering(sqlite_site, Response(packed, headers={"content-encoding": "deflate"}))[0] == 500


def test_a_packed_body_without_secrets_leaves_as_it_is(sqlite_site: Site):
    status, body, reply = answering(
        sqlite_site, JSONResponse({"text": "word " * 1000}), ("accept-encoding", "gzip"), middleware=GZipMiddleware
    )
    assert (status, reply.header("content-encoding")) == (200, "gzip")
    assert b"word word" in gzip.decompress(body)


def test_an_app_is_not_asked_for_codings_that_can_not_be_searched(sqlite_site: Site):
    seen: list[str] = []

    @public
    async def handler(request: Request) -> Response:
        seen.append(request.headers["accept-encoding"])
        return JSONResponse({})

    app = Starlette(routes=[Route("/", handler)])
    starlette.protect(app, sqlite_site.auth)
    for asked in ("gzip, deflate, br, zstd", "br;q=1.0, gzip;q=0.5", "br", "*"):
        App(sqlite_site, app).call("GET", "/", ("accept-encoding", asked))
    assert seen == ["gzip, deflate", "gzip;q=0.5", "identity", "identity"]


def test_a_body_that_can_not_be_searched_is_withheld(sqlite_site: Site):
    for body, coding in ((b"\x8b\x00\x80", "br"), (b"not gzip", "gzip")):
        status, _, reply = answering(sqlite_site, Response(body, headers={"content-encoding": coding}))
        assert status == 500
        assert "can't be searched" in reply.json["detail"]


@pytest.mark.parametrize("cut", [1, 7, len(KEY) - 1])
def test_a020_a_key_in_pieces_is_cut_off_before_its_end(sqlite_site: Site, cut: int):
    def response() -> Response:
        async def parts() -> AsyncIterator[str]:
            yield "begin "
            yield KEY[:cut]
            yield f"{KEY[cut:]} end"

        return StreamingResponse(parts())

    _, body, _ = answering(sqlite_site, response)
    assert body == b"begin "


def test_a_stream_without_secrets_arrives_whole_and_piece_by_piece(sqlite_site: Site):
    def response() -> Response:
        async def parts() -> AsyncIterator[str]:
            for number in range(50):
                yield f"data: {number}\n\n"

        return StreamingResponse(parts(), media_type="text/event-stream")

    status, body, _ = answering(sqlite_site, response)
    assert (status, body) == (200, "".join(f"data: {number}\n\n" for number in range(50)).encode())


def test_a020_a_key_said_to_a_socket_closes_it(sqlite_site: Site):
    @public
    async def socket(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("one")
        await socket.send_text(f"the key is {KEY}")
        await socket.send_text("three")

    app = Starlette(routes=[WebSocketRoute("/socket", socket)])
    starlette.protect(app, sqlite_site.auth)
    assert App(sqlite_site, app).talk("/socket", *page()) == ["accept", "one", "close"]


@dataclass(eq=False, weakref_slot=True, slots=True)
class Row:
    name: str


def test_a020_an_object_that_must_not_be_returned_is_withheld_and_a_copy_is_not(sqlite_site: Site):
    app = FastAPI()
    fastapi.protect(app, sqlite_site.auth)
    row = Row("Ada")
    taint_object_reference("Pass a UserView instead", row)

    @app.get("/row")
    @public
    async def whole() -> dict[str, list[Row]]:
        return {"rows": [row]}

    @app.get("/view")
    @public
    def view() -> dict[str, str]:
        return {"name": row.name}

    made = App(sqlite_site, app)
    withheld = made.call("GET", "/row")
    assert withheld.status == 500
    assert "Pass a UserView instead" in withheld.json["detail"]
    assert made.call("GET", "/view").json == {"name": "Ada"}


def test_a020_an_object_is_found_in_what_a_handler_returns_that_has_no_decorator_of_ours(sqlite_site: Site):
    row = Row("Ada")
    taint_object_reference("Pass a UserView instead", row)
    app, router = FastAPI(), APIRouter(prefix="/inner")

    @app.get("/row")
    async def whole() -> dict[str, list[Row]]:
        return {"rows": [row]}

    @router.get("/row")
    def inner() -> Row:
        return row

    @litestar.get("/row")
    async def of_litestar() -> list[Row]:
        return [row]

    @litestar.get("/inner/row", sync_to_thread=True)
    def inner_of_litestar() -> Row:
        return row

    paths = ["/row", "/inner/row"]
    app.include_router(router)
    fastapi.protect(app, sqlite_site.auth, public=paths)
    other = Litestar([of_litestar, inner_of_litestar], plugins=[Watchword(sqlite_site.auth, public=paths)])
    for made in (App(sqlite_site, app), App(sqlite_site, other)):
        for path in paths:
            withheld = made.call("GET", path)
            assert (withheld.status, "Pass a UserView instead" in withheld.json["detail"]) == (500, True), path
