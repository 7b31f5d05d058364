"""What a Django project answers, as far as it may leave: nothing before a decision, and nothing after a refusal."""

import asyncio
import sys
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from watchword.foundation.errors import AccessError, StoreUnavailableError
from watchword.http.request import Request
from watchword.policy.taint_filter import TaintFound
from watchword.policy.withheld import Withheld
from watchword.sessions.verify import current_context
from watchword.web.asgi import refusal_in
from watchword.web.django.people import COOKIES
from watchword.web.django.request import response_of
from watchword.web.django.stream import Stream, begin, begin_async
from watchword.web.edge import Edge
from watchword.web.exchange import Exchange, denied_by
from watchword.web.outflow import Outflow, UnreadableError, refuse_tainted

HANDLER: Final = "django_handler"
"""What a request remembers: name and place of the view that its route leads to."""
_REFUSAL: Final = "django_refusal"
_RAISED: Final = "django_raised"


def refused(edge: Edge, request: Request, error: AccessError | StoreUnavailableError) -> HttpResponse:
    """Return the answer to a refusal."""
    response = response_of(edge.refuse(request, denied_by(error)))
    request.memo[_REFUSAL] = response
    return response


def remember_error(**_: Any) -> None:
    """Remember what Django is about to make an error 500 of: a failure, or a refusal that a middleware has raised."""
    current_context().request.memo[_RAISED] = sys.exception()


def answered(exchange: Exchange, request: HttpRequest, response: Any) -> HttpResponseBase:
    """Return the response if it may leave, or what takes its place. Of a stream, the first bytes come now.

    Until then the view can still decide, and its answer can still be replaced as a whole.
    """
    edge = exchange.edge
    try:
        _take_back_refusal(exchange, response)
        stream = begin(exchange, request, response, _is_decided) if response.streaming else None
        withheld = _judge(exchange, response, stream)
    except (AccessError, StoreUnavailableError) as error:
        return _replaced(response, refused(edge, exchange.request, error))
    except Exception:
        withheld = _withheld(exchange, 500, has_failed=True)
        if withheld is None:
            raise
    if withheld is None:
        return response
    return _replaced(response, response_of(edge.withhold(exchange.request, withheld)))


async def answered_async(exchange: Exchange, response: Any) -> HttpResponseBase:
    """Do what `answered()` does, in an event loop."""
    loop, edge = asyncio.get_running_loop(), exchange.edge
    try:
        _take_back_refusal(exchange, response)
        stream = await begin_async(exchange, response, _is_decided) if response.streaming else None
        withheld = _judge(exchange, response, stream)
    except (AccessError, StoreUnavailableError) as error:
        return _replaced(response, await loop.run_in_executor(edge.light, refused, edge, exchange.request, error))
    except Exception:
        withheld = _withheld(exchange, 500, has_failed=True)
        if withheld is None:
            raise
    if withheld is None:
        return response
    made = await loop.run_in_executor(edge.light, edge.withhold, exchange.request, withheld)
    return _replaced(response, response_of(made))


def _take_back_refusal(exchange: Exchange, response: Any) -> None:
    """Raise the refusal that Django has made an error 500 of."""
    error = exchange.request.memo.get(_RAISED)
    refusal = refusal_in(error) if response.status_code == 500 and isinstance(error, BaseException) else None
    if refusal is not None:
        raise refusal


def _is_decided(exchange: Exchange, response: Any) -> bool:
    return _withheld(exchange, response.status_code) is None


def _withheld(exchange: Exchange, status: int, *, has_failed: bool = False) -> Withheld | None:
    ledger = exchange.ledger
    ledger.handler = str(exchange.request.memo.get(HANDLER, ledger.handler))
    # Where no code of the view has run, Django refused: its CSRF check, or a decorator that wants another method.
    withheld = exchange.withheld(status, by_framework=lambda: True)
    if withheld is not None and withheld.reason == "undecided" and status >= 500:
        has_failed = has_failed or exchange.request.memo.get(_RAISED) is not None
        return Withheld("failed", withheld.handler) if has_failed else withheld
    return withheld


def _judge(exchange: Exchange, response: Any, stream: Stream | None) -> Withheld | None:
    """Return why the response does not leave, or get it ready to: all headers and all bytes pass here."""
    if response is exchange.request.memo.get(_REFUSAL):
        return None
    withheld = _withheld(exchange, response.status_code)
    if withheld is not None:
        return withheld
    headers = _private(exchange, response)
    try:
        refuse_tainted(headers, b"" if stream is not None else response.content)
        if stream is not None:
            response.streaming_content = stream.through(Outflow(headers))
    except TaintFound as found:
        return Withheld("tainted", exchange.ledger.handler, found.taint.message)
    except UnreadableError:
        return Withheld("unreadable", exchange.ledger.handler)
    return None


def _private(exchange: Exchange, response: Any) -> list[tuple[bytes, bytes]]:
    """Keep shared caches away from the response where it depends on who asks; return all its headers."""
    cookies: Any = exchange.request.memo.get(COOKIES, ())
    for cookie in cookies:
        response.cookies.load(cookie)
    # What its public methods make of it takes ten times as long.
    kept = response.headers._store.items()  # noqa: SLF001
    given = [(name.encode("latin-1"), value.encode("latin-1")) for name, (_, value) in kept]
    private = exchange.private(given)
    for name, value in private[len(given) :] if private[: len(given)] == given else private:
        if (name, value) not in given:
            _add(response, name.decode("latin-1").title(), value.decode("latin-1"))
    if response.cookies:
        private += [
            (b"set-cookie", one.output(header="").strip().encode("latin-1")) for one in response.cookies.values()
        ]
    return private


def _add(response: Any, name: str, value: str) -> None:
    is_list = name == "Vary" and name in response
    response[name] = f"{response[name]}, {value}" if is_list else value


def _replaced(response: Any, instead: Any) -> HttpResponseBase:
    """Have what the response holds open closed together with what takes its place."""
    instead._resource_closers.extend(response._resource_closers)  # noqa: SLF001
    return instead
