"""Time, from one place. Inside Watchword a moment is an `int`: milliseconds since the Unix epoch."""

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


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> int:
        """Return the milliseconds since the Unix epoch."""
        return time.time_ns() // 1_000_000


class ManualClock:
    """A clock that moves only when told to, for tests."""

    def __init__(self, now: int = 1_800_000_000_000) -> None:
        self._now = now

    def now(self) -> int:
        """Return the milliseconds since the Unix epoch."""
        return self._now

    def advance(self, milliseconds: int) -> None:
        """Move on by so many milliseconds (negative: a wall clock set back)."""
        self._now += milliseconds


def to_datetime(milliseconds: int) -> datetime:
    """Return the moment as an aware `datetime` in UTC."""
    return datetime.fromtimestamp(milliseconds / SECOND, UTC)
