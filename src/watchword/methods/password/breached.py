"""Passwords that are known from breaches: asked of a range service that never learns which one was meant."""

import hashlib
import logging
from collections.abc import Iterator
from typing import final

from watchword.foundation.errors import ConfigurationError
from watchword.foundation.secrets import Secret

_PREFIX = 5
_TIMEOUT = 2.0
_LARGEST = 512 * 1024
_log = logging.getLogger("watchword")


@final
class RangeService:
    """A k-anonymity range service, such as Pwned Passwords: it is sent five hex digits of the SHA-1 (CB-135).

    Args:
        base_url: `https://api.pwnedpasswords.com/range`, or a mirror of one's own.

    Raises:
        ConfigurationError: the extra `breached` is not installed.
    """

    def __init__(self, base_url: str) -> None:
        try:
            import httpx
        except ModuleNotFoundError as error:
            raise ConfigurationError("the range service needs: pip install 'watchword[breached]'") from error
        self._client = httpx.Client(timeout=_TIMEOUT, follow_redirects=False, headers={"Add-Padding": "true"})
        self._failure = httpx.HTTPError
        self._base_url = base_url.rstrip("/")

    def knows(self, password: Secret) -> bool:
        """Tell whether the password was in a breach.

        A service that does not answer stops nobody from choosing a password: the offline list has spoken already.
        """
        digest = hashlib.sha1(password.reveal().encode(), usedforsecurity=False).hexdigest().upper()
        prefix, suffix = digest[:_PREFIX], digest[_PREFIX:]
        try:
            with self._client.stream("GET", f"{self._base_url}/{prefix}") as response:
                response.raise_for_status()
                text = _read(response.iter_bytes())
        except (self._failure, ValueError) as error:
            _log.warning("the range service of breached passwords does not answer: %s", type(error).__name__)
            return False
        found = False
        for line in text.splitlines():
            entry, _, count = line.partition(":")
            found |= entry.strip() == suffix and count.strip() not in ("", "0")
        return found


def _read(chunks: Iterator[bytes]) -> str:
    read = bytearray()
    for chunk in chunks:
        read += chunk
        if len(read) > _LARGEST:
            raise ValueError("more than a range can hold")
    return read.decode("ascii", "replace")
