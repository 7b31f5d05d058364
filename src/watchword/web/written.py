"""What a WSGI app writes, as far as it may leave: nothing before a decision, and nothing after a refusal."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, final

from watchword.foundation.errors import AccessError, StoreUnavailableError
from watchword.http.response import Response
from watchword.policy.ledger import Ledger
from watchword.policy.taint_filter import TaintFound
from watchword.policy.withheld import Withheld
from watchword.web.answer import WithheldError
from watchword.web.exchange import Exchange, Header, denied_by
from watchword.web.outflow import Outflow, UnreadableError, refuse_tainted

Lines = list[tuple[str, str]]
StartResponse = Callable[..., Any]
"""Of PEP 3333: takes the status line, the header lines, and after a failure its `exc_info`."""
FAILED: Final = "watchword.failed"
"""Key of the environ: a framework says there that its answer is the page of an error."""
_TOGETHER: Final = 64 * 1024
"""A body of at most so many bytes waits until it is there as a whole, so that none of it leaves if any must not."""
_LONGEST_LENGTH: Final = 15
REFUSALS: Final = (AccessError, StoreUnavailableError)
"""Exceptions that are answered by what they say, and not as a server's error."""


@final
class Written:
    """The way out of one exchange: the body, as the server iterates over it.

    The status line waits for the first bytes of the body: until then the app can still decide, and an answer can
    still be replaced as a whole. Everything leaves by iteration: what the app gives to `write()` waits for that. Every
    byte is searched for what is tainted.

    Args:
        exchange: the request and its ledger.
        start_response: of the server.
        outer: the ledger of the exchange that this one runs in, where an app is mounted in another.
    """

    __slots__ = (
        "_close",
        "_environ",
        "_exchange",
        "_headers",
        "_held",
        "_is_started",
        "_outer",
        "_outflow",
        "_parts",
        "_start_response",
        "_waiting",
    )

    def __init__(self, exchange: Exchange, start_response: StartResponse, outer: Ledger | None) -> None:
        self._exchange = exchange
        self._start_response = start_response
        self._outer = outer
        self._waiting: tuple[str, Lines] | None = None
        self._environ: dict[str, Any] = {}
        self._held: list[bytes] = []
        self._headers: list[Header] = []
        self._outflow: Outflow | None = None
        self._parts: Iterator[bytes] = iter(())
        self._close: Callable[[], None] | None = None
        self._is_started = False

    def begin(self, app: Callable[..., Iterable[bytes]], environ: dict[str, Any]) -> Response | None:
        """Run the app up to its first bytes, and let it begin; or return what is answered in its place."""
        edge, request = self._exchange.edge, self._exchange.request
        self._environ = environ
        try:
            waiting = self._run(app, environ)
        except REFUSALS as error:
            self.close()
            return edge.refuse(request, denied_by(error))
        except BaseException:
            self.close()
            raise
        withheld = self._withheld(waiting) or self._search_start(waiting[1])
        if withheld is None:
            self._let_out(waiting[0])
            return None
        self.close()
        if self._outer is not None:
            self._outer.note("the app that is mounted here withheld its answer", None, allowed=True)
        return edge.withhold(request, withheld)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        """Return the next bytes. All of a body passes here, but for what stands in `_held` when it begins.

        Raises:
            Unauthenticated: the session has ended while the answer was under way (A40).
            WithheldError: the rest does not leave, so that the server must cut the connection.
        """
        if not self._held:
            leave = self._exchange.begin()
            try:
                is_over = not self._hold_one()
            finally:
                leave()
            self._look_again()
            self._search_rest(is_over=is_over)
            if not self._held:
                raise StopIteration
        return self._held.pop(0)

    def close(self) -> None:
        """Tell the app that its answer is over, whether it all left or not; once."""
        close, self._close = self._close, None
        if close is not None:
            leave = self._exchange.begin()
            try:
                close()
            finally:
                leave()

    def _run(self, app: Callable[..., Iterable[bytes]], environ: dict[str, Any]) -> tuple[str, Lines]:
        leave = self._exchange.begin()
        try:
            body = app(environ, self._start)
            self._close = getattr(body, "close", None)
            self._parts = iter(body)
            if self._waiting is None or not self._is_open_stream(self._waiting):
                while not self._is_enough() and self._hold_one():
                    pass
            self._look_again()
        finally:
            leave()
        if self._waiting is None:
            raise AssertionError("the app answers without having called start_response (PEP 3333)")
        return self._waiting

    def _start(self, status: str, headers: Lines, exc_info: Any = None) -> Callable[[bytes], None]:
        """Be the app's `start_response`. After a failure it may say another status, until something has left."""
        if exc_info is not None:
            # A middleware that answers every exception as a server's error does not answer a refusal.
            if self._is_started or isinstance(exc_info[1], REFUSALS):
                raise exc_info[1].with_traceback(exc_info[2])
            self._environ[FAILED] = True
        elif self._waiting is not None:
            raise AssertionError("start_response was called twice, without exc_info (PEP 3333)")
        self._waiting = (status, headers)
        return self._held.append

    def _is_enough(self) -> bool:
        """Tell whether the answer can begin: with its first bytes, or where it is short and says so, with all of them."""
        length = _length_of(self._waiting[1]) if self._waiting is not None else None
        if length is None or length > _TOGETHER:
            return any(self._held)
        return sum(map(len, self._held)) >= length

    def _hold_one(self) -> bool:
        """Take the next part from the app, and tell whether there was one; a part may be empty."""
        part = next(self._parts, None)
        if part is not None:
            self._held.append(part)
        return part is not None

    def _look_again(self) -> None:
        if self._exchange.is_due():
            self._exchange.look_again_sync()

    def _search_start(self, lines: Lines) -> Withheld | None:
        """Search headers and first bytes, and make the headers private. All headers pass here."""
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in lines]
        self._headers = headers = self._exchange.private(encoded)
        body = b"".join(self._held)
        try:
            if len(body) == _length_of(lines):
                refuse_tainted(headers, body)
                return None
            refuse_tainted(headers, b"")
            self._outflow = Outflow(headers)
            sent = self._outflow.feed(body)
            self._held = [sent] if sent else []
        except TaintFound as found:
            return Withheld("tainted", self._exchange.ledger.handler, found.taint.message)
        except UnreadableError:
            return Withheld("unreadable", self._exchange.ledger.handler)
        return None

    def _search_rest(self, *, is_over: bool) -> None:
        if self._outflow is None:
            # The body was as long as it says it is: there is no more of it.
            self._held.clear()
            return
        withheld: Withheld | None = None
        try:
            sent = self._outflow.finish() if is_over else self._outflow.feed(b"".join(self._held))
            self._held = [sent] if sent or not is_over else []
        except TaintFound as found:
            withheld = Withheld("tainted", self._exchange.ledger.handler, found.taint.message)
        except UnreadableError:
            withheld = Withheld("unreadable", self._exchange.ledger.handler)
        if withheld is not None:
            self._held.clear()
            self._exchange.edge.withhold(self._exchange.request, withheld)
            raise WithheldError(f"a part of the answer has left, and the rest does not: {withheld.reason}")
        if is_over:
            self._outflow = None

    def _let_out(self, status: str) -> None:
        self._is_started = True
        sent = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._headers]
        self._start_response(status, sent)
        if self._outer is not None:
            self._outer.note("the app that is mounted here decided", None, allowed=True)

    def _withheld(self, waiting: tuple[str, Lines]) -> Withheld | None:
        status = int(waiting[0][:3])
        withheld = self._exchange.withheld(status, by_framework=_never)
        if withheld is not None and withheld.reason == "undecided" and status >= 500 and FAILED in self._environ:
            return Withheld("failed", withheld.handler)
        return withheld

    def _is_open_stream(self, waiting: tuple[str, Lines]) -> bool:
        """Tell whether the answer is a stream whose reader waits for the status line alone (HTML, server-sent events)."""
        is_stream = any(
            name.lower() == "content-type" and value.startswith("text/event-stream") for name, value in waiting[1]
        )
        return is_stream and self._withheld(waiting) is None


def _length_of(lines: Lines) -> int | None:
    """Return the `Content-Length`, or `None` where there is none that can be read."""
    text = next((value for name, value in lines if name.lower() == "content-length"), "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_LENGTH else None


def _never() -> bool:
    """Tell that no framework answers once a handler is named: in WSGI, adapters name it when it is called."""
    return False
