"""Sessions of other systems that ended before their tokens did: told by these systems, asked at each first check."""

from typing import Any, Final, NamedTuple, final

from sqlalchemy import bindparam, delete, func, select

from watchword.foundation.clock import DAY
from watchword.foundation.secrets import sha256
from watchword.sessions.session import Origin
from watchword.sessions.tables import foreign_endings
from watchword.storage.epoch import EVERYONE
from watchword.storage.store import Store, Transaction
from watchword.storage.upsert import insert_into
from watchword.tokens.keyring import length_prefixed

KEPT: Final = 400 * DAY
"""How long an ending is known: as long as a browser keeps any cookie (RFC 6265bis, section 5.5)."""
_ALWAYS: Final = 2**62
_BEFORE: Final = select(func.max(foreign_endings.c.before)).where(
    foreign_endings.c.key.in_([bindparam("session"), bindparam("user")])
)


class Ended(NamedTuple):
    """What another system says is over: one session, or where it names none, all of a user's that had begun.

    Attributes:
        session_id: the session, by that system's id, or nothing.
        user_id: whose, by that system's id, or nothing where it does not say.
        at: when, in milliseconds since the epoch.
    """

    session_id: str
    user_id: str
    at: int


@final
class Endings:
    """The endings that one trusted system told.

    Args:
        identity: of the trust: its issuer.
    """

    def __init__(self, identity: str) -> None:
        self._identity = identity

    def record(self, tx: Transaction, ended: Ended) -> None:
        """Write down that it is over: from the commit on no process lets it in. Told twice, it is as told once."""
        key = self._key("session", ended.session_id) if ended.session_id else self._key("user", ended.user_id)
        before = _ALWAYS if ended.session_id else ended.at
        new = insert_into(tx.dialect, foreign_endings).values(key=key, before=before, until=tx.now + KEPT)
        later: Any = foreign_endings.c.before < new.excluded.before
        tx.revokes(ended.user_id or EVERYONE)
        tx.execute(
            new.on_conflict_do_update(
                index_elements=["key"], set_={"before": new.excluded.before, "until": new.excluded.until}, where=later
            )
        )

    def has_ended(self, store: Store, origin: Origin) -> bool:
        """Tell whether the system said that this session of its own is over.

        Raises:
            StoreUnavailableError: the database can't answer.
        """
        keys = {"session": self._key("session", origin.session_id), "user": self._key("user", origin.user_id)}
        found = store.prepared(_BEFORE, keys)
        return found is not None and found[0] is not None and origin.begun_at <= found[0]

    def _key(self, kind: str, value: str) -> bytes:
        # A digest, so that the table names nobody.
        return sha256(length_prefixed(self._identity.encode(), kind.encode(), value.encode("utf-8", "surrogatepass")))


def sweep(tx: Transaction) -> int:
    """Delete endings of sessions that are long over; return how many."""
    return tx.execute(delete(foreign_endings).where(foreign_endings.c.until <= tx.now)).rowcount
