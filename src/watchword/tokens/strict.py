"""Reading what a stranger wrote: JSON objects and base64url with one meaning, or none."""

import json
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from watchword.foundation.encodings import EncodingError, base64url_decode
from watchword.tokens.refused import MAXIMUM_TOKEN, TokenRefused


def read_object(text: bytes, what: str) -> dict[str, Any]:
    """Return the JSON object that the text is (RFC 8259; I-JSON's unique names, RFC 7493).

    Args:
        text: UTF-8 without a byte order mark.
        what: what it is, for the reason: `the header`.

    Raises:
        TokenRefused: other JSON, a name that stands twice, a number without a value, or too many levels.
    """
    try:
        value = msgspec.json.decode(text)
        # What is written again as it stood holds no name twice; other spellings are looked through.
        if msgspec.json.encode(value) != text:
            json.loads(text, object_pairs_hook=_refuse_repetition)
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise TokenRefused("token_malformed", f"{what} is not JSON with one meaning") from error
    if not isinstance(value, dict):
        raise TokenRefused("token_malformed", f"{what} is not a JSON object")
    return cast("dict[str, Any]", value)


def read_document(document: Mapping[str, Any] | str | bytes) -> Mapping[str, Any]:
    """Return the members of a JSON serialization, which may come parsed already.

    Raises:
        TokenRefused: it is too long, or no JSON object.
    """
    if isinstance(document, Mapping):
        return document
    if len(document) > MAXIMUM_TOKEN:
        raise TokenRefused("token_too_large", f"more than {MAXIMUM_TOKEN} characters")
    return read_object(document.encode("utf-8", "replace") if isinstance(document, str) else document, "the document")


def read_base64url(text: object, what: str) -> bytes:
    """Return the bytes that base64url text stands for: no padding, no white space, no unused bits (A133).

    Raises:
        TokenRefused: it is no text, or not the one spelling of any bytes.
    """
    if not isinstance(text, str):
        raise TokenRefused("token_malformed", f"{what} is not a text", claim=what)
    try:
        return base64url_decode(text)
    except EncodingError as error:
        raise TokenRefused("token_malformed", f"{what} is not base64url", claim=what) from error


def read_parts(token: str, count: int, what: str) -> list[str]:
    """Return the parts of a compact serialization; however many dots there are, no more is split off.

    Raises:
        TokenRefused: it is too long, not ASCII, or has another number of parts.
    """
    if len(token) > MAXIMUM_TOKEN:
        raise TokenRefused("token_too_large", f"more than {MAXIMUM_TOKEN} characters")
    parts = token.split(".", count)
    if len(parts) != count or not token.isascii():
        raise TokenRefused("token_malformed", f"not the {count} parts of {what}")
    return parts


def check_critical(protected: Mapping[str, Any], joined: Mapping[str, Any], understood: frozenset[str]) -> None:
    """Refuse what the header calls critical and this side does not understand (RFC 7515, section 4.1.11).

    Raises:
        TokenRefused: also where `crit` is empty, outside the protected header, repeats a name, or names what is absent.
    """
    if "crit" not in joined:
        return
    names = protected.get("crit")
    if not isinstance(names, list) or not names:
        raise TokenRefused("critical_header", "`crit` is not a list of names in the protected header", claim="crit")
    listed = cast("list[object]", names)
    for name in listed:
        if not isinstance(name, str) or name not in understood or name not in protected or listed.count(name) > 1:
            raise TokenRefused("critical_header", "`crit` names what is not understood", claim="crit")


def _refuse_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands twice")
    return value
