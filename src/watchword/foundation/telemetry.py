"""What OpenTelemetry is told, where its API is installed (the extra `opentelemetry`): numbers, names, and how long.

Where it is not, nothing of this is imported and nobody counts. Where it is, and no SDK is set up, its API does nothing.
No attribute holds what a caller sent, a secret, an id or an address: only names from the code, statuses and counts.
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, NamedTuple, final

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Observation

_NAME: Final = "watchword"


class Checks(NamedTuple):
    """Checks of sessions so far.

    Attributes:
        hits: answered from memory: yes.
        misses: not answered from memory.
        refused: of these, answered with no.
    """

    hits: int
    misses: int
    refused: int


@final
class Telemetry:
    """The instruments and the tracer of one `Auth`.

    Args:
        checks: gives the checks so far.
    """

    def __init__(self, checks: Callable[[], Checks]) -> None:
        from opentelemetry import metrics, trace
        from opentelemetry.metrics import Observation

        meter = metrics.get_meter(_NAME)
        self._tracer = trace.get_tracer(_NAME)

        def counted(_: "CallbackOptions") -> "Iterable[Observation]":
            now = checks()
            yield Observation(now.hits, {"source": "memory", "answer": "session"})
            yield Observation(now.misses - now.refused, {"source": "store", "answer": "session"})
            yield Observation(now.refused, {"source": "store", "answer": "none"})

        def rate(_: "CallbackOptions") -> "Iterable[Observation]":
            now = checks()
            if now.hits + now.misses:
                yield Observation(now.hits / (now.hits + now.misses))

        meter.create_observable_counter(
            "watchword.session.checks", [counted], description="Session checks of requests that carried a token"
        )
        meter.create_observable_gauge(
            "watchword.session.hit_rate", [rate], description="Share of the checks answered from memory"
        )
        self._revocation = meter.create_histogram(
            "watchword.revocation.duration", "s", "From the COMMIT until nobody answers from before it"
        )
        self._events = meter.create_counter(
            "watchword.events", description="Events of the audit log: sign-ins and others"
        )
        self._refusals = meter.create_counter("watchword.refusals", description="Refused requests, by code")
        self._limits = meter.create_counter("watchword.limits.reached", description="Limits that were reached, by name")

    def revoked(self, seconds: float) -> None:
        """Note how long a revocation took."""
        self._revocation.record(seconds)

    def happened(self, event: str, factors: str) -> None:
        """Count an event; of a sign-in, with the factors that were shown, `password totp`."""
        self._events.add(1, {"event": event, "factors": factors} if factors else {"event": event})

    def refused(self, code: str) -> None:
        """Count a refusal."""
        self._refusals.add(1, {"code": code})

    def limited(self, name: str) -> None:
        """Count a limit that was reached."""
        self._limits.add(1, {"limit": name})

    @contextmanager
    def span(self, method: str, route: str) -> Generator[Callable[[int], None]]:
        """Trace a call of the HTTP API for the length of the block, which says the answer's status.

        Args:
            method: of the request.
            route: the pattern of its path, never the path itself: that can be a link, a code or a reference.
        """
        attributes = {"http.request.method": method, "http.route": route}
        with self._tracer.start_as_current_span(
            f"{method} {route}", attributes=attributes, record_exception=False
        ) as span:
            yield partial(span.set_attribute, "http.response.status_code")


def telemetry(checks: Callable[[], Checks]) -> Telemetry | None:
    """Return the instruments, or `None` where OpenTelemetry is not installed."""
    return Telemetry(checks) if find_spec("opentelemetry") is not None else None
