"""Time, from one place. Inside Watchword a moment is an `int`: milliseconds since the Unix epoch."""

import math
import time
from datetime import UTC, datetime
from typing import Protocol

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Clock(Protocol):
    """What tells the time. Tests hand in a `ManualClock`; nothing in the package reads the time elsewhere."""

    def now(self) -> int:
        """Return the milliseconds since the Unix epoch."""
        ...

    def monotonic(self) -> float:
        """Return the seconds of a clock that nobody sets: one and the same for all processes of this machine."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return when so many seconds of `monotonic()` have passed."""
        ...


class SystemClock:
    """The machine's clocks."""

    # The function itself: every session check asks for the time, and a call in between would double its price.
    monotonic = staticmethod(time.monotonic)

    def now(self) -> int:
        """Return the milliseconds since the Unix epoch."""
        return time.time_ns() // 1_000_000

    def sleep(self, seconds: float) -> None:
        """Return when so many seconds have passed."""
        time.sleep(seconds)


class ManualClock:
    """A clock that moves only when told to, for tests."""

    def __init__(self, now: int = 1_800_000_000_000) -> None:
        self._now = now
        self._passed = 0

    def now(self) -> int:
        """Return the milliseconds since the Unix epoch."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds that have passed."""
        return self._passed / SECOND

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass at once."""
        self.advance(math.ceil(seconds * SECOND))

    def advance(self, milliseconds: int) -> None:
        """Move on by so many milliseconds (negative: a wall clock set back)."""
        self._now += milliseconds
        self._passed += max(milliseconds, 0)


def to_datetime(milliseconds: int) -> datetime:
    """Return the moment as an aware `datetime` in UTC."""
    return datetime.fromtimestamp(milliseconds / SECOND, UTC)
