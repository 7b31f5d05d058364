"""Session tokens: minted and published."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, final

import msgspec

from watchword.admission.services import Completion, Services
from watchword.features.session_tokens.declaration import SessionTokens
from watchword.features.session_tokens.keys import ALGORITHM, SigningKeys
from watchword.foundation.clock import MINUTE, SECOND, to_datetime
from watchword.foundation.durations import parse_duration
from watchword.foundation.errors import ConfigurationError
from watchword.http.request import Request
from watchword.http.response import Response, json_response
from watchword.http.route import OpenToAll, Route
from watchword.policy.signed_in import SignedIn
from watchword.sessions.session import Session
from watchword.tokens import jwt

LONGEST: Final = 15 * MINUTE
"""A token can't be taken back, so it is as old as this at most."""
_REMEMBERED_BY_OTHERS: Final = "public, max-age=300"


class TokenAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The session, signed: a JSON Web Token for `Authorization: Bearer`, and when it ends."""

    token: str
    expires_at: datetime


@final
class SessionTokenFeature:
    """Signs the caller's session for services that check it by the published keys alone (RFC 7519, RFC 7517).

    Args:
        services: the rooms below.
        declared: the options.

    Raises:
        ConfigurationError: there is no audience, or the lifetime is too long.
    """

    def __init__(self, services: Services, declared: SessionTokens) -> None:
        if not declared.audience:
            raise ConfigurationError("SessionTokens: name the audience, the services that the tokens are for")
        self._lifetime = parse_duration(declared.lifetime)
        if self._lifetime > LONGEST:
            raise ConfigurationError(
                f"SessionTokens: a lifetime of {declared.lifetime} is too long: choose 15 minutes or less, "
                "for nobody can take a token back"
            )
        self._services = services
        self._audience = declared.audience
        self._signed_in = SignedIn(services.gate)
        self._keys = SigningKeys(services.store, services.keyring)
        self.completions: Mapping[str, Completion] = {}
        self.routes = (
            Route(
                method="POST",
                path="/session/token",
                name="mint_session_token",
                summary="My session as a signed token, for services that cannot ask here",
                guard=self._signed_in,
                handler=self._mint,
                output=TokenAnswer,
            ),
            Route(
                method="GET",
                path="/jwks.json",
                name="jwks",
                summary="The public keys that session tokens are signed with",
                guard=OpenToAll(),
                handler=self._publish,
                output=dict[str, Any],
            ),
        )

    def mint(self, request: Request, session: Session) -> TokenAnswer:
        """Return the session as a token that lives no longer than the session itself.

        It says who, in which session, for which organization, with which rights, and how they signed in; neither name
        nor address.
        """
        now = self._services.store.clock.now()
        ends = min((now + self._lifetime) // SECOND, int(session.expires_at.timestamp()))
        claims = {
            "iss": self._services.url(request, ""),
            "aud": self._audience,
            "sub": session.user.id,
            "sid": session.id,
            "iat": now // SECOND,
            "exp": ends,
            "auth_time": int(session.authenticated_at.timestamp()),
            "role": session.user.role,
            "permissions": session.permissions,
            "amr": session.factors,
            "acr": session.assurance,
        }
        if session.organization is not None:
            claims["org_id"] = session.organization
        key = self._keys.current()
        token = jwt.sign(claims, key, ALGORITHM, header={"kid": key.kid})
        return TokenAnswer(token=token, expires_at=to_datetime(ends * SECOND))

    def _mint(self, request: Request, _: None) -> Response:
        return json_response(self.mint(request, self._signed_in.session(request)))

    def _publish(self, _request: Request, _: None) -> Response:
        response = json_response(self._keys.published())
        response.headers += [("cache-control", _REMEMBERED_BY_OTHERS), ("vary", "Accept-Encoding")]
        return response
