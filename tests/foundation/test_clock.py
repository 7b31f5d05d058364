"""Time in milliseconds, from one place."""

import time
from datetime import UTC, datetime, timedelta

from watchword.foundation.clock import DAY, HOUR, MINUTE, SECOND, ManualClock, SystemClock, to_datetime


def test_the_units_are_in_milliseconds():
    assert (SECOND, MINUTE, HOUR, DAY) == (1_000, 60_000, 3_600_000, 86_400_000)


def test_the_system_clock_tells_the_milliseconds_since_the_epoch():
    before, now, after = time.time(), SystemClock().now(), time.time()
    assert isinstance(now, int)
    assert before * SECOND - 1 <= now <= after * SECOND + 1


def test_a_manual_clock_moves_only_when_told_to_and_can_be_set_back():
    clock = ManualClock(5_000)
    assert (clock.now(), clock.now()) == (5_000, 5_000)
    clock.advance(250)
    assert clock.now() == 5_250
    clock.advance(-1_000)
    assert clock.now() == 4_250


def test_a_moment_becomes_a_datetime_in_utc_with_its_milliseconds():
    assert to_datetime(0) == datetime(1970, 1, 1, tzinfo=UTC)
    assert to_datetime(1_800_000_000_123) == datetime(2027, 1, 15, 8, 0, 0, 123_000, tzinfo=UTC)
    assert to_datetime(0).utcoffset() == timedelta(0)
