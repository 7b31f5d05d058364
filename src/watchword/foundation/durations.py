"""Durations and rates as people write them: `10m`, `30 days`, `10/minute`."""

import re

from watchword.foundation.clock import DAY, HOUR, MINUTE, SECOND
from watchword.foundation.errors import ConfigurationError

_UNITS = {
    "s": SECOND, "sec": SECOND, "second": SECOND, "seconds": SECOND,
    "m": MINUTE, "min": MINUTE, "minute": MINUTE, "minutes": MINUTE,
    "h": HOUR, "hour": HOUR, "hours": HOUR,
    "d": DAY, "day": DAY, "days": DAY,
}  # fmt: skip
_DURATION = re.compile(r"(\d{1,6})\s*([a-z]+)\Z")
_RATE = re.compile(r"(\d{1,9})\s*/\s*(\d{0,6})\s*([a-z]+)\Z")


def parse_duration(text: str) -> int:
    """Return the milliseconds of a duration such as `90s`, `10m`, `2 hours` or `30 days`.

    Raises:
        ConfigurationError: the text is no such duration.
    """
    match = _DURATION.match(text.strip().lower())
    if match is None or match[2] not in _UNITS or int(match[1]) == 0:
        raise ConfigurationError(
            f"{text!r} is no duration: write a number and a unit, for example '90s', '10m', '2 hours' or '30 days'"
        )
    return int(match[1]) * _UNITS[match[2]]


def parse_rate(text: str) -> tuple[int, int]:
    """Return count and period in milliseconds of a rate such as `10/minute` or `5/10m`.

    Raises:
        ConfigurationError: the text is no such rate.
    """
    match = _RATE.match(text.strip().lower())
    if match is None or match[3] not in _UNITS or int(match[1]) == 0 or int(match[2] or "1") == 0:
        raise ConfigurationError(f"{text!r} is no rate: write a count and a period, for example '10/minute' or '5/10m'")
    return int(match[1]), int(match[2] or "1") * _UNITS[match[3]]
