"""Revoked means revoked: four processes on one database, under load, killed, stopped, cut off, and the database with them."""

import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.fleet import Fleet, Misfortunes, stop_one
from tests.support.link import Link
from tests.support.postgres import PostgreSQL
from watchword.storage.lease import LEASE

ROUND = 2_500
"""Sessions that are ended in one round, at most."""
REVOCATIONS = 100_000
"""Of the long run."""
Trouble = Callable[[Fleet, float], None]


@pytest.fixture
def own_postgresql() -> Iterator[PostgreSQL]:
    """A server that may be crashed, with commits that last."""
    server = PostgreSQL.temporary()
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_commit = on")
        connection.execute("SELECT pg_reload_conf()")
    yield server
    server.remove()


def crash(server: PostgreSQL) -> None:
    """Let the database die without a farewell, and come back."""
    os.kill(int((server.directory / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
    while (server.directory / "data" / "postmaster.pid").exists():
        time.sleep(0.01)
    server.stop()
    server.start()


def restless(fleet: Fleet, _: float) -> None:
    """Let somebody stand still for a moment; now and then kill one of those who revoke."""
    secrets.choice((*fleet.workers, *fleet.checkers)).stand_still(secrets.randbelow(20) / 1000)
    if secrets.randbelow(8) == 0:
        fleet.kill_one()


def misfortunes(server: PostgreSQL, link: Link) -> Misfortunes:
    """Return each of what can befall a fleet on PostgreSQL."""

    def cut(_: Fleet) -> None:
        link.cut()
        time.sleep(LEASE + 0.5)
        link.mend()

    return Misfortunes(stop_one, Fleet.kill_one, cut, lambda _: crash(server))


def play(fleet: Fleet, revocations: int) -> None:
    for number in range(-(-revocations // ROUND)):
        fleet.path = fleet.path.with_name(f"board-{number}")
        fleet.play(min(ROUND, revocations))
        assert fleet.totals[2] == 0
    print(fleet.report())


@pytest.mark.parametrize("revocations", [200, pytest.param(REVOCATIONS, marks=pytest.mark.all)])
def test_on_one_machine_no_check_that_began_after_its_revocation_says_yes(sqlite_url, tmp_path: Path, revocations: int):
    fleet = Fleet(sqlite_url, tmp_path / "board", restless)
    play(fleet, revocations)
    assert fleet.totals[1] > revocations


@pytest.mark.parametrize(
    ("revocations", "notifies"),
    [
        (200, True),
        pytest.param(2_500, False, marks=pytest.mark.all),
        pytest.param(REVOCATIONS, True, marks=pytest.mark.all),
    ],
    ids=["notified", "polling", "notified for long"],
)
def test_on_many_machines_no_check_that_began_after_its_revocation_says_yes(
    own_postgresql: PostgreSQL, tmp_path: Path, revocations: int, notifies: bool
):
    url = own_postgresql.create_migrated_database("fleet")
    link = Link(own_postgresql.start(), notifies=notifies)
    behind_it = url.replace(str(own_postgresql.start()), str(link.directory))
    fleet = Fleet(url, tmp_path / "board", misfortunes(own_postgresql, link), url_of_checkers=behind_it)
    try:
        play(fleet, revocations)
    finally:
        link.close()
    assert fleet.totals[1] > revocations
