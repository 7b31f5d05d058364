"""Stytch: session JWTs of its consumer (B2C) and its B2B product, from `Authorization` or from `stytch_session_jwt`.

Machines' tokens (M2M) and connected apps' access tokens are signed with the same keys; they are no person's session and
are refused here. Opaque session tokens (`stytch_session`) are taken where Stytch's API can be asked with our secret.
"""

from collections.abc import Mapping
from typing import Any, Final, final

from watchword.foundation.clock import SECOND, Clock, SystemClock
from watchword.foundation.errors import ConfigurationError
from watchword.outgoing.fetch import Network
from watchword.outgoing.key_source import published_at
from watchword.sessions.session import Session
from watchword.tokens.jwt import moment
from watchword.tokens.key_set import KeySet
from watchword.tokens.refused import TokenRefused
from watchword.vendors.facts import Facts, Map, members_of, session_of, text_of, texts_of
from watchword.vendors.notices import Webhook, standard
from watchword.vendors.rules import JWKS, IssuerRules, claimed, given_keys, objects, one_cookie
from watchword.vendors.stytch.notices import read_event
from watchword.vendors.stytch.opaque import BELIEVED, OpaqueTokens, Told, is_opaque, moment_of

_SESSION: Final = "https://stytch.com/session"
_ORGANIZATION: Final = "https://stytch.com/organization"
_KEYS: Final = {"b2c": "/v1/sessions/jwks/", "b2b": "/v1/b2b/sessions/jwks/"}
"""Where each product publishes a project's keys."""
_POSSESSED: Final = frozenset({"totp", "webauthn", "recovery_codes", "signature_challenge"})
"""Types of factors that, beside another one, make two; a code by SMS or WhatsApp too."""


@final
class Stytch:
    """Accepts the session JWTs of one Stytch project.

    Args:
        project_id: `project-live-…` or `project-test-…`; it is the audience.
        product: `b2c` for consumer authentication, `b2b` for organizations and members.
        base_url: the project's custom domain; Stytch's own address unless given.
        secret: the project's; with it opaque session tokens are taken too, which Stytch is asked about every 5 minutes.
        max_token_age_seconds: seconds since `iat` from which on a token is too old; as `authenticate_jwt_local` has it.
        webhook_secret: `whsec_…` of the endpoint that Stytch calls when users are deleted:
            `/auth/trust/stytch/webhook`.
        keys: the project's key set, as JSON; fetched from Stytch unless given.
        leeway: seconds that clocks may differ.
        map: takes further facts from the claims.
        network: how Stytch is reached, where it is not by the internet.
        clock: what tells the time.

    Raises:
        ConfigurationError: there is no such product.
    """

    source = "stytch"

    def __init__(
        self,
        *,
        project_id: str,
        product: str = "b2c",
        base_url: str | None = None,
        secret: str | None = None,
        max_token_age_seconds: int | None = None,
        webhook_secret: str | None = None,
        keys: JWKS | KeySet | None = None,
        leeway: int = 0,
        map: Map | None = None,
        network: Network | None = None,
        clock: Clock | None = None,
    ) -> None:
        if product not in _KEYS:
            raise ConfigurationError("product: 'b2c' for consumer authentication, 'b2b' for organizations and members")
        clock = clock or SystemClock()
        name = "api" if project_id.startswith("project-live-") else "test"
        address = (base_url or f"https://{name}.stytch.com").rstrip("/")
        self.identity = f"stytch.com/{project_id}"
        self._project = project_id
        self._issuers = (self.identity, address)
        source = given_keys(keys) or published_at(f"{address}{_KEYS[product]}{project_id}", clock)
        self._rules = IssuerRules(self._issuers, source, ("RS256",), clock=clock, leeway=leeway)
        self._is_b2b = product == "b2b"
        self._oldest = max_token_age_seconds
        self._map = map
        self._opaque = (
            OpaqueTokens(project_id, secret, product, address=address, clock=clock, network=network) if secret else None
        )
        self.notices = (Webhook(standard(webhook_secret, clock), read_event),) if webhook_secret else ()

    def issued(self, token: str) -> bool:
        """Tell whether the token says that it is of this project; its address may be that of others too."""
        if self._opaque is not None and is_opaque(token):
            return True
        claims = claimed(token)
        audience = claims.get("aud")
        named = (audience,) if isinstance(audience, str) else texts_of(audience)
        return claims.get("iss") in self._issuers and self._project in named

    def credential(self, cookies: Mapping[str, list[str]]) -> str | None:
        """Return the token in the cookie `stytch_session_jwt`, or the opaque one in `stytch_session`."""
        token = one_cookie(cookies, "stytch_session_jwt")
        return one_cookie(cookies, "stytch_session") if token is None and self._opaque is not None else token

    def verify(self, credential: str) -> Session:
        """Return the session of a session JWT, or of an opaque token.

        Raises:
            TokenRefused: it is not valid, not of this product, or a machine's or a connected app's.
        """
        if self._opaque is not None and is_opaque(credential):
            return self._session(self._opaque.ask(credential), believed=BELIEVED)
        claims = self._rules.verify(
            credential, audience=self._project, required=("sub", "iat", "nbf"), type="JWT"
        ).claims
        session = members_of(claims.get(_SESSION))
        if not text_of(session, "id") or text_of(claims, "sub").startswith("m2m-client-"):
            raise TokenRefused("claim_invalid", "this is not a session's token", claim=_SESSION)
        organization = text_of(members_of(claims.get(_ORGANIZATION)), "organization_id")
        if self._is_b2b and not organization:
            raise TokenRefused("claim_missing", "a member's session names an organization", claim=_ORGANIZATION)
        if not self._is_b2b and _ORGANIZATION in claims:
            raise TokenRefused("claim_invalid", "this is a member's session of the B2B product", claim=_ORGANIZATION)
        times = moment(claims, "iat") or 0, self._end(claims, session)
        named = text_of(claims, "sub"), text_of(session, "id"), organization
        return self._session(Told(claims, session, *named, *times))

    def _session(self, told: Told, believed: int | None = None) -> Session:
        session = told.session
        factors = objects(session.get("authentication_factors"))
        times = [moment_of(one, "last_authenticated_at") for one in factors]
        facts = Facts(
            subject=told.user_id,
            session_id=told.session_id,
            issued_at=told.issued_at,
            expires_at=told.expires_at,
            authenticated_at=max((time for time in times if time is not None), default=None),
            email=next(filter(None, (_member(one, "email_factor", "email_address") for one in factors)), ""),
            organization=told.organization or None,
            roles=texts_of(session.get("roles")),
            factors=tuple(filter(None, (text_of(one, "type") for one in factors))),
            assurance="aal2" if _has_second(factors) else "aal1",
            impersonator=_impersonator(factors),
        )
        return session_of(self.source, facts, told.claims, self._map, believed=believed)

    def _end(self, claims: Mapping[str, Any], session: Mapping[str, Any]) -> float:
        """Return when the token ends, or the session if that is earlier; refuse what has ended, or is too old."""
        now = self._rules.clock.now() / SECOND
        if self._oldest is not None and now - (moment(claims, "iat") or 0) >= self._oldest:
            raise TokenRefused("token_expired", "`iat` is too long ago", claim="iat")
        token, end = moment(claims, "exp") or 0, moment_of(session, "expires_at")
        if end is not None and now >= end + self._rules.leeway:
            raise TokenRefused("token_expired", "the session has ended", claim=_SESSION)
        return token if end is None else min(token, end)


def _member(factor: Mapping[str, Any], name: str, member: str) -> str:
    return text_of(members_of(factor.get(name)), member)


def _has_second(factors: list[Mapping[str, Any]]) -> bool:
    """Tell whether two factors were shown, and one of them is something that one has."""
    types = {text_of(one, "type") for one in factors}
    by_phone = any(text_of(one, "type") == "otp" and "phone_number_factor" in one for one in factors)
    return len(types) > 1 and bool(by_phone or types & _POSSESSED)


def _impersonator(factors: list[Mapping[str, Any]]) -> str | None:
    """Return who acts as the user: their e-mail address, or their id."""
    for one in factors:
        if text_of(one, "type") == "impersonated":
            name = "impersonated_factor"
            return _member(one, name, "impersonator_email_address") or _member(one, name, "impersonator_id") or "?"
    return None
