"""User names: an optional handle, in letters that can't be mistaken."""

import re
from dataclasses import dataclass
from typing import Final, final

from watchword.foundation.errors import FieldError

_SHAPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,30}[A-Za-z0-9]\Z")
_LONGEST_TYPED = 64
RESERVED: Final = frozenset(
    ("admin", "administrator", "root", "system", "support", "security", "help", "info", "postmaster", "webmaster",
     "hostmaster", "abuse", "noreply", "no-reply", "staff", "moderator", "official", "null", "undefined", "me", "auth")
)  # fmt: skip


@final
@dataclass(frozen=True, slots=True)
class UserName:
    """A well-formed user name: as written, and the key that two spellings share."""

    name: str
    key: str


def parse_user_name(text: str, field: str = "user_name") -> UserName | FieldError:
    """Return the user name, or what is wrong with it.

    Letters are ASCII, so no twin from another alphabet and no invisible letter can pose as somebody (A75), and there
    is no `@`, so no user name can be an e-mail address (A64). Case does not tell two names apart (A63).
    """
    if not _SHAPE.match(text):
        expected = "3 to 32 letters (a-z), digits, dots, hyphens or underscores, beginning and ending with no sign"
        return FieldError(field, expected, reason="user_name_invalid")
    key = text.lower()
    if key in RESERVED:
        return FieldError(field, "a user name that is not reserved", reason="user_name_taken")
    return UserName(text, key)


def user_name_key(text: str) -> str:
    """Return what to look up for a user name that somebody typed to sign in; it need not be well-formed.

    Only ASCII letters are folded: `lower()` would turn the Kelvin sign into the k of somebody's name (A61).
    """
    typed = text[:_LONGEST_TYPED]
    return typed.lower() if typed.isascii() else typed
