"""Identifiers of rows: a prefix that says what it is, and 130 random bits, never used again and telling nothing."""

import re

from watchword.foundation.secrets import random_letters

_SHAPE = re.compile(r"[a-z]{3}_[a-z2-7]{26}\Z")


def new_id(prefix: str) -> str:
    """Return a new id such as `usr_4f7k…`: three letters, an underscore, 26 letters of base32."""
    return f"{prefix}_{random_letters(26)}"


def is_id(text: str, prefix: str) -> bool:
    """Tell whether the text has the shape of an id with that prefix."""
    return text.startswith(f"{prefix}_") and _SHAPE.match(text) is not None
