"""What an ASGI app sends, as far as it may leave: nothing before a decision, and nothing after a refusal."""

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, Final, final

from watchword.foundation.errors import AccessError, Denied, StoreUnavailableError, WatchwordError
from watchword.http.response import Response
from watchword.policy.ledger import Ledger
from watchword.policy.taint_filter import TaintFound, scan, scan_headers
from watchword.policy.withheld import Withheld
from watchword.web.exchange import Exchange, denied_by
from watchword.web.outflow import Outflow, UnreadableError, refuse_tainted

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
_STARTS: Final = frozenset({"http.response.start", "websocket.http.response.start"})
_BODIES: Final = frozenset({"http.response.body", "websocket.http.response.body"})
_FRAMEWORKS: Final = ("starlette.", "fastapi.", "litestar.")
_LITESTARS_ERROR: Final = 4500
"""The code with which Litestar closes a socket for what it answers 500 elsewhere: any exception."""


class WithheldError(WatchwordError):
    """The rest of an answer does not leave: the server cuts the connection, so that nobody takes it for whole."""


@final
class Answer:
    """The way out of one exchange.

    The status line waits for the first bytes of the body: until then the app can still decide, and an answer can
    still be replaced as a whole. Every byte is searched for what is tainted.

    Args:
        exchange: the request and its ledger.
        receive, send: of the server.
        outer: the ledger of the exchange that this one runs in, where an app is mounted in another.
    """

    __slots__ = ("_exchange", "_is_over", "_outer", "_outflow", "_receive", "_send", "_waiting", "refused", "started")

    def __init__(self, exchange: Exchange, receive: Receive, send: Send, outer: Ledger | None) -> None:
        self._exchange = exchange
        self._receive = receive
        self._send = send
        self._outer = outer
        self._outflow: Outflow | None = None
        self._waiting: Message | None = None
        self._is_over = False
        self.started = False
        """Whether something of it has left."""
        self.refused = False
        """Whether it has been answered with a refusal, so that what the app raises is no failure."""

    async def receive(self) -> Message:
        """Return what the caller sends, as long as their session lives."""
        message = await self._receive()
        if self._exchange.is_due() and not message["type"].endswith(".disconnect"):
            await self._exchange.look_again()
        return message

    def send(self, message: Message) -> Coroutine[Any, Any, None]:
        """Send on what may leave. What comes after an answer that was withheld goes nowhere."""
        kind = message["type"]
        if kind in _STARTS:
            return self._start(message)
        return self._body(message) if kind in _BODIES else self._other(message)

    async def _other(self, message: Message) -> None:
        if self._is_over:
            return
        if self._exchange.is_due():
            await self._exchange.look_again()
        match message["type"]:
            case "websocket.accept":
                await self._accept(message)
            case "websocket.send":
                await self._say(message)
            case "websocket.close" | "http.response.debug":
                error = sys.exception()
                is_refusal = isinstance(error, (AccessError, StoreUnavailableError))
                is_litestars = message.get("code") == _LITESTARS_ERROR
                await self._send({**message, "code": 1008} if is_litestars and is_refusal else message)
            case _:
                if self.started and scan_headers(message.get("headers", ())) is None:
                    await self._send(message)

    async def refuse(self, denied: Denied, *, prefix: str = "") -> None:
        """Answer with a refusal; whatever the app sends or raises from here on goes nowhere."""
        exchange = self._exchange
        self._is_over = self.refused = self.started = True
        # On a worker thread: the refusal may be written to the log of events.
        loop = asyncio.get_running_loop()
        response = await loop.run_in_executor(exchange.edge.light, exchange.edge.refuse, exchange.request, denied)
        await respond(response, self._send, is_head=exchange.request.method == "HEAD", prefix=prefix)

    async def _start(self, message: Message) -> None:
        if self._is_over:
            return
        error = sys.exception() if message["status"] == 500 else None
        if isinstance(error, (AccessError, StoreUnavailableError)):
            # An app that is mounted in another brings an error page of its own, which takes a refusal for a failure.
            await self.refuse(denied_by(error), prefix=_prefix(message))
            return
        self._waiting = message
        if _is_event_stream(message) and self._withheld(message["status"]) is None:
            await self._body({"type": f"{_prefix(message)}http.response.body", "body": b"", "more_body": True})

    async def _body(self, message: Message) -> None:
        if self._is_over:
            return
        exchange, waiting = self._exchange, self._waiting
        if exchange.is_due():
            await exchange.look_again()
        body = message.get("body", b"")
        is_last = not message.get("more_body", False)
        try:
            if waiting is None:
                message["body"] = self._search(body, is_last=is_last)
            else:
                withheld = self._withheld(waiting["status"])
                if withheld is not None:
                    if body or is_last:
                        await self._replace(withheld)
                    return
                headers = waiting["headers"] = exchange.private(waiting.get("headers", ()))
                refuse_tainted(headers, body if is_last else b"")
                if not is_last:
                    self._outflow = Outflow(headers)
                    message["body"] = self._outflow.feed(body)
                self._let_out()
                await self._send(waiting)
        except TaintFound as found:
            await self._replace(Withheld("tainted", exchange.ledger.handler, found.taint.message))
            return
        except UnreadableError:
            await self._replace(Withheld("unreadable", exchange.ledger.handler))
            return
        await self._send(message)

    def _search(self, body: bytes, *, is_last: bool) -> bytes:
        if self._outflow is None:
            return body
        body = self._outflow.feed(body)
        return body + self._outflow.finish() if is_last else body

    async def _accept(self, message: Message) -> None:
        withheld = self._withheld(101)
        if withheld is not None:
            await self._replace(withheld)
        else:
            self._let_out()
            await self._send(message)

    async def _say(self, message: Message) -> None:
        text = message.get("text")
        found = scan(message.get("bytes") or b"" if text is None else text.encode("utf-8", "surrogatepass"))
        if found is not None:
            await self._replace(Withheld("tainted", self._exchange.ledger.handler, found.message))
        else:
            await self._send(message)

    def _let_out(self) -> None:
        """Let the first message of an answer leave that was decided about."""
        self.started, self._waiting = True, None
        if self._outer is not None:
            self._outer.note("the app that is mounted here decided", None, allowed=True)

    def _withheld(self, status: int) -> Withheld | None:
        if self._exchange.ledger.verdict(status) is None:
            return None
        withheld = self._exchange.withheld(status, by_framework=_is_the_frameworks)
        if withheld is not None and withheld.reason == "undecided" and status >= 500 and sys.exception() is not None:
            return Withheld("failed", withheld.handler)
        return withheld

    async def _replace(self, withheld: Withheld) -> None:
        """Answer with the reason in place of what the handler said; or cut off what has left in part.

        Raises:
            WithheldError: a part of the answer has left already, so that the server must cut the connection.
        """
        self._is_over = True
        waiting, exchange = self._waiting, self._exchange
        loop = asyncio.get_running_loop()
        response = await loop.run_in_executor(exchange.edge.light, exchange.edge.withhold, exchange.request, withheld)
        if self._outer is not None:
            self._outer.note("the app that is mounted here withheld its answer", None, allowed=True)
        if waiting is not None:
            self.started, self._waiting = True, None
            await respond(response, self._send, is_head=exchange.request.method == "HEAD", prefix=_prefix(waiting))
        elif exchange.request.method == "CONNECT":
            await self._send({"type": "websocket.close", "code": 1008})
        else:
            raise WithheldError(f"a part of the answer has left, and the rest does not: {withheld.reason}")


def _is_event_stream(message: Message) -> bool:
    """Tell whether the answer is a stream whose reader waits for the status line alone (HTML, server-sent events)."""
    for name, value in message.get("headers", ()):
        if len(name) == 12 and name.lower() == b"content-type":
            return value.startswith(b"text/event-stream")
    return False


def _is_the_frameworks(*, error: BaseException | None = None) -> bool:
    """Tell whether what is being answered is an exception that the framework's own code has raised: a wrong input."""
    error = error or sys.exception()
    trace = error.__traceback__ if error else None
    if trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    return str(trace.tb_frame.f_globals.get("__name__", "")).startswith(_FRAMEWORKS)


def _prefix(message: Message) -> str:
    """Return what stands before `http.response.…` where a WebSocket's handshake is answered."""
    return "websocket." if message["type"].startswith("websocket.") else ""


async def respond(response: Response, send: Send, *, is_head: bool = False, prefix: str = "") -> None:
    """Send a whole response; `prefix` is `websocket.` where a handshake is answered with one."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": f"{prefix}http.response.start", "status": response.status, "headers": headers})
    await send({"type": f"{prefix}http.response.body", "body": b"" if is_head else response.body})


async def respond_bit_by_bit(response: Response, stream: AsyncIterator[bytes], receive: Receive, send: Send) -> None:
    """Send a response whose body comes as time passes, until it ends or the caller has gone."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        async for part in stream:
            if gone.done():
                return
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
