"""The threads that hash passwords: as many as there are cores, less urgent than all others, with a bounded queue."""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, final

from watchword.foundation.errors import BUSY, Denied

URGENCY = 19
"""Nice level, the highest there is: where an event loop wants a core, a hash gives way, as `benchmarks/flood.py` shows."""
_WAIT_SECONDS = 20
_MAXIMUM_WAITING = 256
Result = TypeVar("Result")


@final
class HashingThreads:
    """Runs work that spends a core; past a bound it is refused (A85).

    Such work has threads of its own: one that is low in priority must run no other Python code, since whoever waits
    for the interpreter lock would wait until the system finds time for the thread that holds it.
    """

    def __init__(self) -> None:
        self._begin()

    def run(self, work: Callable[[], Result]) -> Result | Denied:
        """Return what the work returns, or the refusal where too much waits already, or it waited for too long."""
        if self._process != os.getpid():
            self._begin()
        with self._lock:
            if self.waiting >= _MAXIMUM_WAITING:
                return _busy()
            self.waiting += 1
        try:
            future = self._pool.submit(work)
            try:
                return future.result(_WAIT_SECONDS)
            except TimeoutError:
                return _busy() if future.cancel() else future.result()
        finally:
            with self._lock:
                self.waiting -= 1

    def _begin(self) -> None:
        """Start from nothing, in this process: a fork copies no threads."""
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(available_cores(), "watchword-hash", initializer=lower_priority)
        self.waiting = 0


def lower_priority() -> None:
    """Make the calling thread less urgent, so that hashing leaves the event loop its core (Linux alone)."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), URGENCY)


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _busy() -> Denied:
    return Denied(BUSY, retry_after=5)
