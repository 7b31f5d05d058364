"""One small app, once with each framework, and what calls it byte for byte, as a server does."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from fastapi import FastAPI
from fastapi import Request as FastAPIRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.attacks.wire import COOKIE, signed_up, token_of
from tests.support.site import HOST, ORIGIN, Site
from watchword import ConfigurationError, guard, public, require, verify_session
from watchword.web import fastapi, starlette

Line = tuple[str, str]
GUARDED = ["/notes/1", "/admin", "/deputy", "/stream", "/below/secret"]
NOBODY = [401] * len(GUARDED)


@dataclass
class Reply:
    """What the app answered."""

    status: int = 0
    lines: list[Line] = field(default_factory=list)
    body: bytes = b""

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.lines if key == name]

    def header(self, name: str) -> str:
        return ", ".join(self.all(name))


@dataclass
class App:
    """The app, what was written to it, and what its stream does between its two parts."""

    site: Site
    app: Any = None
    written: list[str] = field(default_factory=list)
    between: Callable[[], None] = lambda: None

    def call(self, method: str, path: str, *lines: Line, body: bytes = b"") -> Reply:
        """Send one request with these header lines after `Host`; the path goes as it is, percent-decoded once."""
        target, _, query = path.partition("?")
        reply = Reply()
        over = asyncio.Event()
        parts = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> dict[str, Any]:
            for part in parts:
                return part
            await over.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                reply.status = message["status"]
                reply.lines = [(name.decode(), value.decode()) for name, value in message["headers"]]
            else:
                reply.body += message.get("body", b"")
                if not message.get("more_body", False):
                    over.set()

        # A handler that is stopped after its answer has begun raises, and a server then cuts the connection.
        with suppress(Exception):
            asyncio.run(self.app(_scope("http", target, lines, method=method, query=query), receive, send))
        return reply

    def talk(self, path: str, *lines: Line, say: Iterable[str | Callable[[], object]] = ()) -> list[str]:
        """Open a WebSocket, say these texts (and do what is to be done between them), hang up; return what came back.

        Beside texts, `accept` and `close` tell what the app did to the socket.
        """
        came: list[str] = []
        script = iter(say)
        opened = False

        async def receive() -> dict[str, Any]:
            nonlocal opened
            if not opened:
                opened = True
                return {"type": "websocket.connect"}
            for step in script:
                if isinstance(step, str):
                    return {"type": "websocket.receive", "text": step}
                step()
            return {"type": "websocket.disconnect", "code": 1000}

        async def send(message: dict[str, Any]) -> None:
            kind = message["type"].removeprefix("websocket.")
            came.append(message["text"] if kind == "send" else kind)

        with suppress(WebSocketDisconnect):
            asyncio.run(self.app(_scope("websocket", path, lines), receive, send))
        return came

    def start(self) -> dict[str, Any]:
        """Start the app as a server does; return what it tells of that."""
        told: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "lifespan.shutdown" if told else "lifespan.startup"}

        async def send(message: dict[str, Any]) -> None:
            told.append(message)

        with suppress(ConfigurationError):
            asyncio.run(self.app({"type": "lifespan", "app": self.app}, receive, send))
        return told[0]

    def statuses(self, *lines: Line) -> list[int]:
        """Return what each guarded path answers to these header lines."""
        return [self.call("GET", path, *lines).status for path in GUARDED]

    def token(self, email: str = "ada@example.org", role: str = "user") -> str:
        """Return the session token of somebody new."""
        visitor = signed_up(self.site, email)
        if role == "admin":
            self.site.auth.administration.set_role(email, "admin")
            assert visitor.sign_in(email).status == 200
        return token_of(visitor)


def page(token: str | None = None) -> list[Line]:
    """Return the header lines of the site's own page, signed in where there is a token."""
    return [("origin", ORIGIN), *([("cookie", f"{COOKIE}={token}")] if token is not None else [])]


def _scope(kind: str, path: str, lines: Sequence[Line], *, method: str = "", query: str = "") -> dict[str, Any]:
    headers = [*lines] if any(name == "host" for name, _ in lines) else [("host", HOST), *lines]
    scope = {
        "type": kind,
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers],
        "client": ("192.0.2.66", 50_000),
        "server": ("127.0.0.1", 8000),
        "scheme": "http" if kind == "http" else "ws",
        "http_version": "1.1",
    }
    return scope | ({"method": method} if kind == "http" else {"subprotocols": []})


def make_app(kind: str, site: Site) -> App:
    """Return the app; `kind` is `fastapi`, `starlette` or `litestar`."""
    made = App(site)
    if kind == "litestar":
        from tests.attacks import litestar

        made.app = litestar.make_app(made)
        return made

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
