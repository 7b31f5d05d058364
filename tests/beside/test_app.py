"""An app beside a server: the same sessions, under a lease, and none of them once the server cannot be asked."""

import httpcore
import pytest
from sqlalchemy import func, select

from tests.sessions.test_memory import ENDS
from tests.support.beside import Beside, Clock, key_of, make_beside
from tests.support.site import Site, Visitor
from watchword import Auth, ConfigurationError, SessionLimits
from watchword.beside.lease import ServerBoard
from watchword.foundation.errors import StoreUnavailableError
from watchword.http.request import Request
from watchword.storage.lease import LEASE, OVER, Lapse, LeaseLostError
from watchword.storage.tables import leases, revocations


def rows(site: Site, table) -> int:
    with site.auth.store.read() as tx:
        return tx.execute(select(func.count()).select_from(table)).scalar_one()


def test_the_app_sees_the_servers_session_and_asks_once(app: Beside, ada: Visitor):
    """The second check is answered from memory: no call leaves."""
    first = app.ask(ada)
    assert first is not None
    assert first.user.email == "ada@example.org"
    app.calls.clear()
    assert app.ask(ada) is first
    assert app.calls == []


def test_a_bearer_token_opens_it_as_well(app: Beside, ada: Visitor):
    """A client that is no browser sends the same token in `Authorization`."""
    token = ada.cookies["watchword"]
    session = app.auth.gate.verify(Request("GET", "/", headers=[(b"authorization", f"Bearer {token}".encode())]))
    assert session is not None
    assert session.kind == "bearer"


@pytest.mark.parametrize("how", list(ENDS))
def test_what_ends_a_session_at_the_server_ends_it_in_the_app_at_once(app: Beside, ada: Visitor, how: str):
    """Sign-out, a new role, a disabled account: when the server's call has returned, the app says no."""
    old = dict(ada.cookies)
    assert app.ask(ada) is not None
    ENDS[how](app.site, ada)
    ada.cookies = old
    assert app.ask(ada) is None


def test_a_silent_app_is_waited_for_until_its_lease_has_run_out(app: Beside, ada: Visitor, clock: Clock):
    """SIGSTOP, a cut line, a stolen laptop lid: the revocation returns after the lease, and the app has begun to ask."""
    assert app.ask(ada) is not None
    clock.meanwhile = lambda: None
    began = clock.monotonic()
    assert ada.post("/auth/sign-out").status == 200
    assert OVER <= clock.monotonic() - began < OVER + 0.2
    assert app.keeper.mark() is None
    assert rows(app.site, leases) == 0
    with pytest.raises(LeaseLostError) as lost:
        app.renew()
    assert lost.value.reason is Lapse.TAKEN_AWAY


def test_without_apps_a_revocation_announces_nothing(server: Site, ada: Visitor, clock: Clock):
    """Nobody pays for apps that are not there."""
    began = clock.monotonic()
    assert ada.post("/auth/sign-out").status == 200
    assert clock.monotonic() - began < 0.01
    assert rows(server, revocations) == 0


def test_with_the_server_gone_what_was_verified_lives_to_the_end_of_the_lease_then_503(
    app: Beside, ada: Visitor, clock: Clock
):
    """Never a yes that nobody stands behind, and never a no either: nobody knows."""
    assert app.ask(ada) is not None
    app.cut = httpcore.ConnectError("gone")
    clock.advance(int(LEASE * 1000) - 100)
    assert app.ask(ada) is not None
    clock.advance(100)
    with pytest.raises(StoreUnavailableError):
        app.ask(ada)
    answer = app.get("/auth/session", ada)
    assert (answer.status, answer.header("retry-after")) == (503, "2")


def test_a_server_that_was_away_is_not_called_for_half_a_second(app: Beside, ada: Visitor, clock: Clock):
    """Threads do not queue up for timeouts: checks are answered 503 at once."""
    app.cut = httpcore.ConnectTimeout("slow")
    with pytest.raises(StoreUnavailableError):
        app.ask(ada)
    app.cut = None
    app.calls.clear()
    with pytest.raises(StoreUnavailableError, match="a moment ago"):
        app.ask(ada)
    assert app.calls == []
    clock.advance(500)
    assert app.ask(ada) is not None


def test_a_connection_that_the_server_closed_is_tried_once_more(app: Beside, ada: Visitor, monkeypatch):
    """A restart of the server closes idle connections: nobody gets 503 for that."""
    tries: list[str] = []

    def stale(path, body):
        tries.append(path)
        if len(tries) == 1:
            raise httpcore.RemoteProtocolError("Server disconnected")
        return Beside.post(app, path, body)

    monkeypatch.setattr(app.client, "post", stale)
    assert app.ask(ada) is not None
    assert tries == ["session", "session"]


def test_a_wrong_key_is_said_at_the_start(server: Site, caplog):
    """It names what to do."""
    beside = make_beside(server, "wwk_" + "a" * 78)
    with pytest.raises(ConfigurationError, match="watchword keys create"):
        beside.auth.start()
    assert "refuses this app's key" in caplog.text


def test_a_key_that_is_wrong_in_its_secret_part_opens_nothing(server: Site):
    """The id alone is no secret."""
    key = key_of(server)
    beside = make_beside(server, key[:-1] + ("a" if key[-1] != "a" else "b"))
    with pytest.raises(ConfigurationError):
        beside.auth.start()


def test_when_a_key_is_revoked_the_app_answers_nothing_any_more(app: Beside, ada: Visitor, clock: Clock):
    """`watchword keys revoke` returns when the last lease by that key is over."""
    assert app.ask(ada) is not None
    clock.meanwhile = lambda: None
    (key,) = app.site.auth.service.keys.list_all()
    app.site.auth.service.keys.revoke(key.id)
    with pytest.raises(StoreUnavailableError):
        app.ask(ada)
    assert rows(app.site, leases) == 0


def test_an_app_has_two_keys_while_one_is_replaced(server: Site, ada: Visitor):
    """The old one goes on until it is revoked."""
    old, new = key_of(server), key_of(server)
    assert make_beside(server, old).ask(ada) is not None
    assert make_beside(server, [new, old]).ask(ada) is not None
    assert [one.service for one in server.auth.service.keys.list_all()] == ["shop", "shop"]


def test_no_app_speaks_for_the_lease_of_another_one(app: Beside, server: Site):
    """With another key, its name leads nowhere: it can be neither looked at, acknowledged nor given back."""
    other = make_beside(server, key_of(server, "other"))
    other.keeper.lease = app.keeper.lease
    with pytest.raises(LeaseLostError):
        other.renew()
    ServerBoard(other.client).give_back(app.keeper.lease.worker)
    assert rows(server, leases) == 1


def test_the_server_answers_an_app_from_the_database_never_from_its_own_memory(app: Beside, ada: Visitor, clock: Clock):
    """The app may have heeded what this process of the server has not: its memory would be remembered as fresh."""
    ada.get("/auth/session")
    hits = app.site.auth.gate.memory.hits
    app.ask(ada)
    assert app.site.auth.gate.memory.hits == hits


def test_an_answer_about_another_session_is_not_believed(app: Beside, ada: Visitor):
    """A proxy that mixes answers up lets nobody in as somebody else."""
    app.changes = lambda path, body: body.replace(b'"id":"ses_', b'"id":"ses_x') if path == "session" else body
    with pytest.raises(StoreUnavailableError):
        app.ask(ada)


def test_what_a_server_of_another_kind_answers_is_503(app: Beside, ada: Visitor):
    """Something that is no such answer is no no."""
    app.changes = lambda path, body: b"<html>"
    with pytest.raises(StoreUnavailableError):
        app.ask(ada)


def test_revocations_that_a_killed_process_left_are_cleared_by_the_server(app: Beside, server: Site, clock: Clock):
    """Not by the app: who deletes one too soon lets it return too soon."""
    with server.auth.store.write() as tx:
        tx.execute(revocations.insert(), {"id": "rev_" + "a" * 26, "shards": "12"})
    for _ in range(6):
        app.renew()
        assert rows(server, revocations) == 1
        clock.advance(750)
    app.renew()
    assert rows(server, revocations) == 0


def test_use_is_written_down_by_the_server(app: Beside, ada: Visitor, clock: Clock):
    """At most once in the activity interval, though most checks are answered from memory."""
    before = app.ask(ada)
    clock.advance(SessionLimits().activity)
    app.keeper.lease.end()
    app.take()
    app.ask(ada)
    app.site.auth.activity.flush()
    app.keeper.lease.end()
    after = app.ask(ada)
    assert before is not None
    assert after is not None
    assert after.last_used_at > before.last_used_at


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"store": "sqlite:///other.sqlite3"}, "store: the server decides"),
        ({"secret": "x" * 40}, "secret: the server decides"),
        ({"roles": {"editor": ["notes:write"]}}, "roles: the server decides"),
        ({"session": SessionLimits(idle=5)}, "only `remembered`"),
        ({"server": "http://auth.example.org"}, "must begin with 'https://'"),
        ({"server": "https://auth.example.org/x"}, "scheme and host alone"),
        ({"mode": "production"}, "must begin with 'https://'"),
        ({"mode": "production"}, "no base URL"),
        ({"key": None}, "no key"),
        ({"key": "short"}, "too short"),
    ],
)
def test_what_makes_no_sense_or_is_not_safe_is_refused_at_the_start(options, said):
    """Each with what to do."""
    given = {"server": "http://localhost:8000", "key": "wwk_" + "a" * 78, "environ": {}, **options}
    with pytest.raises(ConfigurationError, match=said):
        Auth(**given)


def test_a_key_without_a_server_is_refused():
    """It would be an app that makes accounts of its own."""
    with pytest.raises(ConfigurationError, match="server="):
        Auth(environ={"WATCHWORD_KEY": "wwk_" + "a" * 78})


def test_app_and_server_that_name_the_cookie_differently_are_told_so(server: Site):
    """They would look past each other."""
    beside = make_beside(server, base_url="https://app.example.org")
    with pytest.raises(ConfigurationError, match="cookie_domain"):
        beside.auth.start()
