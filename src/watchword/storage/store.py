"""The store: transactions on one database, SQLite or PostgreSQL."""

import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast, final
from weakref import WeakSet

from sqlalchemy import ClauseElement, Connection, CursorResult, Delete, Pool, Select, Table, Update, UpdateBase, text
from sqlalchemy.sql.base import Executable

from watchword.foundation.clock import Clock
from watchword.foundation.errors import StoreUnavailableError
from watchword.storage import engine as engines
from watchword.storage import migrate
from watchword.storage.announcement import Announcement, announce, settle
from watchword.storage.engine import Dialect
from watchword.storage.epoch import Epoch, EpochFile, Revocation
from watchword.storage.keeper import LeaseKeeper
from watchword.storage.lease import Lease
from watchword.storage.listening import DatabaseSource
from watchword.storage.metadata import REMEMBERED
from watchword.storage.prepared import Readers, Statements

_log = logging.getLogger("watchword.storage")
Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]


@final
class Transaction:
    """An open transaction, handed down to every service.

    Attributes:
        now: the moment it began, in milliseconds: one time for all rows that it writes.
        dialect: which database runs it.
        revoked: the users whose remembered sessions count no more once it has committed.
    """

    __slots__ = ("_after_commit", "_connection", "_declared", "_statements", "_writes", "dialect", "now", "revoked")

    def __init__(
        self, connection: Connection, now: int, dialect: Dialect, statements: Statements, *, writes: bool
    ) -> None:
        self._connection = connection
        self._statements = statements
        self._after_commit: list[Callable[[], None]] = []
        self._writes = writes
        self._declared = False
        self.revoked: set[str] = set()
        self.now = now
        self.dialect: Final[Dialect] = dialect

    def execute(self, statement: Executable, parameters: Parameters | None = None) -> CursorResult[Any]:
        """Run a statement and return its rows or its count."""
        self._check(statement)
        return self._connection.execute(statement, parameters)

    def execute_prepared(self, statement: ClauseElement, values: Mapping[str, Any]) -> CursorResult[Any]:
        """Do what `execute()` does for half its price, with a statement that is put together once.

        Args:
            statement: the same object each time, made where its module is loaded; of columns that drivers take and give
                as they are.
            values: for its `bindparam`s, or for the columns of an INSERT.
        """
        self._check(statement)
        prepared = self._statements.prepare(statement, values)
        return self._connection.exec_driver_sql(prepared.sql, prepared.arguments(values))

    def _check(self, statement: object) -> None:
        if not self._writes and isinstance(statement, UpdateBase):
            raise TypeError("this transaction only reads, so the change would be lost: open it with store.write()")
        if isinstance(statement, Update | Delete):
            self._expect_declaration(statement)

    def revokes(self, *user_ids: str) -> None:
        """Say of the next statement whose sessions end by it, may do less, or show something else.

        When `Store.write()` has returned, no process, of this machine or of another one, answers from memory what was
        before it for these users.

        Args:
            user_ids: whose, or `EVERYONE`; none says on purpose that every session check answers as before.
        """
        self._declared = True
        self.revoked.update(user_ids)

    def _expect_declaration(self, statement: Update | Delete) -> None:
        table = statement.table
        if isinstance(table, Table) and REMEMBERED in table.info:
            if not self._declared:
                raise TypeError(
                    f"processes remember rows of {table.name}: call tx.revokes(user_id) before this statement, "
                    "or tx.revokes() if every session check answers as before"
                )
            self._declared = False

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call this once the transaction has committed: to wake a worker, never to change state."""
        self._after_commit.append(callback)

    def committed(self) -> None:
        """Run what waits for the commit. The store calls it."""
        for callback in self._after_commit:
            try:
                callback()
            except Exception:
                # The change is made: to answer with an error now would be wrong.
                _log.exception("a callback after the commit failed")


@final
class Store:
    """One database.

    Args:
        url: `sqlite:///path/to/file` or `postgresql://user:password@host/database`.
        clock: what tells `Transaction.now`.

    Attributes:
        epoch: on SQLite, what all processes are told of revocations.
        keeper: on PostgreSQL, what lets this process answer from memory.
        on_revoked: is told how many seconds a revocation has taken.

    Raises:
        ConfigurationError: the URL can't be used.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        self.engine = engines.make_engine(url)
        self.clock = clock
        self._dialect: Dialect = "sqlite" if self.engine.dialect.name == "sqlite" else "postgresql"
        # SQLite's own waiting is polling, up to a tenth of a second a turn. Within a process, writers queue up here.
        self._writing = threading.Lock()
        self._pools_of_parents: list[Pool] = []
        self._readers = Readers(self.engine)
        self._statements = Statements(self.engine.dialect)
        self._statistics: Callable[[], tuple[int, int]] = lambda: (0, 0)
        self._told = (0, 0)
        self.on_revoked: Callable[[float], None] | None = None
        database = self.engine.url.database or ""
        self.epoch = Epoch(Path(database), clock) if self._dialect == "sqlite" else None
        self.keeper = LeaseKeeper(DatabaseSource(self.engine), clock) if self._dialect == "postgresql" else None
        _stores.add(self)

    @contextmanager
    def read(self, *, snapshot: bool = False) -> Generator[Transaction]:
        """Open a transaction that only reads, and takes no lock that a writer would wait for.

        Args:
            snapshot: all statements see one moment. On SQLite they always do; PostgreSQL takes longer to begin it.

        Raises:
            StoreUnavailableError: the database can't answer.
            TypeError: a statement in it would write.
        """
        with self._guarded(), self.engine.connect() as connection:
            if self._dialect == "sqlite":
                _run(connection, "BEGIN")
            elif snapshot:
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield Transaction(connection, self.clock.now(), self._dialect, self._statements, writes=False)

    @contextmanager
    def write(self, *, durable: bool = True) -> Generator[Transaction]:
        """Open a transaction that commits at the end, or rolls back when an exception passes.

        Never open one inside another: on SQLite the inner one would wait for the outer one.

        Args:
            durable: `False` for what may be lost in a power failure (counters of limits): the commit need not wait
                for the disk. Nor is it then ever half there.

        Raises:
            StoreUnavailableError: the database can't answer, is full, or stayed locked for too long.
        """
        revocation: Revocation | None = None
        announcement: Announcement | None = None
        committed = False
        with self._guarded():
            try:
                with self._turn(), self.engine.connect() as connection:
                    self._begin(connection, durable=durable)
                    transaction = Transaction(
                        connection, self.clock.now(), self._dialect, self._statements, writes=True
                    )
                    yield transaction
                    if self.epoch and (transaction.revoked or self.epoch.is_missing):
                        revocation = self.epoch.begin(_driver(connection), transaction.revoked)
                    if transaction.revoked and (self.keeper or _has_leases(connection)):
                        announcement = announce(connection, transaction.revoked)
                    began = self.clock.monotonic()
                    _commit(connection)
                    committed = True
            finally:
                if self.epoch and revocation:
                    self.epoch.end(revocation, committed=committed)
        if announcement:
            settle(announcement, self.engine, self.clock, self.keeper.lease if self.keeper else None)
        if transaction.revoked and self.on_revoked is not None:
            self.on_revoked(self.clock.monotonic() - began)
        transaction.committed()

    def prepared(self, statement: Select[*tuple[Any, ...]], values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Return the first row of a query, or `None`: read by itself, and without most of SQLAlchemy's machinery.

        Args:
            statement: the query, the same object each time; of columns that drivers give as they are.
            values: for its `bindparam`s.

        Raises:
            StoreUnavailableError: the database can't answer.
        """
        prepared = self._statements.prepare(statement, values)
        arguments = prepared.arguments(values)
        with self._guarded():
            if self._dialect == "sqlite":
                with self._readers.connection() as connection:
                    return connection.execute(prepared.sql, arguments).fetchone()
            with self.engine.connect() as connection:
                return connection.exec_driver_sql(prepared.sql, arguments).first()

    def mark(self) -> tuple[EpochFile | Lease, int] | None:
        """Return what to remember beside an answer that is read after this call, or `None`: remember nothing.

        What was remembered for a user counts while this epoch is trusted and the word of `shard_of(user_id)` in it is
        not greater than this number.

        Raises:
            StoreUnavailableError: the database can't answer.
        """
        if self.epoch is None:
            return self.keeper.mark() if self.keeper else None
        if self.epoch.is_due:
            with self._guarded(), self._readers.connection() as connection:
                self.epoch.look(connection)
            self._tell(self.epoch)
        file = self.epoch.file
        return (file, file.ended) if file is not None else None

    def count(self, statistics: Callable[[], tuple[int, int]]) -> None:
        """Let `watchword doctor` know how many checks are answered from memory, and how many are not, as this tells."""
        self._statistics = statistics

    @property
    def signal(self) -> int | None:
        """A number that changes when something may have been revoked by any process; `None` where nobody would notice."""
        if self.keeper is not None:
            return self.keeper.signal
        file = self.epoch.file if self.epoch is not None else None
        return file.signal if file is not None and self.clock.monotonic() < file.trusted_until else None

    def migrate(self) -> None:
        """Bring the schema to this version's state. Safe when several processes do it at once.

        Raises:
            StoreUnavailableError: the database can't answer.
        """
        with self._guarded():
            migrate.upgrade(self.engine)

    def is_current(self) -> bool:
        """Tell whether the schema is the one this version needs.

        Raises:
            StoreUnavailableError: the database can't answer.
        """
        with self._guarded():
            return migrate.is_current(self.engine)

    def close(self) -> None:
        """Close all connections, and give the lease back."""
        if self.keeper:
            self.keeper.stop()
        self._readers.close()
        self.engine.dispose()

    def after_fork(self) -> None:
        """Leave the parent's connections alone: they are open files and sockets that the child must not touch."""
        self._writing = threading.Lock()
        self._readers.after_fork()
        if self.keeper:
            self.keeper.after_fork()
        self._pools_of_parents.append(self.engine.pool)
        self.engine.dispose(close=False)

    def _begin(self, connection: Connection, *, durable: bool) -> None:
        connection.begin()
        if self._dialect == "sqlite":
            # Said each time, so that no connection carries the weaker setting into the next transaction.
            _run(connection, "PRAGMA synchronous=FULL" if durable else "PRAGMA synchronous=NORMAL")
            # IMMEDIATE: the write lock is taken at once, so two writers queue up instead of failing half-way.
            _run(connection, "BEGIN IMMEDIATE")
        elif not durable:
            connection.execute(text("SET LOCAL synchronous_commit TO off"))

    def _tell(self, epoch: Epoch) -> None:
        told, now = self._told, self._statistics()
        if epoch.file is not None and now != told:
            self._told = now
            epoch.file.tell(now[0] - told[0], now[1] - told[1])

    @contextmanager
    def _turn(self) -> Generator[None]:
        if self._dialect != "sqlite":
            yield
            return
        if not self._writing.acquire(timeout=engines.BUSY_TIMEOUT / 1000):
            raise StoreUnavailableError("another transaction of this process has been writing for too long")
        try:
            yield
        finally:
            self._writing.release()

    @contextmanager
    def _guarded(self) -> Generator[None]:
        try:
            yield
        except Exception as error:
            if not engines.is_unavailable(error):
                raise
            _log.warning("the database can't answer: %s", type(error).__name__)
            raise StoreUnavailableError("the database can't answer") from error


_stores: WeakSet[Store] = WeakSet()


def _after_fork() -> None:
    for store in list(_stores):
        store.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _commit(connection: Connection) -> None:
    try:
        connection.commit()
    except BaseException:
        # Closed, it can hold neither the lock nor half a transaction: SQLAlchemy would take it back as it is.
        connection.invalidate()
        raise


def _has_leases(connection: Connection) -> bool:
    """Tell whether an app beside this server may answer from memory; on SQLite, whose processes hold no leases."""
    return _driver(connection).execute("SELECT 1 FROM leases LIMIT 1").fetchone() is not None


def _driver(connection: Connection) -> sqlite3.Connection:
    return cast("sqlite3.Connection", connection.connection.driver_connection)


def _run(connection: Connection, command: str) -> None:
    """Run a command of SQLite's without SQLAlchemy's machinery, which takes ten times as long."""
    driver: Any = connection.connection.driver_connection
    driver.execute(command).close()
