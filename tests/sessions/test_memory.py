"""Sessions that a process remembers: as quick as a dictionary, and never staler than the database."""

import asyncio
import gc
import secrets
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import Executor

import pytest
from sqlalchemy import text

from tests.support.site import EMAIL, PASSWORD, Site, Visitor, make_site
from watchword import SessionLimits
from watchword.foundation.clock import DAY, MINUTE, SECOND, ManualClock
from watchword.foundation.encodings import base32_encode
from watchword.foundation.secrets import Secret
from watchword.http.request import Request
from watchword.identity import users
from watchword.identity.email_address import EmailAddress
from watchword.policy.ledger import Ledger
from watchword.sessions import records
from watchword.sessions.session import Session
from watchword.sessions.stored import REREAD
from watchword.sessions.verify import RequestContext, set_context, verify_session
from watchword.storage.store import Store, Transaction


class NoThreads(Executor):
    """Threads that must not be needed."""

    def submit(self, *_args: object, **_options: object):  # type: ignore[override]
        raise AssertionError("the check went to another thread")


@pytest.fixture
def ada(sqlite_site: Site) -> Visitor:
    visitor = sqlite_site.visitor()
    assert visitor.sign_up().status == 200
    return visitor


@pytest.fixture
def elsewhere(sqlite_site: Site, sqlite_url: str) -> Iterator[Site]:
    """The same database in another process, as far as memory goes."""
    site = make_site(sqlite_url, sqlite_site.clock)
    yield site
    site.auth.stop()


def asking(visitor: Visitor, *, bearer: bool = False) -> Request:
    token = visitor.cookies["watchword"].encode()
    line = (b"authorization", b"Bearer " + token) if bearer else (b"cookie", b"watchword=" + token)
    return Request("GET", "/", headers=[line])


def ask(site: Site, visitor: Visitor) -> Session | None:
    return site.auth.gate.verify(asking(visitor))


def without_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the check read the database")

    for method in ("prepared", "read", "write", "mark"):
        monkeypatch.setattr(Store, method, refuse)


def sessions_of(site: Site, count: int) -> list[Secret]:
    """Begin so many sessions, each of a user of its own."""
    tokens: list[Secret] = []
    with site.auth.store.write(durable=False) as tx:
        for number in range(count):
            address = f"{number}-{secrets.token_hex(4)}@example.org"
            user = users.create_user(tx, email=EmailAddress(address, address), name=f"Person {number}")
            assert user
            limits = site.auth.settings.session
            tokens.append(records.start(tx, limits, Request("GET", "/"), user.id, ("password",))[1])
    return tokens


def by_token(site: Site, token: str) -> Session | None:
    return site.auth.gate.verify(Request("GET", "/", headers=[(b"cookie", f"watchword={token}".encode())]))


def test_a_second_check_reads_no_database(sqlite_site: Site, ada: Visitor, monkeypatch):
    first = ask(sqlite_site, ada)
    without_database(monkeypatch)
    assert first is not None
    assert ask(sqlite_site, ada) is first
    by_header = sqlite_site.auth.gate.verify(asking(ada, bearer=True))
    assert by_header is not None
    assert (by_header.id, by_header.kind, first.kind) == (first.id, "bearer", "cookie")


@pytest.mark.parametrize("known", [True, False], ids=["who is remembered", "who has no session"])
def test_who_needs_no_database_is_answered_without_another_thread(sqlite_site: Site, ada: Visitor, known: bool):
    remembered = ask(sqlite_site, ada)
    requests = (
        [asking(ada)] if known else [Request("GET", "/"), Request("GET", "/", headers=[(b"cookie", b"watchword=x")])]
    )
    for request in requests:

        async def check(request: Request = request) -> Session | None:
            leave = set_context(RequestContext(request, sqlite_site.auth.gate, NoThreads(), Ledger()))
            try:
                return await verify_session()
            finally:
                leave()

        assert asyncio.run(check()) is (remembered if known else None)


def end_this(visitor: Visitor) -> None:
    assert visitor.post("/auth/sign-out").status == 200


def leave(visitor: Visitor) -> None:
    assert visitor.post("/auth/user/delete", {"password": PASSWORD}).status == 200


def change_password(visitor: Visitor) -> None:
    answer = visitor.post("/auth/password/change", {"current": PASSWORD, "new": "difference engine no. 2"})
    assert answer.status == 200, answer.text


def reset_password(visitor: Visitor) -> None:
    visitor.post("/auth/password/forgot", {"email": EMAIL})
    token = visitor.site.link_for(EMAIL).rpartition("/")[2]
    answer = visitor.post("/auth/password/reset", {"token": token, "password": "difference engine no. 2"})
    assert answer.status in (200, 204), answer.text


ENDS: dict[str, Callable[[Site, Visitor], object]] = {
    "sign-out": lambda _, visitor: end_this(visitor),
    "end all others": lambda site, _: _other_device(site).delete("/auth/sessions"),
    "end one": lambda site, visitor: _end_one(site, visitor),
    "end-sessions": lambda site, _: site.auth.administration.end_sessions(EMAIL),
    "set-role": lambda site, _: site.auth.administration.set_role(EMAIL, "admin"),
    "disable": lambda site, _: site.auth.administration.set_disabled(EMAIL, disabled=True),
    "deletion": lambda _, visitor: leave(visitor),
    "change of password": lambda _, visitor: change_password(visitor),
    "reset of password": lambda _, visitor: reset_password(visitor),
}


def _other_device(site: Site) -> Visitor:
    phone = site.visitor("198.51.100.7")
    assert phone.sign_in().status == 200
    return phone


def _end_one(site: Site, visitor: Visitor) -> None:
    session = ask(site, visitor)
    assert session
    assert _other_device(site).delete(f"/auth/sessions/{session.id}").status in (200, 204)


@pytest.mark.parametrize("how", ENDS)
def test_what_ends_a_session_in_one_process_ends_it_in_the_other_at_once(
    sqlite_site: Site, ada: Visitor, elsewhere: Site, how: str
):
    old = asking(ada)
    assert ask(elsewhere, ada) is not None
    assert ask(sqlite_site, ada) is not None
    ENDS[how](sqlite_site, ada)
    for site in (sqlite_site, elsewhere):
        assert site.auth.gate.verify(Request("GET", "/", headers=old.headers)) is None


def _change(site: Site, change: Callable[[Transaction, str], object]) -> None:
    with site.auth.store.write() as tx:
        account = users.account_by_email(tx, EMAIL)
        assert account
        change(tx, account.user.id)


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (lambda tx, user: users.change_name(tx, user, "Countess"), "Countess"),
        (lambda tx, user: users.set_role(tx, user, "admin"), "admin"),
        (
            lambda tx, user: users.change_email(tx, user, EmailAddress("a@example.org", "a@example.org")),
            "a@example.org",
        ),
        (lambda tx, user: users.change_user_name(tx, user, users.UserName("countess", "countess")), "countess"),
    ],
    ids=["name", "role", "address", "user name"],
)
def test_what_a_session_shows_is_what_the_database_says(sqlite_site, ada, elsewhere, change, shown):
    assert ask(elsewhere, ada) is not None
    _change(sqlite_site, change)
    session = ask(elsewhere, ada)
    assert session is not None
    assert shown in (session.user.name, session.user.role, session.user.email, session.user.user_name)


def test_the_old_token_of_a_renewed_session_is_worth_nothing_at_once(sqlite_site: Site, ada: Visitor, elsewhere: Site):
    session = ask(elsewhere, ada)
    assert session
    with sqlite_site.auth.store.write() as tx:
        token = records.renew(tx, session.user.id, session.id, ("password",))
    assert token is not None
    assert ask(elsewhere, ada) is None
    assert by_token(elsewhere, token.reveal()) is not None


def test_what_sql_changes_from_outside_is_seen_half_a_minute_later_at_most(sqlite_site: Site, ada: Visitor):
    assert ask(sqlite_site, ada) is not None
    with sqlite_site.auth.store.engine.begin() as connection:
        connection.execute(text("DELETE FROM sessions"))
    sqlite_site.clock.advance(REREAD)
    assert ask(sqlite_site, ada) is None


def test_what_an_open_transaction_sees_is_not_remembered(sqlite_site: Site, ada: Visitor):
    gate = sqlite_site.auth.gate
    assert gate.verify(asking(ada)) is not None
    with pytest.raises(ZeroDivisionError), sqlite_site.auth.store.write() as tx:
        users.change_name(tx, _user_id(sqlite_site, ada), "Nobody")
        seen = gate.verify(asking(ada), tx)
        assert seen is not None
        assert seen.user.name == "Nobody"
        raise ZeroDivisionError
    after = gate.verify(asking(ada))
    assert after is not None
    assert after.user.name == "Ada"


def _user_id(site: Site, visitor: Visitor) -> str:
    session = ask(site, visitor)
    assert session
    return session.user.id


@pytest.mark.parametrize("limit", ["idle", "absolute"])
def test_a_remembered_session_ends_by_time_within_a_millisecond(sqlite_url: str, clock: ManualClock, limit: str):
    site = make_site(sqlite_url, clock, session=SessionLimits(**{"idle": DAY, "absolute": DAY, limit: 20 * SECOND}))
    ada = site.visitor()
    assert ada.sign_up().status == 200
    began = ask(site, ada)
    assert began is not None
    ends = round(began.created_at.timestamp() * 1000) + 20 * SECOND
    clock.advance(ends - clock.now() - 1)
    assert ask(site, ada) == began
    clock.advance(2)
    assert ask(site, ada) is None
    assert len(site.auth.gate.memory) == 0
    site.auth.stop()


def test_the_use_of_a_remembered_session_is_noted_when_that_is_due(sqlite_site: Site, ada: Visitor):
    for _ in range(6 * 5):
        sqlite_site.clock.advance(10 * SECOND)
        assert ask(sqlite_site, ada) is not None
    sqlite_site.auth.activity.flush()
    session = ask(sqlite_site, ada)
    assert session is not None
    sqlite_site.clock.advance(REREAD)
    session = ask(sqlite_site, ada)
    assert session is not None
    assert (session.last_used_at - session.created_at).total_seconds() * SECOND >= 5 * MINUTE


def test_who_was_not_asked_for_lately_gives_way(sqlite_url: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch):
    site = make_site(sqlite_url, clock, session=SessionLimits(remembered=20))
    busy, *others = [token.reveal() for token in sessions_of(site, 100)]
    for token in others:
        assert by_token(site, busy) is not None
        assert by_token(site, token) is not None
    assert len(site.auth.gate.memory) == 20
    monkeypatch.setattr(site.auth.store, "prepared", None)
    assert by_token(site, busy) is not None
    site.auth.stop()


def test_with_no_room_every_check_reads_the_database(sqlite_url: str, clock: ManualClock):
    site = make_site(sqlite_url, clock, session=SessionLimits(remembered=0))
    [token] = sessions_of(site, 1)
    assert by_token(site, token.reveal()) is not by_token(site, token.reveal()) is not None
    assert len(site.auth.gate.memory) == 0
    site.auth.stop()


def flood(site: Site, count: int) -> None:
    for _ in range(count):
        assert (
            by_token(site, "wws_" + base32_encode(secrets.token_bytes(16)) + base32_encode(secrets.token_bytes(32)))
            is None
        )


@pytest.mark.parametrize("count", [2_000, pytest.param(1_000_000, marks=pytest.mark.all)])
def test_tokens_that_somebody_makes_up_take_no_room(sqlite_site: Site, ada: Visitor, count: int):
    assert ask(sqlite_site, ada) is not None
    flood(sqlite_site, 500)
    gc.collect()
    tracemalloc.start()
    flood(sqlite_site, 100)
    before = tracemalloc.get_traced_memory()[0]
    flood(sqlite_site, count)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert len(sqlite_site.auth.gate.memory) == 1
    assert grown < 20_000


def test_a_remembered_session_takes_less_than_a_kibibyte(sqlite_site: Site):
    tokens = [token.reveal() for token in sessions_of(sqlite_site, 2_000)]
    assert by_token(sqlite_site, tokens[0]) is not None
    gc.collect()
    tracemalloc.start()
    for token in tokens:
        assert by_token(sqlite_site, token) is not None
    gc.collect()
    each = tracemalloc.get_traced_memory()[0] / len(tokens)
    tracemalloc.stop()
    assert each < 1024


def test_on_postgresql_every_check_reads_the_database(postgresql_url: str, clock: ManualClock):
    site = make_site(postgresql_url, clock)
    [token] = sessions_of(site, 1)
    assert by_token(site, token.reveal()) is not None
    assert len(site.auth.gate.memory) == 0
    site.auth.stop()
