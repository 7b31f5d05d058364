"""The event log: what is recorded, and that no one can change it unseen."""

import threading

import pytest
from sqlalchemy import delete, insert, select, update

from watchword.audit.chain import LANES, Damage
from watchword.audit.events import AuditEvent
from watchword.audit.log import AuditLog, printable
from watchword.audit.tables import audit_events, audit_heads
from watchword.foundation.secrets import Secret
from watchword.tokens.keyring import Keyring

OLD = Secret("an earlier secret of the application")
NEW = Secret("the present secret of the application")
USER = "usr_aaaaaaaaaaaaaaaaaaaaaaaaaa"


@pytest.fixture
def log():
    return AuditLog(Keyring([NEW]))


def record_some(store, log, count=5):
    for number in range(count):
        with store.write() as tx:
            log.record(tx, AuditEvent.SIGNED_IN, user_id=USER, address="192.0.2.1", details={"number": number})


def damage(store, log):
    with store.read(snapshot=True) as tx:
        return log.verify(tx)


def lane_of(store):
    with store.read() as tx:
        return tx.execute(select(audit_heads.c.lane)).scalar_one()


def row_id(store, sequence):
    with store.read() as tx:
        return tx.execute(select(audit_events.c.id).where(audit_events.c.sequence == sequence)).scalar_one()


def test_an_event_is_kept_with_who_what_and_where(store, log, clock):
    with store.write() as tx:
        log.record(
            tx,
            AuditEvent.ROLE_CHANGED,
            user_id=USER,
            actor_id="usr_bbbbbbbbbbbbbbbbbbbbbbbbbb",
            address="192.0.2.1",
            user_agent="Browser/1",
            details={"role": "admin", "before": None, "factors": ["password"]},
        )
    with store.read() as tx:
        (entry,) = log.events_of(tx, USER)
    assert entry.id.startswith("aud_")
    assert entry.at == clock.now()
    assert entry.event == "role_changed"
    assert (entry.user_id, entry.actor_id) == (USER, "usr_bbbbbbbbbbbbbbbbbbbbbbbbbb")
    assert (entry.address, entry.user_agent) == ("192.0.2.1", "Browser/1")
    assert entry.details == {"role": "admin", "before": None, "factors": ["password"]}


def test_an_event_rolls_back_with_the_change_that_it_tells_of(store, log):
    with pytest.raises(ZeroDivisionError), store.write() as tx:
        log.record(tx, AuditEvent.SIGNED_UP, user_id=USER)
        raise ZeroDivisionError
    with store.read() as tx:
        assert log.recent(tx) == []
    assert damage(store, log) == []


def test_newest_events_come_first_and_each_user_gets_only_their_own(store, log, clock):
    for user_id in (USER, "usr_cccccccccccccccccccccccccc", USER):
        with store.write() as tx:
            log.record(tx, AuditEvent.SIGNED_IN, user_id=user_id)
        clock.advance(1)
    with store.read() as tx:
        recent, own, one = log.recent(tx), log.events_of(tx, USER), log.recent(tx, 1)
    assert [entry.user_id for entry in recent] == [USER, "usr_cccccccccccccccccccccccccc", USER]
    assert recent == sorted(recent, key=lambda entry: -entry.at)
    assert {entry.user_id for entry in own} == {USER}
    assert len(own) == 2
    assert one == recent[:1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Mozilla/5.0 (é)", "Mozilla/5.0 (é)"),
        ("a\r\nb", "a\\r\\nb"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\u202e\u2028\x85", "\\u202e\\u2028\\x85"),
        ("\x00\ud800", "\\x00\\ud800"),
        ("\\r", "\\\\r"),
    ],
)
def test_a148_control_characters_are_written_out(text, shown):
    assert printable(text, 100) == shown


def test_a148_a_hostile_user_agent_is_stored_on_one_line_and_cut(store, log):
    with store.write() as tx:
        hostile = "x\r\nforged: line\x00\ud800" + "\x1b" * 1_000
        log.record(
            tx, AuditEvent.SIGNED_IN, user_id=USER, user_agent=hostile, address=hostile, details={"why": hostile}
        )
    with store.read() as tx:
        (entry,) = log.events_of(tx, USER)
    assert entry.user_agent.isprintable()
    assert len(entry.user_agent) == 256
    assert len(entry.address) == 64
    assert entry.details["why"].isprintable()
    assert damage(store, log) == []


def test_a149_a_secret_is_refused_as_a_detail(store, log):
    with pytest.raises(TypeError), store.write() as tx:
        log.record(tx, AuditEvent.CODE_FAILED, user_id=USER, details={"code": Secret("12345678")})


def test_an_untouched_log_has_no_damage(store, log):
    record_some(store, log)
    for number in range(40):
        with store.write() as tx:
            log.record(tx, AuditEvent.SIGN_IN_FAILED, address=f"192.0.2.{number}")
    with store.read() as tx:
        assert len(tx.execute(select(audit_heads.c.lane)).all()) > LANES / 2
    assert damage(store, log) == []


@pytest.mark.parametrize("column", ["event", "user_id", "actor_id", "address", "user_agent", "details", "id"])
def test_a150_an_edited_row_is_reported(store, log, column):
    record_some(store, log)
    with store.write() as tx:
        tx.execute(update(audit_events).where(audit_events.c.sequence == 3).values({column: "edited"}))
    assert damage(store, log) == [Damage("edited", lane_of(store), 3, row_id(store, 3))]


def test_a150_an_edited_time_is_reported(store, log):
    record_some(store, log)
    with store.write() as tx:
        tx.execute(update(audit_events).where(audit_events.c.sequence == 3).values(at=audit_events.c.at - 1))
    assert damage(store, log) == [Damage("edited", lane_of(store), 3, row_id(store, 3))]


@pytest.mark.parametrize("present", ["", "-", "None"])
def test_a037_a_present_column_and_an_absent_one_are_told_apart(store, log, present):
    record_some(store, log, 1)
    with store.write() as tx:
        tx.execute(update(audit_events).values(actor_id=present))
    assert damage(store, log) == [Damage("edited", lane_of(store), 1, row_id(store, 1))]


def test_a150_removed_rows_are_reported(store, log):
    record_some(store, log)
    with store.write() as tx:
        tx.execute(delete(audit_events).where(audit_events.c.sequence.in_([2, 3])))
    assert damage(store, log) == [Damage("removed", lane_of(store), 2, count=2)]


def test_a150_rows_removed_at_the_end_are_reported(store, log):
    record_some(store, log)
    with store.write() as tx:
        tx.execute(delete(audit_events).where(audit_events.c.sequence >= 4))
    assert damage(store, log) == [Damage("removed", lane_of(store), 4, count=2)]


def test_a150_an_end_cut_off_together_with_its_head_is_reported(store, log):
    record_some(store, log)
    with store.write() as tx:
        last = select(audit_events.c.seal).where(audit_events.c.sequence == 4).scalar_subquery()
        tx.execute(update(audit_heads).values(sequence=4, last_seal=last))
        tx.execute(delete(audit_events).where(audit_events.c.sequence == 5))
    assert damage(store, log) == [Damage("head", lane_of(store), 4)]


def test_a150_a_removed_head_is_reported(store, log):
    record_some(store, log)
    lane = lane_of(store)
    with store.write() as tx:
        tx.execute(delete(audit_heads))
    assert damage(store, log) == [Damage("head", lane, 5)]


def test_a150_a_lane_removed_whole_is_reported(store, log):
    record_some(store, log)
    with store.write() as tx:
        tx.execute(delete(audit_events))
    assert damage(store, log) == [Damage("removed", lane_of(store), 1, count=5)]


def test_a150_reordered_rows_are_reported(store, log):
    record_some(store, log)
    with store.write() as tx:
        for before, after in ((2, 99), (3, 2), (99, 3)):
            tx.execute(update(audit_events).where(audit_events.c.sequence == before).values(sequence=after))
    found = damage(store, log)
    assert [(damage.kind, damage.sequence, damage.id) for damage in found[:2]] == [
        ("edited", 2, row_id(store, 2)),
        ("edited", 3, row_id(store, 3)),
    ]


def test_a150_an_invented_row_is_reported(store, log):
    record_some(store, log)
    with store.write() as tx:
        row = dict(tx.execute(select(audit_events).where(audit_events.c.sequence == 5)).mappings().one())
        tx.execute(insert(audit_events), {**row, "sequence": 6, "id": "aud_invented"})
    found = damage(store, log)
    assert [(damage.kind, damage.sequence) for damage in found] == [("edited", 6), ("head", 6)]


def test_a150_a_row_that_was_sealed_for_this_place_in_another_history_is_reported(store, log):
    """An attacker who restored an older copy of the database for a while has rows of two histories."""
    record_some(store, log, 2)
    with store.read() as tx:
        head = dict(tx.execute(select(audit_heads)).mappings().one())
    record_some(store, log, 1)
    with store.write() as tx:
        other = dict(tx.execute(select(audit_events).where(audit_events.c.sequence == 3)).mappings().one())
        tx.execute(delete(audit_events).where(audit_events.c.sequence == 3))
        tx.execute(update(audit_heads).values(head))
    record_some(store, log, 2)
    assert damage(store, log) == []
    with store.write() as tx:
        tx.execute(update(audit_events).where(audit_events.c.sequence == 3).values(other))
    assert damage(store, log) == [Damage("edited", lane_of(store), 4, row_id(store, 4))]


def test_the_log_is_whole_after_the_secret_was_changed(store, log):
    record_some(store, AuditLog(Keyring([OLD])))
    record_some(store, AuditLog(Keyring([NEW, OLD])))
    assert damage(store, AuditLog(Keyring([NEW, OLD]))) == []
    assert damage(store, AuditLog(Keyring([NEW]))) != []


def test_a_log_of_more_than_a_page_is_checked_whole(store, log, monkeypatch):
    monkeypatch.setattr("watchword.audit.chain._PAGE", 2)
    record_some(store, log, 7)
    assert damage(store, log) == []
    with store.write() as tx:
        tx.execute(update(audit_events).where(audit_events.c.sequence == 7).values(event="edited"))
    assert [found.sequence for found in damage(store, log)] == [7]


def test_writers_at_once_keep_one_chain(store, log):
    def write():
        for _ in range(10):
            with store.write() as tx:
                log.record(tx, AuditEvent.SIGNED_IN, user_id=USER)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as tx:
        assert tx.execute(select(audit_heads.c.sequence)).scalar_one() == 80
    assert damage(store, log) == []
