"""What was revoked, told at once to every process of this machine: numbers in a file mapped into memory.

The file lies beside the SQLite database and consists of words of eight bytes: `begun`, the number of the last revocation
that began; `ended`, that of the last one that is over; and for each of 1,016 shards of users, the number of the last
revocation that touched one of them. Two words more count checks, for people (`watchword doctor`).

- **Revoke**, with SQLite's write lock, hence alone: `begun` + 1 is its number, which goes into the users' shards; then
  COMMIT; then, the lock being gone, into `ended`.
- **Remember**: take `ended`, then read the database, and keep both.
- **Check**: what was remembered counts while the user's shard holds no greater number.

So what was read before a COMMIT counts for nothing once that COMMIT can be seen, and while a revocation is under way
its users' answers come from the database. It is a sequence lock whose two halves are words of their own instead of the
parity of one: a process that is stopped between its COMMIT and its last word keeps nobody waiting, and going on later
it can only set `ended` back, which makes others read more. Nor does a kill at any moment do worse.

Shards, because ending one session must not make everybody's be read again, but a thousandth, and a check is one look at
one word. A ring of the last revocations would be exact, but has to be searched, and whoever is lapped has nothing left.

**Which file counts.** The number in the database's `application_id` names it, and a file counts only at the inode where
it was made: a copy, or one that was put back, does not. Whoever writes and finds none that counts makes one. Processes
may still have the former one mapped, so each of them looks at `application_id` once a second before it trusts its file
any longer, and the first revocation in a new file returns only when that second is over. Who can make none (read-only
directory, no mmap) takes the name away in the same manner, and reads the database for each check.

Relied on: SQLite's write lock; a load or store of an aligned word of eight bytes is not torn (64-bit machines; CPython's
`memoryview` copies it in one move); what a process stored before its COMMIT is visible to whoever sees that COMMIT, or
hears of it (the locks in between are barriers); CLOCK_MONOTONIC. Not relied on: the interpreter lock.
"""

import math
import mmap
import os
import sqlite3
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final
from zlib import crc32

from watchword.foundation.clock import Clock
from watchword.foundation.secrets import random_bytes

TRUST: Final = 1.0
"""Seconds that a process trusts its file before it looks again whether it is the one that counts."""
WORDS: Final = 1024
"""Of eight bytes; those of users begin at the ninth."""
_SIZE: Final = 8 * WORDS
_FORMAT, _GENERATION, _INODE, _UNSETTLED, _BEGUN, _ENDED, _HITS, _MISSES, _FIRST_SHARD = 0, 1, 2, 3, 4, 5, 6, 7, 8
_OPEN: Final = os.O_RDWR | getattr(os, "O_BINARY", 0)
_FORMAT_1: Final = int.from_bytes(b"wwepoch1", "little")


EVERYONE: Final = "*"
"""In place of a user's id: whoever it is."""


def shard_of(user_id: str) -> int:
    """Return the index of the word that tells of this user's revocations, the same in every process."""
    return _FIRST_SHARD + crc32(user_id.encode()) % (WORDS - _FIRST_SHARD)


def shards_of(user_ids: Iterable[str]) -> set[int]:
    """Return the words of these users; all of them where it may be anybody."""
    users = set(user_ids)
    return set(range(_FIRST_SHARD, WORDS)) if EVERYONE in users else {shard_of(user) for user in users}


@final
class EpochFile:
    """One file, mapped.

    Attributes:
        words: its words. Never closed: who still checks may read on.
        generation: its name, as the database knows it.
        trusted_until: in `monotonic()` seconds; later, whoever checks must look again.
    """

    __slots__ = ("generation", "trusted_until", "words")

    def __init__(self, descriptor: int) -> None:
        self.words = memoryview(mmap.mmap(descriptor, _SIZE)).cast("Q")
        self.generation = self.words[_GENERATION]
        self.trusted_until = -math.inf

    @property
    def ended(self) -> int:
        """The number of the last revocation that is over: take it before you read what you remember."""
        return self.words[_ENDED]

    @property
    def signal(self) -> int:
        """A number that changes with each revocation that is over."""
        return self.words[_ENDED] ^ self.generation << 32

    def begin(self, shards: set[int]) -> int:
        """Note that these users' sessions are about to change; return the revocation's number."""
        number = self.words[_BEGUN] + 1
        self.words[_BEGUN] = number
        for shard in shards:
            self.words[shard] = number
        return number

    def end(self, number: int) -> None:
        """Note that this revocation is over, one way or the other."""
        self.words[_ENDED] = number

    @property
    def told(self) -> tuple[int, int]:
        """How many checks were answered from memory, and how many were not, as far as processes have told."""
        return self.words[_HITS], self.words[_MISSES]

    def tell(self, hits: int, misses: int) -> None:
        """Add checks. Processes that add at the same moment may lose some: nothing is decided by them."""
        self.words[_HITS] += hits
        self.words[_MISSES] += misses

    @property
    def is_unsettled(self) -> bool:
        """Whether some process may still trust the file before this one."""
        return bool(self.words[_UNSETTLED])

    def settle(self) -> None:
        """Note that nobody can trust the file before this one any more."""
        self.words[_UNSETTLED] = 0


@final
@dataclass(frozen=True, slots=True)
class Revocation:
    """One that has begun, and is not over before `Epoch.end()`.

    Attributes:
        file: where it was noted, or `None` where no file can be had.
        number: its number there, or `None` where it touches nobody.
        waits: whether others may trust what it could not reach.
    """

    file: EpochFile | None
    number: int | None
    waits: bool


@final
class Epoch:
    """The epoch of one SQLite database. See the module's docstring.

    Args:
        database: path of the database; the file lies beside it.
        clock: tells how long a file is trusted.

    Attributes:
        path: where the file is.
        trouble: why none can be had, or `None`.
    """

    def __init__(self, database: Path, clock: Clock) -> None:
        self.path = Path(f"{database.resolve()}-epoch")
        self.trouble: str | None = None
        self._clock = clock
        self._file: EpochFile | None = None
        self._next_look = -math.inf

    @property
    def is_missing(self) -> bool:
        """Whether a file should be made, or looked for, by the next transaction that writes."""
        return self._file is None and self.trouble is None

    @property
    def file(self) -> EpochFile | None:
        """The file, to be trusted until the moment that it names."""
        return self._file

    @property
    def told(self) -> tuple[int, int]:
        """How many checks were answered from memory, and how many were not, since the file was made."""
        return self._file.told if self._file is not None else (0, 0)

    @property
    def is_due(self) -> bool:
        """Whether it is time to `look()`."""
        return self._clock.monotonic() >= self._next_look

    def look(self, connection: sqlite3.Connection) -> None:
        """Trust the file for another second if it still counts, or the one that does."""
        before = self._clock.monotonic()
        generation = _generation(connection)
        file = self._file
        if file is None or file.generation != generation:
            self._take(self._open(generation))
        if self._file is not None:
            self._file.trusted_until = before + TRUST
        self._next_look = before + TRUST

    def begin(self, connection: sqlite3.Connection, users: set[str]) -> Revocation:
        """Note, just before the COMMIT, whose sessions the transaction changes.

        Args:
            connection: of the transaction, which holds the write lock.
            users: their ids. With none, only the file is made where it is missing.
        """
        generation = _generation(connection)
        file = self._file
        if file is None or file.generation != generation:
            file = self._open(generation) or self._make(connection, generation)
        if file is None and generation > 0 and users:
            # A negative number names no file, so from the COMMIT on nobody begins to trust one.
            connection.execute(f"PRAGMA application_id = -{generation}")
        if not users:
            return Revocation(file, None, waits=False)
        waits = generation != 0 if file is None else file.is_unsettled
        number = file.begin(shards_of(users)) if file is not None else None
        return Revocation(file, number, waits)

    def end(self, revocation: Revocation, *, committed: bool) -> None:
        """Note that it is over, and return when nobody can trust what was before it."""
        file = revocation.file
        if file is not None and revocation.number is not None:
            file.end(revocation.number)
        if not committed:
            return
        if file is not self._file:
            self._take(file)
        if revocation.waits:
            self._clock.sleep(TRUST + 0.001)
            if file is not None:
                file.settle()

    def _take(self, file: EpochFile | None) -> None:
        former, self._file = self._file, file
        self._next_look = -math.inf
        if former is not None:
            former.trusted_until = -math.inf

    def _open(self, generation: int) -> EpochFile | None:
        """Return the file that lies there if it is the one of that name, at the place where it was made."""
        if generation <= 0:
            return None
        try:
            descriptor = os.open(self.path, _OPEN)
        except OSError:
            return None
        try:
            # A shorter one must not be mapped: to touch what is not there ends the process.
            if os.fstat(descriptor).st_size < _SIZE:
                return None
            file = EpochFile(descriptor)
            expected = (_FORMAT_1, generation, _inode(descriptor))
            return file if tuple(file.words[_FORMAT : _INODE + 1]) == expected else None
        except (OSError, ValueError):
            return None
        finally:
            os.close(descriptor)

    def _make(self, connection: sqlite3.Connection, former: int) -> EpochFile | None:
        """Make a file under a new name, in the transaction that holds the write lock; `None` where that can't be."""
        generation = int.from_bytes(random_bytes(4), "little") % 0x7FFF_FFFE + 1
        draft = Path(f"{self.path}.new")
        try:
            file = _draft(draft, generation, is_first=former == 0)
            draft.replace(self.path)
        except (OSError, ValueError) as error:
            self.trouble = str(error)
            with suppress(OSError):
                draft.unlink()
            return None
        connection.execute(f"PRAGMA application_id = {generation}")
        self.trouble = None
        return file


def _draft(path: Path, generation: int, *, is_first: bool) -> EpochFile:
    if sys.maxsize < 2**32:
        raise OSError("a word of eight bytes is not written at once on a 32-bit machine")
    path.unlink(missing_ok=True)
    descriptor = os.open(path, _OPEN | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        words = (_FORMAT_1, generation, _inode(descriptor), not is_first)
        content = b"".join(word.to_bytes(8, sys.byteorder) for word in words).ljust(_SIZE, b"\0")
        # Written whole, so that its blocks are there: to touch a mapped page on a full disk ends the process.
        if os.write(descriptor, content) != _SIZE:
            raise OSError("the disk is full")
        return EpochFile(descriptor)
    finally:
        os.close(descriptor)


def _inode(descriptor: int) -> int:
    return os.fstat(descriptor).st_ino & 0xFFFF_FFFF_FFFF_FFFF


def _generation(connection: sqlite3.Connection) -> int:
    """Return the name of the file that counts: 0 where there never was one, negative where there is none."""
    return connection.execute("PRAGMA application_id").fetchone()[0]
