"""The chain that makes tampering with the log show (A150).

Rows are numbered in 16 lanes, so that writers seldom wait for each other. Each row carries a seal: a MAC over its
columns and over the seal of the row before. Each lane has a head that carries the number and the seal of the last
row, under a MAC of its own: whoever cuts off the end of a lane would have to make the head of an earlier moment, which
is stored nowhere. What no log inside a database can show is that the whole database was replaced by an old copy of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, final

from sqlalchemy import Row, RowMapping, bindparam, select, tuple_, update

from watchword.audit.tables import audit_events, audit_heads
from watchword.foundation.secrets import sha256
from watchword.storage.store import Transaction
from watchword.storage.upsert import insert_or_ignore
from watchword.tokens.keyring import Keyring, length_prefixed

LANES = 16
_PAGE = 1_000
_NO_SEAL = b""
"""Stands for the seal before a lane's first row."""
_COLUMNS = ("lane", "sequence", "id", "at", "event", "user_id", "actor_id", "address", "user_agent", "details")
_HEAD: Final = update(audit_heads).where(audit_heads.c.lane == bindparam("of_lane"))
_ADVANCE: Final = _HEAD.values(sequence=audit_heads.c.sequence + 1).returning(
    audit_heads.c.sequence, audit_heads.c.last_seal
)
_SEAL: Final = _HEAD.values(last_seal=bindparam("row_seal"), seal=bindparam("head_seal"))


@final
@dataclass(frozen=True, slots=True)
class Damage:
    """One place where the log is not as it was written.

    Attributes:
        kind: `edited`: what stands here is not what was sealed here: it was changed, moved here from another place,
            or invented. `removed`: rows are missing; the row after them can't be checked. `head`: the lane's head was
            changed or removed, so rows may be missing at the end.
        lane: which lane.
        sequence: number of the row in its lane: the first of the missing ones, the last that is there for a head.
        id: id of the row, where one is there.
        count: how many rows are missing, 1 where a row is there.
    """

    kind: Literal["edited", "removed", "head"]
    lane: int
    sequence: int
    id: str | None = None
    count: int = 1


@final
@dataclass(frozen=True, slots=True)
class Place:
    """Where the next row goes, and the seal of the row before it."""

    lane: int
    sequence: int
    previous: bytes


@final
class Chain:
    """Seals rows and finds broken seals."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def next_place(self, tx: Transaction, subject: str) -> Place:
        """Lock the subject's lane until the transaction ends, and return the place after its last row."""
        lane = sha256(subject.encode())[0] % LANES
        head = tx.execute_prepared(_ADVANCE, {"of_lane": lane}).first()
        if head is None:
            first = {"lane": lane, "sequence": 0, "last_seal": _NO_SEAL, "seal": _NO_SEAL}
            tx.execute(insert_or_ignore(tx.dialect, audit_heads), first)
            head = tx.execute(_ADVANCE, {"of_lane": lane}).one()
        return Place(lane, head.sequence, head.last_seal)

    def seal(self, tx: Transaction, place: Place, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Return the whole row for this place, sealed, having written the lane's head."""
        row = {**columns, "lane": place.lane, "sequence": place.sequence}
        seal = self._keyring.mac("audit", _row_text(place.previous, row))
        head_seal = self._keyring.mac("audit head", _head_text(place.lane, place.sequence, seal))
        tx.execute_prepared(_SEAL, {"of_lane": place.lane, "row_seal": seal, "head_seal": head_seal})
        return {**row, "seal": seal}

    def verify(self, tx: Transaction) -> list[Damage]:
        """Return each place where a row was edited, removed or moved."""
        found: list[Damage] = []
        ends: dict[int, tuple[int, bytes]] = {}
        for row in _all_rows(tx):
            lane, sequence = row["lane"], row["sequence"]
            last, seal = ends.get(lane, (0, _NO_SEAL))
            if sequence != last + 1:
                found.append(Damage("removed", lane, last + 1, count=sequence - last - 1))
            elif not self._keyring.verifies("audit", _row_text(seal, row), row["seal"]):
                found.append(Damage("edited", lane, sequence, row["id"]))
            ends[lane] = (sequence, row["seal"])
        heads = {head.lane: head for head in tx.execute(select(audit_heads))}
        for lane in sorted(heads.keys() | ends.keys()):
            found += self._check_head(lane, heads.get(lane), *ends.get(lane, (0, _NO_SEAL)))
        return found

    def _check_head(self, lane: int, head: Row[Any] | None, last: int, seal: bytes) -> list[Damage]:
        if head is None:
            return [Damage("head", lane, last)]
        sealed = _head_text(lane, head.sequence, head.last_seal)
        if not self._keyring.verifies("audit head", sealed, head.seal):
            return [Damage("head", lane, last)]
        if head.sequence > last:
            return [Damage("removed", lane, last + 1, count=head.sequence - last)]
        return [] if (head.sequence, head.last_seal) == (last, seal) else [Damage("head", lane, last)]


def _all_rows(tx: Transaction) -> Iterator[RowMapping]:
    """Give the rows of each lane in order, page by page: the log may be larger than the memory."""
    place = tuple_(audit_events.c.lane, audit_events.c.sequence)
    query = select(audit_events).order_by(audit_events.c.lane, audit_events.c.sequence).limit(_PAGE)
    page = tx.execute(query).mappings().all()
    while page:
        yield from page
        page = tx.execute(query.where(place > (page[-1]["lane"], page[-1]["sequence"]))).mappings().all()


def _row_text(previous: bytes, row: Mapping[str, Any] | RowMapping) -> bytes:
    # A value that is absent and one that is empty differ by their first byte.
    columns = (b"-" if row[name] is None else b"+" + str(row[name]).encode() for name in _COLUMNS)
    return length_prefixed(previous, *columns)


def _head_text(lane: int, sequence: int, seal: bytes) -> bytes:
    return length_prefixed(str(lane).encode(), str(sequence).encode(), seal)
