"""What a check of `watchword doctor` finds."""

from dataclasses import dataclass
from typing import Literal, final


@final
@dataclass(frozen=True, slots=True)
class Finding:
    """One row of the doctor's table.

    Attributes:
        check: what was looked at.
        level: `ok`, `warn` (works, look at it) or `fail` (mend it).
        found: what is there.
        fix: what to do about it.
    """

    check: str
    level: Literal["ok", "warn", "fail"]
    found: str
    fix: str = ""


def ok(check: str, found: str) -> Finding:
    """Return a finding that needs nothing."""
    return Finding(check, "ok", found)


def warn(check: str, found: str, fix: str) -> Finding:
    """Return a finding that works, and is worth a look."""
    return Finding(check, "warn", found, fix)


def fail(check: str, found: str, fix: str) -> Finding:
    """Return a finding that must be mended."""
    return Finding(check, "fail", found, fix)
