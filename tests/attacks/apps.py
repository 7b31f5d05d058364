"""One small app, once with FastAPI and once with Starlette, for attacks on guards."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from fastapi import Request as FastAPIRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from tests.attacks.wire import COOKIE, signed_up, token_of
from tests.support.site import ORIGIN, Site
from watchword import guard, public, require, verify_session
from watchword.web import fastapi, starlette


@dataclass
class App:
    """The app, what was written to it, and what its stream does between its two parts."""

    site: Site
    app: Any = None
    written: list[str] = field(default_factory=list)
    between: Callable[[], None] = lambda: None

    def client(self, token: str | None = None, **headers: str) -> TestClient:
        """Return a browser on the site's own pages, signed in where there is a token."""
        lines = {"origin": ORIGIN, **headers}
        if token is not None:
            lines["cookie"] = f"{COOKIE}={token}"
        return TestClient(self.app, ORIGIN, raise_server_exceptions=False, headers=lines, follow_redirects=False)

    def token(self, email: str = "ada@example.org", role: str = "user") -> str:
        """Return the session token of somebody new."""
        visitor = signed_up(self.site, email)
        if role == "admin":
            self.site.auth.administration.set_role(email, "admin")
            assert visitor.sign_in(email).status == 200
        return token_of(visitor)


def make_app(kind: str, site: Site) -> App:
    """Return the app; `kind` is `fastapi` or `starlette`."""
    made = App(site)

    @public
    async def home(request: Request) -> Response:
        return JSONResponse({"path": request.url.path})

    @public
    async def greeting(request: Request) -> Response:
        session = await verify_session()
        return JSONResponse({"user": session and session.user.email}, headers={"cache-control": "public, max-age=60"})

    @public
    async def old(request: Request) -> Response:
        return RedirectResponse("/new", 303)

    @guard()
    async def read(request: Request) -> Response:
        return JSONResponse({"note": request.path_params["id"]})

    @guard()
    async def write(request: Request) -> Response:
        made.written.append((await request.body()).decode())
        return JSONResponse({})

    @guard(role="admin")
    async def admin(request: Request) -> Response:
        made.written.append("admin")
        return JSONResponse({"admin": True})

    @guard.inside
    async def deputy(request: Request) -> Response:
        session = await require(role="admin")
        return JSONResponse({"admin": session.user.id})

    @guard()
    async def stream(request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"one "
            made.between()
            yield b"two "

        return StreamingResponse(parts())

    @guard.inside
    async def socket(socket: WebSocket) -> None:
        session = await require()
        await socket.accept()
        while True:
            await socket.send_text(f"{session.user.email}: {await socket.receive_text()}")

    @guard()
    async def guarded_socket(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("in")

    routes = [
        ("/", home, ["GET"]),
        ("/greeting", greeting, ["GET"]),
        ("/old", old, ["GET", "POST"]),
        ("/notes/{id}", read, ["GET"]),
        ("/notes", write, ["POST"]),
        ("/admin", admin, ["GET", "POST"]),
        ("/deputy", deputy, ["GET"]),
        ("/stream", stream, ["GET"]),
    ]
    below = [Route("/secret", admin, methods=["GET"])]
    if kind == "fastapi":
        app = FastAPI()
        for path, endpoint, methods in routes:
            app.add_api_route(path, _for_fastapi(endpoint), methods=methods)
        app.add_api_websocket_route("/socket", socket)
        app.add_api_websocket_route("/guarded-socket", guarded_socket)
        app.mount("/below", Starlette(routes=below))
        fastapi.protect(app, site.auth)
    else:
        listed = [Route(path, endpoint, methods=methods) for path, endpoint, methods in routes]
        sockets = [WebSocketRoute("/socket", socket), WebSocketRoute("/guarded-socket", guarded_socket)]
        app = Starlette(routes=[*listed, *sockets, Mount("/below", Starlette(routes=below))])
        starlette.protect(app, site.auth)
    made.app = app
    return made


def _for_fastapi(endpoint: Any) -> Any:
    """Name the request's type as FastAPI reads it."""
    endpoint.__annotations__ = {"request": FastAPIRequest}
    return endpoint
