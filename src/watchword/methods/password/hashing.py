"""Passwords as Argon2id hashes (RFC 9106): made, checked, raised, in bounded number at once."""

import functools
import os
import sys
import threading
import unicodedata
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import final

from argon2 import Parameters, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type, hash_secret, verify_secret
from argon2.profiles import RFC_9106_LOW_MEMORY

from watchword.foundation.errors import BUSY, ConfigurationError, Denied, FieldError
from watchword.foundation.secrets import Secret, random_bytes

MINIMUM_CHARACTERS = 8
MAXIMUM_BYTES = 4096
_SALT_BYTES = 16
_HASH_BYTES = 32
_BOUNDS = {"memory_cost": 256 * 1024, "time_cost": 10, "parallelism": 8}
"""A stored hash that asks for more was not made by us: checking it would be a way to stop the service (A84)."""
_OWASP_COST = 19_456 * 2
_OWASP_MEMORY = 19_456
_WAIT_SECONDS = 20
_MAXIMUM_WAITING = 256


@final
@dataclass(frozen=True, slots=True)
class Figures:
    """The cost of a hash: `memory` in KiB, `iterations` over it, `lanes` in parallel."""

    memory: int = 32_768
    iterations: int = 2
    lanes: int = 1

    def check(self) -> None:
        """Refuse figures below OWASP's minimum (19 MiB twice, or as much work over more memory).

        Raises:
            ConfigurationError: they are below.
        """
        if self.memory < _OWASP_MEMORY or self.memory * self.iterations < _OWASP_COST:
            raise ConfigurationError(
                f"Argon2id with memory={self.memory} KiB, iterations={self.iterations} is below OWASP's minimum: "
                "use at least memory=19456, iterations=2"
            )


@final
@dataclass(frozen=True, slots=True)
class Verified:
    """The password was right; `needs_rehash` when its hash was made with other figures than today's."""

    needs_rehash: bool


@final
@dataclass(frozen=True, slots=True)
class Mismatch:
    """The password was wrong, or there is none."""


def normalise_password(text: str, field: str = "password") -> Secret | FieldError:
    """Return the password in Unicode's form NFC, or what is wrong with it: never shortened, never composed of rules.

    8 characters to 4,096 bytes; every character counts, spaces and emoji too (NIST SP 800-63B, 3.1.1.2).
    """
    if len(text) > MAXIMUM_BYTES:
        return FieldError(field, f"at most {MAXIMUM_BYTES} bytes", reason="too_long")
    normal = unicodedata.normalize("NFC", text)
    try:
        size = len(normal.encode())
    except UnicodeEncodeError:
        return FieldError(field, "text without lone surrogates", reason="required")
    if "\0" in normal:
        return FieldError(field, "text without NUL characters", reason="required")
    if len(normal) < MINIMUM_CHARACTERS:
        return FieldError(field, f"at least {MINIMUM_CHARACTERS} characters", reason="too_short")
    if size > MAXIMUM_BYTES:
        return FieldError(field, f"at most {MAXIMUM_BYTES} bytes", reason="too_long")
    return Secret(normal)


@final
class PasswordHasher:
    """Makes and checks hashes, as many at once as there are cores; the rest waits, and past a bound is refused (A85)."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._slots = threading.Semaphore(_cores())
        self._waiting = 0
        self._lock = threading.Lock()

    def hash(self, password: Secret) -> str | Denied:
        """Return the hash in PHC form with a fresh salt, or the refusal when too many wait."""
        with self._slot() as admitted:
            return self._hash(password) if admitted else _busy()

    def verify(self, stored: str | None, password: Secret) -> Verified | Mismatch | Denied:
        """Check the password against a stored hash.

        `None` (no such account, or one without a password) costs the time of a wrong password, and so does a hash of
        cheaper figures: what it saves is spent on a second, thrown-away hash (A76).
        """
        with self._slot() as admitted:
            if not admitted:
                return _busy()
            parameters = _parameters(stored) if stored is not None else None
            if stored is None or parameters is None:
                self._hash(password)
                return Mismatch()
            try:
                verify_secret(stored.encode(), password.reveal().encode(), Type.ID)
            except VerificationError:
                self._spend_difference(parameters, password)
                return Mismatch()
            return Verified(needs_rehash=parameters != self._parameters)

    @functools.cached_property
    def _parameters(self) -> Parameters:
        figures = self._figures
        version = RFC_9106_LOW_MEMORY.version
        return Parameters(Type.ID, version, _SALT_BYTES, _HASH_BYTES, figures.iterations, figures.memory, figures.lanes)

    def _hash(self, password: Secret) -> str:
        figures, salt = self._figures, random_bytes(_SALT_BYTES)
        text = password.reveal().encode()
        made = hash_secret(text, salt, figures.iterations, figures.memory, figures.lanes, _HASH_BYTES, Type.ID)
        return made.decode()

    def _spend_difference(self, stored: Parameters, password: Secret) -> None:
        saved = self._figures.memory * self._figures.iterations - stored.memory_cost * stored.time_cost
        if saved >= 8 * self._figures.lanes:
            text, salt = password.reveal().encode(), random_bytes(_SALT_BYTES)
            hash_secret(text, salt, 1, saved, self._figures.lanes, _HASH_BYTES, Type.ID)

    @contextmanager
    def _slot(self) -> Generator[bool]:
        with self._lock:
            self._waiting += 1
            too_many = self._waiting > _MAXIMUM_WAITING
        admitted = not too_many and self._slots.acquire(timeout=_WAIT_SECONDS)
        try:
            yield admitted
        finally:
            if admitted:
                self._slots.release()
            with self._lock:
                self._waiting -= 1


def lower_priority() -> None:
    """Give the calling thread the lowest urgency, so that hashing leaves the event loop its core (Linux alone)."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _parameters(stored: str) -> Parameters | None:
    try:
        parameters = extract_parameters(stored)
    except InvalidHashError:
        return None
    within = all(getattr(parameters, name) <= bound for name, bound in _BOUNDS.items())
    return parameters if within and parameters.type is Type.ID else None


def _busy() -> Denied:
    return Denied(BUSY, retry_after=5)
