"""Upkeep: what is over is deleted now and then, by a thread that nobody waits for."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import final

from watchword.foundation.clock import MINUTE, SECOND
from watchword.foundation.errors import StoreUnavailableError
from watchword.storage.store import Store, Transaction

INTERVAL = 10 * MINUTE
_log = logging.getLogger("watchword.storage")


@final
class Upkeep:
    """Runs the rooms' sweeps, each in a transaction of its own.

    Args:
        store: the database.
        sweeps: what to run; correctness never waits for it, since what is over is refused when it is read.
    """

    def __init__(self, store: Store, sweeps: Sequence[Callable[[Transaction], object]]) -> None:
        self._store = store
        self._sweeps = sweeps
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin, in a daemon thread."""
        self._stop.clear()
        threading.Thread(target=self._run, name="watchword-upkeep", daemon=True).start()

    def stop(self) -> None:
        """Run no more."""
        self._stop.set()

    def run_once(self) -> None:
        """Run every sweep now."""
        for sweep in self._sweeps:
            with self._store.write(durable=False) as tx:
                sweep(tx)

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL / SECOND):
            try:
                self.run_once()
            except StoreUnavailableError:
                _log.warning("upkeep waits: the database can't answer")
