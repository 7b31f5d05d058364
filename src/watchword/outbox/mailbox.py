"""The development mailbox: mail that goes nowhere and can be read on a page."""

from dataclasses import dataclass
from typing import final

from sqlalchemy import select

from watchword.outbox.mail import Mail
from watchword.outbox.outbox import Outbox
from watchword.outbox.tables import outbox as rows
from watchword.storage.store import Transaction


@final
@dataclass(frozen=True, slots=True)
class MailboxMessage:
    """One mail as the mailbox page shows it; `at` is when it was queued, in milliseconds."""

    id: str
    to: str
    subject: str
    text: str
    html: str
    at: int


@final
class Mailbox:
    """A transport for development that sends nothing. Its messages keep their sealed content in the outbox table."""

    keeps_content = True

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def send(self, mail: Mail, outbox_id: str, at: int) -> None:
        """Leave the mail where it is."""

    def messages(self, tx: Transaction, limit: int = 50) -> list[MailboxMessage]:
        """Return the newest messages first, as soon as their transaction has committed; decoys are not among them."""
        query = select(rows.c.id, rows.c.sealed, rows.c.created_at).order_by(rows.c.created_at.desc(), rows.c.id)
        found: list[MailboxMessage] = []
        for row in tx.execute(query.where(rows.c.sealed != b"")):
            letter = self._outbox.unseal(row.sealed)
            if letter is None or letter.decoy:
                continue
            mail = letter.mail
            found.append(MailboxMessage(row.id, mail.to, mail.subject, mail.text, mail.html, row.created_at))
            if len(found) == limit:
                break
        return found
