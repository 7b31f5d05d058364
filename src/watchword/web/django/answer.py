"""What a Django project answers, as far as it may leave: nothing before a decision, and nothing after a refusal."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from asgiref.sync import async_to_sync, sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from watchword.foundation.errors import AccessError, StoreUnavailableError, Unauthenticated
from watchword.http.request import Request
from watchword.policy.withheld import Withheld
from watchword.sessions.verify import current_context
from watchword.web.django.people import COOKIES
from watchword.web.django.request import response_of
from watchword.web.django.threads import DJANGOS_THREADS
from watchword.web.edge import Edge
from watchword.web.exchange import Exchange, denied_by

HANDLER: Final = "django_handler"
"""What a request remembers: name and place of the view that its route leads to."""
_REFUSAL: Final = "django_refusal"
_RAISED: Final = "django_raised"


def refused(edge: Edge, request: Request, error: AccessError | StoreUnavailableError) -> HttpResponse:
    """Return the answer to a refusal."""
    response = response_of(edge.refuse(request, denied_by(error)))
    request.memo[_REFUSAL] = response
    return response


def answered(exchange: Exchange, request: HttpRequest, response: Any) -> HttpResponseBase:
    """Return the response if it may leave, or what takes its place. Of a stream, the first bytes come now.

    Until then the view can still decide, and its answer can still be replaced as a whole.
    """
    try:
        _take_back_refusal(exchange, response)
        if response.streaming:
            _begin(exchange, request, response)
    except (AccessError, StoreUnavailableError) as error:
        return _replaced(response, refused(exchange.edge, exchange.request, error))
    except Exception:
        withheld = _withheld(exchange, 500)
        if withheld is None:
            raise
        return _replaced(response, response_of(exchange.edge.withhold(exchange.request, withheld)))
    if response is not exchange.request.memo.get(_REFUSAL):
        withheld = _withheld(exchange, response.status_code)
        if withheld is not None:
            return _replaced(response, response_of(exchange.edge.withhold(exchange.request, withheld)))
    return _let_out(exchange, response)


async def answered_async(exchange: Exchange, response: Any) -> HttpResponseBase:
    """Do what `answered()` does, in an event loop."""
    loop, edge, request = asyncio.get_running_loop(), exchange.edge, exchange.request
    withheld: Withheld | None = None
    try:
        _take_back_refusal(exchange, response)
        if response.streaming:
            await _begin_async(exchange, response)
    except (AccessError, StoreUnavailableError) as error:
        return _replaced(response, await loop.run_in_executor(edge.light, refused, edge, request, error))
    except Exception:
        withheld = _withheld(exchange, 500)
        if withheld is None:
            raise
    if withheld is None and response is not request.memo.get(_REFUSAL):
        withheld = _withheld(exchange, response.status_code)
    if withheld is not None:
        instead = await loop.run_in_executor(edge.light, edge.withhold, request, withheld)
        return _replaced(response, response_of(instead))
    return _let_out(exchange, response)


def remember_refusal(**_: Any) -> None:
    """Remember a refusal that Django is about to make an error 500 of: one that a middleware has raised."""
    error = sys.exception()
    if isinstance(error, (AccessError, StoreUnavailableError)):
        current_context().request.memo[_RAISED] = error


def _take_back_refusal(exchange: Exchange, response: Any) -> None:
    error = exchange.request.memo.get(_RAISED)
    if response.status_code == 500 and isinstance(error, (AccessError, StoreUnavailableError)):
        raise error


def _withheld(exchange: Exchange, status: int) -> Withheld | None:
    ledger = exchange.ledger
    ledger.handler = str(exchange.request.memo.get(HANDLER, ledger.handler))
    # Where no code of the view has run, Django refused: its CSRF check, or a decorator that wants another method.
    return exchange.withheld(status, by_framework=lambda: True)


def _replaced(response: Any, instead: Any) -> HttpResponseBase:
    """Have what the response holds open closed together with what takes its place."""
    instead._resource_closers.extend(response._resource_closers)  # noqa: SLF001
    return instead


def _let_out(exchange: Exchange, response: Any) -> HttpResponseBase:
    """All headers pass here, and all bytes: those of a stream through `_part()`."""
    for cookie in exchange.request.memo.get(COOKIES, ()):  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType]
        response.cookies.load(cookie)
    lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.items()]
    changed: dict[bytes, list[bytes]] = {}
    for name, value in exchange.private(lines):
        changed.setdefault(name.lower(), []).append(value)
    for name, values in changed.items():
        value = b", ".join(values).decode("latin-1")
        if response.get(name.decode("latin-1")) != value:
            response[name.decode("latin-1").title()] = value
    return response


def _is_ready(exchange: Exchange, response: Any) -> bool:
    """Tell whether an answer leaves before its first bytes are there: an event stream, once somebody has decided."""
    is_event_stream = response.get("Content-Type", "").startswith("text/event-stream")
    return is_event_stream and _withheld(exchange, response.status_code) is None


def _begin(exchange: Exchange, request: HttpRequest, response: Any) -> None:
    if response.is_async and isinstance(request, ASGIRequest):
        async_to_sync(_begin_async)(exchange, response)
        return
    parts: Any = response.streaming_content
    if response.is_async:
        # Without an event loop that lasts, Django reads all of it at once as well.
        parts = iter(async_to_sync(_all)(parts))
    first = b"" if _is_ready(exchange, response) else _first(exchange, parts)
    response.streaming_content = _rest(exchange, first, parts)


async def _begin_async(exchange: Exchange, response: Any) -> None:
    parts: Any = response.streaming_content
    if not response.is_async:
        parts = _in_thread(parts)
    first = b"" if _is_ready(exchange, response) else await _first_async(exchange, parts)
    response.streaming_content = _rest_async(exchange, first, parts)


async def _in_thread(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (part := await sync_to_async(next)(parts, None)) is not None:
        yield part


async def _all(parts: AsyncIterator[bytes]) -> list[bytes]:
    return [part async for part in parts]


def _first(exchange: Exchange, parts: Iterator[bytes]) -> bytes:
    while (part := _part(exchange, parts)) == b"":
        pass
    return part or b""


async def _first_async(exchange: Exchange, parts: AsyncIterator[bytes]) -> bytes:
    while (part := await _part_async(exchange, parts)) == b"":
        pass
    return part or b""


def _rest(exchange: Exchange, first: bytes, parts: Iterator[bytes]) -> Iterator[bytes]:
    part: bytes | None = first
    while part is not None:
        yield part
        part = _part(exchange, parts)


async def _rest_async(exchange: Exchange, first: bytes, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    part: bytes | None = first
    while part is not None:
        yield part
        part = await _part_async(exchange, parts)


def _part(exchange: Exchange, parts: Iterator[bytes]) -> bytes | None:
    """Return the next bytes of a stream, made with its request under way; `None` at the end.

    Raises:
        Unauthenticated: the session has ended meanwhile: the stream breaks off (A40).
    """
    leave = exchange.begin(DJANGOS_THREADS)
    try:
        part = next(parts, None)
    finally:
        leave()
    if exchange.is_due() and not exchange.edge.gate.still_lives(exchange.request):
        raise Unauthenticated
    return part


async def _part_async(exchange: Exchange, parts: AsyncIterator[bytes]) -> bytes | None:
    leave = exchange.begin(DJANGOS_THREADS)
    try:
        part = await anext(parts, None)
    finally:
        leave()
    if exchange.is_due():
        await exchange.look_again()
    return part
