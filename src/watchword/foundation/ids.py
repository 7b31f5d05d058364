"""Identifiers of rows: a prefix that says what it is, and 128 random bits, never used again and telling nothing."""

import re

from watchword.foundation.encodings import base32_encode
from watchword.foundation.secrets import random_bytes

_SHAPE = re.compile(r"[a-z]{3}_[a-z2-7]{26}\Z")


def new_id(prefix: str) -> str:
    """Return a new id such as `usr_4f7k…`: three letters, an underscore, 26 letters of base32."""
    return f"{prefix}_{base32_encode(random_bytes(16))}"


def is_id(text: str, prefix: str) -> bool:
    """Tell whether the text has the shape of an id with that prefix."""
    return text.startswith(f"{prefix}_") and _SHAPE.match(text) is not None
