"""The ASGI middleware under every async adapter: serves `/auth`, opens the context that `verify_session()` reads."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any, Final, final

from watchword.foundation.errors import AccessError, Denied, StoreUnavailableError
from watchword.http.body import MAXIMUM_BODY
from watchword.http.request import Request
from watchword.http.response import Response
from watchword.web.answer import Answer
from watchword.web.edge import Edge
from watchword.web.exchange import Exchange, denied_by

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
_EXCHANGE: Final = "watchword"
"""Key of the scope: nobody outside can set it, as they can a header."""


@final
class WatchwordMiddleware:
    """Pure ASGI, so it adds no task and buffers nothing.

    Args:
        app: the app to protect.
        edge: of the `Auth` that protects it.
        check: raises when a route of the app is neither guarded nor public; run before the first request.
        public: paths that something else than a route may answer.
    """

    def __init__(
        self, app: ASGIApp, edge: Edge, check: Callable[[], None], public: Collection[str] = frozenset()
    ) -> None:
        self._app = app
        self._edge = edge
        self._check = check
        self._public = public
        self._ready = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        if not self._ready:
            await self._get_ready()
        outer = scope.get(_EXCHANGE)
        if outer is not None and outer.edge is self._edge:
            # The same Watchword stands around the app that this one is mounted in.
            await self._app(scope, receive, send)
            return
        request = request_of(scope)
        if scope["type"] == "http" and self._edge.owns(request.path):
            request.body = await _body(receive)
            await respond(await self._edge.handle(request), send, is_head=request.method == "HEAD")
            if outer is not None:
                outer.ledger.note("Watchword's own route", None, allowed=True)
            return
        await self._protected(Exchange(self._edge, request, self._public), outer, scope, receive, send)

    async def _protected(
        self, exchange: Exchange, outer: Exchange | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        denied = exchange.cross_site()
        if denied is not None:
            await self._refused(exchange, scope, send, denied)
            return
        answer = Answer(exchange, send, outer.ledger if outer else None)
        scope[_EXCHANGE] = exchange
        _read_every_byte(scope)

        async def receive_watched() -> Message:
            message = await receive()
            if exchange.is_due() and not message["type"].endswith(".disconnect"):
                await exchange.look_again()
            return message

        leave = exchange.begin()
        try:
            await self._app(scope, receive_watched, answer.send)
        except (AccessError, StoreUnavailableError) as error:
            if answer.started and scope["type"] == "http":
                raise
            await self._refused(exchange, scope, send, denied_by(error))
        finally:
            leave()

    async def _refused(self, exchange: Exchange, scope: Scope, send: Send, denied: Denied) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        # On a worker thread: the refusal may be written to the log of events.
        loop = asyncio.get_running_loop()
        response = await loop.run_in_executor(self._edge.light, self._edge.refuse, exchange.request, denied)
        await respond(response, send, is_head=exchange.request.method == "HEAD")

    async def _get_ready(self) -> None:
        self._check()
        await asyncio.get_running_loop().run_in_executor(self._edge.light, self._edge.start)
        self._ready = True

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        try:
            await self._get_ready()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        waiting: Message | None = message

        async def receive_again() -> Message:
            nonlocal waiting
            if waiting is None:
                return await receive()
            first, waiting = waiting, None
            return first

        async def send_checked(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                # Again, for the routes that the app has added while it started.
                self._check()
            await send(message)

        try:
            await self._app(scope, receive_again, send_checked)
        finally:
            self._ready = False
            await asyncio.get_running_loop().run_in_executor(None, self._edge.stop)


def request_of(scope: Scope) -> Request:
    """Return the request of an ASGI scope; the body is read only for Watchword's own routes.

    A WebSocket's handshake counts as `CONNECT` (RFC 8441), which is no safe method: other sites can begin one with
    the visitor's cookies, and read what comes.
    """
    root, path = scope.get("root_path", ""), scope["path"]
    client = scope.get("client")
    scheme = "https" if scope.get("scheme") in ("https", "wss") else "http"
    return Request(
        scope.get("method", "CONNECT"),
        path.removeprefix(root) if root and path.startswith(f"{root}/") else path,
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=scope["headers"],
        scheme=scheme,
        peer=client[0] if client else None,
    )


async def respond(response: Response, send: Send, *, is_head: bool = False, prefix: str = "") -> None:
    """Send a whole response; `prefix` is `websocket.` where a handshake is answered with one."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": f"{prefix}http.response.start", "status": response.status, "headers": headers})
    await send({"type": f"{prefix}http.response.body", "body": b"" if is_head else response.body})


async def _body(receive: Receive) -> bytes:
    """Read the body, and stop one byte past the limit: the kernel answers that with 413."""
    parts = bytearray()
    while len(parts) <= MAXIMUM_BODY:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return bytes(parts[: MAXIMUM_BODY + 1])


def _read_every_byte(scope: Scope) -> None:
    """Take away what would let bytes leave unseen: files that the server sends by itself."""
    extensions = scope.get("extensions")
    if extensions:
        unseen = ("http.response.pathsend", "http.response.zerocopysend")
        if any(name in extensions for name in unseen):
            scope["extensions"] = {name: value for name, value in extensions.items() if name not in unseen}
