"""What leaves an ASGI app, and what does not: streams, tasks, apps within apps, middleware, errors."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from tests.attacks.apps import App, page
from tests.attacks.wire import events
from tests.support.site import Site, make_site
from watchword import guard, public, require, verify_session
from watchword.foundation.clock import ManualClock
from watchword.web import fastapi, starlette
from watchword.web.fastapi import OptionalSession, current_session

SECRET = "what nobody decided about"


def app_of(site: Site, *routes: Any, **options: Any) -> App:
    app = Starlette(routes=list(routes), **options)
    starlette.protect(app, site.auth)
    return App(site, app)


def fast(site: Site) -> tuple[FastAPI, App]:
    app = FastAPI()
    fastapi.protect(app, site.auth)
    return app, App(site, app)


@guard.inside
async def forgets(request: Request) -> Response:
    return PlainTextResponse(SECRET)


def test_an_undecided_answer_is_withheld_and_its_handler_is_named_to_the_developer(
    sqlite_site: Site, caplog: pytest.LogCaptureFixture
):
    app = app_of(sqlite_site, Route("/forgets", forgets))
    with caplog.at_level(logging.ERROR, "watchword"):
        answer = app.call("GET", "/forgets", *page(app.token()))
    assert (answer.status, answer.json["code"]) == (500, "response_withheld")
    assert "tests.web.test_withheld.forgets" in answer.json["detail"]
    assert "@guard()" in answer.json["detail"]
    assert SECRET not in answer.text
    assert "tests.web.test_withheld.forgets" in caplog.text
    assert events(sqlite_site, "response_withheld") == 1


def test_the_page_for_a_developers_browser_says_what_to_add(sqlite_site: Site):
    answer = app_of(sqlite_site, Route("/forgets", forgets)).call("GET", "/forgets", ("accept", "text/html"))
    assert answer.status == 500
    assert "tests.web.test_withheld.forgets" in answer.text
    assert SECRET not in answer.text


def test_in_production_a_stranger_learns_nothing_of_the_code(sqlite_url: str, clock: ManualClock):
    from watchword import SMTP, Password

    options = {
        "mode": "production",
        "password": Password(),
        "base_url": "https://example.org",
        "smtp": SMTP("127.0.0.1", "a@example.org", security="none"),
    }
    site = make_site(sqlite_url, clock, **options)
    answer = app_of(site, Route("/forgets", forgets)).call("GET", "/forgets", ("host", "example.org"))
    assert (answer.status, answer.json["code"]) == (500, "response_withheld")
    assert "forgets" not in answer.text
    assert "detail" not in answer.json
    site.auth.stop()


def test_head_and_options_tell_no_more_than_get(sqlite_site: Site):
    app = app_of(sqlite_site, Route("/forgets", forgets), Route("/mine", guard()(forgets)))
    assert app.call("HEAD", "/forgets").status == 500
    assert app.call("HEAD", "/mine").status == 401
    assert app.call("OPTIONS", "/mine").status == 401


def test_the_first_byte_of_a_stream_waits_for_the_decision(sqlite_site: Site):
    async def decides(request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b""
            await require()
            yield b"one"

        return StreamingResponse(parts())

    app = app_of(sqlite_site, Route("/stream", guard.inside(decides)))
    assert app.call("GET", "/stream", *page(app.token())).text == "one"
    assert app.call("GET", "/stream").status == 401


def test_a_look_in_a_task_that_nobody_waits_for_decides_nothing(sqlite_site: Site):
    async def spawns(request: Request) -> Response:
        async def check() -> None:
            if await verify_session() is None:
                raise HTTPException(401)

        task = asyncio.create_task(check())
        await asyncio.sleep(0.01)
        task.add_done_callback(lambda done: done.exception())
        return PlainTextResponse(SECRET)

    app = app_of(sqlite_site, Route("/spawns", guard.inside(spawns)))
    assert [app.call("GET", "/spawns", *lines).status for lines in (page(), page(app.token()))] == [500, 500]


def test_a_refusal_in_a_task_that_nobody_waits_for_is_a_refusal(sqlite_site: Site):
    async def spawns(request: Request) -> Response:
        await verify_session()
        task = asyncio.create_task(require(role="admin"))
        await asyncio.wait([task])
        assert task.exception()
        return PlainTextResponse(SECRET)

    app = app_of(sqlite_site, Route("/spawns", guard.inside(spawns)))
    assert app.call("GET", "/spawns", *page(app.token())).status == 500


def test_a_middleware_that_looks_decides_nothing_for_the_handler(sqlite_site: Site):
    class Greets(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: Any) -> Response:
            await verify_session()
            return await call_next(request)

    app = Starlette(routes=[Route("/forgets", forgets)])
    app.add_middleware(Greets)
    starlette.protect(app, sqlite_site.auth)
    made = App(sqlite_site, app)
    assert made.call("GET", "/forgets", *page(made.token())).status == 500


def test_what_a_middleware_answers_by_itself_needs_a_declaration(sqlite_site: Site):
    def make(*public_paths: str) -> App:
        class Health(BaseHTTPMiddleware):
            async def dispatch(self, request: Request, call_next: Any) -> Response:
                return PlainTextResponse("alive") if request.url.path == "/healthz" else await call_next(request)

        app = Starlette()
        app.add_middleware(Health)
        starlette.protect(app, sqlite_site.auth, public=public_paths)
        return App(sqlite_site, app)

    withheld = make().call("GET", "/healthz")
    assert withheld.status == 500
    assert 'public=["/healthz"]' in withheld.json["detail"]
    assert make("/healthz").call("GET", "/healthz").text == "alive"


def test_a148_what_a_caller_sent_is_not_in_the_log_of_what_was_withheld(
    sqlite_site: Site, caplog: pytest.LogCaptureFixture
):
    class Answers(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: Any) -> Response:
            return PlainTextResponse("anything")

    app = Starlette()
    app.add_middleware(Answers)
    starlette.protect(app, sqlite_site.auth)
    assert App(sqlite_site, app).call("GET", "/forged%0aline").status == 500
    assert "an answer was withheld" in caplog.text
    assert "forged" not in caplog.text


def test_a_preflight_needs_no_decision(sqlite_site: Site):
    app = Starlette(routes=[Route("/mine", guard()(forgets))])
    app.add_middleware(CORSMiddleware, allow_origins=["https://app.example.org"], allow_methods=["GET"])
    starlette.protect(app, sqlite_site.auth)
    lines = [("origin", "https://app.example.org"), ("access-control-request-method", "GET")]
    answer = App(sqlite_site, app).call("OPTIONS", "/mine", *lines)
    assert (answer.status, answer.header("access-control-allow-origin")) == (200, "https://app.example.org")


def test_what_the_framework_answers_to_an_unknown_path_or_a_wrong_input_leaves(sqlite_site: Site):
    app, made = fast(sqlite_site)

    @app.get("/looks/{number}")
    @guard.inside
    async def looks(number: int) -> int:
        return number if await verify_session() else 0

    assert made.call("GET", "/nothing").status == 404
    assert made.call("GET", "/looks/seven").status == 422
    assert made.call("POST", "/looks/7").status == 405
    assert made.call("GET", "/looks/7/").status == 307


@pytest.mark.parametrize("error", [HTTPException(404, SECRET), HTTPException(418, SECRET), ValueError(SECRET)])
def test_what_a_handler_raises_before_it_decides_does_not_leave(sqlite_site: Site, error: Exception):
    app = FastAPI(debug=True)
    fastapi.protect(app, sqlite_site.auth)

    @app.get("/raises")
    @guard.inside
    async def raises() -> None:
        raise error

    answer = App(sqlite_site, app).call("GET", "/raises")
    assert answer.status == 500
    assert SECRET not in answer.text


def test_an_error_after_the_decision_is_the_apps_own(sqlite_site: Site):
    app, made = fast(sqlite_site)

    @app.get("/raises")
    @guard.inside
    async def raises() -> None:
        await require()
        raise HTTPException(404, "no such note")

    answer = made.call("GET", "/raises", *page(made.token()))
    assert (answer.status, answer.json) == (404, {"detail": "no such note"})


def test_an_app_may_say_a_refusal_in_its_own_words(sqlite_site: Site):
    from watchword import Forbidden

    async def own_page(request: Request, error: Exception) -> Response:
        return PlainTextResponse("not for you", 403)

    async def inside(request: Request) -> Response:
        await require(role="admin")
        return PlainTextResponse(SECRET)

    app = app_of(sqlite_site, Route("/mine", guard.inside(inside)), exception_handlers={Forbidden: own_page})
    answer = app.call("GET", "/mine", *page(app.token()))
    assert (answer.status, answer.text) == (403, "not for you")


def test_the_session_as_a_parameter_of_an_inside_handler_is_what_it_decides_by(sqlite_site: Site):
    app, made = fast(sqlite_site)

    @app.get("/mine")
    @guard.inside
    async def mine(session: OptionalSession) -> str:
        return session.user.email if session else "nobody"

    assert made.call("GET", "/mine").json == "nobody"
    assert made.call("GET", "/mine", *page(made.token())).json == "ada@example.org"


def test_a_call_of_another_guarded_handler_asks_its_own_rule(sqlite_site: Site):
    owner = guard(when=lambda session, user_id: session.user.id == user_id)

    @owner
    async def letter(user_id: str) -> str:
        return SECRET

    app, made = fast(sqlite_site)

    @app.get("/people/{user_id}")
    @owner
    async def person(user_id: str, of: str) -> str:
        return await letter(user_id=of)

    token = made.token()
    session = json.loads(made.call("GET", "/auth/session", *page(token)).text)["session"]
    mine = session["user"]["id"]
    assert made.call("GET", f"/people/{mine}?of={mine}", *page(token)).status == 200
    assert made.call("GET", f"/people/{mine}?of=usr_other", *page(token)).status == 403


def test_a_request_within_a_request_has_a_ledger_of_its_own(sqlite_site: Site):
    app, made = fast(sqlite_site)

    @app.get("/inner")
    @public
    async def inner() -> str:
        return "open"

    @app.get("/outer")
    @guard.inside
    async def outer() -> str:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
            assert (await client.get("/inner")).json() == "open"
        return SECRET

    assert made.call("GET", "/outer", *page(made.token())).status == 500


def test_a_background_task_decides_nothing_for_the_answer_before_it(sqlite_site: Site):
    async def later(request: Request) -> Response:
        async def check() -> None:
            await require()

        return PlainTextResponse(SECRET, background=BackgroundTask(check))

    app = app_of(sqlite_site, Route("/later", guard.inside(later)))
    assert app.call("GET", "/later", *page(app.token())).status == 500


def test_an_app_mounted_in_another_keeps_its_promise_in_both(sqlite_site: Site):
    inner = Starlette(routes=[Route("/forgets", forgets), Route("/mine", guard()(forgets))])
    starlette.protect(inner, sqlite_site.auth)
    app = app_of(sqlite_site, Mount("/inner", inner))
    token = app.token()
    assert app.call("GET", "/inner/forgets", *page(token)).status == 500
    assert app.call("GET", "/inner/mine").status == 401
    assert app.call("GET", "/inner/mine", *page(token)).text == SECRET


def test_a_route_that_is_added_after_the_start_is_withheld(sqlite_site: Site):
    app, made = fast(sqlite_site)
    assert made.call("GET", "/late").status == 404

    @app.get("/late")
    async def late() -> str:
        return SECRET

    assert made.call("GET", "/late").status == 500


def test_a_socket_is_not_accepted_before_a_decision(sqlite_site: Site):
    @guard.inside
    async def socket(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(SECRET)

    app = app_of(sqlite_site, WebSocketRoute("/socket", socket))
    assert app.talk("/socket", *page(app.token())) == ["close"]


def test_a_tests_session_goes_for_guards_too(sqlite_site: Site):
    app, made = fast(sqlite_site)

    @app.get("/mine")
    @guard()
    async def mine() -> str:
        return (await require()).user.email

    visitor = sqlite_site.visitor()
    visitor.sign_up()
    request = next(iter([visitor]))
    session = sqlite_site.auth.gate.verify(_request(request.cookies["watchword"]))
    assert made.call("GET", "/mine").status == 401
    app.dependency_overrides[current_session] = lambda: session
    assert made.call("GET", "/mine").json == "ada@example.org"


def _request(token: str) -> Any:
    from watchword.http.request import Request as Raw

    return Raw("GET", "/", headers=[(b"cookie", f"watchword={token}".encode())])


def test_the_apps_own_openapi_document_says_who_may_call(sqlite_site: Site):
    app, made = fast(sqlite_site)

    @app.get("/mine")
    @guard(role="admin")
    async def mine() -> str:
        return ""

    @app.get("/open")
    @public
    async def open_to_all() -> str:
        return ""

    document = json.loads(made.call("GET", "/openapi.json", *page(made.token(role="admin"))).text)
    assert document["paths"]["/mine"]["get"]["security"] == [{"watchwordCookie": []}, {"watchwordBearer": []}]
    assert {"401", "403"} <= set(document["paths"]["/mine"]["get"]["responses"])
    assert "security" not in document["paths"]["/open"]["get"]
    assert document["components"]["securitySchemes"]["watchwordCookie"]["name"] == "watchword"
