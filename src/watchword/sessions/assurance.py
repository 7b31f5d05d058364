"""How strong a sign-in is: what each factor shows, and what several show together (NIST SP 800-63B-4)."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

Assurance = Literal["aal1", "aal2", "aal3"]
Kind = Literal["know", "have", "address", "console"]

KINDS: Final[Mapping[str, frozenset[Kind]]] = {
    "password": frozenset({"know"}),
    "totp": frozenset({"have"}),
    # A look-up secret is something that one has (SP 800-63B-4, section 3.1.2).
    "recovery_code": frozenset({"have"}),
    # A WebAuthn credential without user verification: a single-factor cryptographic authenticator (section 3.1.6).
    "security_key": frozenset({"have"}),
    # With it, PIN or fingerprint and key are shown in one act: a multi-factor cryptographic authenticator (3.1.7).
    "passkey": frozenset({"know", "have"}),
    # What the other service asked for is not known here: it counts as the least that it can be (SP 800-63C-4, 3.7).
    "oauth": frozenset({"know"}),
    # Mail is no authenticator for NIST (section 3.1.3.1): it proves an address and adds nothing to the assurance.
    "email": frozenset({"address"}),
    "console": frozenset({"console"}),
}
"""What each factor shows. Two factors of one kind show no more than one of them."""


def assurance_of(factors: Iterable[str]) -> Assurance:
    """Return the authenticator assurance level of factors that were shown together.

    `aal2` takes something known and something held (SP 800-63B-4, section 2.2); nothing here reaches `aal3`, which asks
    for hardware that was attested.
    """
    return "aal2" if {"know", "have"} <= _kinds(factors) else "aal1"


def has_second_factor(factors: Iterable[str]) -> bool:
    """Tell whether something that is held was shown, and something of another kind beside it."""
    kinds = _kinds(factors)
    return "have" in kinds and len(kinds) > 1


def _kinds(factors: Iterable[str]) -> frozenset[Kind]:
    return frozenset[Kind]().union(*(KINDS.get(factor, frozenset[Kind]()) for factor in factors))
