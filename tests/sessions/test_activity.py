"""The last use of sessions: gathered, written together, and by nobody who waits."""

import threading

import pytest
from sqlalchemy import event, select

from tests.support.site import Site, Visitor
from watchword.foundation.clock import MINUTE
from watchword.foundation.errors import StoreUnavailableError
from watchword.http.request import Request
from watchword.sessions import activity
from watchword.sessions.activity import Activity
from watchword.sessions.tables import sessions
from watchword.storage.store import Store


@pytest.fixture
def ada(site: Site) -> Visitor:
    visitor = site.visitor()
    assert visitor.sign_up().status == 200
    return visitor


def check(site: Site, visitor: Visitor) -> None:
    headers = [(b"cookie", f"watchword={visitor.cookies['watchword']}".encode())]
    session = site.auth.gate.verify(Request("GET", "/", headers=headers))
    assert session is not None


def last_uses(site: Site) -> list[int]:
    with site.auth.store.read() as tx:
        return list(tx.execute(select(sessions.c.last_used_at).order_by(sessions.c.id)).scalars())


def test_a_check_writes_nothing_and_the_note_is_written_once(site: Site, ada: Visitor):
    began = last_uses(site)
    site.clock.advance(6 * MINUTE)
    written: list[str] = []
    event.listen(site.auth.store.engine, "before_cursor_execute", lambda *given: written.append(given[2]))
    for _ in range(5):
        check(site, ada)
    assert [statement for statement in written if not statement.startswith("SELECT")] == []
    site.auth.activity.flush()
    assert last_uses(site) == [began[0] + (site.clock.now() - began[0])]
    assert len([statement for statement in written if statement.startswith("UPDATE")]) == 1
    site.auth.activity.flush()
    assert len([statement for statement in written if statement.startswith("UPDATE")]) == 1


def test_an_older_note_never_takes_the_place_of_a_newer_one(site: Site, ada: Visitor):
    [began] = last_uses(site)
    with site.auth.store.read() as tx:
        [name] = tx.execute(select(sessions.c.id)).scalars()
    notes = site.auth.activity
    for at in (began + 5, began + 3):
        notes.note(name, at)
        notes.flush()
    assert last_uses(site) == [began + 5]


def test_what_can_not_be_written_now_stays_noted(site: Site, ada: Visitor, monkeypatch: pytest.MonkeyPatch):
    site.clock.advance(6 * MINUTE)
    check(site, ada)
    with monkeypatch.context() as patched:
        patched.setattr(Store, "write", _unavailable)
        with pytest.raises(StoreUnavailableError):
            site.auth.activity.flush()
    site.auth.activity.flush()
    assert last_uses(site) == [site.clock.now()]


def _unavailable(*_: object, **__: object):
    raise StoreUnavailableError("the database can't answer")


def test_a_thread_writes_what_is_noted_and_its_end_writes_the_rest(sqlite_site: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(activity, "_GATHER", 0.01)
    flushed = threading.Event()
    notes = Activity(sqlite_site.auth.store)
    monkeypatch.setattr(notes, "flush", flushed.set)
    notes.note("ses_before_the_start", 1)
    assert not flushed.is_set()
    notes.start()
    notes.note("ses_x", 1)
    assert flushed.wait(30)
    flushed.clear()
    notes.stop()
    assert flushed.is_set()
