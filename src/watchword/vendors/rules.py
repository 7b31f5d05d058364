"""What the vendors' rules have in common: keys, clock, and tokens that are read before they are believed."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar, cast, final

from watchword.foundation.clock import Clock, SystemClock
from watchword.outgoing.key_source import FixedKeys, KeySource
from watchword.tokens import jwt
from watchword.tokens.jws import read_header
from watchword.tokens.jwt import Texts, Verified
from watchword.tokens.key import Key
from watchword.tokens.key_set import KeySet
from watchword.tokens.refused import MAXIMUM_TOKEN, TokenRefused
from watchword.tokens.strict import read_base64url, read_object

Read = TypeVar("Read")
JWKS = Mapping[str, Any]
"""A key set as JSON: `{"keys": [...]}`."""


def claimed(token: str) -> Mapping[str, Any]:
    """Return what a signed token claims, unverified: only to tell whose rules it goes to. Nothing where it is none."""
    parts = token.split(".", 3)
    if len(parts) != 3 or len(token) > MAXIMUM_TOKEN:
        return {}
    try:
        return read_object(read_base64url(parts[1], "payload"), "the payload")
    except TokenRefused:
        return {}


@final
class IssuerRules:
    """How the tokens of one issuer are checked.

    Args:
        issuer: what `iss` must be.
        keys: its published keys, or the ones given.
        algorithms: of signatures with those keys.
        clock: what tells the time.
        leeway: seconds that clocks may differ.
        secret: what HS256 tokens are verified with, where the issuer makes such.
    """

    def __init__(
        self,
        issuer: Texts,
        keys: KeySource,
        algorithms: Collection[str],
        *,
        clock: Clock | None = None,
        leeway: int = 0,
        secret: str | None = None,
    ) -> None:
        self.issuer = issuer
        self.clock = clock or SystemClock()
        self.leeway = leeway
        self._keys = keys
        self._algorithms = frozenset(algorithms)
        self._secret = Key.from_secret(secret.encode()) if secret else None

    def verify(
        self,
        token: str,
        *,
        audience: Texts | None,
        required: Collection[str] = (),
        type: str | None = None,
        max_age: int | None = None,
    ) -> Verified:
        """Return the verified claims.

        Raises:
            TokenRefused: the token is not valid under these rules.
        """
        encoded, _, _ = token.partition(".")
        if len(token) > MAXIMUM_TOKEN:
            raise TokenRefused("token_too_large", f"more than {MAXIMUM_TOKEN} characters")
        header = read_header(encoded)
        algorithm, kid = header.get("alg"), header.get("kid")
        if isinstance(algorithm, str) and algorithm.startswith("HS") and self._secret is not None:
            # A secret is looked at for its own algorithms alone, and a published key never for these.
            keys, algorithms = self._secret, frozenset({"HS256"})
        else:
            keys, algorithms = self._published(kid if isinstance(kid, str) else None, algorithm), self._algorithms
        return jwt.verify(
            token,
            keys,
            algorithms=algorithms,
            now=self.clock.now(),
            issuer=self.issuer,
            audience=audience,
            type=type,
            leeway=self.leeway,
            required=required,
            max_age=max_age,
        )

    def _published(self, kid: str | None, algorithm: object) -> KeySet:
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            raise TokenRefused("algorithm_not_allowed", f"expected one of {sorted(self._algorithms)}", claim="alg")
        return self._keys.find(kid)


def given_keys(keys: JWKS | KeySet | None) -> FixedKeys | None:
    """Return the source of the keys that were given to a trust, where some were."""
    if keys is None:
        return None
    return FixedKeys(keys if isinstance(keys, KeySet) else KeySet.from_jwks(keys))


def one_cookie(cookies: Mapping[str, list[str]], name: str) -> str | None:
    """Return the cookie's value where it was sent once (A29)."""
    values = cookies.get(name, [])
    return values[0] if len(values) == 1 and values[0] else None


def chunked_cookie(cookies: Mapping[str, list[str]], name: str, separator: str = ".", most: int = 16) -> list[str]:
    """Return the values of `name.0`, `name.1` and so on, up to the first that is missing or was sent twice."""
    found: list[str] = []
    while len(found) < most and (value := one_cookie(cookies, f"{name}{separator}{len(found)}")) is not None:
        found.append(value)
    return found


def cookie_lines(cookies: Mapping[str, list[str]], name: str, separator: str = ".") -> str | None:
    """Return the cookie and its chunks, a line each: the whole one first, though it may be empty."""
    whole, chunks = one_cookie(cookies, name), chunked_cookie(cookies, name, separator)
    return "\n".join([whole or "", *chunks]) if whole or chunks else None


def read_lines(lines: str, read: Callable[[str], Read]) -> Read:
    """Return what is read of the whole cookie; or of its chunks, of which the last may be left over from a longer one.

    Args:
        lines: from `cookie_lines()`.
        read: reads one encrypted token.

    Raises:
        TokenRefused: nothing of it is a valid token.
    """
    whole, *chunks = lines.split("\n")
    candidates = [whole] if whole else []
    candidates += ["".join(chunks[:count]) for count in range(len(chunks), 0, -1)]
    refusal = TokenRefused("token_malformed", "there is no token")
    for candidate in candidates:
        try:
            return read(candidate)
        except TokenRefused as error:
            # What a token itself lacks says more than that a left-over chunk does not open.
            refusal = error if refusal.code in ("token_malformed", "decryption_failed") else refusal
    raise refusal


def is_listed(value: object, accepted: Collection[str]) -> bool:
    """Tell whether the value is a text and one of these."""
    return isinstance(value, str) and value in accepted


def objects(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of a list."""
    listed = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Mapping[str, Any]", one) for one in listed if isinstance(one, dict)]
