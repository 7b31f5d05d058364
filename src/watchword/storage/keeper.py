"""The thread that keeps this process's lease alive, on a connection of its own."""

import atexit
import logging
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, cast, final

import sqlalchemy.exc
from sqlalchemy import Connection, Engine, text

from watchword.foundation.clock import Clock
from watchword.foundation.ids import new_id
from watchword.storage import engine as engines
from watchword.storage.lease import CHANNEL, POLL, RENEWAL, Lapse, Lease, LeaseLostError

if TYPE_CHECKING:
    import psycopg

_RETRY: Final = 0.5
"""Seconds between two tries to take a lease."""
_ECHO: Final = 1.0
"""Seconds in which the notification that a worker sends itself has to come back."""
TOLD: Final = 10
"""Seconds between two turns of telling `watchword doctor` how it goes."""
_PATIENCE: Final = 2.0
"""Seconds that the end waits for the thread."""
_log = logging.getLogger("watchword.storage")


@final
class LeaseKeeper:
    """The lease of this process. See `storage.lease`.

    Args:
        engine: of the database.
        clock: whose `monotonic()` counts.

    Attributes:
        lease: the one in force, or the last one.
        lapses: how many were lost.
        lapsed: why the last one was, until there is one again.
        listens: whether notifications come, as far as known.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.lapses = 0
        self.lapsed: Lapse | None = None
        self.listens: bool | None = None
        self._statistics: Callable[[], tuple[int, int]] = lambda: (0, 0)
        self._engine = engine
        self._clock = clock
        self._wanted = False
        self._of_parents: list[Connection | None] = []
        self._connection: Connection | None = None
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
            with suppress(sqlalchemy.exc.SQLAlchemyError):  # then it looks by itself in a moment
                self._wake()
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

    def after_fork(self) -> None:
        """Leave the parent's lease, thread and connection alone."""
        self._of_parents.append(self._connection)
        self._connection = None
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
                with self._connected() as connection:
                    self.listens = self._can_listen(connection)
                    self._hold(connection, stopped)
            except LeaseLostError as lost:
                self._note(lost.reason)
                if lost.reason is Lapse.CUT_OFF:
                    stopped.wait(_RETRY)
            except Exception as error:
                if self.lapsed is None and not engines.is_unavailable(error):
                    _log.exception("keeping the lease failed")
                self._note(Lapse.CUT_OFF)
                stopped.wait(_RETRY)

    def _hold(self, connection: Connection, stopped: threading.Event) -> None:
        """Take a lease, and renew it until it is lost or given back."""
        former, lease = self.lease, Lease(self._clock)
        former.end()
        lease.take(connection, listens=self.listens is True, lapses=self.lapses, lapsed=self.lapsed)
        former.give_back(connection)
        self.lease = lease
        told = self._clock.monotonic()
        try:
            while not stopped.is_set():
                lease.renew(connection)
                if self.lapsed:
                    _log.info("session checks are answered from memory again")
                    self.lapsed = None
                if self._clock.monotonic() - told > TOLD:
                    told = self._clock.monotonic()
                    lease.tell(connection, *self._statistics())
                self._pause(connection, stopped)
            lease.give_back(connection)
        finally:
            lease.end()

    def _pause(self, connection: Connection, stopped: threading.Event) -> None:
        if not self.listens:
            stopped.wait(POLL)
            return
        _hears(connection, RENEWAL)

    def _can_listen(self, connection: Connection) -> bool:
        """Tell whether notifications come, by sending one: a pooler that lends connections takes them away."""
        try:
            connection.execute(text(f"LISTEN {CHANNEL}"))
            self._wake(echo := new_id("ech"))
            came = _hears(connection, _ECHO, echo)
        except sqlalchemy.exc.DBAPIError as error:
            if engines.is_unavailable(error):
                raise
            came = False  # CockroachDB knows no LISTEN.
        if not came and self.listens is not False:
            _log.warning("no notifications come from the database: leases are renewed by polling")
        return came

    def _wake(self, payload: str = "") -> None:
        """Send a notification, by a connection other than the one that listens."""
        with self._engine.begin() as connection:
            connection.execute(text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": payload})

    def _note(self, reason: Lapse) -> None:
        if self.lapsed is None:
            self.lapses += 1
            _log.warning("session checks read the database until there is a lease again: %s", reason)
        self.lapsed = reason

    @contextmanager
    def _connected(self) -> Generator[Connection]:
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.detach()
        # Held here, so that a child made by fork does not close it with the memory of the thread that it lacks.
        self._connection = connection
        try:
            yield connection
        finally:
            self._connection = None
            connection.close()


def _hears(connection: Connection, seconds: float, payload: str | None = None) -> bool:
    """Wait for notifications, or for the one with this payload; tell whether it came in time."""
    import psycopg

    driver = cast("psycopg.Connection[Any]", connection.connection.dbapi_connection)
    try:
        if payload is None:  # one look serves all that have come
            return bool(list(driver.notifies(timeout=seconds, stop_after=1)))
        return any(note.payload == payload for note in driver.notifies(timeout=seconds))
    except psycopg.OperationalError as error:
        raise LeaseLostError(Lapse.CUT_OFF) from error
