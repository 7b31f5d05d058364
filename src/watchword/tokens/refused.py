"""What every refusal of a token is: one exception, with a stable code."""

from typing import Final, Literal, final

from watchword.foundation.errors import WatchwordError

RefusalCode = Literal[
    "token_malformed",
    "token_too_large",
    "algorithm_not_allowed",
    "critical_header",
    "key_invalid",
    "key_unsuitable",
    "key_not_found",
    "keys_unavailable",
    "issuer_refused",
    "issuer_unavailable",
    "signature_wrong",
    "decryption_failed",
    "claim_missing",
    "claim_invalid",
    "token_expired",
    "token_not_yet_valid",
    "seal_wrong",
]
"""The closed set of reasons. An attacker learns no more from them than the token says itself: whatever goes wrong while
a token is decrypted is one and the same `decryption_failed`."""
MAXIMUM_TOKEN: Final = 65_536
"""Characters of the longest token that is looked at; browsers and servers refuse header lines long before."""


@final
class TokenRefused(WatchwordError):
    """The token, cookie or key is refused: the only exception that leaves this room for what others sent.

    Attributes:
        code: the stable name of the reason.
        claim: the header member, claim or key member it is about, or `None`.
        reason: what was expected, as a sentence for developers; nothing of a secret is in it.
    """

    def __init__(self, code: RefusalCode, reason: str, *, claim: str | None = None) -> None:
        super().__init__(f"{code}: {reason}")
        self.code: RefusalCode = code
        self.claim = claim
        self.reason = reason
