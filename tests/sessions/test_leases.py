"""Sessions in memory on PostgreSQL: two machines, told by the database."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.sessions.test_memory import ENDS, ask, asking, without_database
from tests.support.site import Site, Visitor, make_site
from watchword import SessionLimits
from watchword.foundation.clock import ManualClock
from watchword.http.request import Request
from watchword.storage.board import DatabaseBoard
from watchword.storage.epoch import EVERYONE
from watchword.storage.lease import LEASE, Lease


class Clock(ManualClock):
    """A clock during whose pauses the other machine does something."""

    meanwhile: Callable[[], None] = staticmethod(lambda: None)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.meanwhile()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sites(postgresql_url: str, clock: Clock) -> Iterator[list[Site]]:
    """Two machines, whose leases are kept by hand."""
    sites = [make_site(postgresql_url, clock) for _ in range(2)]
    renewals: list[Callable[[], None]] = []
    ended = ExitStack()
    for site in sites:
        store, lease = site.auth.store, Lease(clock)
        assert store.keeper
        connection = ended.enter_context(store.engine.connect().execution_options(isolation_level="AUTOCOMMIT"))
        board = DatabaseBoard(connection)
        lease.take(board, listens=False)
        store.keeper.lease = lease
        renewals.append(lambda lease=lease, board=board: lease.renew(board))

    def renew() -> None:
        for one in renewals:
            one()

    renew()
    clock.meanwhile = renew
    with ended:
        yield sites
    for site in sites:
        site.auth.stop()


@pytest.fixture
def ada(sites: list[Site]) -> Visitor:
    visitor = sites[0].visitor()
    assert visitor.sign_up().status == 200
    return visitor


def test_a_second_check_reads_no_database(sites: list[Site], ada: Visitor, monkeypatch):
    first = ask(sites[1], ada)
    assert first is not None
    without_database(monkeypatch)
    assert ask(sites[1], ada) is first
    assert sites[1].auth.gate.memory.statistics() == (1, 1)


@pytest.mark.parametrize("how", ["sign-out", "set-role"])
def test_what_ends_a_session_on_one_machine_ends_it_on_the_other_at_once(sites: list[Site], ada: Visitor, how: str):
    old = asking(ada)
    assert all(ask(site, ada) for site in sites)
    ENDS[how](sites[0], ada)
    for site in sites:
        assert site.auth.gate.verify(Request("GET", "/", headers=old.headers)) is None


def test_without_a_lease_each_check_reads_the_database(sites: list[Site], ada: Visitor, clock: Clock):
    first = ask(sites[1], ada)
    clock.advance(int(LEASE * 1000))
    assert ask(sites[1], ada) is not first
    assert ask(sites[1], ada) is not ask(sites[1], ada)


def test_who_remembers_nothing_takes_no_lease(postgresql_url: str, clock: Clock):
    site = make_site(postgresql_url, clock, session=SessionLimits(remembered=0))
    site.auth.start()
    assert site.auth.store.keeper
    assert site.auth.store.keeper._thread is None
    site.auth.stop()


def test_a_revocation_of_everyone_is_heeded_everywhere(sites: list[Site], ada: Visitor):
    """What a trusted system says of a session without saying whose it is."""
    assert all(ask(site, ada) for site in sites)
    with sites[0].auth.store.write() as tx:
        tx.revokes(EVERYONE)
    before = sites[1].auth.gate.memory.misses
    assert ask(sites[1], ada)
    assert sites[1].auth.gate.memory.misses == before + 1
