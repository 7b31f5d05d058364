"""Where a service is called: its configuration, read when it is needed, and the keys that it publishes."""

import logging
import threading
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, final

from watchword.foundation.clock import Clock
from watchword.foundation.errors import Code, WatchwordError
from watchword.methods.oauth.preset import TENANT, OAuthPreset
from watchword.outgoing.fetch import FetchError, Network, call
from watchword.outgoing.key_source import FRESH, LAST, PAUSE, PublishedKeys
from watchword.tokens.key_set import KeySet
from watchword.tokens.refused import TokenRefused
from watchword.tokens.strict import read_object

_OK: Final = 200
_log = logging.getLogger("watchword")

PROVIDER_UNAVAILABLE: Final = Code(
    "provider_unavailable",
    502,
    "The other service does not answer",
    "Try again in a while; the log of the server says what was called and what came back.",
)


class ProviderError(WatchwordError):
    """A service could not be asked, or what it said does not hold.

    Attributes:
        code: what the person is told.
        reason: what was wrong, for the log and the audit; nothing of a secret is in it.
    """

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Endpoints(NamedTuple):
    """Where a service is called.

    Attributes:
        issuer: who its ID tokens say that made them; empty where it gives none.
        authorization, token, profile, pushed: addresses; empty where there is none.
        names_issuer: whether it says that its answers name their issuer (RFC 9207, section 3).
        authentication: how clients may show who they are, as it says.
    """

    issuer: str
    authorization: str
    token: str
    profile: str
    pushed: str = ""
    names_issuer: bool = False
    authentication: object = None


@final
class Discovery:
    """The addresses and keys of one service.

    Args:
        preset: what is known beforehand.
        issuer: whose configuration is read; empty where the service speaks no OpenID Connect.
        clock: what measures age.
        network: how it is called.
    """

    def __init__(self, preset: OAuthPreset, issuer: str, clock: Clock, network: Network | None) -> None:
        self._preset = preset
        self._issuer = issuer
        self._clock = clock
        self._network = network
        self._lock = threading.Lock()
        self._known: Endpoints | None = None
        self._keys_at = preset.keys
        self._read_at = 0.0
        self._next_try = 0.0
        self.keys = PublishedKeys(self._read_keys, clock)

    def endpoints(self) -> Endpoints:
        """Return where the service is called.

        Raises:
            ProviderError: its configuration can't be had, or is somebody else's.
        """
        if not self._issuer:
            preset = self._preset
            return Endpoints("", preset.authorization, preset.token, preset.profile)
        now = self._clock.monotonic()
        known = self._known
        if known is None or now - self._read_at >= FRESH:
            with self._lock:
                if self._known is known and now >= self._next_try:
                    self._refresh(now)
        known = self._known
        if known is None or now - self._read_at >= LAST:
            raise ProviderError(PROVIDER_UNAVAILABLE, f"the configuration of {self._issuer!r} can't be had")
        return known

    def _refresh(self, now: float) -> None:
        try:
            self._known = self._read()
            self._read_at = now
        except (FetchError, TokenRefused) as error:
            self._next_try = now + (PAUSE if self._known else 1.0)
            _log.warning("the configuration of a service can't be had: %s", error)

    def _read(self) -> Endpoints:
        """Read the configuration (OpenID Connect Discovery 1.0, section 4); it must name the very issuer (4.3)."""
        address = f"{self._issuer.replace(TENANT, 'common').removesuffix('/')}/.well-known/openid-configuration"
        found = read_object(self.document(address), "the configuration")
        if found.get("issuer") != self._issuer:
            raise FetchError(f"{address!r} is the configuration of another issuer")
        preset = self._preset
        self._keys_at = preset.keys or _https(found, "jwks_uri", needed=True)
        return Endpoints(
            issuer=self._issuer,
            authorization=preset.authorization or _https(found, "authorization_endpoint", needed=True),
            token=preset.token or _https(found, "token_endpoint", needed=True),
            profile=preset.profile or _https(found, "userinfo_endpoint"),
            pushed=_https(found, "pushed_authorization_request_endpoint"),
            names_issuer=found.get("authorization_response_iss_parameter_supported") is True,
            authentication=found.get("token_endpoint_auth_methods_supported"),
        )

    def _read_keys(self) -> KeySet:
        try:
            self.endpoints()
        except ProviderError as error:
            raise FetchError(error.reason) from error
        return KeySet.from_jwks(read_object(self.document(self._keys_at), "the key set"))

    def document(self, address: str) -> bytes:
        """Return a document of the service.

        Raises:
            FetchError: it can't be had.
        """
        answer = call("GET", address, self._clock, network=self._network)
        if answer.status != _OK:
            raise FetchError(f"{address!r} answered {answer.status}; redirects are not followed")
        return answer.body


def _https(configuration: Mapping[str, Any], name: str, *, needed: bool = False) -> str:
    address = configuration.get(name, "")
    if not isinstance(address, str) or (address and not address.startswith("https://")) or (needed and not address):
        raise FetchError(f"`{name}` of the configuration is no https address")
    return address
