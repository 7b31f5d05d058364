"""A proof: one factor shown."""

from typing import Literal

import msgspec

Factor = Literal["password", "email", "console", "totp", "recovery_code", "passkey", "security_key", "oauth"]
"""What can be shown: a password; a code or link sent to an e-mail address; access to the server's console; a code of an
authenticator app; a recovery code; a WebAuthn credential whose user was verified, or one whose user was only present; an account at another service."""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What a method returns when its credential was right. It decides nothing: admission does.

    Attributes:
        factor: which kind of credential was shown.
        at: when, in milliseconds.
        address: the canonical key of the e-mail address that was proven, for the factor `email`.
    """

    factor: Factor
    at: int
    address: str | None = None
