"""The small app of `apps.py`, with Litestar."""

from collections.abc import AsyncIterator
from typing import Any

from litestar import Litestar, Request, Response, Router, WebSocket, get, post, route, websocket
from litestar.exceptions import WebSocketDisconnect
from litestar.response import Redirect, Stream

from tests.attacks.apps import App
from watchword import guard, public, require
from watchword.web.litestar import OptionalSession, Session, Watchword


def make_app(made: App) -> Litestar:
    """Return the app; it writes to `made`."""

    @get("/")
    @public
    async def home(request: Request[Any, Any, Any]) -> dict[str, str]:
        return {"path": request.url.path}

    @get("/greeting", exclude_from_auth=True)
    async def greeting(session: OptionalSession) -> Response[dict[str, Any]]:
        headers = {"cache-control": "public, max-age=60"}
        return Response({"user": session and session.user.email}, headers=headers)

    @route("/old", http_method=["GET", "POST"], status_code=303)
    @public
    async def old() -> Redirect:
        return Redirect("/new", status_code=303)

    @get("/notes/{id:str}")
    @guard()
    async def read(request: Request[Any, Any, Any]) -> dict[str, str]:
        return {"note": request.path_params["id"]}

    @post("/notes", status_code=200)
    async def write(session: Session, request: Request[Any, Any, Any]) -> dict[str, str]:
        made.written.append((await request.body()).decode())
        return {}

    @route("/admin", http_method=["GET", "POST"], guards=[guard(role="admin")], status_code=200)
    async def admin() -> dict[str, bool]:
        made.written.append("admin")
        return {"admin": True}

    @get("/secret")
    async def secret() -> dict[str, bool]:
        return {"admin": True}

    return Litestar(
        route_handlers=[
            *(home, greeting, old, read, write, admin),
            *streaming(made),
            Router("/below", route_handlers=[secret], guards=[guard(role="admin")]),
        ],
        plugins=[Watchword(made.site.auth)],
    )


def streaming(made: App) -> list[Any]:
    """Return the handlers that answer in parts, and the one that decides inside."""

    @get("/deputy")
    @guard.inside
    async def deputy() -> dict[str, str]:
        session = await require(role="admin")
        return {"admin": session.user.id}

    @get("/stream")
    @guard()
    async def stream() -> Stream:
        async def parts() -> AsyncIterator[bytes]:
            yield b"one "
            made.between()
            yield b"two "

        return Stream(parts())

    @websocket("/socket")
    @guard.inside
    async def talk(socket: WebSocket[Any, Any, Any]) -> None:
        session = await require()
        await socket.accept()
        try:
            while True:
                await socket.send_text(f"{session.user.email}: {await socket.receive_text()}")
        except WebSocketDisconnect:
            pass

    @websocket("/guarded-socket", guards=[guard()])
    async def guarded_socket(socket: WebSocket[Any, Any, Any]) -> None:
        await socket.accept()
        await socket.send_text("in")

    return [deputy, stream, talk, guarded_socket]
