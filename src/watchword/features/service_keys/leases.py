"""The statements of leases (`storage.lease`), carried out for apps beside the server."""

from collections.abc import Iterable
from typing import Final, final

from watchword.storage.board import DATABASE_NOW, DatabaseBoard, Look
from watchword.storage.lease import OVER
from watchword.storage.store import Store, Transaction

_LEFT: Final = 2 * OVER
"""Seconds after which a revocation that stands was left behind by a process that died."""


@final
class RemoteBoard:
    """The board, by leases of one key each.

    Apps delete no revocation, since whoever did so too soon would let it return too soon. This process does, once it
    has known one for so long that every worker has heeded it, or begun anew.

    Args:
        store: the database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, float] = {}

    def take(self, key: str, worker: str, *, listens: bool, lapses: int, lapsed: str | None) -> None:
        """Write a lease's row."""
        with self._store.write() as tx:
            _board(tx, key).take(worker, listens=listens, lapses=lapses, lapsed=lapsed)

    def look(self, key: str, worker: str) -> Look | None:
        """Return what stands on the board, or `None` where this key has no such lease."""
        with self._store.read() as tx:
            look = _board(tx, key).look(worker)
        if look is not None:
            self._clear_up(look)
        return look

    def acknowledge(self, key: str, worker: str, names: Iterable[str]) -> bool:
        """Write down what is heeded; `False` where this key has no such lease."""
        with self._store.write() as tx:
            return _board(tx, key).acknowledge(worker, names)

    def tell(self, key: str, worker: str, hits: int, misses: int) -> None:
        """Write down how a lease serves."""
        with self._store.write(durable=False) as tx:
            _board(tx, key).tell(worker, hits, misses)

    def give_back(self, key: str, worker: str) -> None:
        """Delete the row."""
        with self._store.write() as tx:
            _board(tx, key).give_back(worker)

    def _clear_up(self, look: Look) -> None:
        now = self._store.clock.monotonic()
        self._known = {name: self._known.get(name, now) for name in look.found}
        left = [name for name, since in self._known.copy().items() if now - since > _LEFT]
        if left:
            with self._store.write(durable=False) as tx:
                DatabaseBoard(tx).forget(left)


def _board(tx: Transaction, key: str) -> DatabaseBoard:
    return DatabaseBoard(tx, tx.now if tx.dialect == "sqlite" else DATABASE_NOW, key)
