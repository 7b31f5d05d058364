"""How this site shows a service which client it is (RFC 6749, section 2.3; RFC 7523; OpenID Connect Core 1.0, section 9)."""

import base64
from typing import Final, NamedTuple, cast, final
from urllib.parse import quote_plus

from watchword.foundation.clock import MINUTE, SECOND, Clock
from watchword.foundation.errors import ConfigurationError
from watchword.foundation.ids import new_id
from watchword.foundation.secrets import Secret
from watchword.methods.oauth.preset import Authentication
from watchword.tokens import jwt
from watchword.tokens.key import Key
from watchword.tokens.refused import TokenRefused

_LIFETIME: Final = 5 * MINUTE // SECOND
"""Seconds that an assertion counts: each is made for one call."""
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ALGORITHMS: Final = {("EC", "P-256"): "ES256", ("EC", "P-384"): "ES384", ("OKP", "Ed25519"): "Ed25519"}
_APPLE: Final = "https://appleid.apple.com"


class Shown(NamedTuple):
    """What a call carries to show who calls."""

    headers: dict[str, str]
    fields: dict[str, str]


@final
class Client:
    """A client of one service: this site.

    Args:
        client_id: its name there.
        secret: what it shares with the service.
        private_key: PEM of the key that it signs with.
        key_id, team_id: what that key and its owner are called there.
        id_parameter, secret_parameter: what the service calls them.
        clock: what dates assertions.

    Raises:
        ConfigurationError: the key is none.
    """

    def __init__(
        self,
        client_id: str,
        secret: Secret | None,
        clock: Clock,
        *,
        private_key: str | None = None,
        key_id: str | None = None,
        team_id: str | None = None,
        id_parameter: str = "client_id",
        secret_parameter: str = "client_secret",
    ) -> None:
        self.id = client_id
        self.secret = secret
        self._clock = clock
        self._team_id = team_id
        self._id_parameter = id_parameter
        self._secret_parameter = secret_parameter
        try:
            self.key = Key.from_pem(private_key.encode(), kid=key_id) if private_key else None
        except TokenRefused as error:
            raise ConfigurationError(f"the private key for {client_id!r} is none: {error.reason}") from None

    @property
    def name(self) -> dict[str, str]:
        """The parameter that names the client."""
        return {self._id_parameter: self.id}

    def best(self, offered: object) -> Authentication:
        """Return the best way that the service offers and this client can: a key before a secret, a header before a body."""
        # What is not said means `client_secret_basic` (OpenID Connect Discovery 1.0, section 3).
        listed = cast("list[object]", offered) if isinstance(offered, list) else ["client_secret_basic"]
        if self.key is not None:
            return "private_key_jwt"
        if self.secret is None:
            return "none"
        return "client_secret_basic" if "client_secret_basic" in listed else "client_secret_post"

    def show(self, way: Authentication, audience: str) -> Shown:
        """Return what a call to the service carries.

        Args:
            way: how it is shown.
            audience: the service, for an assertion.
        """
        secret = self.secret.reveal() if self.secret else ""
        match way:
            case "client_secret_basic":
                # Both are form-encoded first (RFC 6749, section 2.3.1), so that a colon in either is none between them.
                pair = f"{quote_plus(self.id)}:{quote_plus(secret)}".encode()
                return Shown({"Authorization": f"Basic {base64.b64encode(pair).decode()}"}, {})
            case "client_secret_post":
                return Shown({}, {**self.name, self._secret_parameter: secret})
            case "private_key_jwt":
                assertion = self._sign({"iss": self.id, "sub": self.id, "aud": audience, "jti": new_id("jti")})
                return Shown({}, {**self.name, "client_assertion_type": _ASSERTION, "client_assertion": assertion})
            case "signed_secret":
                signed = self._sign({"iss": self._team_id, "sub": self.id, "aud": _APPLE})
                return Shown({}, {**self.name, self._secret_parameter: signed})
            case "none":
                return Shown({}, self.name)

    def _sign(self, claims: dict[str, object]) -> str:
        if self.key is None:
            raise ConfigurationError(f"the client {self.id!r} has no private key to sign with")
        now = self._clock.now() // SECOND
        algorithm = self.key.algorithm or _ALGORITHMS.get((self.key.type, self.key.curve or ""), "RS256")
        header = {"kid": self.key.kid} if self.key.kid else {}
        return jwt.sign(claims | {"iat": now, "exp": now + _LIFETIME}, self.key, algorithm, header=header)
