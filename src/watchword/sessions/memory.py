"""The sessions that a process remembers, so that a check need not read the database."""

import contextlib
from collections import OrderedDict
from typing import Final, final

import msgspec

from watchword.foundation.telemetry import Checks
from watchword.sessions.session import Session
from watchword.storage.epoch import EpochFile
from watchword.storage.lease import Lease

_CHANCES: Final = 16
"""So many entries in use are passed over before one has to go all the same: no check pays for a long search."""


class Remembered(msgspec.Struct, gc=False):
    """A live session, and how long the answer counts.

    Attributes:
        session: as a cookie shows it.
        until: in `monotonic()` seconds; from then on its row is read again.
        epoch, shard, number: it counts while that is trusted, and its word of this shard is no greater
            (`storage.epoch`, `storage.lease`).
        used: whether it was asked for since it last had to be spared.
    """

    session: Session
    until: float
    epoch: EpochFile | Lease
    shard: int
    number: int
    used: bool = False

    def counts(self, now: float) -> bool:
        """Tell whether it may still be answered from memory: no lock, no I/O."""
        epoch = self.epoch
        return now < self.until and now < epoch.trusted_until and epoch.words[self.shard] <= self.number


@final
class SessionMemory:
    """Sessions by the SHA-256 of their token, in bounded number.

    Only live sessions get in, so tokens that somebody makes up take no room. To make room, the oldest entry goes that
    was not asked for lately (second chance: least recently used, but for the order among those in use), so that a hit
    writes nothing but a mark. Each step is one operation of a dictionary: threads need no lock, and neither does a fork.

    Args:
        size: so many at most.

    Attributes:
        hits, misses, refused: checks that were answered from memory, that were not, and of these, those answered with no. Threads that count at the same moment
            may lose one: they are for people.
    """

    def __init__(self, size: int) -> None:
        self.hits = 0
        self.misses = 0
        self.refused = 0
        self._size = size
        self._entries: OrderedDict[bytes, Remembered] = OrderedDict()
        self.get = self._entries.get
        """Return what is remembered for this digest, or `None`."""

    def statistics(self) -> tuple[int, int]:
        """Return the hits and the misses."""
        return self.hits, self.misses

    def checks(self) -> Checks:
        """Return them, and how many of the misses were refused."""
        return Checks(self.hits, self.misses, self.refused)

    def __len__(self) -> int:
        return len(self._entries)

    def keep(self, digest: bytes, entry: Remembered) -> None:
        """Remember the session."""
        self._entries[digest] = entry
        chances = _CHANCES
        # Another thread may be making room too, and leave nothing to take out.
        with contextlib.suppress(KeyError):
            while len(self._entries) > self._size:
                oldest, candidate = self._entries.popitem(last=False)
                if candidate.used and chances:
                    chances -= 1
                    candidate.used = False
                    self._entries[oldest] = candidate

    def forget(self, digest: bytes) -> None:
        """Forget the session, where it is remembered."""
        self._entries.pop(digest, None)
