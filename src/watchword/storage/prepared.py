"""Statements whose price everybody pays: put together once; and for the read of a session, on a connection that is ready."""

import sqlite3
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast, final

from sqlalchemy import ClauseElement, Dialect, Engine, Insert


@final
@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement as the driver takes it, put together once.

    Attributes:
        sql: the text.
        names: of its parameters in their order, or `None` where the driver takes them by name.
        fixed: the values that stand in the statement itself.
    """

    sql: str
    names: Sequence[str] | None
    fixed: Mapping[str, Any]

    @classmethod
    def of(cls, statement: ClauseElement, dialect: Dialect, columns: Sequence[str] | None = None) -> "Prepared":
        """Put it together; `columns` are those that an INSERT is given."""
        given: dict[str, Any] = {} if columns is None else {"column_keys": columns}
        compiled: Any = statement.compile(dialect=dialect, **given)
        return cls(compiled.string, compiled.positiontup, compiled.params)

    def arguments(self, values: Mapping[str, Any]) -> Any:
        """Return the parameters as the driver takes them."""
        given = {**self.fixed, **values}
        return given if self.names is None else tuple([given[name] for name in self.names])


@final
class Statements:
    """Those of one database that were put together so far.

    Args:
        dialect: which database.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._known: dict[tuple[ClauseElement, tuple[str, ...]], Prepared] = {}

    def prepare(self, statement: ClauseElement, values: Mapping[str, Any]) -> Prepared:
        """Return the statement as the driver takes it, for values of these names."""
        key = (statement, tuple(values) if isinstance(statement, Insert) else ())
        prepared = self._known.get(key)
        if prepared is None:
            prepared = self._known[key] = Prepared.of(statement, self._dialect, key[1] or None)
        return prepared


@final
class Readers:
    """SQLite's connections for single queries, each kept for whoever needs one next.

    The engine's pool takes longer to hand one out and take it back than SQLite takes for the query. Each step is one
    operation of a list: threads need no lock, and there are as many connections as threads ever read at once.

    Args:
        engine: what opens them, with the settings of all others.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._idle: list[sqlite3.Connection] = []
        self._of_parents: list[list[sqlite3.Connection]] = []

    @contextmanager
    def connection(self) -> Generator[sqlite3.Connection]:
        """Lend one. Each query on it is a transaction of its own."""
        idle = self._idle
        try:
            connection = idle.pop()
        except IndexError:
            connection = self._open()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        if idle is self._idle:
            idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close them; those that are lent, when they come back."""
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def after_fork(self) -> None:
        """Leave the parent's alone."""
        self._of_parents.append(self._idle)
        self._idle = []

    def _open(self) -> sqlite3.Connection:
        pooled = self._engine.raw_connection()
        connection = cast("sqlite3.Connection", pooled.driver_connection)
        pooled.detach()
        return connection
