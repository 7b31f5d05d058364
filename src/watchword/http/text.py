"""What every text that comes from outside must be, wherever in the request it stood."""

import re
from collections.abc import Iterable
from typing import Final

from watchword.foundation.errors import INPUT_INVALID, Denied, FieldError

BROKEN_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
"""A percent sign that encodes nothing: readers differ in what it means."""
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-\[\]]{0,99}\Z")


def text_flaw(text: str) -> str | None:
    """Return what was expected instead of this text, or `None` when it is sound.

    A NUL byte ends a string in C and is refused by PostgreSQL; a lone surrogate is no character and has no UTF-8.
    """
    if "\0" in text:
        return "a text without NUL characters"
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        return "a text of whole Unicode characters (a lone surrogate is none)"
    return None


def shown_name(name: str) -> str:
    """Return a field's name as it may be shown: a name the caller made up from other letters is not echoed."""
    return name if _PLAIN_NAME.match(name) else "?"


def unique_fields(pairs: Iterable[tuple[str, str]]) -> dict[str, str] | Denied:
    """Return the pairs as a dict, or the refusal that names the field given twice or holding what is no text.

    A field given twice is never picked from: one reader takes the first, another the last (HTTP parameter pollution).
    """
    fields: dict[str, str] = {}
    for name, value in pairs:
        flaw = "given once" if name in fields else text_flaw(name) or text_flaw(value)
        if flaw:
            return Denied(INPUT_INVALID, fields=(FieldError(shown_name(name), flaw),))
        fields[name] = value
    return fields
