"""What a WSGI app writes, as far as it may leave: nothing before a decision, and nothing after a refusal."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, final

from watchword.foundation.errors import AccessError, StoreUnavailableError
from watchword.http.response import Response
from watchword.policy.ledger import Ledger
from watchword.policy.withheld import Withheld
from watchword.web.exchange import Exchange, denied_by

Lines = list[tuple[str, str]]
StartResponse = Callable[..., Any]
"""Of PEP 3333: takes the status line, the header lines, and after a failure its `exc_info`."""
FAILED: Final = "watchword.failed"
"""Key of the environ: a framework says there that its answer is the page of an error."""
REFUSALS: Final = (AccessError, StoreUnavailableError)
"""Exceptions that are answered by what they say, and not as a server's error."""


@final
class Written:
    """The way out of one exchange: the body, as the server iterates over it.

    The status line waits for the first bytes of the body: until then the app can still decide, and an answer can
    still be replaced as a whole. Everything leaves by iteration: what the app gives to `write()` waits for that.

    Args:
        exchange: the request and its ledger.
        start_response: of the server.
        outer: the ledger of the exchange that this one runs in, where an app is mounted in another.
    """

    __slots__ = (
        "_close",
        "_environ",
        "_exchange",
        "_held",
        "_is_started",
        "_outer",
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
        withheld = self._withheld(waiting)
        if withheld is None:
            self._let_out(*waiting)
            return None
        self.close()
        if self._outer is not None:
            self._outer.note("the app that is mounted here withheld its answer", None, allowed=True)
        return edge.withhold(request, withheld)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        """Return the next bytes. All of a body passes here.

        Raises:
            Unauthenticated: the session has ended while the answer was under way (A40).
        """
        if not self._held:
            leave = self._exchange.begin()
            try:
                self._hold_one()
            finally:
                leave()
            if not self._held:
                raise StopIteration
            self._look_again()
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
                while not any(self._held) and self._hold_one():
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

    def _hold_one(self) -> bool:
        """Take the next part from the app, and tell whether there was one; a part may be empty."""
        part = next(self._parts, None)
        if part is not None:
            self._held.append(part)
        return part is not None

    def _look_again(self) -> None:
        if self._exchange.is_due():
            self._exchange.look_again_sync()

    def _let_out(self, status: str, headers: Lines) -> None:
        """Send status and headers. All of them pass here."""
        self._is_started = True
        lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        sent = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._exchange.private(lines)]
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


def _never() -> bool:
    """Tell that no framework answers once a handler is named: in WSGI, adapters name it when it is called."""
    return False
