"""Where the gate finds sessions that are not remembered: in the store."""

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol, final

from watchword.foundation.clock import SECOND, Clock
from watchword.foundation.secrets import same_bytes
from watchword.foundation.settings import SessionLimits
from watchword.sessions import records
from watchword.sessions.activity import Activity
from watchword.sessions.endings import Endings
from watchword.sessions.session import Origin, Session
from watchword.storage.epoch import EpochFile
from watchword.storage.lease import Lease
from watchword.storage.store import Store, Transaction

REREAD: Final = 30 * SECOND
"""How long an answer is remembered before its row is read again. What Watchword changes is seen at once; what SQL
changes from outside, after this at the latest."""
Mark = tuple[EpochFile | Lease, int]
"""What is remembered beside an answer: it counts while this is trusted, and tells of no later revocation."""


class Found(NamedTuple):
    """A live session.

    Attributes:
        session: as a cookie shows it.
        left: milliseconds for which the answer may be remembered.
    """

    session: Session
    left: int


class SessionSource(Protocol):
    """Finds sessions."""

    @property
    def clock(self) -> Clock:
        """What tells the time."""
        ...

    def mark(self) -> Mark | None:
        """Return what to remember beside an answer that is found after this call, or `None`: remember nothing."""
        ...

    def find(self, session_id: str, digest: bytes, tx: Transaction | None = None) -> Found | None:
        """Return the live session of this id whose token has this SHA-256, or `None`.

        Args:
            session_id: `ses_…`.
            digest: of the token.
            tx: the write transaction that is open already, where one is.

        Raises:
            StoreUnavailableError: nobody can say.
        """
        ...

    def has_ended(self, endings: Endings, origin: Origin) -> bool:
        """Tell whether a trusted system said that this session of its own is over.

        Raises:
            StoreUnavailableError: nobody can say.
        """
        ...


@final
class StoredSessions:
    """The sessions in the store.

    Args:
        store: where they are.
        limits: how long they live.
        roles: what each role permits.

    Attributes:
        activity: when they were last used, on its way to the database.
    """

    def __init__(self, store: Store, limits: SessionLimits, roles: Mapping[str, tuple[str, ...]]) -> None:
        self.activity = Activity(store)
        self.clock = store.clock
        self.mark = store.mark
        self._store = store
        self._limits = limits
        self._roles = roles

    def find(self, session_id: str, digest: bytes, tx: Transaction | None = None) -> Found | None:
        """Return the live session, and note that it is used: at most once in the activity interval."""
        row = records.find(tx or self._store, session_id)
        now = tx.now if tx else self.clock.now()
        if row is None or not same_bytes(row.token_hash, digest) or not records.is_live(row, self._limits, now):
            return None
        used_at = row.last_used_at
        if used_at <= now - self._limits.activity:
            self.activity.note(session_id, now)
            used_at = now
        # The next use that is due to be noted is not answered from memory either.
        left = min(used_at + min(self._limits.idle, self._limits.activity), row.expires_at) - now
        return Found(records.session_of(row, self._roles), min(left, REREAD))

    def has_ended(self, endings: Endings, origin: Origin) -> bool:
        """Tell whether a trusted system said that this session of its own is over."""
        return endings.has_ended(self._store, origin)
