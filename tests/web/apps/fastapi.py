"""The app in FastAPI."""

import contextlib
from collections.abc import AsyncIterator, Iterator

from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import PlainTextResponse, StreamingResponse
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request

from tests.web.apps.rules import ADMIN, OWN, PREFIXES, RULES, served_auth, written
from tests.web.cases import SECRET
from watchword import Auth, Forbidden, guard, public, require, require_sync, verify_session, verify_session_sync
from watchword.web.fastapi import protect

KINDS = ("async", "sync")
INTERFACE = "asgi"


def create() -> FastAPI:
    return make_app(served_auth())


def make_app(auth: Auth) -> FastAPI:
    app = FastAPI(default_response_class=PlainTextResponse)
    protect(app, auth, guards=PREFIXES)
    app.include_router(async_routes(), prefix="/async")
    app.include_router(sync_routes(), prefix="/sync")

    @app.get("/written")
    @public
    def count() -> str:
        return str(len(written))

    router = APIRouter()

    @router.get("/one")
    async def one() -> str:
        return "in"

    app.include_router(router, prefix="/router", dependencies=[Depends(guard(role="admin"))])
    app.include_router(router, prefix="/prefix")
    app.add_route("/class/admin", Whole)
    return app


@ADMIN
class Whole(HTTPEndpoint):
    async def get(self, request: Request) -> PlainTextResponse:
        return PlainTextResponse("in")


def async_routes() -> APIRouter:
    router = APIRouter()
    for path, rule in RULES.items():

        @router.get(path)
        @rule
        async def guarded() -> str:
            return "in"

    @router.get("/public")
    @public
    async def open_to_all() -> str:
        return "in"

    @router.get("/own/{user_id}")
    @OWN
    async def own(user_id: str) -> str:
        return "in"

    @router.get("/inside")
    @guard.inside
    async def inside() -> str:
        await require(role="admin")
        return "in"

    @router.get("/looks")
    @guard.inside
    async def looks() -> PlainTextResponse:
        session = await verify_session()
        if session is None:
            return PlainTextResponse("", 401)
        return PlainTextResponse("in") if session.user.role == "admin" else PlainTextResponse("", 403)

    @router.get("/forgets")
    @guard.inside
    async def forgets() -> str:
        return SECRET

    @router.get("/early")
    @guard.inside
    async def early() -> str:
        if SECRET:
            return SECRET
        await require()
        return "in"

    @router.get("/swallows")
    @guard.inside
    async def swallows() -> str:
        with contextlib.suppress(Forbidden):
            await require(role="admin")
        return SECRET

    @router.get("/stream")
    @guard()
    async def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[str]:
            yield "one "
            yield "two "

        return StreamingResponse(parts())

    @router.get("/stream-forgets")
    @guard.inside
    async def stream_forgets() -> StreamingResponse:
        async def parts() -> AsyncIterator[str]:
            yield SECRET

        return StreamingResponse(parts())

    @router.post("/write")
    @guard()
    async def write(request: Request) -> str:
        written.append((await request.body()).decode())
        return "in"

    return router


def sync_routes() -> APIRouter:
    router = APIRouter()
    for path, rule in RULES.items():

        @router.get(path)
        @rule
        def guarded() -> str:
            return "in"

    @router.get("/public")
    @public
    def open_to_all() -> str:
        return "in"

    @router.get("/own/{user_id}")
    @OWN
    def own(user_id: str) -> str:
        return "in"

    @router.get("/inside")
    @guard.inside
    def inside() -> str:
        require_sync(role="admin")
        return "in"

    @router.get("/looks")
    @guard.inside
    def looks() -> PlainTextResponse:
        session = verify_session_sync()
        if session is None:
            return PlainTextResponse("", 401)
        return PlainTextResponse("in") if session.user.role == "admin" else PlainTextResponse("", 403)

    @router.get("/forgets")
    @guard.inside
    def forgets() -> str:
        return SECRET

    @router.get("/early")
    @guard.inside
    def early() -> str:
        if SECRET:
            return SECRET
        require_sync()
        return "in"

    @router.get("/swallows")
    @guard.inside
    def swallows() -> str:
        with contextlib.suppress(Forbidden):
            require_sync(role="admin")
        return SECRET

    @router.get("/stream")
    @guard()
    def stream() -> StreamingResponse:
        def parts() -> Iterator[str]:
            yield "one "
            yield "two "

        return StreamingResponse(parts())

    @router.get("/stream-forgets")
    @guard.inside
    def stream_forgets() -> StreamingResponse:
        def parts() -> Iterator[str]:
            yield SECRET

        return StreamingResponse(parts())

    @router.post("/write")
    @guard()
    def write() -> str:
        written.append("sync")
        return "in"

    return router
