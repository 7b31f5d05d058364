"""Mail that waits to leave: written in the transaction that causes it, delivered after the commit."""

from collections.abc import Callable
from typing import final

import msgspec
from sqlalchemy import delete, insert

from watchword.foundation.clock import DAY
from watchword.foundation.ids import new_id
from watchword.outbox.mail import Mail
from watchword.outbox.tables import outbox
from watchword.storage.store import Transaction
from watchword.tokens.keyring import Keyring

RETENTION = 7 * DAY
"""How long a finished row stays, for whoever asks what became of a mail."""
_PURPOSE = "outbox"


@final
class Letter(msgspec.Struct, frozen=True):
    """What a row holds, under seal: the mail, and whether it is to be thrown away instead of sent."""

    mail: Mail
    decoy: bool


@final
class Outbox:
    """Queues mail. A row is sealed, recipient and all: the codes and links in it are secrets.

    Attributes:
        wake: called after a commit that queued something. The delivery worker puts itself here.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self.wake: Callable[[], None] = _nobody

    def enqueue(self, tx: Transaction, mail: Mail) -> None:
        """Queue the mail: it leaves after the commit, or never when the transaction rolls back."""
        self._write(tx, Letter(mail, decoy=False))

    def enqueue_decoy(self, tx: Transaction, mail: Mail) -> None:
        """Do all the work of `enqueue`, for a mail that nobody is to get.

        Asking a reset for an unknown address then takes as long as for a known one (A77). Pass the mail that would
        have been sent, so that writing it costs the same too.
        """
        self._write(tx, Letter(mail, decoy=True))

    def unseal(self, sealed: bytes) -> Letter | None:
        """Return what a row holds, or `None` where it was altered or its secret is gone."""
        data = self._keyring.unseal(_PURPOSE, sealed)
        return None if data is None else msgspec.json.decode(data, type=Letter)

    def sweep(self, tx: Transaction) -> int:
        """Delete rows that were finished long ago; return how many."""
        finished = outbox.c.next_try_at.is_(None)
        return tx.execute(delete(outbox).where(finished, outbox.c.created_at < tx.now - RETENTION)).rowcount

    def _write(self, tx: Transaction, letter: Letter) -> None:
        row = {
            "id": new_id("out"),
            "kind": letter.mail.kind,
            "sealed": self._keyring.seal(_PURPOSE, msgspec.json.encode(letter)),
            "created_at": tx.now,
            "next_try_at": tx.now,
            "tries": 0,
        }
        tx.execute(insert(outbox), row)
        tx.after_commit(self.wake)


def _nobody() -> None:
    """Wake no one: rows wait for a process that delivers."""
