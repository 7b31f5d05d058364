"""Where leases and revocations are written down: as `storage.lease` needs it, and as the database does it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, Protocol, final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CursorResult,
    bindparam,
    cast,
    delete,
    extract,
    func,
    insert,
    select,
    update,
)
from sqlalchemy import true as always
from sqlalchemy.sql.base import Executable

from watchword.storage.tables import leases, revocations

DATABASE_NOW: Final = cast(extract("epoch", func.clock_timestamp()) * 1000, BigInteger)
"""What PostgreSQL's clock shows: for people, never for a decision."""


class Look(NamedTuple):
    """What stands on the board for one worker.

    Attributes:
        acknowledged: the revocations that its row says it has heeded.
        found: all revocations that stand, each with the shards of its users: `"12 345"`.
    """

    acknowledged: frozenset[str]
    found: Mapping[str, str]


class Board(Protocol):
    """The rows of leases and of revocations. Each call is a transaction of its own, and durable."""

    def take(self, worker: str, *, listens: bool, lapses: int, lapsed: str | None) -> None:
        """Write a lease's row, which has acknowledged nothing."""
        ...

    def look(self, worker: str) -> Look | None:
        """Return what stands there now, or `None` where this worker has no row (any more)."""
        ...

    def acknowledge(self, worker: str, names: Iterable[str]) -> bool:
        """Write down that these revocations are heeded; `False` where the worker has no row."""
        ...

    def tell(self, worker: str, hits: int, misses: int) -> None:
        """Write down how many checks were answered from memory, and how many were not."""
        ...

    def give_back(self, worker: str) -> None:
        """Delete the row, so that nobody waits for it."""
        ...

    def forget(self, names: Iterable[str]) -> None:
        """Delete revocations that whoever revoked left behind."""
        ...


class Executes(Protocol):
    """What runs statements: a connection, or a transaction of the store's."""

    def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Run a statement."""
        ...


_MINE: Final = leases.c.worker == bindparam("name")


@final
class DatabaseBoard:
    """The board in the database.

    Args:
        run: what runs the statements.
        now: the moment, for `watchword doctor`.
        key: whose leases these are, where an app beside the server holds them (id of its service key).
    """

    def __init__(self, run: Executes, now: ColumnElement[int] | int = DATABASE_NOW, key: str | None = None) -> None:
        self._run = run
        self._now = now
        self._key = key
        mine = _MINE if key is None else _MINE & (leases.c.service_key == key)
        joined = leases.outerjoin(revocations, always())
        self._look = select(leases.c.acknowledged, revocations.c.id, revocations.c.shards).select_from(joined)
        self._look = self._look.where(mine)
        self._update, self._delete = update(leases).where(mine), delete(leases).where(mine)

    def take(self, worker: str, *, listens: bool, lapses: int = 0, lapsed: str | None = None) -> None:
        """Write a lease's row, which has acknowledged nothing."""
        row = {"worker": worker, "acknowledged": " ", "listens": listens, "lapses": lapses, "lapsed": lapsed}
        told = {"hits": 0, "misses": 0, "granted_at": self._now, "told_at": self._now}
        self._run.execute(insert(leases).values(**row, **told, service_key=self._key))

    def look(self, worker: str) -> Look | None:
        """Return what stands there now, or `None` where this worker has no row (any more)."""
        rows = self._run.execute(self._look, {"name": worker}).all()
        if not rows:
            return None
        found = {row.id: row.shards for row in rows if row.id is not None}
        return Look(frozenset(rows[0].acknowledged.split()), found)

    def acknowledge(self, worker: str, names: Iterable[str]) -> bool:
        """Write down that these revocations are heeded; `False` where the worker has no row."""
        named = f" {' '.join(names)} "
        return self._run.execute(self._update.values(acknowledged=named), {"name": worker}).rowcount == 1

    def tell(self, worker: str, hits: int, misses: int) -> None:
        """Write down how many checks were answered from memory, and how many were not."""
        self._run.execute(self._update.values(hits=hits, misses=misses, told_at=self._now), {"name": worker})

    def give_back(self, worker: str) -> None:
        """Delete the row, so that nobody waits for it."""
        self._run.execute(self._delete, {"name": worker})

    def forget(self, names: Iterable[str]) -> None:
        """Delete revocations that whoever revoked left behind."""
        self._run.execute(delete(revocations).where(revocations.c.id.in_(list(names))))
