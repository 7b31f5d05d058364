"""What an ASGI app sends, as far as it may leave: nothing before a decision, and nothing after a refusal."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, final

from watchword.foundation.errors import AccessError, Denied, StoreUnavailableError
from watchword.http.response import Response
from watchword.policy.ledger import Ledger
from watchword.policy.withheld import Withheld
from watchword.web.exchange import Exchange, denied_by

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
_FRAMEWORKS: Final = ("starlette.", "fastapi.", "litestar.")


@final
class Answer:
    """The way out of one exchange.

    The status line waits for the first bytes of the body: until then the app can still decide, and an answer can
    still be replaced as a whole.

    Args:
        exchange: the request and its ledger.
        send: of the server.
        outer: the ledger of the exchange that this one runs in, where an app is mounted in another.
    """

    __slots__ = ("_exchange", "_is_over", "_outer", "_send", "_waiting", "refused", "started")

    def __init__(self, exchange: Exchange, send: Send, outer: Ledger | None) -> None:
        self._exchange = exchange
        self._send = send
        self._outer = outer
        self._waiting: Message | None = None
        self._is_over = False
        self.started = False
        """Whether something of it has left."""
        self.refused = False
        """Whether it has been answered with a refusal, so that what the app raises is no failure."""

    async def send(self, message: Message) -> None:
        """Send on what may leave. What comes after an answer that was withheld goes nowhere."""
        if self._is_over:
            return
        if self._exchange.is_due():
            await self._exchange.look_again()
        match message["type"]:
            case "http.response.start" | "websocket.http.response.start":
                await self._start(message)
            case "http.response.body" | "websocket.http.response.body":
                await self._body(message)
            case "websocket.accept":
                withheld = self._withheld(101)
                if withheld is not None:
                    await self._replace(withheld)
                    return
                self._let_out(message)
                await self._send(message)
            case "websocket.close" | "http.response.debug":
                await self._send(message)
            case _:
                if self.started:
                    await self._send(message)

    async def _start(self, message: Message) -> None:
        error = sys.exception()
        if message["status"] == 500 and isinstance(error, (AccessError, StoreUnavailableError)):
            # An app that is mounted in another brings an error page of its own, which takes a refusal for a failure.
            await self.refuse(denied_by(error), prefix=_prefix(message))
            return
        self._waiting = message
        if _is_event_stream(message) and self._withheld(message["status"]) is None:
            await self._release()

    async def _body(self, message: Message) -> None:
        waiting = self._waiting
        if waiting is not None:
            withheld = self._withheld(waiting["status"])
            if withheld is not None:
                if message.get("body") or not message.get("more_body", False):
                    await self._replace(withheld)
                return
            await self._release()
        await self._send(message)

    async def _release(self) -> None:
        message, self._waiting = self._waiting, None
        if message is not None:
            self._let_out(message)
            await self._send(message)

    def _let_out(self, message: Message) -> None:
        self.started = True
        message["headers"] = self._exchange.private(message.get("headers", ()))
        if self._outer is not None:
            self._outer.note("the app that is mounted here decided", None, allowed=True)

    def _withheld(self, status: int) -> Withheld | None:
        withheld = self._exchange.withheld(status, by_framework=_is_the_frameworks)
        if withheld is not None and withheld.reason == "undecided" and status >= 500 and sys.exception() is not None:
            return Withheld("failed", withheld.handler)
        return withheld

    async def refuse(self, denied: Denied, *, prefix: str = "") -> None:
        """Answer with a refusal; whatever the app sends or raises from here on goes nowhere."""
        exchange = self._exchange
        self._is_over = self.refused = self.started = True
        # On a worker thread: the refusal may be written to the log of events.
        loop = asyncio.get_running_loop()
        response = await loop.run_in_executor(exchange.edge.light, exchange.edge.refuse, exchange.request, denied)
        await respond(response, self._send, is_head=exchange.request.method == "HEAD", prefix=prefix)

    async def _replace(self, withheld: Withheld) -> None:
        """Answer with the reason in place of what the handler said."""
        self._is_over = True
        waiting, self._waiting = self._waiting, None
        exchange = self._exchange
        loop = asyncio.get_running_loop()
        response = await loop.run_in_executor(exchange.edge.light, exchange.edge.withhold, exchange.request, withheld)
        if self._outer is not None:
            self._outer.note("the app that is mounted here withheld its answer", None, allowed=True)
        if waiting is None:
            await self._send({"type": "websocket.close", "code": 1008})
            return
        await respond(response, self._send, is_head=exchange.request.method == "HEAD", prefix=_prefix(waiting))
        self.started = True


def _is_event_stream(message: Message) -> bool:
    """Tell whether the answer is a stream whose reader waits for the status line alone (HTML, server-sent events)."""
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/event-stream")
        for name, value in message.get("headers", ())
    )


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
