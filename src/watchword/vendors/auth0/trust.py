"""Auth0: access tokens for an API (RFC 9068 too) and ID tokens for a client, each by its own rules."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, final

from watchword.foundation.clock import SECOND, Clock, SystemClock
from watchword.foundation.errors import ConfigurationError
from watchword.outgoing.key_source import published_at
from watchword.sessions.session import Session
from watchword.tokens.jwt import moment
from watchword.tokens.key_set import KeySet
from watchword.tokens.refused import TokenRefused
from watchword.vendors.facts import Facts, Map, session_of, text_of, texts_of
from watchword.vendors.rules import JWKS, IssuerRules, claimed, given_keys

LEEWAY: Final = 60
"""Seconds: that of auth0-python and express-openid-connect."""


@final
class Auth0:
    """Accepts the tokens of one Auth0 tenant.

    Args:
        domain: the tenant's domain, or its custom one: `example.eu.auth0.com`.
        audience: the identifier of this API; access tokens have it in `aud`.
        client_id: this app's client id; ID tokens have it in `aud`.
        client_secret: for ID tokens signed with HS256; at least 32 characters (RFC 7518, section 3.2).
        cookie_secret: nothing yet: for the session cookies of nextjs-auth0.
        organization: `org_…` or a name that every token must be for.
        nonce: what an ID token's `nonce` must be, where the app checks one that it asked for.
        max_age: seconds since `auth_time` after which an ID token is too old.
        keys: the tenant's key set, as JSON; fetched from the tenant unless given.
        leeway: seconds that clocks may differ.
        map: takes further facts from the claims.
        clock: what tells the time.

    Raises:
        ConfigurationError: neither audience nor client is named.
    """

    source = "auth0"

    def __init__(
        self,
        *,
        domain: str,
        audience: str | Sequence[str] | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        cookie_secret: str | None = None,  # noqa: ARG002
        organization: str | None = None,
        nonce: str | None = None,
        max_age: int | None = None,
        keys: JWKS | KeySet | None = None,
        leeway: int = LEEWAY,
        map: Map | None = None,
        clock: Clock | None = None,
    ) -> None:
        if audience is None and client_id is None:
            raise ConfigurationError("name the `audience` of access tokens, the `client_id` of ID tokens, or both")
        host = domain.removeprefix("https://").rstrip("/")
        clock = clock or SystemClock()
        self.identity = f"https://{host}/"
        source = given_keys(keys) or published_at(f"{self.identity}.well-known/jwks.json", clock)
        self._rules = IssuerRules(
            self.identity, source, ("RS256", "PS256"), clock=clock, leeway=leeway, secret=client_secret
        )
        self._audiences = (audience,) if isinstance(audience, str) else tuple(audience or ())
        self._client_id = client_id
        self._organization = organization
        self._nonce = nonce
        self._max_age = max_age
        self._map = map

    def issued(self, token: str) -> bool:
        """Tell whether the token says that it is of this tenant."""
        return claimed(token).get("iss") == self.identity

    def credential(self, cookies: Mapping[str, list[str]]) -> str | None:  # noqa: ARG002
        """Return nothing: the SDKs' cookies are not read yet."""
        return None

    def verify(self, credential: str) -> Session:
        """Return the session of an access token or an ID token.

        Raises:
            TokenRefused: it is not valid, not for this app, or a machine's.
        """
        claims = self._rules.verify(credential, audience=None, required=("sub", "iat")).claims
        self._check_recipient(claims)
        if self._organization is not None:
            name = "org_id" if self._organization.startswith("org_") else "org_name"
            if claims.get(name) != self._organization:
                raise TokenRefused("claim_invalid", f"`{name}` is not the organization", claim=name)
        if claims.get("gty") == "client-credentials" or text_of(claims, "sub").endswith("@clients"):
            raise TokenRefused("claim_invalid", "the token is a machine's, not a person's", claim="sub")
        factors = texts_of(claims.get("amr"))
        facts = Facts(
            subject=text_of(claims, "sub"),
            session_id=text_of(claims, "sid"),
            issued_at=moment(claims, "iat") or 0,
            expires_at=moment(claims, "exp") or 0,
            authenticated_at=moment(claims, "auth_time"),
            email=text_of(claims, "email") if claims.get("email_verified") is True else "",
            name=text_of(claims, "name"),
            user_name=text_of(claims, "nickname") or None,
            organization=text_of(claims, "org_id") or None,
            permissions=texts_of(claims.get("permissions")) or texts_of(claims.get("scope")),
            factors=factors,
            assurance="aal2" if "mfa" in factors else "aal1",
        )
        return session_of(self.source, facts, claims, self._map)

    def _check_recipient(self, claims: Mapping[str, Any]) -> None:
        """Take an access token for this API, or an ID token for this client with all that its rules ask for."""
        found = claims.get("aud")
        named = (found,) if isinstance(found, str) else texts_of(found)
        if any(one in self._audiences for one in named):
            return
        if self._client_id is None or self._client_id not in named:
            code = "claim_invalid" if named else "claim_missing"
            raise TokenRefused(code, "`aud` does not name this application", claim="aud")
        if len(named) > 1 and claims.get("azp") != self._client_id:
            raise TokenRefused("claim_invalid", "`azp` is not this client", claim="azp")
        if self._nonce is not None and claims.get("nonce") != self._nonce:
            raise TokenRefused("claim_invalid", "`nonce` is not the one that was asked for", claim="nonce")
        if self._max_age is not None:
            at = moment(claims, "auth_time")
            if at is None:
                raise TokenRefused("claim_missing", "`auth_time` is missing", claim="auth_time")
            if self._rules.clock.now() / SECOND > at + self._max_age + self._rules.leeway:
                raise TokenRefused("token_expired", "the sign-in was too long ago", claim="auth_time")
