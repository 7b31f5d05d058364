"""Randomness and secrets. Every secret of Watchword is made here, by the operating system's generator."""

import hashlib
import hmac
import secrets
from typing import NoReturn, final

from watchword.foundation.encodings import base32_encode

_DIGITS = "0123456789"
_LETTER_OF_BYTE = b"abcdefghijklmnopqrstuvwxyz234567" * 8


@final
class Secret:
    """A text that must not leak.

    It refuses `==`, `str()`, `format()`, hashing, pickling and JSON, and its `repr` tells nothing. To compare, use
    `matches()`, which takes the same time wherever the texts differ. To send it where it has to go (a cookie, a
    mail), use `reveal()`: the only way out, and easy to search for.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def matches(self, other: "Secret | str") -> bool:
        """Tell whether the other text is the same, in constant time."""
        text = other.reveal() if isinstance(other, Secret) else other
        return hmac.compare_digest(self._text.encode("utf-8", "surrogatepass"), text.encode("utf-8", "surrogatepass"))

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def digest(self) -> bytes:
        """Return the SHA-256 of the text: what is stored of a long random secret (Copenhagen Book, tokens)."""
        return hashlib.sha256(self._text.encode("utf-8", "surrogatepass")).digest()

    def __repr__(self) -> str:
        return "Secret(…)"

    def __bool__(self) -> bool:
        return bool(self._text)

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError("a Secret is not compared, printed, formatted or pickled: use matches() or reveal()")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse  # type: ignore[assignment]
    __hash__ = __str__ = __format__ = __reduce__ = _refuse  # type: ignore[assignment]


def random_bytes(count: int) -> bytes:
    """Return so many bytes of the operating system's generator."""
    return secrets.token_bytes(count)


def random_letters(count: int) -> str:
    """Return so many letters of base32, five random bits each: for ids, which nobody decodes."""
    return random_bytes(count).translate(_LETTER_OF_BYTE).decode()


def random_secret(count: int = 32) -> Secret:
    """Return a random secret of `count` bytes (256 bits unless told), as lower-case base32."""
    return Secret(base32_encode(random_bytes(count)))


def random_code(digits: int = 8) -> Secret:
    """Return a code of decimal digits, each drawn without bias (`secrets` samples by rejection)."""
    return Secret("".join(secrets.choice(_DIGITS) for _ in range(digits)))


def sha256(data: bytes) -> bytes:
    """Return the SHA-256 of the bytes (FIPS 180-4)."""
    return hashlib.sha256(data).digest()


def same_bytes(one: bytes, other: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(one, other)
