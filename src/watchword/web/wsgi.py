"""The WSGI middleware under every adapter that is not async, and for plain WSGI apps (PEP 3333).

It serves `/auth`, and opens the context that `verify_session_sync()` reads.
"""

import functools
import re
import threading
from collections.abc import Callable, Collection, Iterable
from http.client import responses
from typing import Any, Final, final

from watchword.foundation.errors import Denied
from watchword.http.body import MAXIMUM_BODY
from watchword.http.request import LookUp, Request
from watchword.http.response import Response
from watchword.web.edge import Edge
from watchword.web.exchange import Exchange
from watchword.web.outflow import readable
from watchword.web.written import StartResponse, Written

Environ = dict[str, Any]
WSGIApp = Callable[[Environ, StartResponse], Iterable[bytes]]
EXCHANGE: Final = "watchword.exchange"
"""Key of the environ: nobody outside can set it, as they can a header, whose keys begin with `HTTP_`."""
_JOINED = re.compile(r", ?([^\s=;,]+)=")
_LONGEST_LENGTH = 9
"""Digits of a `Content-Length` that is worth reading."""


@final
class WatchwordMiddleware:
    """Stands around a WSGI app: `application = WatchwordMiddleware(application, auth.edge)`.

    What a plain app answers is held to its ledger as well: it is one function under `@guard()` or `@public`, or under
    `@guard.inside` with `require_sync()`.

    Args:
        app: the app to protect.
        edge: of the `Auth` that protects it.
        check: raises when a route of the app is neither guarded nor public; run before the first request.
        public: paths that something else than a route may answer.
    """

    def __init__(
        self,
        app: WSGIApp,
        edge: Edge,
        check: Callable[[], None] | None = None,
        public: Collection[str] = frozenset(),
    ) -> None:
        self.app = app
        self._edge = edge
        self._check = check
        self._public = public
        self._ready = False
        self._lock = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        if not self._ready:
            self._get_ready()
        outer = environ.get(EXCHANGE)
        if isinstance(outer, Exchange) and outer.edge is self._edge:
            # The same Watchword stands around the app that this one is mounted in.
            return self.app(environ, start_response)
        request = request_of(environ)
        ledger = outer.ledger if isinstance(outer, Exchange) else None
        if self._edge.owns(request.path):
            request.body = _body(environ)
            if ledger is not None:
                ledger.note("Watchword's own route", None, allowed=True)
            return respond(self._edge.kernel.handle(request), start_response, is_head=request.method == "HEAD")
        exchange = Exchange.of(self._edge, request, self._public)
        denied = exchange.cross_site()
        if denied is not None:
            return self._refused(request, denied, start_response)
        environ[EXCHANGE] = exchange
        _see_every_byte(environ)
        written = Written(exchange, start_response, ledger)
        instead = written.begin(self.app, environ)
        if instead is None:
            return written
        return respond(instead, start_response, is_head=request.method == "HEAD")

    def _refused(self, request: Request, denied: Denied, start_response: StartResponse) -> Iterable[bytes]:
        return respond(self._edge.refuse(request, denied), start_response, is_head=request.method == "HEAD")

    def _get_ready(self) -> None:
        with self._lock:
            if not self._ready:
                if self._check is not None:
                    self._check()
                self._edge.start()
                self._ready = True


def request_of(environ: Environ) -> Request:
    """Return the request of a WSGI environ; the body is read only for Watchword's own routes.

    The environ tells less than an ASGI scope. Header lines of one name are joined already, and `X_Name` can't be told
    from `X-Name`: a server or proxy must drop names with underscores (gunicorn, waitress and nginx do).

    A WebSocket's handshake counts as `CONNECT` (RFC 8441), which is no safe method: other sites can begin one with
    the visitor's cookies, and read what comes.
    """
    is_handshake = environ.get("HTTP_UPGRADE", "").lower() == "websocket"
    return Request(
        "CONNECT" if is_handshake else environ["REQUEST_METHOD"],
        environ.get("PATH_INFO", "").encode("latin-1", "replace").decode(errors="replace") or "/",
        query=environ.get("QUERY_STRING", ""),
        headers=_look_up(dict(environ)),
        scheme="https" if environ.get("wsgi.url_scheme") == "https" else "http",
        peer=environ.get("REMOTE_ADDR") or None,
    )


def respond(response: Response, start_response: StartResponse, *, is_head: bool = False) -> list[bytes]:
    """Send a whole response."""
    headers = [*response.headers, ("content-length", str(len(response.body)))]
    start_response(f"{response.status} {responses.get(response.status, 'Unknown')}", headers)
    return [b"" if is_head else response.body]


def _look_up(sent: Environ) -> LookUp:
    """Return what looks headers up in a copy, which nothing inside can change and which the environ does not hold."""

    def values_of(name: str) -> list[str]:
        value = sent.get(_key(name))
        if value is None:
            return []
        return [value, *_doubtful(value)] if name == "cookie" and "," in value else [value]

    return values_of


@functools.lru_cache(maxsize=128)
def _key(name: str) -> str:
    key = name.upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


def _doubtful(cookies: str) -> list[str]:
    """Return a line without a value for each cookie that may have begun a `Cookie` line of its own (A29).

    Servers join several lines by commas, which stand in values too. So nobody can say where such a line began: what
    comes after a comma is never a session, and beside another cookie of its name it makes two.
    """
    return [f"{name}=" for name in _JOINED.findall(cookies)]


def _see_every_byte(environ: Environ) -> None:
    """Take away what would let bytes leave unseen: files that the server sends by itself, codings we can't unpack."""
    environ.pop("wsgi.file_wrapper", None)
    accepted = environ.get("HTTP_ACCEPT_ENCODING")
    if accepted is not None:
        environ["HTTP_ACCEPT_ENCODING"] = readable(accepted.encode("latin-1", "replace")).decode("latin-1")


def _body(environ: Environ) -> bytes:
    """Read the body, and stop one byte past the limit: the kernel answers that with 413."""
    length = environ.get("CONTENT_LENGTH") or ""
    wanted = MAXIMUM_BODY + 1
    if length.isascii() and length.isdecimal():
        wanted = min(int(length), wanted) if len(length) <= _LONGEST_LENGTH else wanted
    elif not environ.get("wsgi.input_terminated"):
        # Without a length nobody knows where the body ends, and to read on would wait forever.
        return b""
    parts = bytearray()
    while len(parts) < wanted and (part := environ["wsgi.input"].read(wanted - len(parts))):
        parts += part
    return bytes(parts)
