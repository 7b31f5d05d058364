"""Calls that another system signed: Standard Webhooks (Svix), and a signature with its time in one header (WorkOS)."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from typing import Final

from watchword.foundation.clock import MINUTE, SECOND
from watchword.foundation.secrets import same_bytes
from watchword.tokens.refused import TokenRefused

TOLERANCE: Final = 5 * MINUTE
"""How far a call's time may be from ours; so long, a call that somebody recorded can be sent again."""
_SECRET_PREFIX: Final = "whsec_"
_MOST_SIGNATURES: Final = 16
Header = Callable[[str], str | None]
"""Gives the value of a header that stands once, or `None`."""


def standard_secret(text: str) -> bytes:
    """Return the key that a Standard Webhooks secret stands for: `whsec_` and base64, maybe behind `v1,`.

    Raises:
        ValueError: it is none, or has fewer than 24 bytes (Standard Webhooks, "Signature scheme").
    """
    encoded = text.removeprefix("v1,").removeprefix(_SECRET_PREFIX)
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if len(key) < 24:
        raise ValueError("fewer than 24 bytes")
    return key


def standard_signature(key: bytes, message: str, timestamp: int, body: bytes) -> str:
    """Return the signature `v1,…` of a call.

    Args:
        key: what `standard_secret()` gave.
        message: its id, the same when it is sent again.
        timestamp: of this try, in seconds since the epoch.
        body: as it is sent.
    """
    signed = b".".join((message.encode(), str(timestamp).encode(), body))
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"


def check_standard(key: bytes, header: Header, body: bytes, now: int, prefix: str = "webhook") -> int:
    """Return when a call by Standard Webhooks was made, in milliseconds, after checking its signature and its time.

    Args:
        key: what `standard_secret()` gave.
        header: its headers.
        body: as it came.
        now: the present, in milliseconds.
        prefix: of the three headers: `webhook`, or `svix`.

    Raises:
        TokenRefused: it was signed by somebody else, altered, or made too long ago.
    """
    message, timestamp = header(f"{prefix}-id"), _number(header(f"{prefix}-timestamp"))
    signatures = (header(f"{prefix}-signature") or "").split(" ")
    if not message or timestamp is None or len(signatures) > _MOST_SIGNATURES:
        raise TokenRefused("signature_wrong", f"expected the headers {prefix}-id, -timestamp and -signature")
    _check_time(timestamp * SECOND, now)
    expected = standard_signature(key, message, timestamp, body).encode()
    # Several, since the sender signs with its former secret too while it changes it.
    if not any(same_bytes(expected, one.encode("utf-8", "surrogatepass")) for one in signatures):
        raise TokenRefused("signature_wrong", "the call was signed with another secret, or altered")
    return timestamp * SECOND


def check_workos(secret: str, header: Header, body: bytes, now: int) -> int:
    """Return when WorkOS made a call, in milliseconds, after checking `WorkOS-Signature: t=…, v1=…`.

    Raises:
        TokenRefused: it was signed by somebody else, altered, or made too long ago.
    """
    time, _, signature = (header("workos-signature") or "").replace(" ", "").partition(",")
    time, milliseconds = time.removeprefix("t="), _number(time.removeprefix("t="))
    if milliseconds is None or not signature.startswith("v1="):
        raise TokenRefused("signature_wrong", "expected the header WorkOS-Signature: t=…, v1=…")
    _check_time(milliseconds, now)
    expected = hmac.digest(secret.encode(), time.encode() + b"." + body, hashlib.sha256).hex()
    if not same_bytes(expected.encode(), signature.removeprefix("v1=").encode("utf-8", "surrogatepass")):
        raise TokenRefused("signature_wrong", "the call was signed with another secret, or altered")
    return milliseconds


def check_shared(secret: str, header: Header) -> None:
    """Check a call that carries a secret of its own in `Authorization`, as it is or as a bearer token.

    Raises:
        TokenRefused: it carries another one, or none.
    """
    given = header("authorization") or ""
    scheme, _, token = given.partition(" ")
    token = token.strip() if scheme.lower() == "bearer" else given
    if not same_bytes(secret.encode(), token.encode("utf-8", "surrogatepass")):
        raise TokenRefused("signature_wrong", "the call carries another secret in Authorization, or none")


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None


def _check_time(at: int, now: int) -> None:
    if abs(now - at) > TOLERANCE:
        raise TokenRefused("token_expired", "the call was made more than 5 minutes ago, or is yet to come")
