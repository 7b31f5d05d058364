"""An attempt: a sign-in (or a change of address) under way, held by the server and bound to the browser that began it."""

from typing import Any, Final

import msgspec
from sqlalchemy import Row, delete, insert, select, update

from watchword.admission.proof import Proof
from watchword.admission.tables import attempts, challenges
from watchword.foundation.clock import HOUR
from watchword.foundation.errors import Code
from watchword.foundation.ids import new_id
from watchword.identity.email_address import EmailAddress
from watchword.storage.store import Transaction
from watchword.tokens.keyring import Keyring

LIFETIME = HOUR
ATTEMPT_EXPIRED: Final = Code(
    "attempt_expired",
    410,
    "This sign-in is over",
    "Begin again. An attempt lives for an hour, is used once, and goes on only in the browser that began it.",
)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt will do once it is proven. Stored sealed; it holds no password, only its Argon2 hash (A39).

    Attributes:
        email, email_key: the address to prove, as written and in canonical form.
        language: for mails.
        name, password: of the account to make.
        next_page: where the person wanted to go, a checked path of this site.
        taken: the address leads to an account already: this attempt looks like any other and can't succeed.
        proofs: what has been shown already.
        secret: the method's own: a TOTP secret that waits for its first code, the challenge of a passkey.
        passkey: the method's own: a passkey to be added to the account that is made.
        parent: the attempt that this one carries on.
    """

    email: str = ""
    email_key: str = ""
    language: str = ""
    name: str = ""
    password: str | None = None
    next_page: str = ""
    taken: bool = False
    proofs: tuple[Proof, ...] = ()
    secret: bytes = b""
    passkey: bytes = b""
    parent: str = ""

    @property
    def address(self) -> EmailAddress:
        """The address to prove."""
        return EmailAddress(self.email, self.email_key)


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt under way.

    Attributes:
        id: `att_…`.
        purpose: which completion it leads to: `sign_up`, `sign_in`, `step_up`, `email_change`.
        user_id: whose it is, where someone is signed in already.
        plan: what it will do.
    """

    id: str
    purpose: str
    user_id: str | None
    plan: Plan


def begin(
    tx: Transaction, keyring: Keyring, browser_hash: bytes, *, purpose: str, plan: Plan, user_id: str | None = None
) -> Attempt:
    """Begin an attempt that only this browser can carry on."""
    attempt = Attempt(id=new_id("att"), purpose=purpose, user_id=user_id, plan=plan)
    row = {
        "id": attempt.id,
        "purpose": purpose,
        "browser_hash": browser_hash,
        "user_id": user_id,
        "sealed": keyring.seal("attempt", msgspec.msgpack.encode(plan)),
        "created_at": tx.now,
        "expires_at": tx.now + LIFETIME,
        "completed_at": None,
    }
    tx.execute(insert(attempts), row)
    return attempt


def load(tx: Transaction, keyring: Keyring, browser_hash: bytes, attempt_id: str) -> Attempt | None:
    """Return the attempt if it is open and this browser began it."""
    row = tx.execute(
        select(attempts).where(
            attempts.c.id == attempt_id,
            attempts.c.browser_hash == browser_hash,
            attempts.c.completed_at.is_(None),
            attempts.c.expires_at > tx.now,
        )
    ).first()
    return _attempt_of(row, keyring) if row else None


def complete(tx: Transaction, attempt: Attempt) -> bool:
    """Close the attempt; `True` for the one caller that does (of any number at once)."""
    closed = update(attempts).where(attempts.c.id == attempt.id, attempts.c.completed_at.is_(None))
    return tx.execute(closed.values(completed_at=tx.now, sealed=b"")).rowcount == 1


def cancel(tx: Transaction, user_id: str, purpose: str) -> None:
    """Drop the user's open attempts of this purpose: a new one takes their place (CB-196)."""
    tx.execute(delete(attempts).where(attempts.c.user_id == user_id, attempts.c.purpose == purpose))


def cancel_all(tx: Transaction, user_id: str) -> None:
    """Drop every open attempt and every unused code and link of this user (A73)."""
    tx.execute(delete(attempts).where(attempts.c.user_id == user_id))
    tx.execute(delete(challenges).where(challenges.c.user_id == user_id, challenges.c.used_at.is_(None)))


def sweep(tx: Transaction) -> None:
    """Delete attempts and challenges that are over."""
    tx.execute(delete(attempts).where(attempts.c.expires_at <= tx.now))
    tx.execute(delete(challenges).where(challenges.c.expires_at <= tx.now))


def _attempt_of(row: Row[Any], keyring: Keyring) -> Attempt | None:
    plan = keyring.unseal("attempt", row.sealed)
    if plan is None:
        return None
    decoded = msgspec.msgpack.decode(plan, type=Plan)
    return Attempt(id=row.id, purpose=row.purpose, user_id=row.user_id, plan=decoded)
