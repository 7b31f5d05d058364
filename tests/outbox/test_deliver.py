"""Delivery: once where all goes well, at least once where not, and never for ever."""

import logging
import threading

import pytest
from sqlalchemy import select, update

from watchword.foundation.clock import DAY, HOUR, MINUTE, SystemClock
from watchword.foundation.secrets import Secret
from watchword.outbox.deliver import CLAIM, DeliveryWorker, retry_delay
from watchword.outbox.mail import DeliveryError, Mail
from watchword.outbox.outbox import Outbox
from watchword.outbox.tables import outbox as rows
from watchword.storage.store import Store
from watchword.tokens.keyring import Keyring

KEYRING = Keyring([Secret("a secret of thirty-two characters")])


class Postman:
    """A transport that remembers what it was given, and raises what it is told to."""

    keeps_content = False

    def __init__(self):
        self.sent = []
        self.failure = None
        self.delivered = threading.Event()

    def send(self, mail, outbox_id, at):
        if self.failure is not None:
            raise self.failure
        self.sent.append((mail.to, outbox_id, at))
        self.delivered.set()


@pytest.fixture
def outbox():
    return Outbox(KEYRING)


@pytest.fixture
def postman():
    return Postman()


@pytest.fixture
def worker(store, outbox, postman):
    worker = DeliveryWorker(store, outbox, postman)
    yield worker
    worker.stop()


def enqueue(store, outbox, to="ann@example.org"):
    with store.write() as tx:
        outbox.enqueue(tx, Mail(to, "subject", "text", "html", "confirm"))


def the_row(store):
    with store.read() as tx:
        return tx.execute(select(rows)).one()


def test_a_mail_leaves_once_and_its_content_is_erased(store, outbox, postman, worker, clock):
    enqueue(store, outbox)
    assert worker.run_once() == 1
    assert worker.run_once() == 0
    row = the_row(store)
    assert postman.sent == [("ann@example.org", row.id, clock.now())]
    assert (row.sealed, row.sent_at, row.next_try_at, row.tries) == (b"", clock.now(), None, 1)


def test_all_that_is_due_leaves_in_one_run_oldest_first(store, outbox, postman, worker, clock):
    for name in ("ann", "bob", "eve"):
        enqueue(store, outbox, name)
        clock.advance(1)
    assert worker.run_once() == 3
    assert [to for to, _, _ in postman.sent] == ["ann", "bob", "eve"]


def test_a_decoy_is_handled_and_thrown_away(store, outbox, postman, worker):
    with store.write() as tx:
        outbox.enqueue_decoy(tx, Mail("nobody@example.org", "s", "t", "h", "reset"))
    assert worker.run_once() == 1
    assert postman.sent == []
    assert (the_row(store).sealed, the_row(store).next_try_at) == (b"", None)


def test_a_temporary_failure_is_tried_again_with_the_same_id(store, outbox, postman, worker, clock, caplog):
    enqueue(store, outbox)
    postman.failure = DeliveryError("SMTPConnectError 421", permanent=False)
    with caplog.at_level(logging.WARNING):
        worker.run_once()
    assert the_row(store).last_error == "SMTPConnectError 421"
    assert "SMTPConnectError 421" in caplog.text
    postman.failure = None
    clock.advance(MINUTE - 1)
    assert worker.run_once() == 0
    clock.advance(MINUTE)
    assert worker.run_once() == 1
    row = the_row(store)
    assert [sent[1] for sent in postman.sent] == [row.id]
    assert (row.tries, row.last_error) == (2, None)


def test_a_permanent_failure_is_given_up_at_once_erased_and_logged(store, outbox, postman, worker, caplog):
    enqueue(store, outbox)
    postman.failure = DeliveryError("SMTPRecipientsRefused 550", permanent=True)
    worker.run_once()
    row = the_row(store)
    assert (row.sealed, row.next_try_at, row.sent_at) == (b"", None, None)
    assert row.last_error == "SMTPRecipientsRefused 550"
    assert f"mail {row.id} (confirm) is given up after 1 tries" in caplog.text
    assert "ann" not in caplog.text


def test_after_three_days_of_failures_a_mail_is_given_up(store, outbox, postman, worker, clock):
    enqueue(store, outbox)
    postman.failure = DeliveryError("down", permanent=False)
    begun = clock.now()
    while the_row(store).next_try_at is not None:
        worker.run_once()
        clock.advance(HOUR)
    assert 3 * DAY <= clock.now() - begun <= 3 * DAY + 9 * HOUR
    assert 15 <= the_row(store).tries <= 30
    assert the_row(store).sent_at is None


def test_the_wait_doubles_from_a_minute_to_six_hours_with_a_random_part():
    for tries, base in (
        (1, MINUTE),
        (2, 2 * MINUTE),
        (5, 16 * MINUTE),
        (9, 256 * MINUTE),
        (10, 6 * HOUR),
        (99, 6 * HOUR),
    ):
        delays = {retry_delay(tries) for _ in range(50)}
        assert base <= min(delays) <= max(delays) <= base * 1.2
        assert len(delays) > 1


def test_a_transport_with_a_defect_holds_up_no_other_mail(store, outbox, postman, worker, caplog):
    enqueue(store, outbox)
    postman.failure = ValueError("quotes ann@example.org")
    assert worker.run_once() == 1
    assert the_row(store).last_error == "the transport raised ValueError"
    assert the_row(store).next_try_at is not None
    assert "ann" not in caplog.text


def test_a_row_sealed_with_a_secret_that_is_gone_is_given_up(store, postman, caplog):
    enqueue(store, Outbox(Keyring([Secret("a secret that nobody has any more")])))
    assert DeliveryWorker(store, Outbox(KEYRING), postman).run_once() == 1
    assert the_row(store).next_try_at is None
    assert "unreadable" in caplog.text


def test_a_row_claimed_by_a_worker_that_was_killed_is_taken_up_after_the_claim(store, outbox, postman, worker, clock):
    class KilledError(BaseException):
        pass

    enqueue(store, outbox)
    postman.failure = KilledError()
    with pytest.raises(KilledError):
        worker.run_once()
    postman.failure = None
    other = DeliveryWorker(store, outbox, postman)
    assert other.run_once() == 0
    clock.advance(CLAIM)
    assert other.run_once() == 1
    assert len(postman.sent) == 1


def test_several_workers_send_each_mail_once(store, outbox, postman):
    for number in range(20):
        enqueue(store, outbox, f"user{number}@example.org")
    workers = [DeliveryWorker(store, outbox, postman) for _ in range(4)]
    threads = [threading.Thread(target=worker.run_once) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # PostgreSQL's workers step past a row that another one is claiming: what they left is still due.
    workers[0].run_once()
    assert len(postman.sent) == len(set(postman.sent)) == 20


def test_the_thread_delivers_right_after_the_commit(store, outbox, postman, worker):
    worker.start()
    enqueue(store, outbox)
    assert postman.delivered.wait(10)


def test_what_a_process_left_queued_leaves_when_the_next_one_starts(store_url, outbox, postman):
    first = Store(store_url, SystemClock())
    enqueue(first, outbox)
    first.close()
    second = Store(store_url, SystemClock())
    worker = DeliveryWorker(second, outbox, postman)
    worker.start()
    assert postman.delivered.wait(10)
    worker.stop()
    second.close()


def test_a_stopped_worker_sends_nothing_more(store, outbox, postman, worker):
    before = set(threading.enumerate())
    worker.start()
    worker.stop()
    assert not any(
        thread.name == "watchword-outbox" and thread.is_alive() for thread in set(threading.enumerate()) - before
    )
    enqueue(store, outbox)
    assert not postman.delivered.wait(0.05)
    assert the_row(store).sent_at is None


def test_a_worker_that_was_never_started_starts_no_thread(store, outbox, postman, worker):
    enqueue(store, outbox)
    assert not postman.delivered.wait(0.05)


def test_the_thread_survives_a_database_that_is_gone_for_a_while(store, outbox, postman, worker, clock, monkeypatch):
    monkeypatch.setattr("watchword.outbox.deliver._POLL_SECONDS", 0.01)
    gone = threading.Event()

    class Broken(Outbox):
        def unseal(self, sealed):
            if not gone.is_set():
                gone.set()
                raise RuntimeError("a defect")
            return super().unseal(sealed)

    worker._outbox = Broken(KEYRING)
    worker.start()
    enqueue(store, outbox)
    assert gone.wait(10)
    with store.write() as tx:
        tx.execute(update(rows).values(next_try_at=clock.now()))
    assert postman.delivered.wait(10)
