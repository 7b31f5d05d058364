"""Stytch's opaque session tokens, which its API checks; and its way of telling the time."""

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, final

from watchword.foundation.clock import MINUTE, SECOND, Clock
from watchword.outgoing.fetch import Network
from watchword.tokens.refused import TokenRefused
from watchword.vendors.facts import members_of, text_of
from watchword.vendors.remote import Remote

BELIEVED: Final = 5 * MINUTE
"""How long a session that was revoked may still be let in: as long as one of Stytch's own JWTs lives."""
_CALLS: Final = {"b2c": "/v1/sessions/authenticate", "b2b": "/v1/b2b/sessions/authenticate"}
_OPAQUE: Final = re.compile(r"[A-Za-z0-9_-]{40,64}={0,2}\Z")


class Told(NamedTuple):
    """What Stytch says of a session, in a JWT or by its API.

    Attributes:
        claims: all of it, for `map`.
        session: the session, with its factors and roles.
        user_id: whose, or which member's.
        session_id: its id.
        organization: the organization's id, or nothing.
        issued_at: seconds since the epoch.
        expires_at: likewise.
    """

    claims: Mapping[str, Any]
    session: Mapping[str, Any]
    user_id: str
    session_id: str
    organization: str
    issued_at: float
    expires_at: float


def is_opaque(token: str) -> bool:
    """Tell whether this may be an opaque session token."""
    return _OPAQUE.match(token) is not None


@final
class OpaqueTokens:
    """Checks the opaque session tokens of one project.

    Args:
        project_id: the project's id.
        secret: its secret.
        product: `b2c` or `b2b`.
        address: of Stytch's API.
        clock: what tells the time.
        network: how Stytch is reached, where it is not by the internet.
    """

    def __init__(
        self, project_id: str, secret: str, product: str, *, address: str, clock: Clock, network: Network | None
    ) -> None:
        credentials = base64.b64encode(f"{project_id}:{secret}".encode()).decode()
        self._authorization = f"Basic {credentials}"
        self._url = f"{address}{_CALLS[product]}"
        self._is_b2b = product == "b2b"
        self._remote = Remote(clock, network)
        self._clock = clock

    def ask(self, token: str) -> Told:
        """Return what Stytch says of this token's session.

        Raises:
            TokenRefused: Stytch refuses it, or nobody can say.
        """
        said = self._remote.ask(self._url, self._authorization, token, {"session_token": token})
        session = members_of(said.get("member_session" if self._is_b2b else "session"))
        prefix, whose = ("member_", "member_id") if self._is_b2b else ("", "user_id")
        organization = text_of(session, "organization_id")
        told = Told(
            said,
            session,
            text_of(session, whose),
            text_of(session, f"{prefix}session_id"),
            organization,
            moment_of(session, "started_at") or 0,
            moment_of(session, "expires_at") or 0,
        )
        if not told.session_id or (self._is_b2b and not organization):
            raise TokenRefused("claim_missing", "the answer names no session of this product")
        if told.expires_at <= self._clock.now() / SECOND:
            raise TokenRefused("token_expired", "the session has ended")
        return told


def moment_of(members: Mapping[str, Any], name: str) -> float | None:
    """Return the seconds since the epoch of an RFC 3339 text, or `None` where there is none."""
    if name not in members:
        return None
    try:
        found = datetime.fromisoformat(text_of(members, name))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or found.year < 1970:
        raise TokenRefused("claim_invalid", f"`{name}` is not a moment (RFC 3339)", claim=name)
    return found.timestamp()
