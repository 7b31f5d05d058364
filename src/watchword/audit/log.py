"""Who did what from where: one row for each security event, written in the transaction that it tells of.

A row names people by id only: never an e-mail address, a name, a code or a token. So deleting a user leaves the rows
as they are, sealed and whole, and their ids then lead to nobody. What is left of a person is the network address and
the browser's name of each event, kept as evidence of attacks.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast, final

from sqlalchemy import ColumnElement, Row, insert, select

from watchword.audit.chain import Chain, Damage
from watchword.audit.events import AuditEvent
from watchword.audit.tables import audit_events
from watchword.foundation.ids import new_id
from watchword.storage.store import Transaction
from watchword.tokens.keyring import Keyring

MAXIMUM_ADDRESS = 64
MAXIMUM_USER_AGENT = 256
MAXIMUM_DETAIL = 256

Detail = str | int | bool | Sequence[str] | None
_INSERT = insert(audit_events)
_JSON = json.JSONEncoder(sort_keys=True)


@final
@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One recorded event, as it is shown and exported; `at` in milliseconds."""

    id: str
    at: int
    event: str
    user_id: str | None
    actor_id: str | None
    address: str
    user_agent: str
    details: dict[str, Any]


@final
class AuditLog:
    """The event log.

    Args:
        keyring: seals the rows, so that whoever can write the database but lacks the secret can't change the log
            unseen.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._chain = Chain(keyring)
        self.on_event: Callable[[str, str], None] | None = None
        """Is told of each event that is recorded: its name, and the factors of a sign-in."""

    def record(
        self,
        tx: Transaction,
        event: AuditEvent,
        *,
        user_id: str | None = None,
        actor_id: str | None = None,
        address: str = "",
        user_agent: str = "",
        details: Mapping[str, object] | None = None,
    ) -> None:
        """Record the event: with the transaction's change, or not at all.

        Do it last: the rows of one lane are written one after the other, so others wait until this commits.

        Args:
            tx: transaction of the change.
            event: what happened.
            user_id: to whom.
            actor_id: who did it, where known.
            address: the caller's network address.
            user_agent: the caller's browser, in its own words; control characters are escaped, long ones cut.
            details: more: ids, names of methods, numbers, lists of these. Never a secret or an e-mail address.

        Raises:
            TypeError: `details` holds something else, such as a `Secret`.
        """
        row: dict[str, Any] = {
            "id": new_id("aud"),
            "at": tx.now,
            "event": str(event),
            "user_id": user_id,
            "actor_id": actor_id,
            "address": printable(address, MAXIMUM_ADDRESS),
            "user_agent": printable(user_agent, MAXIMUM_USER_AGENT),
            "details": _JSON.encode({name: _detail(value) for name, value in (details or {}).items()}),
        }
        place = self._chain.next_place(tx, user_id or row["address"])
        sealed = self._chain.seal(tx, place, row)
        tx.execute_prepared(_INSERT, sealed)
        if self.on_event is not None:
            factors = (details or {}).get("factors", ())
            named = " ".join(map(str, cast("Sequence[object]", factors))) if isinstance(factors, list | tuple) else ""
            tx.after_commit(partial(self.on_event, str(event), named))

    def events_of(self, tx: Transaction, user_id: str, limit: int = 1_000) -> list[AuditEntry]:
        """Return the newest events of one user first: for the export of their data."""
        return self._newest(tx, limit, audit_events.c.user_id == user_id)

    def recent(self, tx: Transaction, limit: int = 100) -> list[AuditEntry]:
        """Return the newest events of all first."""
        return self._newest(tx, limit)

    def verify(self, tx: Transaction) -> list[Damage]:
        """Return each place where a row was edited, removed or moved: an empty list when the log is whole.

        Reads the whole log, so open the transaction with `store.read(snapshot=True)`: rows that others add meanwhile
        would else look like damage.
        """
        return self._chain.verify(tx)

    def _newest(self, tx: Transaction, limit: int, *where: ColumnElement[bool]) -> list[AuditEntry]:
        order = (audit_events.c.at.desc(), audit_events.c.lane, audit_events.c.sequence.desc())
        return [_entry(row) for row in tx.execute(select(audit_events).where(*where).order_by(*order).limit(limit))]


def printable(text: str, limit: int) -> str:
    r"""Return the text with everything that could move a cursor or start a line written out, as `\x1b` (A148)."""
    text = text[:limit]
    if text.isprintable() and "\\" not in text:
        return text
    shown = "".join(
        character if character.isprintable() and character != "\\" else ascii(character)[1:-1] for character in text
    )
    return shown[:limit]


def _detail(value: object) -> Detail:
    match value:
        case None | bool() | int():
            return value
        case str():
            return printable(value, MAXIMUM_DETAIL)
        case list() | tuple():
            return [printable(str(item), MAXIMUM_DETAIL) for item in cast("Sequence[object]", value)]
        case _:
            raise TypeError(f"an audit detail is a text, a number, a truth value or a list of texts, not {type(value)}")


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry(
        row.id, row.at, row.event, row.user_id, row.actor_id, row.address, row.user_agent, json.loads(row.details)
    )
