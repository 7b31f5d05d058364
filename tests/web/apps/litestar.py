"""The app in Litestar."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

from litestar import Controller, Litestar, MediaType, Request, Response, Router, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from tests.web.apps.rules import ADMIN, OWN, PREFIXES, RULES, served_auth, written
from tests.web.cases import SECRET
from watchword import (
    Auth,
    Forbidden,
    guard,
    public,
    require,
    require_sync,
    verify_session,
    verify_session_sync,
)
from watchword.web.litestar import Session, Watchword

KINDS = ("async", "sync")
INTERFACE = "asgi"


def create() -> Litestar:
    return make_app(served_auth())


def make_app(auth: Auth) -> Litestar:
    return Litestar(
        route_handlers=[
            Router("/async", route_handlers=async_routes()),
            Router("/sync", route_handlers=sync_routes()),
            count,
            Whole,
            Router("/router", route_handlers=[one], guards=[ADMIN]),
            Router("/prefix", route_handlers=[one]),
        ],
        plugins=[Watchword(auth, guards=PREFIXES)],
    )


@get("/written")
@public
async def count() -> str:
    return str(len(written))


@get("/one")
async def one() -> str:
    return "in"


@ADMIN
class Whole(Controller):
    path = "/class"

    @get("/admin")
    async def admin(self) -> str:
        return "in"


def async_routes() -> list[HTTPRouteHandler]:
    routes: list[HTTPRouteHandler] = []
    for path, rule in RULES.items():

        @get(path)
        @rule
        async def guarded() -> str:
            return "in"

        routes.append(guarded)

    @get("/public")
    @public
    async def open_to_all() -> str:
        return "in"

    @get("/own/{user_id:str}", guards=[OWN])
    async def own(user_id: str) -> str:
        return "in"

    @post("/write", status_code=200)
    async def write(session: Session, request: Request[Any, Any, Any]) -> str:
        written.append((await request.body()).decode())
        return "in"

    @get("/stream")
    @guard()
    async def stream() -> Stream:
        async def parts() -> AsyncIterator[str]:
            yield "one "
            yield "two "

        return Stream(parts(), media_type=MediaType.TEXT)

    return [*routes, open_to_all, own, write, stream, *async_inside()]


def async_inside() -> list[HTTPRouteHandler]:
    @get("/inside")
    @guard.inside
    async def inside() -> str:
        await require(role="admin")
        return "in"

    @get("/looks")
    @guard.inside
    async def looks() -> Response[str]:
        session = await verify_session()
        if session is None:
            return Response("", status_code=401)
        return Response("in") if session.user.role == "admin" else Response("", status_code=403)

    @get("/forgets")
    @guard.inside
    async def forgets() -> str:
        return SECRET

    @get("/early")
    @guard.inside
    async def early(request: Request[Any, Any, Any]) -> str:
        if request.url.path:
            return SECRET
        await require()
        return "in"

    @get("/swallows")
    @guard.inside
    async def swallows() -> str:
        with contextlib.suppress(Forbidden):
            await require(role="admin")
        return SECRET

    @get("/stream-forgets")
    @guard.inside
    async def stream_forgets() -> Stream:
        async def parts() -> AsyncIterator[str]:
            yield SECRET

        return Stream(parts())

    return [inside, looks, forgets, early, swallows, stream_forgets]


def sync_routes() -> list[HTTPRouteHandler]:
    routes: list[HTTPRouteHandler] = []
    for number, (path, rule) in enumerate(RULES.items()):

        @get(path, sync_to_thread=number % 2 == 0)
        @rule
        def guarded() -> str:
            return "in"

        routes.append(guarded)

    @get("/public", sync_to_thread=False)
    @public
    def open_to_all() -> str:
        return "in"

    @get("/own/{user_id:str}", sync_to_thread=False)
    @OWN
    def own(user_id: str) -> str:
        return "in"

    @post("/write", status_code=200, sync_to_thread=True)
    @guard()
    def write() -> str:
        written.append("sync")
        return "in"

    @get("/stream", sync_to_thread=True)
    @guard()
    def stream() -> Stream:
        def parts() -> Iterator[str]:
            yield "one "
            yield "two "

        return Stream(parts(), media_type=MediaType.TEXT)

    return [*routes, open_to_all, own, write, stream, *sync_inside()]


def sync_inside() -> list[HTTPRouteHandler]:
    @get("/inside", sync_to_thread=True)
    @guard.inside
    def inside() -> str:
        require_sync(role="admin")
        return "in"

    @get("/looks", sync_to_thread=True)
    @guard.inside
    def looks() -> Response[str]:
        session = verify_session_sync()
        if session is None:
            return Response("", status_code=401)
        return Response("in") if session.user.role == "admin" else Response("", status_code=403)

    @get("/forgets", sync_to_thread=False)
    @guard.inside
    def forgets() -> str:
        return SECRET

    @get("/early", sync_to_thread=False)
    @guard.inside
    def early(request: Request[Any, Any, Any]) -> str:
        if request.url.path:
            return SECRET
        require_sync()
        return "in"

    @get("/swallows", sync_to_thread=False)
    @guard.inside
    def swallows() -> str:
        with contextlib.suppress(Forbidden):
            require_sync(role="admin")
        return SECRET

    @get("/stream-forgets", sync_to_thread=True)
    @guard.inside
    def stream_forgets() -> Stream:
        def parts() -> Iterator[str]:
            yield SECRET

        return Stream(parts())

    return [inside, looks, forgets, early, swallows, stream_forgets]
