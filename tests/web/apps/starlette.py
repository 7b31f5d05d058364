"""The app in Starlette."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from tests.web.apps.rules import ADMIN, OWN, PREFIXES, RULES, served_auth, written
from tests.web.cases import SECRET
from watchword import Auth, Forbidden, guard, public, require, require_sync, verify_session, verify_session_sync
from watchword.web.starlette import protect

KINDS = ("async", "sync")
INTERFACE = "asgi"


def create() -> Starlette:
    return make_app(served_auth())


def make_app(auth: Auth) -> Starlette:
    @public
    async def count(request: Request) -> Response:
        return PlainTextResponse(str(len(written)))

    async def one(request: Request) -> Response:
        return PlainTextResponse("in")

    app = Starlette(
        routes=[
            Mount("/async", routes=routes(ASYNC, async_guarded, async_own, async_write)),
            Mount("/sync", routes=routes(SYNC, sync_guarded, sync_own, sync_write)),
            Route("/written", count),
            Route("/class/admin", Whole),
            Mount("/router", routes=[Route("/one", one)]),
            Mount("/prefix", routes=[Route("/one", one)]),
        ]
    )
    protect(app, auth, guards={**PREFIXES, "/router": ADMIN})
    return app


def routes(
    others: dict[str, Any], guarded: Callable[[], Any], own: Callable[..., Any], write: Callable[..., Any]
) -> list[Route]:
    return [
        *(Route(path, rule(guarded())) for path, rule in RULES.items()),
        *(Route(path, handler) for path, handler in others.items()),
        Route("/own/{user_id}", OWN(own)),
        Route("/write", guard()(write), methods=["POST"]),
    ]


@ADMIN
class Whole(HTTPEndpoint):
    async def get(self, request: Request) -> PlainTextResponse:
        return PlainTextResponse("in")


def async_guarded() -> Any:
    async def guarded(request: Request) -> Response:
        return PlainTextResponse("in")

    return guarded


async def async_own(request: Request) -> Response:
    return PlainTextResponse("in")


async def async_write(request: Request) -> Response:
    written.append((await request.body()).decode())
    return PlainTextResponse("in")


@public
async def async_public(request: Request) -> Response:
    return PlainTextResponse("in")


@guard.inside
async def async_inside(request: Request) -> Response:
    await require(role="admin")
    return PlainTextResponse("in")


@guard.inside
async def async_looks(request: Request) -> Response:
    session = await verify_session()
    if session is None:
        return PlainTextResponse("", 401)
    return PlainTextResponse("in") if session.user.role == "admin" else PlainTextResponse("", 403)


@guard.inside
async def async_forgets(request: Request) -> Response:
    return PlainTextResponse(SECRET)


@guard.inside
async def async_early(request: Request) -> Response:
    if request.url.path:
        return PlainTextResponse(SECRET)
    await require()
    return PlainTextResponse("in")


@guard.inside
async def async_swallows(request: Request) -> Response:
    with contextlib.suppress(Forbidden):
        await require(role="admin")
    return PlainTextResponse(SECRET)


@guard()
async def async_stream(request: Request) -> Response:
    async def parts() -> AsyncIterator[str]:
        yield "one "
        yield "two "

    return StreamingResponse(parts())


@guard.inside
async def async_stream_forgets(request: Request) -> Response:
    async def parts() -> AsyncIterator[str]:
        yield SECRET

    return StreamingResponse(parts())


def sync_guarded() -> Any:
    def guarded(request: Request) -> Response:
        return PlainTextResponse("in")

    return guarded


def sync_own(request: Request) -> Response:
    return PlainTextResponse("in")


def sync_write(request: Request) -> Response:
    written.append("sync")
    return PlainTextResponse("in")


@public
def sync_public(request: Request) -> Response:
    return PlainTextResponse("in")


@guard.inside
def sync_inside(request: Request) -> Response:
    require_sync(role="admin")
    return PlainTextResponse("in")


@guard.inside
def sync_looks(request: Request) -> Response:
    session = verify_session_sync()
    if session is None:
        return PlainTextResponse("", 401)
    return PlainTextResponse("in") if session.user.role == "admin" else PlainTextResponse("", 403)


@guard.inside
def sync_forgets(request: Request) -> Response:
    return PlainTextResponse(SECRET)


@guard.inside
def sync_early(request: Request) -> Response:
    if request.url.path:
        return PlainTextResponse(SECRET)
    require_sync()
    return PlainTextResponse("in")


@guard.inside
def sync_swallows(request: Request) -> Response:
    with contextlib.suppress(Forbidden):
        require_sync(role="admin")
    return PlainTextResponse(SECRET)


@guard()
def sync_stream(request: Request) -> Response:
    def parts() -> Iterator[str]:
        yield "one "
        yield "two "

    return StreamingResponse(parts())


@guard.inside
def sync_stream_forgets(request: Request) -> Response:
    def parts() -> Iterator[str]:
        yield SECRET

    return StreamingResponse(parts())


ASYNC = {
    "/public": async_public,
    "/inside": async_inside,
    "/looks": async_looks,
    "/forgets": async_forgets,
    "/early": async_early,
    "/swallows": async_swallows,
    "/stream": async_stream,
    "/stream-forgets": async_stream_forgets,
}
SYNC = {
    "/public": sync_public,
    "/inside": sync_inside,
    "/looks": sync_looks,
    "/forgets": sync_forgets,
    "/early": sync_early,
    "/swallows": sync_swallows,
    "/stream": sync_stream,
    "/stream-forgets": sync_stream_forgets,
}
