"""The database goes away or fills up in the middle of a flow: 503, nothing half made, recovery without a restart."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, event, func, select, text

from tests.support.postgres import PostgreSQL
from tests.support.site import EMAIL, GENEROUS, PASSWORD, Answer, Site, Visitor, make_site
from watchword.foundation.clock import ManualClock
from watchword.storage import engine as engines
from watchword.storage.metadata import metadata

NEW_PASSWORD = "difference engine no. 2"
NOT_COUNTED = {"limits"}
"""A try may stay counted, though what it was for could not be done."""


def counts(site: Site) -> dict[str, int]:
    """Return how many rows each table has."""
    tables = [table for table in metadata.sorted_tables if table.name not in NOT_COUNTED]
    with site.auth.store.read() as tx:
        return {table.name: tx.execute(select(func.count()).select_from(table)).scalar_one() for table in tables}


def is_sound(site: Site) -> bool:
    """Tell whether no account is half made and the event log is whole."""
    orphans = """SELECT count(*) FROM users WHERE
        (SELECT count(*) FROM identifiers i WHERE i.user_id = users.id AND i.kind = 'email') <> 1
        OR (SELECT count(*) FROM credentials c WHERE c.user_id = users.id) <> 1"""
    with site.auth.store.read(snapshot=True) as tx:
        return tx.execute(text(orphans)).scalar_one() == 0 and site.auth.services.audit.verify(tx) == []


def assert_unavailable(answer: Answer) -> None:
    """Check that it is a 503 with `Retry-After`, and neither a cookie nor a word about the cause."""
    headers = dict(answer.response.headers)
    assert (answer.status, answer.cookies) == (503, []), answer.text
    assert int(headers["retry-after"]) >= 1
    if headers["content-type"] == "application/problem+json":
        assert answer.code == "unavailable"
    for word in ("sqlite", "postgres", "psycopg", "Traceback", "disk", "users"):
        assert word not in answer.text


class Story:
    """One person's flow, at every stage of it: each call works when its stage has come."""

    def __init__(self, site: Site, email: str = EMAIL) -> None:
        self.site, self.email = site, email
        self.newcomer, self.member = site.visitor(), site.visitor()
        assert self.member.sign_up(email).status == 200
        self.member.post("/auth/password/forgot", {"email": email})
        self.token = site.link_for(email).rpartition("/")[2]
        body = {"email": f"new.{email}", "password": PASSWORD}
        self.attempt = self.newcomer.post("/auth/sign-up/password", body).json["attempt"]
        self.code = site.code_for(f"new.{email}")

    @property
    def calls(self) -> dict[str, Callable[[], Answer]]:
        someone, member, newcomer = self.site.visitor(), self.member, self.newcomer
        new = {"email": "someone.else@example.org", "password": PASSWORD}
        return {
            "sign up": lambda: someone.post("/auth/sign-up/password", new),
            "sign in": lambda: self.member.sign_in(self.email),
            "confirm": lambda: newcomer.post("/auth/attempt/email_code", {"attempt": self.attempt, "code": self.code}),
            "forgot": lambda: someone.post("/auth/password/forgot", {"email": self.email}),
            "reset": lambda: someone.post("/auth/password/reset", {"token": self.token, "password": NEW_PASSWORD}),
            "change": lambda: member.post("/auth/password/change", {"current": PASSWORD, "new": NEW_PASSWORD}),
            "profile": lambda: member.send("PATCH", "/auth/user", body={"name": "Countess", "user_name": "ada"}),
            "new address": lambda: member.post(
                "/auth/user/email", {"email": "ada@new.example.org", "password": PASSWORD}
            ),
            "export": lambda: member.get("/auth/user/export"),
            "sign out": lambda: member.post("/auth/sign-out"),
            "delete": lambda: member.post("/auth/user/delete", {"password": PASSWORD}),
        }

    def session_checks(self) -> Iterator[Answer]:
        """Ask for what only reads."""
        yield self.member.get("/auth/session")
        yield self.member.get("/auth/sessions")
        yield self.member.get("/auth/health")
        yield self.member.get("/auth/account", accept="text/html")


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgreSQL]:
    """A PostgreSQL server that a test may stop: the session's own serves the other tests."""
    server = PostgreSQL.temporary()
    yield server
    server.remove()


def test_postgresql_stopped_gives_503_everywhere_and_a_start_is_enough(own_server: PostgreSQL, clock: ManualClock):
    site = make_site(own_server.create_migrated_database("stopped"), clock)
    story = Story(site)
    before = counts(site)
    own_server.stop()
    for call in story.calls.values():
        assert_unavailable(call())
    for answer in story.session_checks():
        assert_unavailable(answer)
    own_server.start()
    assert counts(site) == before
    assert is_sound(site)
    for name in ("sign up", "confirm", "forgot", "sign in"):
        assert story.calls[name]().status in (200, 202), name
    site.auth.stop()


@pytest.mark.parametrize("name", ["sign up", "confirm", "sign in", "reset", "change", "delete"])
def test_a_connection_cut_at_any_statement_leaves_nothing_half_made(
    postgresql: PostgreSQL, postgresql_url: str, clock: ManualClock, name: str
):
    """The server ends the connection before statement 1, 2, 3 … of the call, until the call gets through.

    What comes after the COMMIT, to tell other workers of a revocation, may be cut: the change is made.
    """
    site = make_site(
        postgresql_url, clock, limits=GENEROUS | dict.fromkeys(("sign_in_account", "sign_in_device"), "1000/second")
    )
    story = Story(site)
    cut = Cut(site, postgresql)
    for number in range(1, 60):
        before = counts(site)
        cut.before(number)
        answer = story.calls[name]()
        if not cut.done() or cut.is_after_commit:
            assert answer.status in (200, 202)
            assert number > 3, "the call must have been cut a few times"
            break
        assert_unavailable(answer)
        assert counts(site) == before
    else:
        pytest.fail("the call never got through")
    assert is_sound(site)
    site.auth.stop()


class Cut:
    """Ends the database's connection before a chosen statement."""

    def __init__(self, site: Site, server: PostgreSQL) -> None:
        self._server, self._left = server, 0
        self.is_after_commit = False
        event.listen(site.auth.store.engine, "before_cursor_execute", self._before)

    def before(self, number: int) -> None:
        self._left = number

    def done(self) -> bool:
        """Tell whether it was done; if not, it is called off."""
        done, self._left = self._left == 0, 0
        return done

    def _before(self, connection: Connection, _: object, statement: str, *__: object) -> None:
        if self._left == 0:
            return
        self._left -= 1
        if self._left == 0:
            self.is_after_commit = "FROM leases" in statement
            process = connection.connection.dbapi_connection.info.backend_pid  # type: ignore[union-attr]
            with psycopg.connect(self._server.url("postgres"), autocommit=True) as admin:
                admin.execute("SELECT pg_terminate_backend(%s, 5000)", [process])


@pytest.fixture
def impatient_site(sqlite_url: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A site on SQLite that waits a twentieth of a second for a lock, not five."""
    monkeypatch.setattr(engines, "BUSY_TIMEOUT", 50)
    site = make_site(sqlite_url, clock)
    yield site
    site.auth.stop()


def file_of(site: Site) -> Path:
    return Path(site.auth.store.engine.url.database or "")


def test_sqlite_locked_by_another_process_gives_503_to_writers_and_readers_go_on(impatient_site: Site):
    story = Story(impatient_site)
    before = counts(impatient_site)
    with closing(sqlite3.connect(file_of(impatient_site), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for name, call in story.calls.items():
            if name != "export":
                assert_unavailable(call())
        assert [answer.status for answer in story.session_checks()] == [200] * 4
        other.execute("ROLLBACK")
    assert counts(impatient_site) == before
    for name in ("sign up", "confirm", "forgot", "sign in"):
        assert story.calls[name]().status in (200, 202), name
    assert is_sound(impatient_site)


def test_postgresql_locked_by_an_operator_gives_503_and_not_a_wait_for_ever(
    postgresql_url: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
):
    """A table lock once held every thread until it was released."""
    monkeypatch.setattr(engines, "BUSY_TIMEOUT", 100)
    site = make_site(postgresql_url, clock)
    story = Story(site)
    before = counts(site)
    with psycopg.connect(postgresql_url) as operator:
        operator.execute("LOCK TABLE users, sessions, limits IN ACCESS EXCLUSIVE MODE")
        for call in story.calls.values():
            assert_unavailable(call())
    assert counts(site) == before
    for name in ("sign up", "confirm", "forgot", "sign in"):
        assert story.calls[name]().status in (200, 202), name
    assert is_sound(site)
    site.auth.stop()


def test_a_full_disk_gives_503_wherever_it_strikes_and_room_is_enough_to_recover(sqlite_site: Site):
    """`max_page_count` makes SQLite say that the disk is full, at another statement in each round."""
    story = Story(sqlite_site)
    full = FullDisk(sqlite_site)
    failed = 0
    for number in range(60):
        before = counts(sqlite_site)
        full.is_full = True
        visitor = sqlite_site.visitor()
        body = {"email": f"ada{number}@example.org", "password": PASSWORD, "name": "A" * (number * 3)}
        answer = visitor.post("/auth/sign-up/password", body)
        if answer.status == 503:
            assert_unavailable(answer)
            assert counts(sqlite_site) == before
            failed += 1
            full.is_full = False
            answer = visitor.post("/auth/sign-up/password", body)
        full.is_full = False
        assert answer.status == 202
        finish(visitor, answer, sqlite_site, number, full)
        assert is_sound(sqlite_site)
    assert failed > 3
    assert full.failed_confirmations > 1
    assert story.calls["sign in"]().status == 200


def finish(visitor: Visitor, pending: Answer, site: Site, number: int, full: "FullDisk") -> None:
    """Confirm with the disk full; where that fails, nothing is made, no cookie set, and the code still works."""
    body = {"attempt": pending.json["attempt"], "code": site.code_for(f"ada{number}@example.org")}
    before = counts(site)
    full.is_full = True
    answer = visitor.post("/auth/attempt/email_code", body)
    full.is_full = False
    if answer.status == 503:
        full.failed_confirmations += 1
        assert_unavailable(answer)
        assert counts(site) == before
        assert visitor.user is None
        answer = visitor.post("/auth/attempt/email_code", body)
    assert answer.status == 200
    assert visitor.user["email"] == f"ada{number}@example.org"


class FullDisk:
    """While `is_full`, the database file can't grow by a page."""

    def __init__(self, site: Site) -> None:
        self.is_full = False
        self.failed_confirmations = 0
        event.listen(site.auth.store.engine, "checkout", self._checkout)

    def _checkout(self, connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {1 if self.is_full else 1_000_000}").fetchall()


def test_the_mail_worker_and_the_upkeep_outlive_a_database_that_is_gone(own_server: PostgreSQL, clock: ManualClock):
    """What waits in the outbox leaves when the database is back; the threads are the same ones."""
    import threading

    site = make_site(own_server.create_migrated_database("outlived"), clock)
    site.auth.start()
    workers = [thread for thread in threading.enumerate() if thread.name in ("watchword-outbox", "watchword-upkeep")]
    assert len(workers) >= 2
    own_server.stop()
    site.auth._delivery.wake()
    assert_unavailable(site.visitor().post("/auth/password/forgot", {"email": EMAIL}))
    own_server.start()
    body = {"email": EMAIL, "password": PASSWORD}
    assert site.visitor().post("/auth/sign-up/password", body).status == 202
    for _ in range(1000):
        # The thread may have the mail in hand already: then there is none left to take here, and it is sent in a moment.
        site.auth._delivery.run_once()
        if site.count("outbox WHERE sent_at IS NOT NULL"):
            break
    assert site.count("outbox WHERE sent_at IS NOT NULL") == 1
    assert all(thread.is_alive() for thread in workers)
    site.auth.stop()
