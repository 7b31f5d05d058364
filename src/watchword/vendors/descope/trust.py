"""Descope: session tokens. A refresh token (`DSR`) lives for weeks and is no session; its own libraries take both."""

from collections.abc import Mapping, Sequence
from typing import Final, final

from watchword.foundation.clock import Clock, SystemClock
from watchword.outgoing.key_source import published_at
from watchword.sessions.session import Session
from watchword.tokens.jwt import moment
from watchword.tokens.key_set import KeySet
from watchword.tokens.refused import TokenRefused
from watchword.vendors.facts import Facts, Map, members_of, session_of, text_of, texts_of
from watchword.vendors.rules import JWKS, IssuerRules, claimed, given_keys, one_cookie

LEEWAY: Final = 5
"""Seconds: that of Descope's own SDKs."""


@final
class Descope:
    """Accepts the session tokens of one Descope project.

    Args:
        project_id: `P2…`; it is the issuer.
        base_url: Descope's address, where the project has one of its own.
        audience: what `aud` must be, where the project sets it.
        issuers: what `iss` may be besides the project and its address.
        keys: the project's key set, as JSON; fetched from Descope unless given.
        leeway: seconds that clocks may differ.
        map: takes further facts from the claims.
        clock: what tells the time.
    """

    source = "descope"

    def __init__(
        self,
        *,
        project_id: str,
        base_url: str = "https://api.descope.com",
        audience: str | Sequence[str] | None = None,
        issuers: str | Sequence[str] = (),
        keys: JWKS | KeySet | None = None,
        leeway: int = LEEWAY,
        map: Map | None = None,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        address = base_url.rstrip("/")
        more = (issuers,) if isinstance(issuers, str) else tuple(issuers)
        self.identity = project_id
        self._issuers = (project_id, f"{address}/{project_id}", f"{address}/v1/apps/{project_id}", *more)
        source = given_keys(keys) or published_at(f"{address}/v2/keys/{project_id}", clock)
        self._rules = IssuerRules(self._issuers, source, ("RS256", "ES384"), clock=clock, leeway=leeway)
        self._audience = audience
        self._map = map

    def issued(self, token: str) -> bool:
        """Tell whether the token says that it is of this project."""
        return claimed(token).get("iss") in self._issuers

    def credential(self, cookies: Mapping[str, list[str]]) -> str | None:
        """Return the token in the cookie `DS`; `DSR` holds the refresh token, which is none of ours."""
        return one_cookie(cookies, "DS")

    def verify(self, credential: str) -> Session:
        """Return the session of a session token.

        Raises:
            TokenRefused: it is not valid, or it is not a session token.
        """
        claims = self._rules.verify(credential, audience=self._audience, required=("sub", "iat", "drn")).claims
        if claims.get("drn") != "DS":
            raise TokenRefused("claim_invalid", "this is not a session token (`drn`)", claim="drn")
        tenants = members_of(claims.get("tenants"))
        current = text_of(claims, "dct") or (next(iter(tenants)) if len(tenants) == 1 else "")
        # The rights in a tenant count while it is the current one; those of the project always.
        granted = (claims, members_of(tenants.get(current)))
        factors = texts_of(claims.get("amr"))
        facts = Facts(
            subject=text_of(claims, "sub"),
            session_id=text_of(claims, "sid"),
            issued_at=moment(claims, "iat") or 0,
            expires_at=moment(claims, "exp") or 0,
            email=text_of(claims, "email"),
            name=text_of(claims, "name"),
            organization=current or None,
            roles=tuple(dict.fromkeys(one for grant in granted for one in texts_of(grant.get("roles")))),
            permissions=tuple(dict.fromkeys(one for grant in granted for one in texts_of(grant.get("permissions")))),
            factors=factors,
            assurance="aal2" if "mfa" in factors else "aal1",
        )
        return session_of(self.source, facts, claims, self._map)
