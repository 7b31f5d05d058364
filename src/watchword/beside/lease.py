"""The lease of an app's process: the statements of `storage.lease`, carried to the server, and its stream of events."""

import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Final, final

from watchword.beside.client import SILENCE, ServerClient
from watchword.features.service_keys.messages import (
    AcknowledgeInput,
    DoneAnswer,
    HeldAnswer,
    LeaseInput,
    LookAnswer,
    TakeInput,
    TellInput,
)
from watchword.foundation.clock import Clock
from watchword.foundation.errors import StoreUnavailableError
from watchword.storage.board import Look
from watchword.storage.lease import POLL, RENEWAL

_FIRST: Final = 1.0
"""Seconds in which the stream has to say its first word."""
_RETRY: Final = 1.0
"""Seconds between two tries to open the stream."""
_BREATH: Final = 0.002
"""Seconds between two looks at least, however fast a stream talks."""


@final
class ServerBoard:
    """The board, through the server.

    Args:
        client: calls it.
    """

    def __init__(self, client: ServerClient) -> None:
        self._client = client

    def take(self, worker: str, *, listens: bool, lapses: int, lapsed: str | None) -> None:
        """Have a lease's row written."""
        self._client.call("lease", TakeInput(worker=worker, listens=listens, lapses=lapses, lapsed=lapsed), DoneAnswer)

    def look(self, worker: str) -> Look | None:
        """Return what stands there now, or `None` where this worker has no row (any more)."""
        answer = self._client.call("lease/look", LeaseInput(worker=worker), LookAnswer)
        return Look(frozenset(answer.acknowledged), answer.revocations) if answer.held else None

    def acknowledge(self, worker: str, names: Iterable[str]) -> bool:
        """Have it written that these are heeded; `False` where the worker has no row."""
        body = AcknowledgeInput(worker=worker, revocations=list(names))
        return self._client.call("lease/acknowledge", body, HeldAnswer).held

    def tell(self, worker: str, hits: int, misses: int) -> None:
        """Have it written how the lease serves."""
        self._client.call("lease/tell", TellInput(worker=worker, hits=hits, misses=misses), DoneAnswer)

    def give_back(self, worker: str) -> None:
        """Have the row deleted."""
        self._client.call("lease/end", LeaseInput(worker=worker), DoneAnswer)

    def forget(self, names: Iterable[str]) -> None:
        """Leave it to the server, which trusts no app to say which revocations are over."""


@final
class _Listener:
    """The thread that reads the stream of events, and opens it again when it ends."""

    def __init__(self, client: ServerClient, clock: Clock) -> None:
        self.came = threading.Event()
        self._client = client
        self._clock = clock
        self._stopped = threading.Event()
        self._alive_until = 0.0
        threading.Thread(target=self._run, name="watchword-events", daemon=True).start()

    @property
    def is_alive(self) -> bool:
        """Whether something was heard of late."""
        return self._clock.monotonic() < self._alive_until

    def stop(self) -> None:
        """Read no more."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._listen()
            except StoreUnavailableError:
                self._alive_until = 0.0
                self._stopped.wait(_RETRY)

    def _listen(self) -> None:
        with self._client.events() as chunks:
            for chunk in chunks:
                if self._stopped.is_set():
                    return
                self._alive_until = self._clock.monotonic() + SILENCE
                # Whatever is more than a heartbeat says "look"; so nothing has to be parsed, nor can be misread.
                if chunk.strip(b":\n"):
                    self.came.set()


@final
class ServerLink:
    """An open way to the board."""

    def __init__(self, board: ServerBoard, listener: _Listener) -> None:
        self.board = board
        self._listener = listener

    @property
    def listens(self) -> bool:
        """Whether events come."""
        return self._listener.is_alive

    def pause(self, stopped: threading.Event) -> bool:
        """Wait for an event, or until the next renewal; tell whether there may be something new."""
        stopped.wait(_BREATH)
        came = self._listener.came.wait(RENEWAL if self._listener.is_alive else POLL)
        self._listener.came.clear()
        return came


@final
class ServerSource:
    """Opens the way to the server's board.

    Args:
        client: calls the server.
        clock: tells whether the stream is silent.
    """

    def __init__(self, client: ServerClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._listener: _Listener | None = None

    @contextmanager
    def connected(self) -> Generator[ServerLink]:
        """Listen for the length of the block."""
        listener = self._listener = _Listener(self._client, self._clock)
        try:
            listener.came.wait(_FIRST)
            yield ServerLink(ServerBoard(self._client), listener)
        finally:
            listener.stop()

    def wake(self) -> None:
        """Let whoever pauses look at once."""
        if self._listener is not None:
            self._listener.came.set()

    def is_unavailable(self, error: Exception) -> bool:
        """Tell whether the error means that the server can't be reached now."""
        return isinstance(error, StoreUnavailableError)

    def after_fork(self) -> None:
        """Leave the parent's stream alone."""
        self._listener = None
