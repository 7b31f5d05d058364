"""Leases: how workers on many machines answer session checks from memory, and none outlives a revocation.

On PostgreSQL, and engines that speak its protocol, every process that serves (a worker) has a row in `leases` while it
may answer from memory. It is a lease after Gray & Cheriton, "Leases: an efficient fault-tolerant mechanism for
distributed file cache consistency" (SOSP 1989), with one turn: nobody's wall clock is asked, not even the database's.

- **Revoke** (`storage.announcement`): the transaction that changes sessions writes a row into `revocations`, so both are
  seen together or not at all. After the COMMIT, it sends a notification, and waits until each worker that has a row has
  written there that it knows; or until `OVER` seconds of its own monotonic clock have passed since the COMMIT returned.
  Then it deletes the rows of workers that are silent, and its own row.
- **Renew**: a worker notes the time, then reads its row and all revocations. It heeds those that are new to it (what it
  remembers of these users counts no more), writes that into its row, and may answer from memory until `LEASE` seconds
  after the time it noted. It does so when a notification arrives, and twice a second whatever arrives.
- **Remember and check** are as in `storage.epoch`, with numbers in the process's own memory: take the number of the last
  revocation heeded, read the database, keep both; what is remembered counts while its shard holds no greater number, and
  while the lease lives. No lock, no I/O.

Why that is enough. A worker either read after the COMMIT, then it saw the revocation and had heeded it before it wrote
so; or it last read before the COMMIT, then its lease is over before `OVER` has passed. No order of numbers or of commits
is relied on: the rows in `revocations` are a set, in which each is named.

What is easily got wrong, and held by tests/sessions/test_lease_model.py:

- The time is noted before the rows are read, never after.
- What has not been written into the row (it is gone: a revocation waited in vain) extends nothing.
- A renewal that comes back after the lease has run out renews nothing: revocations may have come and gone meanwhile. The
  worker begins anew, under another name, with nothing remembered. So it does after each lost connection, so that nothing
  that is still on its way through the former one can speak for it.
- A new row is no trust yet: only the first renewal is, since a row that has acknowledged nothing may be deleted.
- Acknowledgements are durable: one that a crash of the database undid would let a living worker's row be deleted.
- A revocation whose process died stays, until a worker has known it for twice `OVER`: by then all have heeded it, or
  begun anew. Whoever comes back from standing still and finds its own gone may return, and must delete nobody's row.

An app beside a server of its own (`watchword.beside`) is a worker like any other: its statements travel over HTTP to the
server, which carries them out, and so does the notification, as an event of a stream. On SQLite, where the server's own
processes share an epoch, there are leases and announcements only for such apps.

Notifications only make it quick. Where none come (CockroachDB; a pooler that takes connections away after each
transaction), found out by sending one, workers look four times a second.

Relied on: what a transaction has committed is seen by every read that begins later; CLOCK_MONOTONIC, whose rates on two
machines differ by less than a twentieth. A virtual machine that is paused stands still together with that clock: for the
rest of its lease it can answer what was revoked meanwhile.
"""

import math
import threading
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, final

from watchword.foundation.clock import Clock
from watchword.foundation.ids import new_id
from watchword.storage.board import Board
from watchword.storage.epoch import WORDS

LEASE: Final = 2.0
"""Seconds that a worker may answer from memory after it asked. So long, too, a worker that stands still delays a
revocation; a shorter lease would run out whenever a busy machine, or the database, pauses for a moment."""
OVER: Final = LEASE * 1.05
"""Seconds after which whoever revokes takes every lease for run out that was not renewed."""
RENEWAL: Final = 0.5
"""Seconds between renewals where notifications come: three may fail before the lease runs out."""
POLL: Final = 0.25
"""Seconds between renewals where none come; half of it is what a revocation takes there at least, on average."""
CHANNEL: Final = "watchword"
"""Of the notifications. They say nothing but "look"."""
_NEVER: Final = -math.inf


class Lapse(StrEnum):
    """Why a worker reads the database for each check, for now."""

    CUT_OFF = "cut_off"
    """The database can't be reached, or the connection was lost."""
    LATE = "late"
    """A renewal took longer than the lease: the process stood still, or the database was slow."""
    TAKEN_AWAY = "taken_away"
    """A revocation waited in vain for this worker and deleted its lease."""


class LeaseLostError(Exception):
    """The lease is over; another one has to be taken.

    Args:
        reason: why.
    """

    def __init__(self, reason: Lapse) -> None:
        super().__init__(reason)
        self.reason = reason


@final
class Lease:
    """What one worker may answer from memory, and until when: its own epoch.

    Args:
        clock: whose `monotonic()` counts.

    Attributes:
        worker: its name in the database; never used again.
        words: for each shard of users, the number of the last revocation of one of them that was heeded.
        ended: the number of the last revocation heeded: take it before you read what you remember.
        trusted_until: in `monotonic()` seconds.
    """

    __slots__ = ("_changing", "_clock", "_known", "ended", "trusted_until", "words", "worker")

    def __init__(self, clock: Clock) -> None:
        self.worker = new_id("wkr")
        self.words = memoryview(bytearray(8 * WORDS)).cast("Q")
        self.ended = 0
        self.trusted_until = _NEVER
        self._clock = clock
        self._known: dict[str, float] = {}
        self._changing = threading.Lock()

    def revoke(self, shards: Iterable[int]) -> None:
        """Let nothing count any more that was read of these users before this call."""
        with self._changing:
            number = self.ended + 1
            for shard in shards:
                self.words[shard] = number
            self.ended = number

    def take(self, board: Board, *, listens: bool, lapses: int = 0, lapsed: Lapse | None = None) -> None:
        """Write its row. It is not trusted before it was renewed once.

        Args:
            board: where; here as below.
            listens: whether a notification gets through.
            lapses: how many leases this worker has lost.
            lapsed: why it lost the last one.
        """
        board.take(self.worker, listens=listens, lapses=lapses, lapsed=lapsed)

    def renew(self, board: Board) -> None:
        """Heed what was revoked, say so, and trust the memory from then on for `LEASE` seconds since this call.

        Raises:
            LeaseLostError: it is over, and what is remembered under it counts no more.
        """
        before = self._clock.monotonic()
        look = board.look(self.worker)
        after = self._clock.monotonic()
        if look is None:
            raise LeaseLostError(Lapse.TAKEN_AWAY)
        if _NEVER < self.trusted_until <= after:
            raise LeaseLostError(Lapse.LATE)
        for shards in (shards for name, shards in look.found.items() if name not in self._known):
            self.revoke(map(int, shards.split()))
        self._known = {name: self._known.get(name, after) for name in look.found}
        # What the row says, not what was sent to it: the database may have lost that in a crash.
        if not look.found.keys() <= look.acknowledged and not board.acknowledge(self.worker, look.found):
            raise LeaseLostError(Lapse.TAKEN_AWAY)
        self.trusted_until = before + LEASE
        self._clear_up(board, after)

    def tell(self, board: Board, hits: int, misses: int) -> None:
        """Write down how many checks were answered from memory, and how many were not."""
        board.tell(self.worker, hits, misses)

    def end(self) -> None:
        """Answer nothing from memory any more."""
        self.trusted_until = _NEVER

    def give_back(self, board: Board) -> None:
        """End it, and let nobody wait for it."""
        self.end()
        board.give_back(self.worker)

    def _clear_up(self, board: Board, now: float) -> None:
        """Delete revocations that whoever revoked left behind: by now every worker has heeded them, or begun anew."""
        left = [name for name, since in self._known.items() if now - since > 2 * OVER]
        if left:
            board.forget(left)
