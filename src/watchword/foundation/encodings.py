"""Text forms of bytes that have exactly one spelling, so that an altered token can never mean the same bytes."""

import base64
import binascii

import msgspec

_BASE32_ALPHABET = frozenset("abcdefghijklmnopqrstuvwxyz234567")


_PADDING = ("", "", "==", "=")
_ROUND_ENDS = ("", "", "AQgw", "AEIMQUYcgkosw048")
"""Last letters without unused bits, by how many letters stand in the last group of four."""


class EncodingError(ValueError):
    """The text is not the one canonical encoding of any bytes."""


def base32_encode(data: bytes) -> str:
    """Return lower-case RFC 4648 base32 without padding: one case, safe in URLs, cookies and file names."""
    return base64.b32encode(data).decode().rstrip("=").lower()


def base32_decode(text: str) -> bytes:
    """Return the bytes that `text` encodes.

    Raises:
        EncodingError: other letters, padding, a wrong length, or unused bits that are not zero.
    """
    if not _BASE32_ALPHABET.issuperset(text):
        raise EncodingError("not lower-case base32")
    try:
        data = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except binascii.Error as error:
        raise EncodingError("not base32 of any bytes") from error
    if base32_encode(data) != text:
        raise EncodingError("not the canonical base32 of these bytes")
    return data


def base64url_encode(data: bytes) -> str:
    """Return RFC 4648 base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def base64url_decode(text: str) -> bytes:
    """Return the bytes that `text` encodes, strictly (RFC 7515, section 2).

    Raises:
        EncodingError: white space, padding, other letters, or unused bits that are not zero.
    """
    left = len(text) % 4
    if "+" in text or "/" in text or "=" in text or (left and text[-1] not in _ROUND_ENDS[left]):
        raise EncodingError("not the one base64url of any bytes")
    try:
        # msgspec's reader takes nothing else than the alphabet, and half the time of `binascii`'s.
        return msgspec.convert(text.replace("-", "+").replace("_", "/") + _PADDING[left], bytes)
    except (ValueError, msgspec.ValidationError) as error:
        raise EncodingError("not base64url") from error
