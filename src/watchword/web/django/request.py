"""A request of Django's as Watchword reads it, and an answer of Watchword's as Django sends it."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse

from watchword.http.request import Request
from watchword.http.response import Response
from watchword.sessions.session import Session
from watchword.web.outflow import readable

PRETENDED: Final = "watchword.session"
"""Key of the environ or scope, which nobody outside can set: the session of a test."""
_WITHOUT_PREFIX: Final = (("CONTENT_TYPE", b"content-type"), ("CONTENT_LENGTH", b"content-length"))


def request_of(given: HttpRequest) -> Request:
    """Return the request with its header lines as they came, as far as the server has kept them apart."""
    if isinstance(given, ASGIRequest):
        return _request_of_scope(given, given.scope)
    environ: dict[str, Any] = given.META
    headers = [(name, value.encode("latin-1")) for key, value in environ.items() if (name := _header_name(key))]
    headers += [(name, environ[key].encode("latin-1")) for key, name in _WITHOUT_PREFIX if environ.get(key)]
    if "HTTP_HOST" not in environ:
        # A client of HTTP/1.0, or of a test: then the server's own name counts (PEP 3333).
        headers.append((b"host", f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}".encode("latin-1")))
    return Request(
        str(given.method),
        given.path_info,
        query=environ.get("QUERY_STRING", ""),
        headers=headers,
        scheme=environ.get("wsgi.url_scheme", "http"),
        peer=environ.get("REMOTE_ADDR") or None,
    )


def ask_for_readable(given: HttpRequest) -> None:
    """Ask the project for no content coding that could not be searched for what is tainted."""
    asked = given.META.get("HTTP_ACCEPT_ENCODING")
    if asked is not None:
        given.META["HTTP_ACCEPT_ENCODING"] = readable(asked.encode("latin-1", "replace")).decode("latin-1")


def pretended(given: HttpRequest) -> Session | None:
    """Return the session that a test has put on the request, or `None`."""
    session = given.scope.get(PRETENDED) if isinstance(given, ASGIRequest) else given.META.get(PRETENDED)
    return session if isinstance(session, Session) else None


def response_of(answer: Response) -> HttpResponse:
    """Return the answer as Django sends it."""
    response: Any = HttpResponse(answer.body, status=answer.status)
    del response["Content-Type"]
    for name, value in answer.headers:
        if name == "set-cookie":
            response.cookies.load(value)
        else:
            response[name] = f"{response[name]}, {value}" if name in response else value
    return response


def _request_of_scope(given: HttpRequest, scope: Mapping[str, Any]) -> Request:
    query, client = scope.get("query_string", b""), scope.get("client")
    return Request(
        str(given.method),
        given.path_info,
        query=query.decode("latin-1") if isinstance(query, bytes) else query,
        headers=scope["headers"],
        scheme="https" if scope.get("scheme") == "https" else "http",
        peer=client[0] if client else None,
    )


@lru_cache(maxsize=1024)
def _header_name(key: str) -> bytes | None:
    """Return the name of the header that an entry of the environ is, or `None`."""
    return key[5:].replace("_", "-").lower().encode("latin-1") if key.startswith("HTTP_") else None
