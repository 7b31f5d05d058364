"""Mail that waits: sealed, bound to its transaction, and decoys that look the same."""

import pytest
from sqlalchemy import select, update

from watchword.foundation.secrets import Secret
from watchword.outbox.mail import Mail
from watchword.outbox.outbox import RETENTION, Outbox
from watchword.outbox.tables import outbox as rows
from watchword.tokens.keyring import Keyring

KEYRING = Keyring([Secret("a secret of thirty-two characters")])
MAIL = Mail("ann@example.org", "Your code is 12345678", "Code: 12345678", "<p>12345678</p>", "confirm")


def all_rows(store):
    with store.read() as tx:
        return tx.execute(select(rows)).all()


def test_a_queued_mail_is_read_back_whole(store):
    outbox = Outbox(KEYRING)
    with store.write() as tx:
        outbox.enqueue(tx, MAIL)
    (row,) = all_rows(store)
    letter = outbox.unseal(row.sealed)
    assert letter.mail == MAIL
    assert not letter.decoy
    assert row.next_try_at == row.created_at


def test_a149_no_code_and_no_recipient_is_in_the_table(store):
    outbox = Outbox(KEYRING)
    with store.write() as tx:
        outbox.enqueue(tx, MAIL)
    (row,) = all_rows(store)
    stored = b"|".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
    assert b"12345678" not in stored
    assert b"ann" not in stored
    assert b"example" not in stored


def test_a_mail_of_a_transaction_that_rolls_back_never_existed(store):
    outbox, woken = Outbox(KEYRING), []
    outbox.wake = lambda: woken.append(True)
    with pytest.raises(ZeroDivisionError), store.write() as tx:
        outbox.enqueue(tx, MAIL)
        raise ZeroDivisionError
    assert all_rows(store) == []
    assert woken == []


def test_the_worker_is_woken_after_the_commit_and_not_before(store):
    outbox, seen = Outbox(KEYRING), []
    outbox.wake = lambda: seen.append(len(all_rows(store)))
    with store.write() as tx:
        outbox.enqueue(tx, MAIL)
        assert seen == []
    assert seen == [1]


def test_a077_a_decoy_row_differs_from_a_real_one_in_nothing_that_shows(store):
    outbox = Outbox(KEYRING)
    with store.write() as tx:
        outbox.enqueue(tx, MAIL)
        outbox.enqueue_decoy(tx, MAIL)
    real, decoy = sorted(all_rows(store), key=lambda row: outbox.unseal(row.sealed).decoy)
    assert outbox.unseal(decoy.sealed).decoy
    assert abs(len(decoy.sealed) - len(real.sealed)) <= 1
    assert (real.kind, real.created_at, real.next_try_at) == (decoy.kind, decoy.created_at, decoy.next_try_at)


def test_an_altered_row_is_not_read(store):
    outbox = Outbox(KEYRING)
    with store.write() as tx:
        outbox.enqueue(tx, MAIL)
    (row,) = all_rows(store)
    assert outbox.unseal(row.sealed[:-1] + b"\0") is None or row.sealed.endswith(b"\0")
    assert outbox.unseal(b"") is None


def test_sweeping_removes_finished_rows_when_they_are_old(store, clock):
    outbox = Outbox(KEYRING)
    with store.write() as tx:
        outbox.enqueue(tx, MAIL)
    with store.write() as tx:
        outbox.enqueue(tx, Mail("bob@example.org", "s", "t", "h", "finished"))
        tx.execute(update(rows).where(rows.c.kind == "finished").values(next_try_at=None))
    clock.advance(RETENTION)
    with store.write() as tx:
        assert outbox.sweep(tx) == 0
    clock.advance(1)
    with store.write() as tx:
        assert outbox.sweep(tx) == 1
    assert [row.kind for row in all_rows(store)] == ["confirm"]


@pytest.mark.parametrize("field", ["to", "subject"])
@pytest.mark.parametrize(
    "hostile", ["a\r\nBcc: b@example.org", "a\nb", "a\rb", "a\0b", "a\u2028b", "a\x85b", "a\ud800"]
)
def test_a_line_break_in_a_header_is_refused(field, hostile):
    values = {"to": "ann@example.org", "subject": "s", "text": "t", "html": "h", "kind": "k"}
    with pytest.raises(ValueError, match=field):
        Mail(**{**values, field: hostile})


def test_a149_a_mail_shows_nothing_of_itself_in_logs():
    assert repr(MAIL) == "Mail(kind='confirm', …)"
