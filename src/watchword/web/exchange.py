"""One request to the app's own routes: what must hold before its answer may leave, whatever the framework."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Executor
from typing import Final, final

from watchword.foundation.errors import UNAVAILABLE, AccessError, Denied, StoreUnavailableError, Unauthenticated
from watchword.http.origin import SAFE_METHODS, check_origin, site_origin
from watchword.http.request import Request
from watchword.policy.ledger import Ledger
from watchword.policy.withheld import Withheld
from watchword.sessions.verify import RequestContext, set_context
from watchword.web.edge import Edge

Header = tuple[bytes, bytes]
_NO_STORE: Final = (b"cache-control", b"no-store")
_VARY: Final = (b"vary", b"Cookie, Authorization")


@final
class Exchange(RequestContext):
    """The request under way, its ledger, and what both mean for the answer.

    Attributes:
        edge: of the `Auth` that protects the app.
        public: paths that may be answered by what is no route: a middleware, say.
    """

    ledger: Ledger  # pyright: ignore[reportIncompatibleVariableOverride]
    edge: Edge
    public: Collection[str]

    @classmethod
    def of(cls, edge: Edge, request: Request, public: Collection[str], executor: Executor | None = None) -> "Exchange":
        """Return the exchange of a request.

        Args:
            edge: of the `Auth` that protects the app.
            request: the request.
            public: paths that may be answered by what is no route.
            executor: threads for the app's own questions; Watchword's, unless the framework has its own.
        """
        return cls(request, edge.gate, executor or edge.light, Ledger(), edge, public)

    def begin(self) -> Callable[[], None]:
        """Make this the request under way, for `verify_session()`; return what ends that."""
        return set_context(self)

    def cross_site(self) -> Denied | None:
        """Return the refusal of a call that another site made with a session in the visitor's cookies (A42, A43)."""
        request = self.request
        if request.method in SAFE_METHODS or not self.gate.is_carried_by_cookie(request):
            return None
        self.edge.kernel.locate(request)
        site = site_origin(self.edge.settings, request)
        return site if isinstance(site, Denied) else check_origin(request, site, self.edge.settings.origins)

    def is_due(self) -> bool:
        """Tell whether the session was looked at so long ago that it may have ended (A40)."""
        return self.gate.is_due(self.request)

    async def look_again(self) -> None:
        """Stop a connection that outlives its session: a socket, an event stream, a long poll (A40).

        Raises:
            Unauthenticated: it has ended.
        """
        await asyncio.get_running_loop().run_in_executor(self.edge.light, self.look_again_sync)

    def look_again_sync(self) -> None:
        """Do what `look_again()` does, in code that is not async."""
        if not self.gate.still_lives(self.request):
            raise Unauthenticated

    def withheld(self, status: int, *, by_framework: Callable[[], bool]) -> Withheld | None:
        """Return why an answer with this status may not leave, or `None`.

        Args:
            status: of the answer.
            by_framework: tells whether the framework's own code refused, so that no code of the app has answered.
        """
        ledger = self.ledger
        verdict = ledger.verdict(status)
        if verdict is None or (verdict == "undecided" and self._is_nobodys(status, by_framework)):
            return None
        return Withheld(verdict, ledger.handler, ledger.tainted or "")

    def _is_nobodys(self, status: int, by_framework: Callable[[], bool]) -> bool:
        """Tell whether no handler answered: a router that knows no such path, a middleware that refuses, a preflight."""
        if self.ledger.handler:
            return self.ledger.is_untouched and 400 <= status < 500 and by_framework()
        return status >= 300 or self.request.method == "OPTIONS" or self.request.path in self.public

    def private(self, headers: Iterable[Header]) -> list[Header]:
        """Keep shared caches away from an answer that depends on who asks (A31)."""
        memo = self.request.memo
        if "session" not in memo:
            return list(headers)
        if memo["session"] is None:
            return [*headers, _VARY]
        # The length first: this runs for every answer.
        kept = [one for one in headers if len(one[0]) != 13 or one[0].lower() != b"cache-control"]
        return [*kept, _NO_STORE, _VARY]


def denied_by(error: AccessError | StoreUnavailableError) -> Denied:
    """Return the refusal that an exception stands for."""
    if isinstance(error, AccessError):
        return Denied(error.code, error.detail, extra=error.extra)
    return Denied(UNAVAILABLE, retry_after=5)
