"""What the browser is asked for: the options of both ceremonies, as `PublicKeyCredential.parse…FromJSON()` takes them."""

from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Row

from watchword.foundation.clock import MINUTE
from watchword.foundation.encodings import base64url_encode
from watchword.foundation.secrets import random_bytes
from watchword.methods.passkey.ceremony import RelyingParty
from watchword.methods.passkey.keys import ALGORITHMS

PasskeyKind = Literal["passkey", "security_key"]
"""A passkey signs in by itself and asks for PIN, finger or face; a security key is a second factor alone."""
CHALLENGE_BYTES: Final = 32
HANDLE_BYTES: Final = 32
TIMEOUT: Final = 5 * MINUTE
"""How long the browser waits for the person; the attempt lives longer."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the server remembers of a question, in the sealed attempt.

    Attributes:
        challenge: random, used once.
        user_verification: whether the answer must show it.
        user_handle: the account's, for a passkey that is made.
        kind: what is made.
    """

    challenge: bytes
    user_verification: bool
    user_handle: bytes = b""
    kind: PasskeyKind = "passkey"


class CeremonyOptions(msgspec.Struct, frozen=True, kw_only=True):
    """A question for the browser.

    Attributes:
        attempt: to be sent back with the answer.
        public_key: for `PublicKeyCredential.parseCreationOptionsFromJSON()` or `parseRequestOptionsFromJSON()`.
    """

    attempt: str
    public_key: dict[str, Any]


Question = tuple[CeremonyOptions, tuple[str, ...]]
"""What to ask the browser, and the cookies that bind the question to it."""


def ask(*, user_verification: bool, user_handle: bytes = b"", kind: PasskeyKind = "passkey") -> Asked:
    """Return a new question."""
    challenge = random_bytes(CHALLENGE_BYTES)
    return Asked(challenge=challenge, user_verification=user_verification, user_handle=user_handle, kind=kind)


def request_options(party: RelyingParty, asked: Asked, rows: Sequence[Row[Any]] = ()) -> dict[str, Any]:
    """Return the options to use a passkey: any of this site's, or one of the rows'."""
    return {
        "challenge": base64url_encode(asked.challenge),
        "timeout": TIMEOUT,
        "rpId": party.id,
        "allowCredentials": [_descriptor(row) for row in rows],
        "userVerification": "required" if asked.user_verification else "preferred",
    }


def creation_options(
    party: RelyingParty, asked: Asked, *, site: str, account: str, display_name: str, rows: Sequence[Row[Any]] = ()
) -> dict[str, Any]:
    """Return the options to make a passkey; those that the account has already are excluded (CB-224)."""
    is_passkey = asked.kind == "passkey"
    return {
        "rp": {"id": party.id, "name": site},
        "user": {
            "id": base64url_encode(asked.user_handle),
            "name": account,
            "displayName": display_name or account,
        },
        "challenge": base64url_encode(asked.challenge),
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm} for algorithm in ALGORITHMS],
        "timeout": TIMEOUT,
        "excludeCredentials": [_descriptor(row) for row in rows],
        "authenticatorSelection": {
            "residentKey": "required" if is_passkey else "discouraged",
            "requireResidentKey": is_passkey,
            "userVerification": "required" if asked.user_verification else "discouraged",
        },
        "attestation": "none" if party.attestation is None else "direct",
        "extensions": {"credProps": True},
    }


def _descriptor(row: Row[Any]) -> dict[str, Any]:
    transports = {"transports": row.transports.split()} if row.transports else {}
    return {"type": "public-key", "id": base64url_encode(row.credential_id), **transports}
