"""Keys for every purpose, derived from the application's secret."""

import hmac
from collections.abc import Sequence
from functools import lru_cache
from typing import final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from watchword.foundation.errors import ConfigurationError
from watchword.foundation.secrets import Secret, random_bytes

MINIMUM_SECRET = 32
"""Characters; shorter ones are refused, since a person chose them."""
_NONCE = 12


@final
class Keyring:
    """Derives one key for each purpose (HKDF-SHA-256, RFC 5869), so that no key serves two uses.

    Args:
        secrets: the current secret first, then earlier ones: new values are made with the first, old ones are still
            read with the rest, which is how a secret is changed without signing anyone out.

    Raises:
        ConfigurationError: no secret, or one that is too short.
    """

    def __init__(self, secrets: Sequence[Secret]) -> None:
        if not secrets:
            raise ConfigurationError("no secret: set WATCHWORD_SECRET to the output of `watchword secret`")
        if any(len(secret.reveal()) < MINIMUM_SECRET for secret in secrets):
            raise ConfigurationError(
                f"a secret has fewer than {MINIMUM_SECRET} characters: make one with `watchword secret`"
            )
        self.secrets = tuple(secrets)
        self._keys = lru_cache(maxsize=64)(self._derive)
        self._ciphers = lru_cache(maxsize=64)(self._make_ciphers)

    def mac(self, purpose: str, data: bytes) -> bytes:
        """Return the HMAC-SHA-256 of the data under the purpose's current key: 32 bytes."""
        return hmac.digest(self._keys(purpose)[0], data, "sha256")

    def verifies(self, purpose: str, data: bytes, mac: bytes) -> bool:
        """Tell whether `mac` was made of this data for this purpose with any of the secrets, in constant time."""
        results = [hmac.compare_digest(hmac.digest(key, data, "sha256"), mac) for key in self._keys(purpose)]
        return any(results)

    def seal(self, purpose: str, data: bytes) -> bytes:
        """Return the data encrypted and authenticated for this purpose (AES-256-GCM, random nonce first)."""
        nonce = random_bytes(_NONCE)
        return nonce + self._ciphers(purpose)[0].encrypt(nonce, data, purpose.encode())

    def unseal(self, purpose: str, sealed: bytes) -> bytes | None:
        """Return what was sealed for this purpose, or `None` where it was altered or sealed with another key."""
        for cipher in self._ciphers(purpose):
            try:
                return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], purpose.encode())
            except (InvalidTag, ValueError):
                continue
        return None

    def _make_ciphers(self, purpose: str) -> tuple[AESGCM, ...]:
        return tuple(AESGCM(key) for key in self._keys(purpose))

    def _derive(self, purpose: str) -> tuple[bytes, ...]:
        info = b"watchword/1/" + purpose.encode()
        return tuple(HKDF(SHA256(), 32, salt=None, info=info).derive(s.reveal().encode()) for s in self.secrets)


def length_prefixed(*parts: bytes) -> bytes:
    """Return the parts joined so that no other parts give the same bytes: what a MAC over several values is made of.

    Joining with a separator would let `a|b` + `c` stand for `a` + `b|c` (A37, CVE-2026-33496).
    """
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)
