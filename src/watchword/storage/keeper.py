"""The thread that keeps this process's lease alive, on a way of its own to the board."""

import atexit
import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Final, Protocol, final

from watchword.foundation.clock import Clock
from watchword.storage.board import Board
from watchword.storage.lease import Lapse, Lease, LeaseLostError

_RETRY: Final = 0.5
"""Seconds between two tries to take a lease."""
TOLD: Final = 10
"""Seconds between two turns of telling `watchword doctor` how it goes."""
_PATIENCE: Final = 2.0
"""Seconds that the end waits for the thread."""
_log = logging.getLogger("watchword.storage")


class Link(Protocol):
    """An open way to the board."""

    @property
    def board(self) -> Board:
        """The board."""
        ...

    @property
    def listens(self) -> bool:
        """Whether notifications come."""
        ...

    def pause(self, stopped: threading.Event) -> bool:
        """Wait for a notification, or until the next renewal; tell whether there may be something new."""
        ...


class Source(Protocol):
    """Opens the way to the board."""

    def connected(self) -> AbstractContextManager[Link]:
        """Open it for the length of the block."""
        ...

    def wake(self) -> None:
        """Let whoever pauses on it look at once."""
        ...

    def is_unavailable(self, error: Exception) -> bool:
        """Tell whether the error means that the board can't be reached now."""
        ...

    def after_fork(self) -> None:
        """Leave the parent's connections alone."""
        ...


@final
class LeaseKeeper:
    """The lease of this process. See `storage.lease`.

    Args:
        source: the way to the board.
        clock: whose `monotonic()` counts.

    Attributes:
        lease: the one in force, or the last one.
        lapses: how many were lost.
        lapsed: why the last one was, until there is one again.
        listens: whether notifications come, as far as known.
        heard: how often there may have been something new.
    """

    def __init__(self, source: Source, clock: Clock) -> None:
        self.lapses = 0
        self.lapsed: Lapse | None = None
        self.listens: bool | None = None
        self.heard = 0
        self._statistics: Callable[[], tuple[int, int]] = lambda: (0, 0)
        self._source = source
        self._clock = clock
        self._wanted = False
        self._forget_thread()

    def start(self, statistics: Callable[[], tuple[int, int]]) -> None:
        """Take a lease, and keep it. After a fork, the child takes its own with its first check.

        Args:
            statistics: gives how many checks were answered from memory, and how many were not.
        """
        self._statistics = statistics
        self._wanted = True
        # Not every server tells an app that it stops: with its lease left behind, the next revocation would wait for it.
        atexit.register(self.stop)
        self._ensure_thread()

    def stop(self) -> None:
        """Give the lease back, and answer nothing from memory any more."""
        self._wanted = False
        atexit.unregister(self.stop)
        self._stopped.set()
        thread = self._thread
        if thread is not None and thread.is_alive():
            with suppress(Exception):  # then it looks by itself in a moment
                self._source.wake()
            thread.join(_PATIENCE)
        self.lease.end()

    def mark(self) -> tuple[Lease, int] | None:
        """Return what to remember beside an answer that is read after this call, or `None`: remember nothing."""
        lease = self.lease
        if self._clock.monotonic() < lease.trusted_until:
            return lease, lease.ended
        if self._wanted:
            self._ensure_thread()
        return None

    @property
    def signal(self) -> int | None:
        """A number that changes when something may have been revoked; `None` where nobody would notice."""
        is_listening = self._thread is not None and self._thread.is_alive() and self.listens and self.lapsed is None
        return self.heard if is_listening else None

    def after_fork(self) -> None:
        """Leave the parent's lease, thread and connection alone."""
        self._source.after_fork()
        self._forget_thread()

    def _forget_thread(self) -> None:
        self.lease = Lease(self._clock)
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._starting = threading.Lock()

    def _ensure_thread(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._stopped = threading.Event()
                run = threading.Thread(target=self._run, args=(self._stopped,), name="watchword-lease", daemon=True)
                self._thread = run
                run.start()

    def _run(self, stopped: threading.Event) -> None:
        while not stopped.is_set():
            try:
                with self._source.connected() as link:
                    self._hold(link, stopped)
            except LeaseLostError as lost:
                self._note(lost.reason)
                if lost.reason is Lapse.CUT_OFF:
                    stopped.wait(_RETRY)
            except Exception as error:
                if self.lapsed is None and not self._source.is_unavailable(error):
                    _log.exception("keeping the lease failed")
                self._note(Lapse.CUT_OFF)
                stopped.wait(_RETRY)

    def _hold(self, link: Link, stopped: threading.Event) -> None:
        """Take a lease, and renew it until it is lost or given back."""
        board, former, lease = link.board, self.lease, Lease(self._clock)
        self.listens = link.listens
        former.end()
        lease.take(board, listens=link.listens, lapses=self.lapses, lapsed=self.lapsed)
        former.give_back(board)
        self.lease = lease
        told = self._clock.monotonic()
        try:
            while not stopped.is_set():
                lease.renew(board)
                if self.lapsed:
                    _log.info("session checks are answered from memory again")
                    self.lapsed = None
                if self._clock.monotonic() - told > TOLD:
                    told = self._clock.monotonic()
                    lease.tell(board, *self._statistics())
                self.heard += link.pause(stopped)
            lease.give_back(board)
        finally:
            lease.end()

    def _note(self, reason: Lapse) -> None:
        if self.lapsed is None:
            self.lapses += 1
            _log.warning("session checks can't be answered from memory until there is a lease again: %s", reason)
        self.lapsed = reason
