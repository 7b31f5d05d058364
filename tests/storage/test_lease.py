"""Leases: what one worker revokes, no other one answers from memory any more, however many machines there are."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, create_engine, event, func, select, text
from sqlalchemy.pool import NullPool

from tests.support.link import Link
from tests.support.postgres import PostgreSQL
from watchword.foundation.clock import ManualClock, SystemClock
from watchword.storage.announcement import Announcement, announce, settle
from watchword.storage.board import DatabaseBoard
from watchword.storage.epoch import shard_of
from watchword.storage.lease import LEASE, OVER, Lapse, Lease, LeaseLostError
from watchword.storage.store import Store
from watchword.storage.tables import leases, revocations

ADA, EVE = "usr_ada", "usr_eve"
Mark = tuple[Lease, int]


class Clock(ManualClock):
    """A clock during whose pauses others do something."""

    meanwhile: Callable[[], None] = staticmethod(lambda: None)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.meanwhile()


@pytest.fixture
def clock() -> Clock:
    return Clock()


class ByHand:
    """A worker whose lease is kept by hand: no thread, no notification."""

    def __init__(self, url: str, clock: ManualClock) -> None:
        self.store = Store(url, clock)
        assert self.store.keeper
        self.keeper = self.store.keeper
        self.connection: Connection = self.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self.lease = self.keeper.lease = Lease(clock)
        self.board = DatabaseBoard(self.connection)
        self.lease.take(self.board, listens=False)

    def renew(self) -> None:
        self.lease.renew(self.board)

    def mark(self) -> Mark:
        mark = self.store.mark()
        assert mark is not None
        assert isinstance(mark[0], Lease)
        return mark[0], mark[1]

    def close(self) -> None:
        self.connection.close()
        self.store.close()


@pytest.fixture
def worker(postgresql_url: str, clock: Clock) -> Iterator[Callable[[], ByHand]]:
    """Begins a worker, as on another machine."""
    begun: list[ByHand] = []

    def another() -> ByHand:
        begun.append(ByHand(postgresql_url, clock))
        return begun[-1]

    yield another
    for one in begun:
        one.close()


@pytest.fixture
def elsewhere(postgresql_url: str, clock: Clock) -> Iterator[Store]:
    """A process that revokes and holds no lease, like a command."""
    store = Store(postgresql_url, clock)
    yield store
    store.close()


def revoke(store: Store, *user_ids: str) -> None:
    with store.write() as tx:
        tx.revokes(*user_ids)


def counts(mark: Mark, user_id: str, clock: ManualClock) -> bool:
    """Tell whether what was remembered with this mark may be answered."""
    lease, number = mark
    return clock.monotonic() < lease.trusted_until and lease.words[shard_of(user_id)] <= number


def rows(store: Store, table) -> int:
    with store.read() as tx:
        return tx.execute(select(func.count()).select_from(table)).scalar_one()


def until(condition: Callable[[], object]) -> None:
    """Wait for what another thread does."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_worker_remembers_from_its_first_renewal_on_and_for_as_long_as_the_lease(worker, clock):
    one = worker()
    assert one.store.mark() is None
    one.renew()
    mark = one.mark()
    clock.advance(int(LEASE * 1000) - 1)
    assert counts(mark, ADA, clock)
    clock.advance(1)
    assert not counts(mark, ADA, clock)
    assert one.store.mark() is None


def test_a_revocation_returns_when_every_worker_has_acknowledged_it(worker, elsewhere, clock):
    workers = [worker(), worker()]
    for one in workers:
        one.renew()
    marks = [one.mark() for one in workers]
    clock.meanwhile = lambda: [one.renew() for one in workers] and None
    began = clock.monotonic()
    revoke(elsewhere, ADA)
    assert clock.monotonic() - began < 0.01
    assert not any(counts(mark, ADA, clock) for mark in marks)
    assert all(counts(mark, EVE, clock) for mark in marks)
    assert rows(elsewhere, revocations) == 0


def test_a_worker_that_stands_still_delays_a_revocation_by_one_lease_and_only_once(worker, elsewhere, clock, caplog):
    one = worker()
    one.renew()
    mark, began = one.mark(), clock.monotonic()
    revoke(elsewhere, ADA)
    assert OVER <= clock.monotonic() - began < OVER + 0.1
    assert not counts(mark, ADA, clock)
    assert "1 workers did not hear" in caplog.text
    settled = clock.monotonic()
    revoke(elsewhere, EVE)
    assert clock.monotonic() == settled
    with pytest.raises(LeaseLostError) as lost:
        one.renew()
    assert lost.value.reason is Lapse.TAKEN_AWAY


def test_a_renewal_that_comes_back_late_renews_nothing(worker, clock):
    one = worker()
    one.renew()
    clock.advance(int(LEASE * 1000))
    with pytest.raises(LeaseLostError) as lost:
        one.renew()
    assert lost.value.reason is Lapse.LATE


def test_a_lease_that_is_taken_away_while_it_is_renewed_is_not_trusted(worker, elsewhere, clock):
    one = worker()
    one.renew()
    trusted_until = one.lease.trusted_until
    with elsewhere.write() as tx:
        tx.execute(revocations.insert(), {"id": "rev_1", "shards": str(shard_of(ADA))})

    @event.listens_for(one.store.engine, "before_cursor_execute")
    def take_away(_connection, _cursor, statement, *_) -> None:
        if statement.startswith("UPDATE leases"):
            with elsewhere.write() as tx:
                tx.execute(leases.delete())

    with pytest.raises(LeaseLostError):
        one.renew()
    assert one.lease.trusted_until == trusted_until


def test_with_no_other_worker_a_revocation_waits_for_nobody(worker, clock):
    one = worker()
    one.renew()
    mark, began = one.mark(), clock.monotonic()
    revoke(one.store, ADA)
    assert clock.monotonic() == began
    assert not counts(mark, ADA, clock)
    assert counts(one.mark(), ADA, clock)
    assert rows(one.store, revocations) == 0


def test_what_is_read_before_it_was_heeded_is_not_remembered_as_fresh(worker, elsewhere, clock):
    one = worker()
    one.renew()
    before = one.mark()
    clock.meanwhile = one.renew
    revoke(elsewhere, ADA)
    assert not counts(before, ADA, clock)
    assert counts(one.mark(), ADA, clock)


def test_what_is_rolled_back_has_revoked_nobody(worker, clock):
    one = worker()
    one.renew()
    mark = one.mark()
    with pytest.raises(ZeroDivisionError), one.store.write() as tx:
        tx.revokes(ADA)
        raise ZeroDivisionError
    one.renew()
    assert counts(mark, ADA, clock)
    assert rows(one.store, revocations) == 0


def announced(store: Store, *user_ids: str) -> Announcement:
    """Revoke as a process does that is killed right after its COMMIT."""
    with store.engine.begin() as connection:
        return announce(connection, user_ids)


def test_what_a_killed_process_revoked_is_heeded_with_the_next_renewal_and_cleared_away(worker, elsewhere, clock):
    one = worker()
    one.renew()
    mark = one.mark()
    announced(elsewhere, ADA)
    one.renew()
    assert not counts(mark, ADA, clock)
    for _ in range(6):
        assert rows(elsewhere, revocations) == 1
        clock.advance(750)
        one.renew()
    assert rows(elsewhere, revocations) == 0


def test_who_comes_back_after_that_takes_no_lease_away(worker, elsewhere, clock):
    announcement = announced(elsewhere, ADA)
    with elsewhere.write() as tx:
        tx.execute(revocations.delete())
    one = worker()
    one.renew()
    settle(announcement, elsewhere.engine, clock, Lease(clock))
    one.renew()
    assert rows(elsewhere, leases) == 1


def test_where_the_database_can_not_be_asked_a_revocation_waits_until_every_lease_has_run_out(clock):
    engine = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none", poolclass=NullPool)
    began = clock.monotonic()
    settle(Announcement("rev_1", frozenset()), engine, clock, Lease(clock))
    assert OVER <= clock.monotonic() - began < OVER + 0.01


def test_many_users_are_named_by_their_shards_so_that_an_announcement_stays_small(elsewhere):
    announcement = announced(elsewhere, *(f"usr_{number}" for number in range(20_000)))
    with elsewhere.read() as tx:
        shards = tx.execute(select(revocations.c.shards)).scalar_one()
    assert set(map(int, shards.split())) == announcement.shards
    assert len(shards) < 8_000


@pytest.fixture
def keeping(postgresql_url: str) -> Iterator[Store]:
    """A worker whose thread keeps its lease."""
    yield from kept(postgresql_url)


def kept(url: str) -> Iterator[Store]:
    store = Store(url, SystemClock())
    assert store.keeper
    store.keeper.start(lambda: (3, 1))
    until(store.mark)
    yield store
    store.close()


def other_process(store: Store) -> Store:
    return Store(store.engine.url.render_as_string(hide_password=False), store.clock)


def test_a_notification_brings_the_acknowledgement_at_once(keeping: Store):
    assert keeping.keeper
    assert keeping.keeper.listens
    mark, other = keeping.mark(), other_process(keeping)
    spent: list[float] = []
    for _ in range(10):
        began = time.perf_counter()
        revoke(other, ADA)
        spent.append(time.perf_counter() - began)
    other.close()
    assert mark is not None
    assert mark[0].words[shard_of(ADA)] > mark[1]
    assert min(spent) < 0.2


def test_a_worker_that_stops_gives_its_lease_back(keeping: Store):
    assert keeping.keeper
    lease = keeping.keeper.lease
    assert rows(keeping, leases) == 1
    keeping.keeper.stop()
    assert rows(keeping, leases) == 0
    assert keeping.mark() is None
    assert lease.trusted_until < 0


ENDS_WITHOUT_A_WORD = """
import sys, time
from watchword.foundation.clock import SystemClock
from watchword.storage.store import Store
store = Store(sys.argv[1], SystemClock())
store.keeper.start(lambda: (0, 0))
while store.mark() is None:
    time.sleep(0.005)
"""


def test_a_process_that_ends_gives_its_lease_back_though_nobody_says_stop(elsewhere: Store):
    url = elsewhere.engine.url.render_as_string(hide_password=False)
    subprocess.run([sys.executable, "-c", ENDS_WITHOUT_A_WORD, url], check=True, timeout=100)
    assert rows(elsewhere, leases) == 0


def test_a_worker_whose_connection_is_lost_begins_anew_with_nothing_remembered(keeping: Store, caplog):
    assert keeping.keeper
    mark = keeping.mark()
    assert mark is not None
    with keeping.write() as tx:
        tx.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT leases%'"))
    until(lambda: keeping.keeper and keeping.keeper.lease is not mark[0] and keeping.mark())
    assert keeping.keeper.lapses == 1
    until(lambda: keeping.keeper and keeping.keeper.lapsed is None)
    assert "until there is a lease again: cut_off" in caplog.text
    assert mark[0].trusted_until < 0
    assert rows(keeping, leases) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_is_noticed_and_replaced(keeping: Store, monkeypatch):
    assert keeping.keeper
    lease = keeping.keeper.lease
    with monkeypatch.context() as patched:
        patched.setattr(Lease, "renew", lambda *_: (_ for _ in ()).throw(SystemExit))
        until(lambda: lease.trusted_until < 0)
        assert keeping.keeper.lease.trusted_until < 0
    until(keeping.mark)
    assert keeping.keeper.lease is not lease


def test_a_child_made_by_fork_has_no_share_in_the_lease_and_takes_its_own(keeping: Store):
    assert keeping.keeper
    lease = keeping.keeper.lease
    child = os.fork()
    if child == 0:
        failed = keeping.mark() is not None or keeping.keeper.lease is lease
        until(keeping.mark)
        keeping.close()
        os._exit(int(failed))
    assert os.waitpid(child, 0)[1] == 0
    until(keeping.mark)
    assert keeping.keeper.lease is lease
    assert keeping.keeper.lapses == 0


def assert_that_it_polls(store: Store) -> None:
    assert store.keeper
    assert store.keeper.listens is False
    mark, other = store.mark(), other_process(store)
    assert mark is not None
    began = time.monotonic()
    revoke(other, ADA)
    assert mark[0].words[shard_of(ADA)] > mark[1]
    other.close()
    assert time.monotonic() - began < OVER


def test_behind_a_pooler_that_brings_no_notifications_a_worker_polls(
    postgresql: PostgreSQL, postgresql_url: str, caplog
):
    link = Link(postgresql.start(), notifies=False)
    url = postgresql_url.replace(str(postgresql.start()), str(link.directory))
    for store in kept(url):
        assert_that_it_polls(store)
    link.close()
    assert caplog.text.count("leases are renewed by polling") == 1


def test_on_a_database_that_knows_no_listen_a_worker_polls(postgresql_url: str):
    store = Store(postgresql_url, SystemClock())
    assert store.keeper

    @event.listens_for(store.engine, "before_cursor_execute", retval=True)
    def unknown(_connection, _cursor, statement, parameters, *_):
        return statement.replace("LISTEN", "HEARKEN"), parameters

    store.keeper.start(lambda: (0, 0))
    until(store.mark)
    assert_that_it_polls(store)
    store.close()
