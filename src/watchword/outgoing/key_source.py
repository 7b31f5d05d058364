"""The keys that an issuer publishes: read when they are needed, kept, and read again when they change."""

import logging
import threading
from collections.abc import Callable
from typing import Final, Protocol, final

from watchword.foundation.clock import Clock
from watchword.outgoing.fetch import FetchError, fetch
from watchword.tokens.key_set import KeySet
from watchword.tokens.refused import TokenRefused
from watchword.tokens.strict import read_object

FRESH: Final = 600.0
"""Seconds after which a set is read again, so that a key that was withdrawn is soon worth nothing."""
PAUSE: Final = 30.0
"""Seconds at least between two readings, whatever tokens ask for; after a failed one it is 1, then 2, 4 and so on."""
LAST: Final = 4 * 3600.0
"""Seconds that a set is used while the issuer can't be reached."""
_log = logging.getLogger("watchword")


class KeySource(Protocol):
    """Where a verifier's keys come from."""

    def find(self, kid: str | None) -> KeySet:
        """Return the set to choose from, in which `kid` is, if the issuer has it.

        Raises:
            TokenRefused: `keys_unavailable`.
        """
        ...


@final
class FixedKeys:
    """Keys that are given once and for all: nothing is fetched."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    def find(self, kid: str | None) -> KeySet:  # noqa: ARG002  as every source
        """Return the set."""
        return self._keys


@final
class PublishedKeys:
    """The set that an issuer publishes.

    One thread reads it, the others wait for that (at first, or for a key that is not known yet) or go on with what
    there is. Tokens with made-up key names cause one reading in 30 seconds at most, however many come.

    Args:
        read: reads the set; raises `FetchError` or `TokenRefused`.
        clock: what measures its age.
    """

    def __init__(self, read: Callable[[], KeySet], clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: KeySet | None = None
        self._read_at = 0.0
        self._next_try = 0.0
        self._failures = 0

    def find(self, kid: str | None) -> KeySet:
        """Return the set to choose from.

        Raises:
            TokenRefused: `keys_unavailable`: it was never read, or too long ago.
        """
        now = self._clock.monotonic()
        keys = self._keys
        if keys is None or (kid is not None and not keys.has(kid)):
            with self._lock:
                if self._keys is keys:
                    self._refresh()
        elif now - self._read_at >= FRESH and self._lock.acquire(blocking=False):
            try:
                self._refresh()
            finally:
                self._lock.release()
        keys = self._keys
        if keys is None or self._clock.monotonic() - self._read_at >= LAST:
            raise TokenRefused("keys_unavailable", "the issuer's keys can't be had now")
        return keys

    def _refresh(self) -> None:
        """Read the set, unless that was done or tried a moment ago."""
        now = self._clock.monotonic()
        if now < self._next_try:
            return
        try:
            self._keys = self._read()
        except (FetchError, TokenRefused) as error:
            self._failures += 1
            self._next_try = now + min(2.0 ** (self._failures - 1), PAUSE)
            _log.warning("the keys of an issuer can't be had: %s", error)
        else:
            self._failures = 0
            self._read_at = now
            self._next_try = now + PAUSE


def published_at(url: str, clock: Clock) -> PublishedKeys:
    """Return the source that reads the JWKS at this address (RFC 7517, section 5)."""
    return PublishedKeys(lambda: KeySet.from_jwks(read_object(fetch(url, clock), "the key set")), clock)


def published_by(issuer: str, clock: Clock) -> PublishedKeys:
    """Return the source that finds the address in the issuer's configuration (OpenID Connect Discovery 1.0, section 4).

    The configuration must name the same issuer, or it could be anybody's.
    """

    def read() -> KeySet:
        address = f"{issuer.removesuffix('/')}/.well-known/openid-configuration"
        configuration = read_object(fetch(address, clock), "the configuration")
        location = configuration.get("jwks_uri")
        if configuration.get("issuer") != issuer or not isinstance(location, str):
            raise FetchError(f"{address!r} is not the configuration of {issuer!r}")
        return KeySet.from_jwks(read_object(fetch(location, clock), "the key set"))

    return PublishedKeys(read, clock)
