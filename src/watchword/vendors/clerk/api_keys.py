"""Clerk's API keys: opaque, checked by Clerk's Backend API."""

from typing import Final, final

from watchword.foundation.clock import MINUTE, SECOND, Clock
from watchword.outgoing.fetch import Network
from watchword.sessions.session import Session
from watchword.tokens.refused import TokenRefused
from watchword.vendors.facts import Facts, Map, session_of, text_of, texts_of
from watchword.vendors.remote import Remote

PREFIX: Final = "ak_"
BELIEVED: Final = MINUTE
"""How long a key that was revoked may still be let in."""
_API: Final = "https://api.clerk.com/v1"
_NEVER: Final = 253_402_300_799
"""Seconds: the end of the year 9999, for a key without an end."""


@final
class ApiKeys:
    """Checks the API keys of one instance.

    Args:
        secret_key: `sk_live_…` of the instance.
        clock: what tells the time.
        network: how Clerk is reached, where it is not by the internet.
        url: of the Backend API.
    """

    def __init__(self, secret_key: str, clock: Clock, network: Network | None = None, url: str = _API) -> None:
        self._authorization = f"Bearer {secret_key}"
        self._remote = Remote(clock, network)
        self._clock = clock
        self._url = f"{url}/api_keys/verify"

    def verify(self, key: str, source: str, map_: Map | None) -> Session:
        """Return the session of a key that a person has.

        Raises:
            TokenRefused: Clerk refuses it, or it is an organization's, which is nobody.
        """
        said = self._remote.ask(self._url, self._authorization, key, {"secret": key})
        ends, begun = said.get("expiration"), said.get("created_at")
        if said.get("revoked") is not False or said.get("expired") is not False:
            raise TokenRefused("token_expired", "the key was revoked, or has expired")
        if not text_of(said, "subject").startswith("user_"):
            raise TokenRefused("claim_invalid", "the key is an organization's, not a person's", claim="subject")
        if not isinstance(begun, int) or not isinstance(ends, int | None):
            raise TokenRefused("claim_invalid", "the key's times are not numbers", claim="created_at")
        facts = Facts(
            subject=text_of(said, "subject"),
            session_id=text_of(said, "id"),
            issued_at=begun / SECOND,
            expires_at=_NEVER if ends is None else ends / SECOND,
            permissions=texts_of(said.get("scopes")),
            factors=("api_key",),
        )
        if facts.expires_at <= self._clock.now() / SECOND:
            raise TokenRefused("token_expired", "the key has expired")
        return session_of(source, facts, said, map_, believed=BELIEVED)
