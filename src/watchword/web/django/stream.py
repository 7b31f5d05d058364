"""The body of a streaming response, part by part, as far as it may leave."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, final

from asgiref.sync import async_to_sync, sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest

from watchword.foundation.errors import Unauthenticated
from watchword.policy.taint_filter import TaintFound
from watchword.policy.withheld import Withheld
from watchword.web.answer import WithheldError
from watchword.web.exchange import Exchange
from watchword.web.outflow import Outflow, UnreadableError

IsDecided = Callable[[Exchange, Any], bool]


@final
class Stream:
    """A body whose first bytes are there.

    Args:
        exchange: the request and its ledger; each part is made with it under way.
        response: the response that it is the body of.
        parts: the body, as the view yields it.
    """

    def __init__(self, exchange: Exchange, response: Any, parts: Any) -> None:
        self._exchange = exchange
        self._response = response
        self._parts = parts
        self.first = b""

    def through(self, outflow: Outflow) -> Any:
        """Return the parts as they leave, searched for what is tainted.

        Raises:
            TaintFound: something tainted is in the first one.
            UnreadableError: it can't be searched.
        """
        first = outflow.feed(self.first)
        return self._rest_async(first, outflow) if hasattr(self._parts, "__anext__") else self._rest(first, outflow)

    def next(self) -> bytes | None:
        """Return the next part, or `None` at the end.

        Raises:
            Unauthenticated: the session has ended meanwhile: the stream breaks off (A40).
        """
        exchange = self._exchange
        leave = exchange.begin()
        try:
            part: bytes | None = next(self._parts, None)
        finally:
            leave()
        if exchange.is_due() and not exchange.edge.gate.still_lives(exchange.request):
            raise Unauthenticated
        return part

    async def next_async(self) -> bytes | None:
        """Do what `next()` does, in an event loop."""
        leave = self._exchange.begin()
        try:
            part: bytes | None = await anext(self._parts, None)
        finally:
            leave()
        if self._exchange.is_due():
            await self._exchange.look_again()
        return part

    def _rest(self, first: bytes, outflow: Outflow) -> Iterator[bytes]:
        yield first
        try:
            while (part := self.next()) is not None:
                yield outflow.feed(part)
            yield outflow.finish()
        except (TaintFound, UnreadableError) as error:
            withheld = self._withheld(error)
            self._exchange.edge.withhold(self._exchange.request, withheld)
            raise _cut_off(withheld) from None

    async def _rest_async(self, first: bytes, outflow: Outflow) -> AsyncIterator[bytes]:
        yield first
        try:
            while (part := await self.next_async()) is not None:
                yield outflow.feed(part)
            yield outflow.finish()
        except (TaintFound, UnreadableError) as error:
            edge, withheld = self._exchange.edge, self._withheld(error)
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(edge.light, edge.withhold, self._exchange.request, withheld)
            await sync_to_async(self._response.close)()
            raise _cut_off(withheld) from None
        except Exception:
            # Of a stream that breaks off, Django's handler for ASGI leaves open what the request and response hold.
            await sync_to_async(self._response.close)()
            raise

    def _withheld(self, error: TaintFound | UnreadableError) -> Withheld:
        handler = self._exchange.ledger.handler
        if isinstance(error, TaintFound):
            return Withheld("tainted", handler, error.taint.message)
        return Withheld("unreadable", handler)


def begin(exchange: Exchange, request: HttpRequest, response: Any, is_decided: IsDecided) -> Stream:
    """Return the body of a streaming response, once its first bytes are there.

    Only of an event stream that somebody has let in they are not waited for: its reader waits for the status alone.
    """
    if response.is_async and isinstance(request, ASGIRequest):
        return async_to_sync(begin_async)(exchange, response, is_decided)
    parts = response.streaming_content
    if response.is_async:
        # Without an event loop that lasts, Django reads all of it at once as well.
        parts = iter(async_to_sync(_all)(parts))
    stream = Stream(exchange, response, parts)
    if not (_is_event_stream(response) and is_decided(exchange, response)):
        while (part := stream.next()) == b"":
            pass
        stream.first = part or b""
    return stream


async def begin_async(exchange: Exchange, response: Any, is_decided: IsDecided) -> Stream:
    """Do what `begin()` does, in an event loop."""
    parts = response.streaming_content
    stream = Stream(exchange, response, parts if response.is_async else _in_thread(parts))
    if not (_is_event_stream(response) and is_decided(exchange, response)):
        while (part := await stream.next_async()) == b"":
            pass
        stream.first = part or b""
    return stream


def _is_event_stream(response: Any) -> bool:
    return response.get("Content-Type", "").startswith("text/event-stream")


def _cut_off(withheld: Withheld) -> WithheldError:
    return WithheldError(f"a part of the answer has left, and the rest does not: {withheld.reason}")


async def _in_thread(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (part := await sync_to_async(next)(parts, None)) is not None:
        yield part


async def _all(parts: AsyncIterator[bytes]) -> list[bytes]:
    return [part async for part in parts]
