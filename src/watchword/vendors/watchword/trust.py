"""Session tokens that a Watchword elsewhere signed, checked by its published keys alone."""

from collections.abc import Mapping, Sequence
from typing import Final, final

from watchword.foundation.clock import Clock, SystemClock
from watchword.foundation.ids import is_id
from watchword.outgoing.key_source import published_at
from watchword.sessions.session import Session
from watchword.tokens.jwt import moment
from watchword.tokens.key_set import KeySet
from watchword.tokens.refused import TokenRefused
from watchword.vendors.facts import Facts, Map, begun_by, text_of, texts_of
from watchword.vendors.rules import JWKS, IssuerRules, claimed, given_keys

LEEWAY: Final = 5
"""Seconds."""
_ASSURANCES: Final = ("aal1", "aal2", "aal3")


@final
class Watchword:
    """Accepts the session tokens of another Watchword, for the minute that each lives; see `SessionTokens` there.

    Args:
        issuer: where that Watchword stands: `https://example.org/auth`.
        audience: this service, as that Watchword names it.
        keys: its key set, as JSON; fetched from it unless given.
        leeway: seconds that clocks may differ.
        map: takes further facts from the claims.
        clock: what tells the time.
    """

    source = "watchword-token"

    def __init__(
        self,
        *,
        issuer: str,
        audience: str | Sequence[str],
        keys: JWKS | KeySet | None = None,
        leeway: int = LEEWAY,
        map: Map | None = None,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self.identity = issuer.rstrip("/")
        source = given_keys(keys) or published_at(f"{self.identity}/jwks.json", clock)
        self._rules = IssuerRules(self.identity, source, ("ES256",), clock=clock, leeway=leeway)
        self._audience = audience
        self._map = map

    def issued(self, token: str) -> bool:
        """Tell whether the token says that it is of this Watchword."""
        return claimed(token).get("iss") == self.identity

    def credential(self, cookies: Mapping[str, list[str]]) -> str | None:  # noqa: ARG002  as every trust
        """Return nothing: session tokens come in `Authorization` alone."""
        return None

    def verify(self, credential: str) -> Session:
        """Return the session of the token.

        Raises:
            TokenRefused: it is not valid.
        """
        claims = self._rules.verify(
            credential, audience=self._audience, required=("sub", "sid", "iat", "auth_time", "role"), type="JWT"
        ).claims
        subject, session_id, assurance = text_of(claims, "sub"), text_of(claims, "sid"), text_of(claims, "acr")
        if not is_id(subject, "usr") or not is_id(session_id, "ses") or assurance not in _ASSURANCES:
            raise TokenRefused("claim_invalid", "this is no session of a Watchword", claim="sub")
        facts = Facts(
            subject=subject,
            session_id=session_id,
            issued_at=moment(claims, "iat") or 0,
            expires_at=moment(claims, "exp") or 0,
            authenticated_at=moment(claims, "auth_time"),
            role=text_of(claims, "role"),
            permissions=texts_of(claims.get("permissions")),
            organization=text_of(claims, "org_id") or None,
            factors=texts_of(claims.get("amr")),
            assurance=assurance,
        )
        # The names of users and permissions are our own, so they are taken as they are.
        return begun_by(self.source, self._map(facts, claims) if self._map else facts)
