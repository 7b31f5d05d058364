"""The keys that sign session tokens: made by themselves, published ahead, and withdrawn when nothing signed by them lives."""

import threading
from typing import Any, Final, NamedTuple, final

import msgspec
from sqlalchemy import delete, select

from watchword.features.session_tokens.tables import signing_keys
from watchword.foundation.clock import DAY, MINUTE, SECOND
from watchword.policy.taint import taint_unique_value
from watchword.storage.store import Store, Transaction
from watchword.storage.upsert import insert_or_ignore
from watchword.tokens.key import Key
from watchword.tokens.key_set import KeySet
from watchword.tokens.keyring import Keyring

ALGORITHM: Final = "ES256"
"""What every verifier knows, a browser's and a phone's too (RFC 7518, section 3.4)."""
PERIOD: Final = 30 * DAY
"""How long one key signs."""
AHEAD: Final = DAY
"""How long before that it is published: longer than anybody keeps a key set."""
_KEPT: Final = MINUTE / SECOND
"""Seconds for which a process remembers the keys."""
_PURPOSE: Final = "signing-key"


class _Known(NamedTuple):
    keys: dict[int, Key]
    until: float


@final
class SigningKeys:
    """The keys of one `Auth`, the same in every worker.

    Private keys are sealed with the application's secret: the database alone signs nothing.

    Args:
        store: where they are.
        keyring: seals them.
    """

    def __init__(self, store: Store, keyring: Keyring) -> None:
        self._store = store
        self._keyring = keyring
        self._known: _Known | None = None
        self._making = threading.Lock()

    def current(self) -> Key:
        """Return the key that signs now.

        Raises:
            StoreUnavailableError: the database can't answer, and no key is remembered.
        """
        return self._all()[self._store.clock.now() // PERIOD]

    def published(self) -> dict[str, Any]:
        """Return the public keys as a JWKS (RFC 7517, section 5): of this period, and of those beside it that count."""
        return KeySet(self._all().values()).to_jwks()

    def _all(self) -> dict[int, Key]:
        now = self._store.clock.now()
        period, monotonic = now // PERIOD, self._store.clock.monotonic()
        known = self._known
        if known is None or monotonic >= known.until or period not in known.keys:
            with self._making:
                known = self._known
                if known is None or monotonic >= known.until or period not in known.keys:
                    wanted = {period, (now + AHEAD) // PERIOD}
                    known = self._known = _Known(self._read(wanted), monotonic + _KEPT)
        return known.keys

    def _read(self, wanted: set[int]) -> dict[int, Key]:
        """Return the keys that count, after making those of these periods that are not there."""
        oldest = min(wanted) - 1
        with self._store.read() as tx:
            found = self._open(tx, oldest)
        if wanted <= found.keys():
            return found
        with self._store.write() as tx:
            # A key that no secret of ours opens any more was sealed under one that is gone.
            unreadable = signing_keys.c.period.in_(wanted - self._open(tx, oldest).keys())
            tx.execute(delete(signing_keys).where((signing_keys.c.period < oldest) | unreadable))
            for period in sorted(wanted):
                tx.execute(insert_or_ignore(tx.dialect, signing_keys), {"period": period, "sealed": self._new(period)})
            return self._open(tx, oldest)

    def _open(self, tx: Transaction, oldest: int) -> dict[int, Key]:
        rows = tx.execute(select(signing_keys).where(signing_keys.c.period >= oldest)).all()
        opened = {row.period: self._keyring.unseal(f"{_PURPOSE}/{row.period}", row.sealed) for row in rows}
        return {period: self._key(jwk) for period, jwk in opened.items() if jwk is not None}

    def _key(self, jwk: bytes) -> Key:
        members = msgspec.json.decode(jwk, type=dict[str, str])
        taint_unique_value("The key that signs session tokens is for the server alone", self, members["d"])
        return Key.from_jwk(members)

    def _new(self, period: int) -> bytes:
        key = Key.generate(ALGORITHM)
        jwk = {**key.to_jwk(private=True), "kid": key.thumbprint(), "alg": ALGORITHM, "use": "sig"}
        return self._keyring.seal(f"{_PURPOSE}/{period}", msgspec.json.encode(jwk))
