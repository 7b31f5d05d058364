"""The ASGI middleware under every async adapter: serves `/auth`, opens the context that `verify_session()` reads."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, final

from watchword.foundation.errors import UNAVAILABLE, AccessError, Denied, StoreUnavailableError, Unauthenticated
from watchword.http.body import MAXIMUM_BODY
from watchword.http.origin import SAFE_METHODS, check_origin, site_origin
from watchword.http.request import Request
from watchword.http.response import Response
from watchword.sessions.verify import RequestContext, set_context
from watchword.web.edge import Edge

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


@final
class WatchwordMiddleware:
    """Pure ASGI, so it adds no task and buffers nothing.

    Args:
        app: the app to protect.
        edge: of the `Auth` that protects it.
        check: raises when a route of the app is neither guarded nor public; run before the first request.
    """

    def __init__(self, app: ASGIApp, edge: Edge, check: Callable[[], None]) -> None:
        self._app = app
        self._edge = edge
        self._check = check
        self._ready = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        if not self._ready:
            await self._get_ready()
        request = request_of(scope)
        if scope["type"] == "http" and self._edge.owns(request.path):
            request.body = await _body(receive)
            await _respond(await self._edge.handle(request), send, is_head=request.method == "HEAD")
            return
        await self._protected(request, scope, receive, send)

    async def _protected(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        denied = self._cross_site(request) if request.method not in SAFE_METHODS else None
        if denied is not None:
            await self._refused(request, scope, send, denied)
            return
        started = False

        async def receive_watched() -> Message:
            message = await receive()
            if not message["type"].endswith(".disconnect"):
                await self._look_again(request)
            return message

        async def send_private(message: Message) -> None:
            nonlocal started
            await self._look_again(request)
            if message["type"] in ("http.response.start", "websocket.accept"):
                if message.get("status") == 500:
                    _take_back_refusal()
                started = True
                if "session" in request.memo:
                    message["headers"] = _private(message.get("headers", ()), has_session=bool(request.memo["session"]))
            await send(message)

        leave = set_context(RequestContext(request, self._edge.gate, self._edge.light))
        try:
            await self._app(scope, receive_watched, send_private)
        except (AccessError, StoreUnavailableError) as error:
            if started and scope["type"] == "http":
                raise
            await self._refused(request, scope, send, _denied(error))
        finally:
            leave()

    async def _look_again(self, request: Request) -> None:
        """Stop a connection that outlives its session: a socket, an event stream, a long poll (A40)."""
        if self._edge.gate.is_due(request):
            loop = asyncio.get_running_loop()
            if not await loop.run_in_executor(self._edge.light, self._edge.gate.still_lives, request):
                raise Unauthenticated

    async def _refused(self, request: Request, scope: Scope, send: Send, denied: Denied) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        # On a worker thread: the refusal may be written to the log of events.
        loop = asyncio.get_running_loop()
        response = await loop.run_in_executor(self._edge.light, self._edge.refuse, request, denied)
        await _respond(response, send, is_head=request.method == "HEAD")

    def _cross_site(self, request: Request) -> Denied | None:
        if self._edge.gate.cookies.session not in request.cookies:
            return None
        site = site_origin(self._edge.settings, request)
        return site if isinstance(site, Denied) else check_origin(request, site)

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


def _take_back_refusal() -> None:
    """Raise the refusal that is about to be answered as a server's error.

    An app that is mounted in another brings an error middleware of its own, which makes a 500 of every exception.
    """
    error = sys.exception()
    if isinstance(error, (AccessError, StoreUnavailableError)):
        raise error


def _denied(error: AccessError | StoreUnavailableError) -> Denied:
    if isinstance(error, AccessError):
        return Denied(error.code, error.detail, extra=error.extra)
    return Denied(UNAVAILABLE, retry_after=5)


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


async def _respond(response: Response, send: Send, *, is_head: bool = False) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if is_head else response.body})


def _private(headers: Any, *, has_session: bool) -> list[tuple[bytes, bytes]]:
    """Keep shared caches away from an answer that depends on who asks (A31)."""
    kept = [(name, value) for name, value in headers if not (has_session and name.lower() == b"cache-control")]
    if has_session:
        kept.append((b"cache-control", b"no-store"))
    kept.append((b"vary", b"Cookie, Authorization"))
    return kept
