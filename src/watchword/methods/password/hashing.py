"""Passwords as Argon2id hashes (RFC 9106): made, checked, raised, in bounded number at once."""

import functools
import time
import unicodedata
from dataclasses import dataclass
from typing import final

from argon2 import Parameters, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type, hash_secret, verify_secret
from argon2.profiles import RFC_9106_LOW_MEMORY

from watchword.foundation.errors import ConfigurationError, Denied, FieldError
from watchword.foundation.secrets import Secret, random_bytes
from watchword.methods.password.threads import HashingThreads

MINIMUM_CHARACTERS = 8
MAXIMUM_BYTES = 4096
_SALT_BYTES = 16
_HASH_BYTES = 32
_OWASP_MEMORY = {1: 47_104, 2: 19_456}
"""The least memory in KiB by iterations; with more than two, no less than with two."""


@final
@dataclass(frozen=True, slots=True)
class Figures:
    """The cost of a hash: `memory` in KiB, `iterations` over it, `lanes` in parallel.

    Raises:
        ConfigurationError: no hash can be made with them, or it would be taken for an attack when it is checked.
    """

    memory: int = 31_744
    iterations: int = 3
    lanes: int = 1

    def __post_init__(self) -> None:
        if not _within_bounds(self.memory, self.iterations, self.lanes):
            raise ConfigurationError(
                f"Argon2id can't work with memory={self.memory} KiB, iterations={self.iterations}, lanes={self.lanes}: "
                "use 8 KiB a lane up to 262144 KiB in all, 1 to 10 iterations and 1 to 8 lanes"
            )

    def check(self) -> None:
        """Refuse figures below OWASP's minimum: 19 MiB twice, or 46 MiB once (Password Storage Cheat Sheet; CB-142).

        Raises:
            ConfigurationError: they are below.
        """
        if self.memory < _OWASP_MEMORY[min(self.iterations, 2)]:
            raise ConfigurationError(
                f"Argon2id with memory={self.memory} KiB, iterations={self.iterations} is below OWASP's minimum: "
                "use at least memory=19456, iterations=2 or memory=47104, iterations=1"
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

    8 characters to 4,096 bytes; every character counts, spaces and emoji too (NIST SP 800-63B, 3.1.1.2). The length is
    bounded before NFC, whose time grows with the square of a run of combining marks (A83).
    """
    too_long = FieldError(field, f"at most {MAXIMUM_BYTES} bytes", reason="too_long")
    if len(text) > MAXIMUM_BYTES:
        return too_long
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        return FieldError(field, "text without NUL characters and lone surrogates", reason="other")
    if len(text.encode()) > MAXIMUM_BYTES:
        return too_long
    normal = unicodedata.normalize("NFC", text)
    if len(normal.encode()) > MAXIMUM_BYTES:
        return too_long
    if len(normal) < MINIMUM_CHARACTERS:
        return FieldError(field, f"at least {MINIMUM_CHARACTERS} characters", reason="too_short")
    return Secret(normal)


@final
class PasswordHasher:
    """Makes and checks hashes, as many at once as there are cores; the rest waits, and past a bound is refused (A85)."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._time_of_one = 0
        self._threads = HashingThreads()

    def hash(self, password: Secret) -> str | Denied:
        """Return the hash in PHC form with a fresh salt, or the refusal when too many wait."""
        return self._threads.run(lambda: self._hash(password))

    def verify(self, stored: str | None, password: Secret) -> Verified | Mismatch | Denied:
        """Check the password against a stored hash.

        `None` (no such account, or one without a password) costs the time of a wrong password, and so does a hash of
        cheaper figures: the time it saves is spent on thrown-away hashes (A76).
        """
        return self._threads.run(lambda: self._verify(stored, password))

    @functools.cached_property
    def _parameters(self) -> Parameters:
        figures = self._figures
        version = RFC_9106_LOW_MEMORY.version
        return Parameters(Type.ID, version, _SALT_BYTES, _HASH_BYTES, figures.iterations, figures.memory, figures.lanes)

    def _verify(self, stored: str | None, password: Secret) -> Verified | Mismatch:
        parameters = _parameters(stored) if stored is not None else None
        if stored is None or parameters is None:
            self._hash(password)
            return Mismatch()
        begin = time.perf_counter_ns()
        try:
            verify_secret(stored.encode(), password.reveal().encode(), Type.ID)
        except VerificationError:
            if parameters != self._parameters:
                self._spend_the_rest(begin)
            return Mismatch()
        return Verified(needs_rehash=parameters != self._parameters)

    def _hash(self, password: Secret) -> str:
        figures, salt = self._figures, random_bytes(_SALT_BYTES)
        text = password.reveal().encode()
        begin = time.perf_counter_ns()
        made = hash_secret(text, salt, figures.iterations, figures.memory, figures.lanes, _HASH_BYTES, Type.ID)
        self._time_of_one = time.perf_counter_ns() - begin
        return made.decode()

    def _spend_the_rest(self, begin: int) -> None:
        """Go on hashing until as much time has passed since `begin` as the last hash of today's figures took.

        The time is measured, for the figures do not tell it: getting fresh memory takes up to half of it, and whether
        the memory is fresh is the allocator's choice.
        """
        share = max(8, self._figures.memory * self._figures.iterations // 128)
        salt = bytes(_SALT_BYTES)
        while time.perf_counter_ns() - begin < self._time_of_one:
            hash_secret(b"", salt, 1, share, 1, _HASH_BYTES, Type.ID)


def _parameters(stored: str) -> Parameters | None:
    try:
        parameters = extract_parameters(stored)
    except InvalidHashError:
        return None
    within = _within_bounds(parameters.memory_cost, parameters.time_cost, parameters.parallelism)
    return parameters if within and parameters.type is Type.ID else None


def _within_bounds(memory: int, iterations: int, lanes: int) -> bool:
    """Tell whether a hash of this cost may be computed: one past the bounds would stop the service (A84)."""
    return 1 <= lanes <= 8 and 1 <= iterations <= 10 and 8 * lanes <= memory <= 256 * 1024
