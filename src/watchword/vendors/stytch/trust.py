"""Stytch: session JWTs of its consumer (B2C) and its B2B product, from `Authorization` or from `stytch_session_jwt`.

Machines' tokens (M2M) and connected apps' access tokens are signed with the same keys; they are no person's session and
are refused here. Opaque session tokens, which only Stytch's API can check, are not taken.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, final

from watchword.foundation.clock import SECOND, Clock, SystemClock
from watchword.foundation.errors import ConfigurationError
from watchword.outgoing.key_source import published_at
from watchword.sessions.session import Session
from watchword.tokens.jwt import moment
from watchword.tokens.key_set import KeySet
from watchword.tokens.refused import TokenRefused
from watchword.vendors.facts import Facts, Map, members_of, session_of, text_of, texts_of
from watchword.vendors.notices import Webhook, standard
from watchword.vendors.rules import JWKS, IssuerRules, claimed, given_keys, objects, one_cookie
from watchword.vendors.stytch.notices import read_event

_SESSION: Final = "https://stytch.com/session"
_ORGANIZATION: Final = "https://stytch.com/organization"
_log = logging.getLogger("watchword")
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
        secret: does nothing, and says so in the log: opaque tokens, which only Stytch's API can check, are not taken.
        max_token_age_seconds: seconds since `iat` from which on a token is too old; as `authenticate_jwt_local` has it.
        webhook_secret: `whsec_…` of the endpoint that Stytch calls when users are deleted:
            `/auth/trust/stytch/webhook`.
        keys: the project's key set, as JSON; fetched from Stytch unless given.
        leeway: seconds that clocks may differ.
        map: takes further facts from the claims.
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
        clock: Clock | None = None,
    ) -> None:
        if product not in _KEYS:
            raise ConfigurationError("product: 'b2c' for consumer authentication, 'b2b' for organizations and members")
        if secret is not None:
            _log.warning(
                "Stytch(secret=…) does nothing: session JWTs are verified with the project's published keys; opaque session "
                "tokens, which only Stytch's API can check, are not taken"
            )
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
        self.notices = (Webhook(standard(webhook_secret, clock), read_event),) if webhook_secret else ()

    def issued(self, token: str) -> bool:
        """Tell whether the token says that it is of this project; its address may be that of others too."""
        claims = claimed(token)
        audience = claims.get("aud")
        named = (audience,) if isinstance(audience, str) else texts_of(audience)
        return claims.get("iss") in self._issuers and self._project in named

    def credential(self, cookies: Mapping[str, list[str]]) -> str | None:
        """Return the token in the cookie `stytch_session_jwt`; `stytch_session` holds the opaque one."""
        return one_cookie(cookies, "stytch_session_jwt")

    def verify(self, credential: str) -> Session:
        """Return the session of a session JWT.

        Raises:
            TokenRefused: it is not valid, not of this product, or a machine's or a connected app's.
        """
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
        issued_at, expires_at = moment(claims, "iat") or 0, self._end(claims, session)
        factors = objects(session.get("authentication_factors"))
        times = [_moment(one, "last_authenticated_at") for one in factors]
        facts = Facts(
            subject=text_of(claims, "sub"),
            session_id=text_of(session, "id"),
            issued_at=issued_at,
            expires_at=expires_at,
            authenticated_at=max((time for time in times if time is not None), default=None),
            email=next(filter(None, (_member(one, "email_factor", "email_address") for one in factors)), ""),
            organization=organization or None,
            roles=texts_of(session.get("roles")),
            factors=tuple(filter(None, (text_of(one, "type") for one in factors))),
            assurance="aal2" if _has_second(factors) else "aal1",
            impersonator=_impersonator(factors),
        )
        return session_of(self.source, facts, claims, self._map)

    def _end(self, claims: Mapping[str, Any], session: Mapping[str, Any]) -> float:
        """Return when the token ends, or the session if that is earlier; refuse what has ended, or is too old."""
        now = self._rules.clock.now() / SECOND
        if self._oldest is not None and now - (moment(claims, "iat") or 0) >= self._oldest:
            raise TokenRefused("token_expired", "`iat` is too long ago", claim="iat")
        token, end = moment(claims, "exp") or 0, _moment(session, "expires_at")
        if end is not None and now >= end + self._rules.leeway:
            raise TokenRefused("token_expired", "the session has ended", claim=_SESSION)
        return token if end is None else min(token, end)


def _moment(members: Mapping[str, Any], name: str) -> float | None:
    """Return the seconds since the epoch of an RFC 3339 text, or `None` where there is none."""
    if name not in members:
        return None
    try:
        found = datetime.fromisoformat(text_of(members, name))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or found.year < 1970:
        raise TokenRefused("claim_invalid", f"`{name}` is not a moment (RFC 3339)", claim=_SESSION)
    return found.timestamp()


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
