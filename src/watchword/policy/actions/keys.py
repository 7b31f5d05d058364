"""Idempotency keys: a call that is sent again runs once, and is answered alike (draft-ietf-httpapi-idempotency-key-header).

Whoever writes the key's row first runs the action. What it answers is kept for a day, sealed, under the session that
called: nobody else gets to it. Where a process ends in the middle, nobody knows what the action has done; so it is not
run again, and the key stays taken until it is forgotten.
"""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, final

import msgspec
from sqlalchemy import delete, select, update

from watchword.foundation.clock import DAY
from watchword.foundation.errors import Code, Denied
from watchword.foundation.secrets import same_bytes
from watchword.http.request import Request
from watchword.http.response import Response
from watchword.policy.actions.tables import action_keys
from watchword.storage.store import Store, Transaction
from watchword.storage.upsert import insert_or_ignore
from watchword.tokens.keyring import Keyring, length_prefixed

KEPT: Final = DAY
_HEADER: Final = "idempotency-key"
_KEY: Final = re.compile(r'"([ !#-\[\]-~]{1,200})"|([A-Za-z0-9._:~-]{1,200})')
"""A string of RFC 8941, section 3.3.3; many clients send it without the quotes."""
_PURPOSE: Final = "action-key"
_ANSWER: Final = "action-answer"

KEY_INVALID: Final = Code(
    "idempotency_key_invalid",
    400,
    "The idempotency key is none",
    'Send one `Idempotency-Key: "…"` with 1 to 200 printable ASCII characters, for example a new UUID for each call.',
)
KEY_REUSED: Final = Code(
    "idempotency_key_reused",
    422,
    "This idempotency key belongs to another call",
    "Use a new key where anything of the call differs.",
)
KEY_RUNNING: Final = Code(
    "idempotency_key_running",
    409,
    "The call with this idempotency key has not ended",
    "Wait, then send it again with the same key. Where that lasts, look whether it was done, and use a new key.",
)


class Known(NamedTuple):
    """A key that somebody holds.

    Attributes:
        body: what is asked by it, as a MAC.
        sealed: the answer, once there is one.
    """

    body: bytes
    sealed: bytes | None


class Claims(Protocol):
    """Where the keys are written down: in the store, or at the server that an app stands beside."""

    def claim(self, key: bytes, body: bytes) -> Known | None:
        """Take the key: `None` where it was free, else who holds it."""
        ...

    def keep(self, key: bytes, sealed: bytes) -> None:
        """Write the answer down."""
        ...

    def release(self, key: bytes) -> None:
        """Give the key back."""
        ...


@final
class StoredClaims:
    """The keys in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def claim(self, key: bytes, body: bytes) -> Known | None:
        """Take the key: `None` where it was free, else who holds it."""
        with self._store.write() as tx:
            tx.execute(delete(action_keys).where(action_keys.c.key == key, action_keys.c.expires_at <= tx.now))
            row = {"key": key, "body": body, "sealed": None, "expires_at": tx.now + KEPT}
            if tx.execute(insert_or_ignore(tx.dialect, action_keys), row).rowcount:
                return None
            found = tx.execute(select(action_keys).where(action_keys.c.key == key)).one()
            return Known(found.body, found.sealed)

    def keep(self, key: bytes, sealed: bytes) -> None:
        """Write the answer down."""
        with self._store.write() as tx:
            tx.execute(update(action_keys).where(action_keys.c.key == key).values(sealed=sealed))

    def release(self, key: bytes) -> None:
        """Give the key back."""
        with self._store.write() as tx:
            tx.execute(delete(action_keys).where(action_keys.c.key == key))

    @staticmethod
    def sweep(tx: Transaction) -> int:
        """Delete keys that are forgotten; return how many."""
        return tx.execute(delete(action_keys).where(action_keys.c.expires_at <= tx.now)).rowcount


@final
@dataclass(frozen=True, slots=True)
class Claim:
    """A key that this request holds: it alone may run the action."""

    key: bytes


@final
class ActionKeys:
    """The keys of all actions of one `Auth`."""

    def __init__(self, keyring: Keyring, claims: Claims) -> None:
        self._keyring = keyring
        self._claims = claims

    def claim(self, request: Request, owner: str, action: str, bound: bytes) -> Claim | Response | Denied | None:
        """Take the key that the request names: `None` where it names none.

        Args:
            request: the call.
            owner: whose keys these are: id of the session; where nobody is signed in, the reference itself.
            action: name of the action.
            bound: its bound arguments, which are part of what is asked.

        Returns:
            The claim, or the answer that was given before, or the refusal.
        """
        sent = request.header_values(_HEADER)
        if not sent:
            return None
        match = _KEY.fullmatch(sent[0].strip(" \t")) if len(sent) == 1 else None
        if match is None:
            return Denied(KEY_INVALID)
        name = (match[1] or match[2]).encode()
        key = self._keyring.mac(_PURPOSE, length_prefixed(owner.encode(), action.encode(), name))
        kind = (request.header("content-type") or "").encode("latin-1")
        body = self._keyring.mac(_PURPOSE, length_prefixed(key, bound, kind, request.body))
        known = self._claims.claim(key, body)
        return Claim(key) if known is None else self._answer(known, key, body)

    def keep(self, claim: Claim, response: Response) -> None:
        """Keep the answer for whoever asks again."""
        content = msgspec.msgpack.encode((response.status, response.body, response.headers))
        self._claims.keep(claim.key, self._keyring.seal(_ANSWER, claim.key + content))

    def release(self, claim: Claim) -> None:
        """Give the key back: the action has not run."""
        self._claims.release(claim.key)

    def _answer(self, known: Known, key: bytes, body: bytes) -> Response | Denied:
        if not same_bytes(known.body, body):
            return Denied(KEY_REUSED)
        opened = None if known.sealed is None else self._keyring.unseal(_ANSWER, known.sealed)
        # An answer under a secret that is gone, or moved here from another row, can't be given; nor may it run again.
        if opened is None or opened[: len(key)] != key:
            return Denied(KEY_RUNNING, retry_after=1)
        status, content, headers = msgspec.msgpack.decode(
            opened[len(key) :], type=tuple[int, bytes, list[tuple[str, str]]]
        )
        return Response(status, content, headers)
