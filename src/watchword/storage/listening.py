"""The way of a PostgreSQL worker to the board: a connection of its own, on which notifications come."""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast, final

import sqlalchemy.exc
from sqlalchemy import Connection, Engine, text

from watchword.foundation.ids import new_id
from watchword.storage import engine as engines
from watchword.storage.board import DatabaseBoard
from watchword.storage.lease import CHANNEL, POLL, RENEWAL, Lapse, LeaseLostError

if TYPE_CHECKING:
    import threading

    import psycopg

_ECHO: Final = 1.0
"""Seconds in which the notification that a worker sends itself has to come back."""
_log = logging.getLogger("watchword.storage")


@final
class DatabaseLink:
    """An open way.

    Attributes:
        board: whose statements are transactions of their own.
        listens: whether notifications come.
    """

    def __init__(self, connection: Connection, *, listens: bool) -> None:
        self.board = DatabaseBoard(connection)
        self.listens = listens
        self._connection = connection

    def pause(self, stopped: "threading.Event") -> bool:
        """Wait for a notification, or until the next renewal; tell whether there may be something new."""
        if self.listens:
            return _hears(self._connection, RENEWAL)
        stopped.wait(POLL)
        return True


@final
class DatabaseSource:
    """Opens the way, and learns whether notifications come.

    Args:
        engine: of the database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._of_parents: list[Connection | None] = []
        self._connection: Connection | None = None
        self._listened: bool | None = None

    @contextmanager
    def connected(self) -> Generator[DatabaseLink]:
        """Open a connection for the length of the block."""
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.detach()
        # Held here, so that a child made by fork does not close it with the memory of the thread that it lacks.
        self._connection = connection
        try:
            self._listened = self._can_listen(connection)
            yield DatabaseLink(connection, listens=self._listened)
        finally:
            self._connection = None
            connection.close()

    def wake(self, payload: str = "") -> None:
        """Send a notification, by a connection other than the one that listens."""
        with self._engine.begin() as connection:
            connection.execute(text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": payload})

    def is_unavailable(self, error: Exception) -> bool:
        """Tell whether the error means that the database can't be reached now."""
        return engines.is_unavailable(error)

    def after_fork(self) -> None:
        """Leave the parent's connection alone."""
        self._of_parents.append(self._connection)
        self._connection = None

    def _can_listen(self, connection: Connection) -> bool:
        """Tell whether notifications come, by sending one: a pooler that lends connections takes them away."""
        try:
            connection.execute(text(f"LISTEN {CHANNEL}"))
            self.wake(echo := new_id("ech"))
            came = _hears(connection, _ECHO, echo)
        except sqlalchemy.exc.DBAPIError as error:
            if engines.is_unavailable(error):
                raise
            came = False  # CockroachDB knows no LISTEN.
        if not came and self._listened is not False:
            _log.warning("no notifications come from the database: leases are renewed by polling")
        return came


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
