"""When sessions were last used: noted in memory, written in batches by a thread that no request waits for."""

import logging
import os
import threading
from typing import Final, final

from watchword.foundation.errors import StoreUnavailableError
from watchword.sessions import records
from watchword.storage.store import Store

_GATHER: Final = 1.0
"""Seconds in which notes are gathered for one transaction."""
_BATCH: Final = 500
_PATIENCE: Final = 10.0
"""Seconds that the end waits for a transaction under way."""
_log = logging.getLogger("watchword.sessions")


@final
class Activity:
    """Notes of use on their way to the database.

    The gate makes one for each session and activity interval. A crash loses those of the last second, so that a session
    counts as idle for one activity interval longer than it was.

    Args:
        store: where sessions are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._noted: dict[str, int] = {}
        self._wanted = False
        self._forget_thread()

    def start(self) -> None:
        """Write what is noted from now on. After a fork, the child's thread starts with its first note."""
        self._stopped.clear()
        self._wanted = True

    def stop(self) -> None:
        """Write what is left, and nothing more."""
        self._wanted = False
        self._stopped.set()
        self._awake.set()
        if self._thread is not None and self._process == os.getpid():
            self._thread.join(_PATIENCE)
        try:
            self.flush()
        except StoreUnavailableError:
            _log.warning("the last use of %d sessions is lost: the database can't answer", len(self._noted))

    def note(self, session_id: str, at: int) -> None:
        """Note that the session was used, in milliseconds since the Unix epoch. Reads and writes no database."""
        self._noted[session_id] = at
        if self._wanted:
            self._wake()

    def flush(self) -> None:
        """Write what is noted.

        Raises:
            StoreUnavailableError: the database can't answer; it stays noted.
        """
        noted = list(self._noted.copy().items())
        for first in range(0, len(noted), _BATCH):
            batch = noted[first : first + _BATCH]
            # The time of last use is a convenience: it need not wait for the disk.
            with self._store.write(durable=False) as tx:
                records.touch(tx, batch)
            for session_id, at in batch:
                if self._noted.get(session_id) == at:
                    self._noted.pop(session_id, None)

    def _wake(self) -> None:
        if self._process != os.getpid():
            self._forget_thread()
        if not self._awake.is_set():
            with self._starting:
                if self._thread is None or not self._thread.is_alive():
                    self._process = os.getpid()
                    self._thread = threading.Thread(target=self._run, name="watchword-activity", daemon=True)
                    self._thread.start()
            self._awake.set()

    def _forget_thread(self) -> None:
        # A fork copies no thread, and may copy a lock that a thread of the parent held.
        self._process = os.getpid()
        self._thread: threading.Thread | None = None
        self._awake = threading.Event()
        self._stopped = threading.Event()
        self._starting = threading.Lock()

    def _run(self) -> None:
        while self._wanted:
            self._awake.wait()
            self._stopped.wait(_GATHER)
            self._awake.clear()
            try:
                self.flush()
            except StoreUnavailableError:
                pass  # The store has logged it, and the notes are kept for the next turn.
            except Exception:
                _log.exception("writing when sessions were used failed")
