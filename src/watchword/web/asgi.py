"""The ASGI middleware under every async adapter: serves `/auth`, opens the context that `verify_session()` reads."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any, Final, cast, final

from watchword.foundation.errors import AccessError, Denied, StoreUnavailableError
from watchword.http.body import MAXIMUM_BODY
from watchword.http.origin import SAFE_METHODS
from watchword.http.request import Request
from watchword.web.answer import Answer, respond, respond_bit_by_bit
from watchword.web.edge import Edge
from watchword.web.exchange import Exchange, denied_by
from watchword.web.outflow import READABLE, only_readable

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
        if self._edge.owns(request.path) and scope["type"] == "http":
            await self._own(request, outer, receive, send)
            return
        exchange = scope[_EXCHANGE] = Exchange.of(self._edge, request, self._public)
        answer = Answer(exchange, receive, send, outer.ledger if outer else None)
        if request.method not in SAFE_METHODS and (denied := exchange.cross_site()) is not None:
            await _refuse(scope, send, answer, denied)
            return
        _see_every_byte(scope)
        leave = exchange.begin()
        try:
            await self._app(scope, answer.receive, answer.send)
        except Exception as error:
            denied = _refusal_of(error, answer, scope)
            if denied is not None:
                await _refuse(scope, send, answer, denied)
            elif not answer.refused:
                raise
        finally:
            leave()

    async def _own(self, request: Request, outer: Exchange | None, receive: Receive, send: Send) -> None:
        """Answer a call of Watchword's own."""
        request.body = await _body(receive)
        response = await self._edge.handle(request)
        if response.stream is not None:
            await respond_bit_by_bit(response, response.stream(), receive, send)
        else:
            await respond(response, send, is_head=request.method == "HEAD")
        if outer is not None:
            outer.ledger.note("Watchword's own route", None, allowed=True)

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


def refusal_in(error: BaseException | None) -> AccessError | StoreUnavailableError | None:
    """Return the refusal that a framework has wrapped in an error of its own: of a stream, of a group of tasks."""
    while error is not None:
        if isinstance(error, (AccessError, StoreUnavailableError)):
            return error
        if isinstance(error, BaseExceptionGroup):
            group = cast("BaseExceptionGroup[BaseException]", error)
            found = [refusal_in(one) for one in group.exceptions]
            return next((one for one in found if one is not None), None)
        error = error.__cause__
    return None


def _refusal_of(error: Exception, answer: Answer, scope: Scope) -> Denied | None:
    """Return the refusal that an exception of the app is, if it can still be told."""
    if isinstance(error, (AccessError, StoreUnavailableError)):
        is_late = answer.started and scope["type"] == "http"
        return None if is_late and not answer.refused else denied_by(error)
    refusal = refusal_in(error)
    return None if answer.refused or answer.started or refusal is None else denied_by(refusal)


async def _refuse(scope: Scope, send: Send, answer: Answer, denied: Denied) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
    elif not answer.refused:
        await answer.refuse(denied)


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


def _see_every_byte(scope: Scope) -> None:
    """Take away what would let bytes leave unseen: files that the server sends by itself, codings we can't unpack."""
    for name, value in scope["headers"]:
        if name == b"accept-encoding" and value not in READABLE:
            scope["headers"] = only_readable(scope["headers"])
            break
    extensions = scope.get("extensions")
    if extensions:
        unseen = ("http.response.pathsend", "http.response.zerocopysend")
        if any(name in extensions for name in unseen):
            scope["extensions"] = {name: value for name, value in extensions.items() if name not in unseen}
