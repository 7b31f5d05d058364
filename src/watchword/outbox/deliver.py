"""The thread that takes mail out of the outbox and hands it to a transport."""

import logging
import os
import threading
from typing import Any, final

from sqlalchemy import Row, select, update

from watchword.foundation.clock import DAY, HOUR, MINUTE, SECOND
from watchword.foundation.errors import StoreUnavailableError
from watchword.foundation.secrets import random_bytes
from watchword.outbox.mail import DeliveryError, Transport
from watchword.outbox.outbox import Outbox
from watchword.outbox.tables import outbox as rows
from watchword.storage.store import Store, Transaction

FIRST_DELAY = MINUTE
LONGEST_DELAY = 6 * HOUR
GIVE_UP_AFTER = 3 * DAY
CLAIM = 2 * MINUTE
"""For so long a row belongs to the worker that claimed it. When that one is killed, another takes it up after this."""
_POLL_SECONDS = 15.0
"""How often a worker looks for rows whose retry is due, or that a process without a worker has queued."""

_log = logging.getLogger("watchword.outbox")


@final
class DeliveryWorker:
    """Delivers at least once: a crash between sending and noting so sends again, with the same `Message-ID`.

    Several workers of several processes share one outbox: a row is claimed by one of them, in one statement.

    Args:
        store: where the outbox is.
        outbox: what unseals its rows; it wakes this worker after each commit that queued mail.
        transport: where mail leaves.
    """

    def __init__(self, store: Store, outbox: Outbox, transport: Transport) -> None:
        self._store = store
        self._outbox = outbox
        self._transport = transport
        self._wanted = False
        self._process = 0
        self._forget_thread()
        outbox.wake = self.wake

    def start(self) -> None:
        """Start the thread. After a fork, the child's starts with the first mail that it queues."""
        self._wanted = True
        self.wake()

    def stop(self, timeout: float = 10.0) -> None:
        """End the thread after the mail in hand; what is left stays queued.

        Args:
            timeout: seconds to wait for it.
        """
        self._wanted = False
        self._awake.set()
        if self._thread is not None and self._process == os.getpid():
            self._thread.join(timeout)

    def wake(self) -> None:
        """Deliver now instead of at the next look: called after a commit."""
        if not self._wanted:
            return
        if self._process != os.getpid():
            self._forget_thread()
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._process = os.getpid()
                self._thread = threading.Thread(target=self._run, name="watchword-outbox", daemon=True)
                self._thread.start()
        self._awake.set()

    def run_once(self) -> int:
        """Deliver everything that is due, and return how many rows were handled, decoys and failures included.

        Raises:
            StoreUnavailableError: the database can't answer; claimed rows are taken up again later.
        """
        handled = 0
        while self._anything_due() and (row := self._claim()) is not None:
            self._deliver(row)
            handled += 1
            if self._thread is threading.current_thread() and not self._wanted:
                break
        return handled

    def _forget_thread(self) -> None:
        # A fork copies no thread, and may copy a lock that a thread of the parent held.
        self._thread: threading.Thread | None = None
        self._awake = threading.Event()
        self._starting = threading.Lock()

    def _run(self) -> None:
        while self._wanted:
            self._awake.clear()
            try:
                self.run_once()
            except StoreUnavailableError:
                pass  # The store has logged it, and the rows are still there when it is back.
            except Exception:
                _log.exception("delivering mail failed")
            self._awake.wait(_POLL_SECONDS)

    def _anything_due(self) -> bool:
        with self._store.read() as tx:
            return tx.execute(select(rows.c.id).where(rows.c.next_try_at <= tx.now).limit(1)).first() is not None

    def _claim(self) -> Row[Any] | None:
        """Take the row that has waited longest, so that no other worker sends it meanwhile."""
        with self._store.write() as tx:
            due = rows.c.next_try_at <= tx.now
            oldest = select(rows.c.id).where(due).order_by(rows.c.next_try_at).limit(1)
            if tx.dialect == "postgresql":
                oldest = oldest.with_for_update(skip_locked=True)
            claimed = update(rows).where(rows.c.id == oldest.scalar_subquery(), due)
            claimed = claimed.values(next_try_at=tx.now + CLAIM, tries=rows.c.tries + 1)
            returned = claimed.returning(rows.c.id, rows.c.kind, rows.c.sealed, rows.c.created_at, rows.c.tries)
            return tx.execute(returned).first()

    def _deliver(self, row: Row[Any]) -> None:
        letter = self._outbox.unseal(row.sealed)
        if letter is None:
            self._fail(row, "unreadable: sealed with a secret that is not configured any more")
            return
        if letter.decoy:
            self._finish(row, keep_content=False)
            return
        try:
            self._transport.send(letter.mail, row.id, row.created_at)
        except DeliveryError as error:
            self._retry_or_fail(row, str(error), permanent=error.permanent)
        except Exception as error:
            # A defect of a transport must not hold up the mails behind this one. Its text may quote the mail.
            self._retry_or_fail(row, f"the transport raised {type(error).__name__}", permanent=False)
        else:
            self._finish(row, keep_content=self._transport.keeps_content)

    def _finish(self, row: Row[Any], *, keep_content: bool) -> None:
        with self._store.write() as tx:
            sealed = row.sealed if keep_content else b""
            self._set(tx, row, next_try_at=None, sent_at=tx.now, sealed=sealed, last_error=None)

    def _retry_or_fail(self, row: Row[Any], cause: str, *, permanent: bool) -> None:
        if permanent or self._store.clock.now() - row.created_at >= GIVE_UP_AFTER:
            self._fail(row, cause)
        else:
            self._postpone(row, cause)

    def _postpone(self, row: Row[Any], cause: str) -> None:
        with self._store.write() as tx:
            delay = retry_delay(row.tries)
            self._set(tx, row, next_try_at=tx.now + delay, last_error=cause[:200])
        _log.warning("mail %s (%s) did not leave, next try in %d s: %s", row.id, row.kind, delay // SECOND, cause)

    def _fail(self, row: Row[Any], cause: str) -> None:
        with self._store.write() as tx:
            self._set(tx, row, next_try_at=None, sealed=b"", last_error=cause[:200])
        _log.error("mail %s (%s) is given up after %d tries: %s", row.id, row.kind, row.tries, cause)

    def _set(self, tx: Transaction, row: Row[Any], **values: object) -> None:
        tx.execute(update(rows).where(rows.c.id == row.id, rows.c.sent_at.is_(None)).values(**values))


def retry_delay(tries: int) -> int:
    """Return the milliseconds until the next try: doubling from a minute to six hours, and up to a fifth more.

    The random part keeps mail that failed together from coming back together.
    """
    delay = min(FIRST_DELAY << min(tries - 1, 20), LONGEST_DELAY)
    return delay + delay * int.from_bytes(random_bytes(4)) // (5 << 32)
