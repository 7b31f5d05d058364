"""Sessions of Auth.js whose rows are in a database of the app's."""

import time
from typing import Any

import pytest

from tests.support.node import Node
from tests.support.site import make_site
from tests.vendors.test_opaque import ask, refusal
from tests.vendors.trusted import NOW
from watchword.foundation.clock import SECOND, ManualClock
from watchword.foundation.errors import ConfigurationError
from watchword.vendors.next_auth.trust import NextAuth


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW * SECOND)


ROW: dict[str, Any] = {"userId": "user_1", "email": "ada@example.org", "name": "Ada", "emailVerified": None}
TOKEN = "0b0b8f0e-8f0e-4f0e-8f0e-0b0b8f0e8f0e"


def test_a_session_in_auth_js_s_database_lives_as_long_as_its_row(sqlite_url: str, clock: ManualClock):
    """Asked for at each request: signed out there is signed out here."""
    rows: dict[str, dict[str, Any]] = {TOKEN: ROW | {"expires": (NOW + 600) * SECOND}}
    trust = NextAuth(find_session=rows.get, secure=False, clock=clock)
    site = make_site(sqlite_url, clock, trust=[trust])
    site.auth.prepare_store()
    with site.auth.store.write():
        pass
    cookie = ("cookie", f"authjs.session-token={TOKEN}")
    session = ask(site, cookie)
    assert session
    assert (session.user.id, session.user.email, session.user.name) == ("user_1", "", "Ada")
    assert TOKEN not in repr(session)
    del rows[TOKEN]
    assert ask(site, cookie) is None
    site.auth.stop()


@pytest.mark.parametrize(
    ("expires", "is_live"),
    [
        ("2027-01-15T08:10:00.000Z", True),
        ("2027-01-15T08:10:00", True),
        ((NOW + 600) * SECOND, True),
        ("2027-01-15T07:59:59.999Z", False),
        (NOW * SECOND, False),
        (None, False),
        ("tomorrow", False),
        (True, False),
    ],
)
def test_a_row_ends_when_it_says(expires: Any, is_live: bool, clock: ManualClock):
    """Whatever the database makes of a moment; one that nobody understands has passed."""
    trust = NextAuth(find_session=lambda _: ROW | {"expires": expires}, clock=clock)
    if is_live:
        assert trust.verify(TOKEN).expires_at.timestamp() == NOW + 600
    else:
        assert refusal(trust, TOKEN) == "token_expired"


def test_auth_js_itself_takes_the_rows_that_are_taken_here(node: Node):
    """@auth/core with the strategy `database`, and an adapter that knows one row."""
    clock = ManualClock(int(time.time() * SECOND))
    user = {"id": "user_1", "email": "ada@example.org", "name": "Ada", "emailVerified": None}
    for later, is_live in ((600, True), (-600, False)):
        row = {"sessionToken": TOKEN, "userId": "user_1", "expires": clock.now() + later * SECOND}
        theirs = node("nextauth_calls", "databaseSession", TOKEN, row, user, "a-secret-of-32-characters-or-more")
        assert bool(theirs) is is_live
        trust = NextAuth(find_session=lambda _, row=row: ROW | row, secure=False, clock=clock)
        if is_live:
            assert trust.verify(TOKEN).user.name == theirs["user"]["name"]
        else:
            assert refusal(trust, TOKEN) == "token_expired"


def test_a_session_token_is_looked_up_only_where_it_can_be_one(clock: ManualClock):
    """The app's database is not asked for what is no token."""
    asked: list[str] = []
    trust = NextAuth(find_session=lambda token: asked.append(token), clock=clock)
    assert refusal(trust, "x" * 513) == "issuer_refused"
    assert asked == []
    assert trust.credential({"__Secure-authjs.session-token": ["a", "b"]}) is None


def test_next_auth_takes_a_secret_or_a_database():
    """Not both, nor neither."""
    for options in ({}, {"secret": "x" * 32, "find_session": dict[str, Any]().get}):
        with pytest.raises(ConfigurationError, match="find_session"):
            NextAuth(**options)
