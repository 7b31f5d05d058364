"""Passwords that are known from breaches: asked of a range service that never learns which one was meant."""

import hashlib
import logging
import time
from collections.abc import Iterator
from typing import final

from watchword.foundation.errors import ConfigurationError
from watchword.foundation.secrets import Secret, same_bytes

_PREFIX = 5
_LARGEST = 512 * 1024
_NO_URL = "the range service is no URL: write 'https://api.pwnedpasswords.com/range'"
_log = logging.getLogger("watchword")


@final
class RangeService:
    """A k-anonymity range service, such as Pwned Passwords: it is sent five hex digits of the SHA-1 (CB-135).

    Args:
        base_url: `https://api.pwnedpasswords.com/range`, or a mirror of one's own.
        timeout: seconds that a connection, and then the answer, may take.

    Raises:
        ConfigurationError: the URL is none, or the extra `breached` is not installed.
    """

    def __init__(self, base_url: str, timeout: float = 2.0) -> None:
        try:
            import httpx
        except ModuleNotFoundError as error:
            raise ConfigurationError("the range service needs: pip install 'watchword[breached]'") from error
        try:
            self._url = httpx.URL(base_url)
        except httpx.InvalidURL:
            raise ConfigurationError(_NO_URL) from None
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise ConfigurationError(_NO_URL)
        self._client = httpx.Client(timeout=timeout, follow_redirects=False, headers={"Add-Padding": "true"})
        self._failures = (httpx.HTTPError, ValueError)
        self._timeout = timeout

    def knows(self, password: Secret) -> bool:
        """Tell whether the password was in a breach.

        A service that does not answer stops nobody from choosing a password: the offline list has spoken already.
        """
        digest = hashlib.sha1(password.reveal().encode(), usedforsecurity=False).hexdigest().upper()
        try:
            lines = self._range(digest[:_PREFIX]).upper().splitlines()
        except self._failures as error:
            _log.warning("the range service of breached passwords does not answer: %s", type(error).__name__)
            return False
        found = False
        for line in lines:
            suffix, _, count = line.partition(":")
            # Padding, there to hide how long the true answer is, comes with a count of 0.
            found |= same_bytes(suffix.strip().encode(), digest[_PREFIX:].encode()) and count.strip() not in ("", "0")
        return found

    def _range(self, prefix: str) -> str:
        """Return the answer for the first digits of a digest.

        They go into the request's target, not into its URL: httpx logs each URL, and they say something of a password.
        """
        target = self._url.raw_path.rstrip(b"/") + b"/" + prefix.encode()
        deadline = time.monotonic() + self._timeout
        with self._client.stream("GET", self._url, extensions={"target": target}) as response:
            response.raise_for_status()
            return _read(response.iter_bytes(), deadline)


def _read(chunks: Iterator[bytes], deadline: float) -> str:
    read = bytearray()
    for chunk in chunks:
        read += chunk
        if len(read) > _LARGEST or time.monotonic() > deadline:
            raise ValueError("more than a range can hold, or slower than anyone waits")
    return read.decode("ascii", "replace")
