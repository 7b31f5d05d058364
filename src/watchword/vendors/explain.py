"""Why a token is accepted or refused: its kind, what it says, and every check in order."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from watchword.sessions.foreign import Trust
from watchword.sessions.session import ForeignSession
from watchword.tokens.refused import TokenRefused
from watchword.tokens.strict import read_base64url, read_object

_CHECKS: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    ("size", frozenset({"token_too_large"})),
    ("form", frozenset({"token_malformed"})),
    ("critical members", frozenset({"critical_header"})),
    ("algorithm", frozenset({"algorithm_not_allowed"})),
    ("key", frozenset({"keys_unavailable", "key_not_found", "key_unsuitable", "key_invalid"})),
    ("signature or seal", frozenset({"signature_wrong", "decryption_failed", "seal_wrong"})),
    ("claims", frozenset({"claim_missing", "claim_invalid"})),
    ("times", frozenset({"token_expired", "token_not_yet_valid"})),
)
"""What is checked, and the codes that say it failed."""


class Check(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One check: passed, failed with its reason, or not reached (`null`)."""

    check: str
    passed: bool | None
    claim: str | None = None
    reason: str | None = None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What `watchword token explain` prints.

    Attributes:
        valid: the verdict.
        kind: `signed token`, `encrypted token`, `seal`, `cookie` or `opaque`.
        reason: the code of the refusal, or `None`.
        session: what `verify_session()` would give.
        checks: in order.
        header: what the token's header says, unverified.
        claims: what the token claims, unverified where the verdict is a refusal; nothing of what is encrypted.
    """

    valid: bool
    kind: str
    reason: str | None
    session: dict[str, Any] | None
    checks: tuple[Check, ...]
    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def explain(trust: Trust | None, credential: str) -> Explanation:
    """Return the verdict of this trust's rules; without one, only what the token says of itself."""
    kind = kind_of(credential)
    parts = credential.split(".")
    header = _read(parts[0] if kind.endswith("token") else "")
    claims = _read(parts[1] if kind == "signed token" else "")
    if trust is None:
        return Explanation(
            valid=False, kind=kind, reason="vendor_missing", session=None, checks=(), header=header, claims=claims
        )
    try:
        found = trust.verify(credential)
        session = found.plain() if isinstance(found, ForeignSession) else found
    except TokenRefused as error:
        checks = _checks(error)
        return Explanation(
            valid=False, kind=kind, reason=error.code, session=None, checks=checks, header=header, claims=claims
        )
    passed = tuple(Check(check=name, passed=True) for name, _ in _CHECKS)
    told = msgspec.to_builtins(session)
    return Explanation(valid=True, kind=kind, reason=None, session=told, checks=passed, header=header, claims=claims)


def kind_of(credential: str) -> str:
    """Return what the text looks like."""
    if credential.startswith(("Fe26.", "gAAAAA")):  # iron's, and Fernet's
        return "seal"
    dots = credential.count(".")
    if dots in (2, 4) and "\n" not in credential:
        return "signed token" if dots == 2 else "encrypted token"
    return "cookie" if "\n" in credential or credential[:1] in ("%", "{", "[") or "base64-" in credential else "opaque"


def _checks(refusal: TokenRefused) -> tuple[Check, ...]:
    found: list[Check] = []
    failed = False
    for name, codes in _CHECKS:
        if refusal.code in codes:
            found.append(Check(check=name, passed=False, claim=refusal.claim, reason=refusal.reason))
            failed = True
        else:
            found.append(Check(check=name, passed=None if failed else True))
    return tuple(found)


def _read(part: str) -> Mapping[str, Any]:
    try:
        return read_object(read_base64url(part, "the part"), "the part")
    except TokenRefused:
        return {}
