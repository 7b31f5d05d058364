"""Chapter 12 of the list of attacks: what an operator sees, and what faults and clocks do."""

import logging

import pytest
from sqlalchemy import delete, text, update

from tests.support.site import EMAIL, PASSWORD, Site, make_site
from watchword.admission import door
from watchword.audit.tables import audit_events
from watchword.foundation.clock import DAY, HOUR, MINUTE, ManualClock
from watchword.foundation.settings import SessionLimits

HOSTILE = "Ada\r\nSet-Cookie: watchword=x\n\x1b[2J\x1b]0;owned\x07\u202e\u2028"


def test_a148_a_hostile_user_agent_and_name_are_written_out_in_the_log(site: Site, caplog: pytest.LogCaptureFixture):
    """CVE-2025-27111: no line of a log or of the event log can be forged, no terminal be commanded."""
    caplog.set_level(logging.DEBUG)
    visitor = site.visitor()
    agent = "Mozilla\x1b[2J\x07 \x9b31m"
    body = {"email": EMAIL, "password": PASSWORD, "name": HOSTILE}
    attempt = visitor.post("/auth/sign-up/password", body, user_agent=agent).json["attempt"]
    body = {"attempt": attempt, "code": site.code_for(EMAIL)}
    assert visitor.post("/auth/attempt/email_code", body, user_agent=agent).status == 200
    with site.auth.store.read() as tx:
        events = site.auth.services.audit.recent(tx)
    assert events
    assert all(event.user_agent.isprintable() for event in events)
    assert any("\\x1b[2J" in event.user_agent for event in events)
    assert all(line.isprintable() for record in caplog.records for line in record.getMessage().split("\n"))


def test_a148_a_hostile_name_never_becomes_a_header_of_a_mail_or_an_answer(site: Site):
    visitor = site.visitor()
    assert visitor.sign_up(name=HOSTILE).status == 200
    visitor.post("/auth/password/forgot", {"email": EMAIL})
    answer = visitor.get("/auth/user/export")
    assert all("\n" not in value and "\r" not in value for _, value in answer.response.headers)
    for mail in site.mails():
        assert mail.subject.isprintable()
        assert mail.to.isprintable()


def test_a148_a_session_keeps_a_user_agent_that_no_terminal_obeys(site: Site):
    """It is shown again, in lists of sessions."""
    visitor = site.visitor()
    visitor.sign_up()
    other = site.visitor()
    body = {"identifier": EMAIL, "password": PASSWORD}
    assert other.post("/auth/sign-in/password", body, user_agent="Mozilla\x1b[2J\x00\x9b").status == 200
    shown = [session["user_agent"] for session in visitor.get("/auth/sessions").json["sessions"]]
    assert all(agent.isprintable() for agent in shown)


@pytest.mark.parametrize("damage", ["edit", "remove", "reorder"])
def test_a150_tampering_with_the_log_of_a_real_flow_is_reported(site: Site, damage: str):
    visitor = site.visitor()
    visitor.sign_up()
    for password in ("wrong password 1", "wrong password 2", PASSWORD):
        visitor.sign_in(password=password)
    audit, store = site.auth.services.audit, site.auth.store
    with store.read(snapshot=True) as tx:
        assert audit.verify(tx) == []
        events = [event for event in audit.recent(tx) if event.user_id]
    first, second = events[0].id, events[1].id
    with store.write() as tx:
        if damage == "edit":
            tx.execute(update(audit_events).where(audit_events.c.id == first).values(address="203.0.113.66"))
        elif damage == "remove":
            tx.execute(delete(audit_events).where(audit_events.c.id == first))
        else:
            tx.execute(update(audit_events).where(audit_events.c.id == first).values(id="aud_parked"))
            tx.execute(update(audit_events).where(audit_events.c.id == second).values(id=first))
            tx.execute(update(audit_events).where(audit_events.c.id == "aud_parked").values(id=second))
    with store.read(snapshot=True) as tx:
        assert audit.verify(tx) != []


@pytest.mark.parametrize("table", ["audit_events", "audit_heads", "sessions", "devices", "credentials", "limits"])
def test_a152_a_table_that_fails_in_the_middle_of_a_sign_in_leaves_nothing_half_made(site: Site, table: str):
    """The event log is part of the sign-in: what can't be recorded does not happen (CVE-2020-15223)."""
    site.visitor().sign_up()
    before = {name: site.count(name) for name in ("sessions", "devices", "users")}
    visitor = site.visitor()
    with site.auth.store.write() as tx:
        tx.execute(text(f"ALTER TABLE {table} RENAME TO gone"))
    failed = visitor.sign_in()
    assert failed.status in (500, 503)
    assert failed.cookies == []
    assert failed.code in ("internal_error", "unavailable")
    with site.auth.store.write() as tx:
        tx.execute(text(f"ALTER TABLE gone RENAME TO {table}"))
    assert {name: site.count(name) for name in before} == before
    assert visitor.sign_in().status == 200, "and it recovers by itself"


@pytest.mark.parametrize("call", ["sign up", "confirm", "reset", "change", "end sessions"])
def test_a152_the_event_log_down_stops_every_change(site: Site, call: str):
    visitor = site.visitor()
    visitor.sign_up()
    site.visitor().sign_in()
    newcomer = site.visitor()
    body = {"email": "eva@example.org", "password": PASSWORD}
    attempt = newcomer.post("/auth/sign-up/password", body).json["attempt"]
    code = site.code_for("eva@example.org")
    visitor.post("/auth/password/forgot", {"email": EMAIL})
    token = site.link_for(EMAIL).rpartition("/")[2]
    calls = {
        "sign up": lambda: newcomer.post("/auth/attempt/email_code", {"attempt": attempt, "code": code}),
        "confirm": lambda: newcomer.post("/auth/attempt/email_code", {"attempt": attempt, "code": "00000000"}),
        "reset": lambda: newcomer.post("/auth/password/reset", {"token": token, "password": PASSWORD + "!"}),
        "change": lambda: visitor.post("/auth/password/change", {"current": PASSWORD, "new": PASSWORD + "!"}),
        "end sessions": lambda: visitor.delete("/auth/sessions"),
    }
    before = {name: site.count(name) for name in ("users", "sessions", "challenges", "outbox")}
    with site.auth.store.write() as tx:
        tx.execute(text("ALTER TABLE audit_heads RENAME TO gone"))
    failed = calls[call]()
    assert (failed.status, failed.cookies) == (500, [])
    with site.auth.store.write() as tx:
        tx.execute(text("ALTER TABLE gone RENAME TO audit_heads"))
    assert {name: site.count(name) for name in before} == before
    assert site.visitor().sign_in().status == 200, "the password is the old one"


def test_a153_a_revocation_that_was_answered_is_on_the_disk(sqlite_site: Site, tmp_path):
    """A copy of the files at the moment of the answer, as a crash leaves them, knows it. `test_kill` does it for real."""
    import shutil
    from pathlib import Path

    visitor, other = sqlite_site.visitor(), sqlite_site.visitor()
    visitor.sign_up()
    other.sign_in()
    assert visitor.delete("/auth/sessions").json == {"ended": 1}
    file = Path(sqlite_site.auth.store.engine.url.database or "")
    for part in file.parent.glob(file.name + "*"):
        if not part.name.endswith("-shm"):
            shutil.copyfile(part, tmp_path / part.name.replace("watchword", "after"))
    after = make_site(f"sqlite:///{tmp_path / 'after.sqlite3'}", sqlite_site.clock)
    old = after.visitor()
    old.cookies = dict(other.cookies)
    assert old.user is None
    old.cookies = dict(visitor.cookies)
    assert old.user["email"] == EMAIL
    after.auth.stop()


@pytest.mark.parametrize("back", [30_000, HOUR, DAY])
def test_a154_a_clock_set_back_makes_no_code_good_again_that_was_found_expired(site: Site, back: int):
    visitor = site.visitor()
    body = {"email": EMAIL, "password": PASSWORD}
    attempt = visitor.post("/auth/sign-up/password", body).json["attempt"]
    code = site.code_for(EMAIL)
    site.clock.advance(11 * MINUTE)
    assert visitor.post("/auth/attempt/email_code", {"attempt": attempt, "code": code}).code == "code_expired"
    site.clock.advance(-back)
    assert visitor.post("/auth/attempt/email_code", {"attempt": attempt, "code": code}).status in (410, 422, 429)
    assert visitor.user is None


def test_a154_a_session_that_was_found_expired_stays_expired(site: Site):
    """Whatever its server's clock says later, once upkeep has run."""
    visitor = site.visitor()
    visitor.sign_up()
    site.clock.advance(SessionLimits().idle)
    assert visitor.user is None
    site.auth._upkeep.run_once()
    site.clock.advance(-SessionLimits().idle)
    assert visitor.user is None


def test_a154_two_servers_30_seconds_apart_use_a_code_once(store_url: str, clock: ManualClock):
    one = make_site(store_url, clock)
    late = ManualClock(clock.now() - 30_000)
    two = make_site(store_url, late)
    visitor = one.visitor()
    attempt = visitor.post("/auth/sign-up/password", {"email": EMAIL, "password": PASSWORD}).json["attempt"]
    body = {"attempt": attempt, "code": one.code_for(EMAIL)}
    there = two.visitor()
    there.cookies = visitor.cookies
    assert there.post("/auth/attempt/email_code", body).status == 200
    assert visitor.post("/auth/attempt/email_code", body).status == 410
    assert visitor.user["email"] == EMAIL, "and both servers honour the session at once"
    one.auth.stop()
    two.auth.stop()


def test_a_sign_in_over_an_old_session_does_not_wait_for_itself(site: Site):
    """The old session's last use was once written from inside the open transaction: 5 s, all writers held up."""
    import time

    visitor = site.visitor()
    visitor.sign_up()
    site.clock.advance(6 * MINUTE)
    begin = time.perf_counter()
    assert visitor.sign_in().status == 200
    assert time.perf_counter() - begin < 4


def test_no_session_is_made_without_a_proof(site: Site):
    """The door itself refuses: a defect of a method can't open it (DESIGN, one door in)."""
    visitor = site.visitor()
    user = visitor.sign_up().json["session"]["user"]
    assert user
    with site.auth.store.write() as tx, pytest.raises(ValueError, match="no proof, no session"):
        door.admit(tx, site.auth.services, None, None, ())  # type: ignore[arg-type]
    assert site.count("sessions") == 1
