"""Logout tokens: OpenID Connect Back-Channel Logout 1.0."""

from typing import Final, Literal, final
from urllib.parse import parse_qsl

from watchword.foundation.clock import SECOND
from watchword.foundation.errors import ConfigurationError
from watchword.sessions.endings import Ended
from watchword.tokens.jwt import moment
from watchword.tokens.refused import MAXIMUM_TOKEN, TokenRefused
from watchword.tokens.webhook import Header
from watchword.vendors.facts import members_of, text_of
from watchword.vendors.rules import IssuerRules

_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
_TYPES: Final = ("logout+jwt", "application/logout+jwt", "jwt", None)
_OLDEST: Final = 600
"""Seconds since `iat`; a token may name a later end."""


def back_channel(rules: IssuerRules, client_id: str | None) -> tuple["BackChannelLogout"]:
    """Return what reads an issuer's logout tokens.

    Raises:
        ConfigurationError: there is no client id, which they are for.
    """
    if client_id is None:
        raise ConfigurationError("back_channel_logout needs the `client_id`: logout tokens are for a client")
    return (BackChannelLogout(rules, client_id),)


@final
class BackChannelLogout:
    """Reads the logout tokens of one issuer for one client (section 2.6).

    One that comes twice changes nothing the second time: it ends what had begun when it was made. So its `jti` need not
    be remembered (section 2.6, step 7, is optional).

    Args:
        rules: of the issuer.
        client_id: what `aud` must be.
    """

    kind: Literal["logout"] = "logout"

    def __init__(self, rules: IssuerRules, client_id: str) -> None:
        self._rules = rules
        self._client_id = client_id

    def read(self, header: Header, body: bytes) -> list[Ended]:  # noqa: ARG002 - the protocol's shape
        """Return what is over: one session where `sid` names it, else all of the user's.

        Raises:
            TokenRefused: there is no logout token, or it is not valid.
        """
        if len(body) > MAXIMUM_TOKEN:
            raise TokenRefused("token_too_large", f"more than {MAXIMUM_TOKEN} bytes")
        try:
            fields = [value for name, value in parse_qsl(body.decode("ascii"), True) if name == "logout_token"]
        except ValueError:
            fields = []
        if len(fields) != 1:
            raise TokenRefused("token_malformed", "expected a form with one `logout_token`")
        verified = self._rules.verify(
            fields[0], audience=self._client_id, required=("iat", "jti", "events"), max_age=_OLDEST
        )
        claims, type_ = verified.claims, verified.header.get("typ")
        if (type_.lower() if isinstance(type_, str) else type_) not in _TYPES:
            raise TokenRefused("claim_invalid", "`typ` is not that of a logout token", claim="typ")
        if not isinstance(members_of(claims["events"]).get(_EVENT), dict):
            raise TokenRefused("claim_invalid", "`events` does not name a back-channel logout", claim="events")
        if "nonce" in claims:
            # So that an ID token is never taken for one (section 2.4).
            raise TokenRefused("claim_invalid", "a logout token has no `nonce`", claim="nonce")
        session_id, user_id = text_of(claims, "sid"), text_of(claims, "sub")
        if not session_id and not user_id:
            raise TokenRefused("claim_missing", "expected `sid` or `sub`", claim="sid")
        # The whole second counts: `iat` is no finer, and neither is that of the sessions.
        return [Ended(session_id, user_id, int(moment(claims, "iat") or 0) * SECOND + SECOND - 1)]
