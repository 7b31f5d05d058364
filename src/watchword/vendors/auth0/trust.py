"""Auth0: access tokens for an API (RFC 9068 too), ID tokens for a client, and its SDKs' cookies, each by its own rules."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, final

from watchword.foundation.clock import SECOND, Clock, SystemClock
from watchword.foundation.errors import ConfigurationError
from watchword.outgoing.key_source import published_at
from watchword.sessions.session import Session
from watchword.tokens import jwt
from watchword.tokens.jwt import moment
from watchword.tokens.key_set import KeySet
from watchword.tokens.refused import TokenRefused
from watchword.vendors.auth0.cookies import COOKIE_LEEWAY, DOTS, Opened, find_cookie, keys_of, open_cookie
from watchword.vendors.auth0.notices import read_event, split_events
from watchword.vendors.facts import Facts, Map, members_of, session_of, text_of, texts_of
from watchword.vendors.logout import back_channel
from watchword.vendors.notices import Webhook, shared
from watchword.vendors.rules import JWKS, IssuerRules, claimed, given_keys, read_lines

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
        cookie_secret: `AUTH0_SECRET` of the app whose session cookies are read: with nextjs-auth0 or auth0-fastapi.
        organization: `org_…` or a name that every token must be for.
        nonce: what an ID token's `nonce` must be, where the app checks one that it asked for.
        max_age: seconds since `auth_time` after which an ID token is too old.
        back_channel_logout: whether the tenant tells `/auth/trust/auth0/logout` when sessions end (OpenID Connect
            Back-Channel Logout 1.0); needs `client_id`.
        webhook_secret: the authorization token of a log stream that calls `/auth/trust/auth0/webhook` when users are
            deleted: 16 characters or more.
        keys: the tenant's key set, as JSON; fetched from the tenant unless given.
        leeway: seconds that clocks may differ.
        map: takes further facts from the claims.
        clock: what tells the time.

    Raises:
        ConfigurationError: neither audience nor client nor cookies are named.
    """

    source = "auth0"

    def __init__(
        self,
        *,
        domain: str,
        audience: str | Sequence[str] | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        cookie_secret: str | None = None,
        organization: str | None = None,
        nonce: str | None = None,
        max_age: int | None = None,
        back_channel_logout: bool = False,
        webhook_secret: str | None = None,
        keys: JWKS | KeySet | None = None,
        leeway: int = LEEWAY,
        map: Map | None = None,
        clock: Clock | None = None,
    ) -> None:
        if audience is None and client_id is None and cookie_secret is None:
            raise ConfigurationError(
                "name the `audience` of access tokens, the `client_id` of ID tokens, or the `cookie_secret` of an SDK"
            )
        host = domain.removeprefix("https://").rstrip("/")
        clock = clock or SystemClock()
        self.identity = f"https://{host}/"
        source = given_keys(keys) or published_at(f"{self.identity}.well-known/jwks.json", clock)
        self._rules = IssuerRules(
            self.identity, source, ("RS256", "PS256"), clock=clock, leeway=leeway, secret=client_secret
        )
        self._audiences = (audience,) if isinstance(audience, str) else tuple(audience or ())
        self._client_id = client_id
        self._host = host
        self._cookie_keys = keys_of(cookie_secret) if cookie_secret is not None else None
        self._organization = organization
        self._nonce = nonce
        self._max_age = max_age
        self._map = map
        logout = back_channel(self._rules, client_id) if back_channel_logout else ()
        stream = (Webhook(shared(webhook_secret, clock), read_event, split_events),) if webhook_secret else ()
        self.notices = (*logout, *stream)

    def issued(self, token: str) -> bool:
        """Tell whether the token says that it is of this tenant."""
        return claimed(token).get("iss") == self.identity

    def credential(self, cookies: Mapping[str, list[str]]) -> str | None:
        """Return the lines of an SDK's session cookie, where its secret is known."""
        return find_cookie(cookies) if self._cookie_keys is not None else None

    def verify(self, credential: str) -> Session:
        """Return the session of an access token, an ID token or an SDK's cookie.

        Raises:
            TokenRefused: it is not valid, not for this app, or a machine's.
        """
        keys = self._cookie_keys
        if keys is not None and ("\n" in credential or credential.count(".") == DOTS):
            return read_lines(credential, lambda token: self._cookie_session(open_cookie(token, keys)))
        claims = self._rules.verify(credential, audience=None, required=("sub", "iat")).claims
        self._check_recipient(claims)
        return self._session(claims, claims, text_of(claims, "sid"))

    def _cookie_session(self, opened: Opened) -> Session:
        rules = self._rules
        leeway = min(rules.leeway, COOKIE_LEEWAY)
        jwt.check_claims(opened.times, now=rules.clock.now(), issuer=None, audience=None, leeway=leeway)
        if opened.domain is not None and opened.domain.removeprefix("https://").rstrip("/") != self._host:
            raise TokenRefused("claim_invalid", "the session is of another domain", claim="iss")
        return self._session(opened.user, opened.times, opened.session_id)

    def _session(self, claims: Mapping[str, Any], times: Mapping[str, Any], session_id: str) -> Session:
        """Return the session of verified claims about a person."""
        if self._organization is not None:
            name = "org_id" if self._organization.startswith("org_") else "org_name"
            if claims.get(name) != self._organization:
                raise TokenRefused("claim_invalid", f"`{name}` is not the organization", claim=name)
        if claims.get("gty") == "client-credentials" or text_of(claims, "sub").endswith("@clients"):
            raise TokenRefused("claim_invalid", "the token is a machine's, not a person's", claim="sub")
        factors = texts_of(claims.get("amr"))
        facts = Facts(
            subject=text_of(claims, "sub"),
            session_id=session_id,
            issued_at=moment(times, "iat") or 0,
            expires_at=moment(times, "exp") or 0,
            authenticated_at=moment(claims, "auth_time"),
            email=text_of(claims, "email") if claims.get("email_verified") is True else "",
            name=text_of(claims, "name"),
            user_name=text_of(claims, "nickname") or None,
            organization=text_of(claims, "org_id") or None,
            permissions=texts_of(claims.get("permissions")) or texts_of(claims.get("scope")),
            factors=factors,
            assurance="aal2" if "mfa" in factors else "aal1",
            impersonator=text_of(members_of(claims.get("act")), "sub") or None,
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
