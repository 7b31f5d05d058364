"""Idempotency keys: a call that is sent again runs once, and is answered alike (draft-ietf-httpapi-idempotency-key-header).

Whoever writes the key's row first runs the action. What it answers is kept for a day, sealed, under the session that
called: nobody else gets to it. Where a process ends in the middle, nobody knows what the action has done; so it is not
run again, and the key stays taken until it is forgotten.
"""

import re
from dataclasses import dataclass
from typing import Final, final

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


@final
@dataclass(frozen=True, slots=True)
class Claim:
    """A key that this request holds: it alone may run the action."""

    key: bytes


@final
class ActionKeys:
    """The keys of all actions of one `Auth`."""

    def __init__(self, keyring: Keyring, store: Store) -> None:
        self._keyring = keyring
        self._store = store

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
        with self._store.write() as tx:
            tx.execute(delete(action_keys).where(action_keys.c.key == key, action_keys.c.expires_at <= tx.now))
            row = {"key": key, "body": body, "sealed": None, "expires_at": tx.now + KEPT}
            if tx.execute(insert_or_ignore(tx.dialect, action_keys), row).rowcount:
                return Claim(key)
            return self._known(tx, key, body)

    def keep(self, claim: Claim, response: Response) -> None:
        """Keep the answer for whoever asks again."""
        content = msgspec.msgpack.encode((response.status, response.body, response.headers))
        sealed = self._keyring.seal(_ANSWER, claim.key + content)
        with self._store.write() as tx:
            tx.execute(update(action_keys).where(action_keys.c.key == claim.key).values(sealed=sealed))

    def release(self, claim: Claim) -> None:
        """Give the key back: the action has not run."""
        with self._store.write() as tx:
            tx.execute(delete(action_keys).where(action_keys.c.key == claim.key))

    def sweep(self, tx: Transaction) -> int:
        """Delete keys that are forgotten; return how many."""
        return tx.execute(delete(action_keys).where(action_keys.c.expires_at <= tx.now)).rowcount

    def _known(self, tx: Transaction, key: bytes, body: bytes) -> Response | Denied:
        row = tx.execute(select(action_keys).where(action_keys.c.key == key)).one()
        if not same_bytes(row.body, body):
            return Denied(KEY_REUSED)
        opened = None if row.sealed is None else self._keyring.unseal(_ANSWER, row.sealed)
        # An answer under a secret that is gone, or moved here from another row, can't be given; nor may it run again.
        if opened is None or opened[: len(key)] != key:
            return Denied(KEY_RUNNING, retry_after=1)
        status, content, headers = msgspec.msgpack.decode(
            opened[len(key) :], type=tuple[int, bytes, list[tuple[str, str]]]
        )
        return Response(status, content, headers)
