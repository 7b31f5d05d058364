"""The development mailbox."""

from watchword.foundation.secrets import Secret
from watchword.outbox.deliver import DeliveryWorker
from watchword.outbox.mail import Mail
from watchword.outbox.mailbox import Mailbox, MailboxMessage
from watchword.outbox.outbox import Outbox
from watchword.tokens.keyring import Keyring

KEYRING = Keyring([Secret("a secret of thirty-two characters")])


def enqueue(store, outbox, subject, *, decoy=False):
    mail = Mail("ann@example.org", subject, "text", "<p>html</p>", "confirm")
    with store.write() as tx:
        (outbox.enqueue_decoy if decoy else outbox.enqueue)(tx, mail)


def messages(store, mailbox, limit=50):
    with store.read() as tx:
        return mailbox.messages(tx, limit)


def test_messages_are_there_before_and_after_delivery_newest_first(store, clock):
    outbox = Outbox(KEYRING)
    mailbox = Mailbox(outbox)
    enqueue(store, outbox, "first")
    clock.advance(1)
    enqueue(store, outbox, "second")
    before = messages(store, mailbox)
    assert DeliveryWorker(store, outbox, mailbox).run_once() == 2
    assert messages(store, mailbox) == before
    assert [message.subject for message in before] == ["second", "first"]
    newest = before[0]
    assert newest == MailboxMessage(newest.id, "ann@example.org", "second", "text", "<p>html</p>", clock.now())
    assert messages(store, mailbox, 1) == before[:1]


def test_decoys_are_never_shown(store):
    outbox = Outbox(KEYRING)
    enqueue(store, outbox, "decoy", decoy=True)
    assert messages(store, Mailbox(outbox)) == []
    DeliveryWorker(store, outbox, Mailbox(outbox)).run_once()
    assert messages(store, Mailbox(outbox)) == []


def test_what_a_secret_that_is_gone_has_sealed_is_left_out(store):
    enqueue(store, Outbox(Keyring([Secret("a secret that nobody has any more")])), "unreadable")
    assert messages(store, Mailbox(Outbox(KEYRING))) == []
