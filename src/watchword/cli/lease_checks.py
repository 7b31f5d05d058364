"""What `watchword doctor` examines of those that hold leases: workers on PostgreSQL, and apps beside the server."""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Row, literal, select

from watchword.cli.finding import Finding, ok, warn
from watchword.storage.board import DATABASE_NOW
from watchword.storage.keeper import TOLD
from watchword.storage.lease import Lapse
from watchword.storage.store import Store
from watchword.storage.tables import leases

_SILENT: Final = 3 * TOLD * 1000
"""Milliseconds after which a worker that has told nothing has most likely ended without a word."""
_MANY: Final = 3
"""Lost leases that are no accident any more."""
_REASONS: Final = {
    Lapse.CUT_OFF: "the connection to the database was lost: look at the network and at the database's log",
    Lapse.LATE: "a renewal took longer than the lease: the machine or the database is overloaded, or was paused",
    Lapse.TAKEN_AWAY: "a revocation waited in vain for it: its machine stood still, or was cut off",
}


def check_leases(store: Store) -> Iterator[Finding]:
    """Tell of each worker how old its lease is, how it hears of revocations, and how much it answers from memory."""
    with store.read() as tx:
        now = literal(tx.now) if tx.dialect == "sqlite" else DATABASE_NOW
        rows = tx.execute(select(leases, now.label("now")).order_by(leases.c.granted_at)).all()
    if store.epoch is not None:
        # The server's own processes need none there: these are of apps beside it.
        yield from map(_check_lease, rows)
        return
    if not rows:
        yield ok("session checks", "each reads the database: no worker holds a lease now")
        return
    living = [row for row in rows if row.now - row.told_at < _SILENT]
    hits, checks = (sum(row.hits for row in living), sum(row.hits + row.misses for row in living))
    rate = f", {hits / checks:.1%} of {checks} checks" if checks else ""
    yield ok("session checks", f"from memory under leases of {len(living)} worker{'s' * (len(living) != 1)}{rate}")
    for row in rows:
        yield _check_lease(row)


def _check_lease(row: Row[Any]) -> Finding:
    age, told, checks = (row.now - row.granted_at) // 1000, (row.now - row.told_at) // 1000, row.hits + row.misses
    rate = f", {row.hits / checks:.1%} from memory" if checks else ""
    lapses = f", {row.lapses} lost before it, the last one {row.lapsed}" if row.lapsed else ""
    found = f"{age} s old, told of itself {told} s ago{rate}{lapses}"
    name = f"{'app' if row.service_key else 'lease'} {row.worker[4:10]}"
    if row.now - row.told_at >= _SILENT:
        return warn(
            name, found, "its worker has ended, or stands still: the next revocation waits for it once, 2 seconds"
        )
    if not row.listens and row.service_key:
        fix = "let the proxy between app and server pass GET /auth/service/events on without holding it back"
        return warn(name, f"{found}; no events come, so it polls", fix)
    if not row.listens:
        fix = "give WATCHWORD_STORE the database itself, or a pooler that keeps connections (in session mode)"
        return warn(name, f"{found}; no notifications come, so it polls (no_notifications)", fix)
    if row.lapses >= _MANY and row.lapsed:
        return warn(name, found, _REASONS[Lapse(row.lapsed)])
    return ok(name, found)
