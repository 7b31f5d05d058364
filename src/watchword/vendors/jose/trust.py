"""JSON Web Tokens of your own issuer, mapped by a function (RFC 7519, checked as RFC 8725 asks)."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, final

from watchword.foundation.clock import SECOND, Clock, SystemClock
from watchword.foundation.errors import ConfigurationError
from watchword.outgoing.key_source import published_at
from watchword.sessions.session import Session
from watchword.tokens.algorithms import SIGNATURES
from watchword.tokens.jwt import moment
from watchword.tokens.key import Key
from watchword.tokens.key_set import KeySet
from watchword.vendors.facts import Facts, Map, session_of, text_of, texts_of
from watchword.vendors.rules import JWKS, FixedKeys, IssuerRules, claimed, given_keys, one_cookie

_SECRETS: Final = frozenset({"HS256", "HS384", "HS512"})


@final
class JWT:
    """Accepts the tokens of one issuer.

    Args:
        issuer: what `iss` must be.
        audience: one of these must be in `aud`.
        algorithms: the names that are accepted, `["ES256"]`: there is no default.
        secret: the shared secret of HS256 and its like.
        keys: the issuer's key set, as JSON; or `keys_url`.
        keys_url: the https address where the issuer publishes it.
        cookie_name: the cookie that holds the token, where one does.
        type: what the header's `typ` must be, where the issuer sets it.
        leeway: seconds that clocks may differ.
        map: takes further facts from the claims.
        clock: what tells the time.

    Raises:
        ConfigurationError: there is no key, or the algorithms are none for it.
    """

    source = "jwt"

    def __init__(
        self,
        *,
        issuer: str,
        audience: str | Sequence[str],
        algorithms: Collection[str],
        secret: str | None = None,
        keys: JWKS | KeySet | None = None,
        keys_url: str | None = None,
        cookie_name: str | None = None,
        type: str | None = None,
        leeway: int = 0,
        map: Map | None = None,
        clock: Clock | None = None,
    ) -> None:
        names = (algorithms,) if isinstance(algorithms, str) else tuple(algorithms)
        if not names or not set(names) <= SIGNATURES.keys() or (secret is None) == bool(_SECRETS & set(names)):
            raise ConfigurationError("algorithms: name those of the key: HS256 with `secret`, ES256 with `keys` …")
        clock = clock or SystemClock()
        if secret is not None:
            source = FixedKeys(KeySet([Key.from_secret(secret.encode())]))
        else:
            source = given_keys(keys) or (published_at(keys_url, clock) if keys_url else None)
        if source is None:
            raise ConfigurationError(
                "give `secret`, `keys` or `keys_url`: a token without a key to check it is worth nothing"
            )
        self.identity = issuer
        self._rules = IssuerRules(issuer, source, names, clock=clock, leeway=leeway)
        self._audience = audience
        self._type = type
        self._cookie = cookie_name
        self._map = map

    def issued(self, token: str) -> bool:
        """Tell whether the token says that it is of this issuer."""
        return claimed(token).get("iss") == self.identity

    def credential(self, cookies: Mapping[str, list[str]]) -> str | None:
        """Return the token in the cookie."""
        return one_cookie(cookies, self._cookie) if self._cookie else None

    def verify(self, credential: str) -> Session:
        """Return the session of the token.

        Raises:
            TokenRefused: it is not valid.
        """
        claims = self._rules.verify(credential, audience=self._audience, required=("sub",), type=self._type).claims
        facts = Facts(
            subject=text_of(claims, "sub"),
            session_id=text_of(claims, "sid"),
            issued_at=moment(claims, "iat") or self._rules.clock.now() / SECOND,
            expires_at=moment(claims, "exp") or 0,
            email=text_of(claims, "email") if claims.get("email_verified") is True else "",
            name=text_of(claims, "name"),
            permissions=texts_of(claims.get("scope")),
        )
        return session_of(self.source, facts, claims, self._map)
