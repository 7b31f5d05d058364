"""JSON Web Tokens (RFC 7519), checked as RFC 8725 asks: the signature first, then every claim that has a meaning."""

import math
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple, cast

import msgspec

from watchword.foundation.clock import SECOND
from watchword.tokens import jws
from watchword.tokens.key import Key
from watchword.tokens.key_set import Keys
from watchword.tokens.refused import TokenRefused
from watchword.tokens.strict import read_object

Texts = str | Collection[str]
"""One text, or several of which one is to be met; compared whole, never as parts."""
_LATEST: Final = 2**53
"""Seconds; the largest number that every JSON reader reads exactly."""


class Verified(NamedTuple):
    """A token that was verified.

    Attributes:
        claims: its claims.
        header: its protected header.
        key: the key that verified it.
    """

    claims: dict[str, Any]
    header: Mapping[str, Any]
    key: Key


def verify(
    token: str,
    keys: Keys,
    *,
    algorithms: Collection[str],
    now: int,
    issuer: Texts,
    audience: Texts | None,
    type: str | None = None,
    leeway: int = 0,
    required: Collection[str] = (),
    max_age: int | None = None,
) -> Verified:
    """Return the claims of a signed token after checking its signature and every claim named here.

    Args:
        token: the compact serialization.
        keys: the issuer's key, or its set.
        algorithms: the names that are accepted.
        now: the present, in milliseconds since the epoch (`clock.now()`).
        issuer: what `iss` must be, or one of these; compared whole.
        audience: one of these must be in `aud`. `None` where the issuer names none; then its rules must bind the token
            otherwise.
        type: what the header's `typ` must be (`at+jwt`), without regard to case and `application/` (RFC 7515, 4.1.9).
        leeway: seconds that clocks may differ.
        required: further claims that must be there.
        max_age: seconds since `iat` after which it is too old.

    Raises:
        TokenRefused: with the claim that is missing or wrong.
    """
    signed = jws.verify(token, keys, algorithms=algorithms)
    if "b64" in signed.header:
        raise TokenRefused("critical_header", "a JWT has no unencoded payload (RFC 7797, section 7)", claim="b64")
    if type is not None:
        _check_type(signed.header.get("typ"), type)
    claims = read_object(signed.payload, "the payload")
    check_claims(claims, now=now, issuer=issuer, audience=audience, leeway=leeway, required=required, max_age=max_age)
    return Verified(claims, signed.header, signed.key)


def check_claims(
    claims: Mapping[str, Any],
    *,
    now: int,
    issuer: Texts | None,
    audience: Texts | None,
    leeway: int = 0,
    required: Collection[str] = (),
    max_age: int | None = None,
) -> None:
    """Check the registered claims: of a token that was verified, or decrypted with a secret key.

    `exp` must be there and lie ahead; `nbf` and `iat`, where they are there, must not (RFC 7519, section 4.1).

    Args:
        claims: its claims.
        now: milliseconds since the epoch.
        issuer: as in `verify()`; `None` where the key alone names the issuer.
        audience: as in `verify()`.
        leeway: seconds that clocks may differ.
        required: further claims that must be there.
        max_age: seconds since `iat` after which it is too old.

    Raises:
        TokenRefused: with the claim that is missing or wrong.
    """
    for name in required:
        if claims.get(name) is None:
            raise TokenRefused("claim_missing", f"`{name}` is missing", claim=name)
    _check_times(claims, now / SECOND, leeway, max_age)
    if issuer is not None:
        _check_issuer(claims.get("iss"), issuer)
    if audience is not None:
        _check_audience(claims.get("aud"), audience)


def sign(
    claims: Mapping[str, Any], key: Key, algorithm: str, *, type: str = "JWT", header: Mapping[str, Any] | None = None
) -> str:
    """Return the token of these claims.

    Raises:
        TokenRefused: the key is not for the algorithm.
    """
    return jws.sign(msgspec.json.encode(claims), key, algorithm, header={"typ": type, **(header or {})})


def moment(claims: Mapping[str, Any], name: str) -> float | None:
    """Return the seconds since the epoch that the claim says, or `None` where it is absent (RFC 7519, section 2).

    Raises:
        TokenRefused: it is no number, or one that no clock shows.
    """
    value = claims.get(name)
    if type(value) is int and 0 <= value <= _LATEST:
        return value
    if value is None and name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenRefused("claim_invalid", f"`{name}` is not a number", claim=name)
    if not math.isfinite(value) or not 0 <= value <= _LATEST:
        raise TokenRefused("claim_invalid", f"`{name}` is not a moment", claim=name)
    return value


def _check_times(claims: Mapping[str, Any], seconds: float, leeway: int, max_age: int | None) -> None:
    expires = moment(claims, "exp")
    if expires is None:
        raise TokenRefused("claim_missing", "`exp` is missing: the token would live for ever", claim="exp")
    if seconds >= expires + leeway:
        raise TokenRefused("token_expired", "`exp` has passed", claim="exp")
    latest = seconds + leeway
    begins = moment(claims, "nbf")
    if begins is not None and begins > latest:
        raise TokenRefused("token_not_yet_valid", "`nbf` lies ahead", claim="nbf")
    issued = moment(claims, "iat")
    if issued is not None and issued > latest:
        raise TokenRefused("token_not_yet_valid", "`iat` lies ahead", claim="iat")
    if max_age is not None:
        if issued is None:
            raise TokenRefused("claim_missing", "`iat` is missing", claim="iat")
        if seconds - issued > max_age + leeway:
            raise TokenRefused("token_expired", "`iat` is too long ago", claim="iat")


def _check_type(found: object, expected: str) -> None:
    if not isinstance(found, str) or _plain(found) != _plain(expected):
        raise TokenRefused("claim_invalid", f"`typ` is not `{expected}`", claim="typ")


def _plain(type_: str) -> str:
    return type_.lower().removeprefix("application/")


def _check_issuer(found: object, expected: Texts) -> None:
    if found is None:
        raise TokenRefused("claim_missing", "`iss` is missing", claim="iss")
    is_expected = found == expected if isinstance(expected, str) else isinstance(found, str) and found in expected
    if not is_expected:
        raise TokenRefused("claim_invalid", "`iss` is not the expected issuer", claim="iss")


def _check_audience(found: object, expected: Texts) -> None:
    if found is None:
        raise TokenRefused("claim_missing", "`aud` is missing", claim="aud")
    accepted = (expected,) if isinstance(expected, str) else expected
    if isinstance(found, str):
        is_named = found in accepted
    else:
        listed = cast("list[object]", found) if isinstance(found, list) else []
        is_named = all(isinstance(one, str) for one in listed) and any(one in accepted for one in listed)
    if not is_named:
        raise TokenRefused("claim_invalid", "`aud` does not name this application", claim="aud")
