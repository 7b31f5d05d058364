"""The server is killed (SIGKILL) under load: nothing that was answered is lost, nothing is half made (A153)."""

import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.support.contest import make_auth
from tests.support.load import Memory, live_until_killed
from tests.support.served import STORE
from tests.support.server import running
from tests.support.site import Site
from watchword.foundation.clock import ManualClock

HALF_MADE = """SELECT count(*) FROM users WHERE
    (SELECT count(*) FROM identifiers i WHERE i.user_id = users.id AND i.kind = 'email') <> 1
    OR (SELECT count(*) FROM credentials c WHERE c.user_id = users.id AND c.kind = 'password') <> 1"""


def kill_again_and_again(url: str, log: Path, times: int) -> Memory:
    """Kill a server so many times at random moments, and after each time look at what is left, and at what it serves."""
    observer = Site(make_auth(url), ManualClock())
    memory = Memory()
    for _ in range(times):
        with running("tests.support.served:create()", log, environment={STORE: url}, workers=2) as server:
            assert_remembered(observer, memory)
            live_until_killed(server, observer, memory, people=4, answers=20 + secrets.randbelow(60))
        assert_sound(observer, url)
        assert_remembered(observer, memory)
    assert_all_accounts_are_there(observer, memory)
    observer.auth.stop()
    return memory


def assert_sound(observer: Site, url: str) -> None:
    """Check the file, the accounts and the event log."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    with observer.auth.store.read(snapshot=True) as tx:
        assert tx.execute(text(HALF_MADE)).scalar_one() == 0
        assert observer.auth.services.audit.verify(tx) == []


def assert_remembered(observer: Site, memory: Memory) -> None:
    """Check that each session answered as made is honoured, and each answered as ended is not."""
    assert [token for token in memory.created if not honoured(observer, token)] == []
    assert [token for token in memory.ended if honoured(observer, token)] == []


def honoured(observer: Site, token: str) -> bool:
    visitor = observer.visitor()
    visitor.cookies["watchword"] = token
    return visitor.user is not None


def assert_all_accounts_are_there(observer: Site, memory: Memory) -> None:
    with observer.auth.store.read() as tx:
        there = set(tx.execute(text("SELECT text FROM identifiers WHERE kind = 'email'")).scalars())
    assert memory.accounts - there == set()


def test_a153_three_kills_under_load_lose_and_revive_nothing(sqlite_url: str, tmp_path: Path):
    memory = kill_again_and_again(sqlite_url, tmp_path / "server.log", times=3)
    assert len(memory.created) > 0
    assert len(memory.ended) > 0


@pytest.mark.all
def test_a153_fifty_kills_under_load_lose_and_revive_nothing(store_url: str, tmp_path: Path):
    kill_again_and_again(store_url, tmp_path / "server.log", times=50)
