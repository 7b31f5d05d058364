"""Canaries: every secret of a test run is known, so that a log that tells one is found, in whatever test it happens."""

import base64
import json
import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest

from watchword.foundation.secrets import Secret

SHORTEST = 8
"""Characters; a code is so long. Shorter texts are words that a log may use."""
FEWEST_KINDS = 3
"""Of characters; fewer are in what a test makes up, `00000000`, and in many a time of day."""


def forms(secret: str) -> set[bytes]:
    """Return the secret as it may turn up: raw, JSON-escaped, URL-encoded, hex, base64 at any alignment."""
    raw = secret.encode("utf-8", "surrogatepass")
    found = {
        raw,
        raw.hex().encode(),
        raw.hex().upper().encode(),
        ascii(secret)[1:-1].encode(),
        json.dumps(secret)[1:-1].encode(),
    }
    found |= {quote(raw).encode(), quote(raw, safe="").encode()}
    for shift in range(3):
        # Of the text at this alignment, only the letters that depend on nothing but the secret.
        encoded = base64.b64encode(b"\0" * shift + raw)
        start = (0, 2, 3)[shift]
        whole = encoded[start : (shift + len(raw)) * 8 // 6]
        found |= {whole, whole.replace(b"+", b"-").replace(b"/", b"_")}
    return {form for form in found if len(form) >= SHORTEST}


def told(text: bytes, secrets: set[str]) -> list[str]:
    """Return the secrets that are in the text, in any form."""
    return sorted(secret for secret in secrets if any(form in text for form in forms(secret)))


class Kept(logging.Handler):
    """Keeps every record as the lines a log file would have."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextmanager
def watching(logger: logging.Logger) -> Generator[None]:
    """Raise at the end where a line in this log tells a `Secret` that was made meanwhile."""
    secrets, kept = set[str](), Kept()
    original: Callable[[Secret, str], None] = Secret.__init__

    def noting(secret: Secret, text: str) -> None:
        original(secret, text)
        if len(text) >= SHORTEST and len(set(text)) > FEWEST_KINDS:
            secrets.add(text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Secret, "__init__", noting)
        logger.addHandler(kept)
        try:
            yield
        finally:
            logger.removeHandler(kept)
    if kept.lines:
        assert told("\n".join(kept.lines).encode("utf-8", "backslashreplace"), secrets) == []


@pytest.fixture(autouse=True)
def no_secret_is_logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail every test in which a log tells a secret that was made in it: a password, a code, a link, a token."""
    monkeypatch.setattr(logging.getLogger("watchword"), "level", logging.DEBUG)
    with watching(logging.getLogger()):
        yield
