"""What whoever revokes does where there are leases: announce it with the change, then wait until no worker can answer from before.

The protocol is described in `storage.lease`.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, final

from sqlalchemy import Connection, Engine, bindparam, delete, insert, select, text

from watchword.foundation.clock import Clock
from watchword.foundation.ids import new_id
from watchword.storage import engine as engines
from watchword.storage.epoch import shards_of
from watchword.storage.lease import CHANNEL, OVER, Lease
from watchword.storage.tables import leases, revocations

_PAUSE, _LONGEST_PAUSE = 0.001, 0.05
_log = logging.getLogger("watchword.storage")
_NAME: Final = bindparam("name", type_=revocations.c.id.type)
_SILENT: Final = ~leases.c.acknowledged.contains(bindparam("named", type_=leases.c.acknowledged.type))
_STANDS: Final = select(revocations.c.id).where(revocations.c.id == _NAME).exists()
"""Where it does not, it is so old that every worker has heeded it or begun anew."""
_AMONG: Final = leases.c.worker.in_(bindparam("workers", expanding=True))
_HOLDERS = select(leases.c.worker, leases.c.listens).where(leases.c.worker != bindparam("own"), _SILENT, _STANDS)
_WAITED_FOR = select(leases.c.worker).where(_AMONG, _SILENT, _STANDS)
_TAKE_AWAY = delete(leases).where(_AMONG, _SILENT, _STANDS)
_FORGET = delete(revocations).where(revocations.c.id == _NAME)


@final
@dataclass(frozen=True, slots=True)
class Announcement:
    """A revocation, written down in the transaction that makes it.

    Attributes:
        name: its id.
        shards: of the users whose sessions it touches.
    """

    name: str
    shards: frozenset[int]


def announce(connection: Connection, users: Iterable[str]) -> Announcement:
    """Write down whose sessions the transaction changes, just before its COMMIT."""
    announcement = Announcement(new_id("rev"), frozenset(shards_of(users)))
    shards = " ".join(map(str, sorted(announcement.shards)))
    connection.execute(insert(revocations), {"id": announcement.name, "shards": shards})
    return announcement


def settle(announcement: Announcement, engine: Engine, clock: Clock, own: Lease | None) -> None:
    """Return when no worker can answer any more from before the COMMIT, which has just returned.

    It never fails: the change is made. Where the database can't say who has acknowledged, it waits for all.

    Args:
        announcement: what was announced.
        engine: of the database.
        clock: whose `monotonic()` counts.
        own: the lease of this process, where it can have one: told here, without a turn through the database.
    """
    deadline = clock.monotonic() + OVER
    if own is not None:
        own.revoke(announcement.shards)
    try:
        _wait(announcement, engine, clock, own.worker if own is not None else "", deadline)
    except Exception as error:
        if not engines.is_unavailable(error):
            _log.exception("a revocation could not be followed, so it waits until every lease has run out")
        clock.sleep(max(0.0, deadline - clock.monotonic()))


def _wait(announcement: Announcement, engine: Engine, clock: Clock, own: str, deadline: float) -> None:
    values: dict[str, Any] = {"name": announcement.name, "named": announcement.name}
    with engine.begin() as connection:
        holders = connection.execute(_HOLDERS, {**values, "own": own}).all()
        if not holders:
            _forget(connection, announcement)
            return
    if engine.dialect.name == "postgresql" and any(holder.listens for holder in holders):
        with engine.begin() as connection:
            # After the COMMIT, and alone: notifying transactions commit one after the other, in the whole cluster.
            connection.execute(text(f"NOTIFY {CHANNEL}"))
    values["workers"] = [holder.worker for holder in holders]
    pause = _PAUSE
    while values["workers"] and clock.monotonic() < deadline:
        clock.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
        with engine.begin() as connection:
            values["workers"] = list(connection.scalars(_WAITED_FOR, values))
    with engine.begin() as connection:
        if values["workers"]:
            _log.warning("%d workers did not hear of a revocation before their leases ran out", len(values["workers"]))
            connection.execute(_TAKE_AWAY, values)
        _forget(connection, announcement)


def _forget(connection: Connection, announcement: Announcement) -> None:
    # What a crash brings back is deleted by the workers.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL synchronous_commit TO off"))
    connection.execute(_FORGET, {"name": announcement.name})
