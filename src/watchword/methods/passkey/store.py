"""Passkeys as rows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, delete, func, select, update

from watchword.foundation.clock import to_datetime
from watchword.foundation.ids import new_id
from watchword.methods.passkey.ceremony import NewPasskey, Shown
from watchword.methods.passkey.tables import passkeys
from watchword.storage.store import Transaction
from watchword.storage.upsert import insert_or_ignore


class PasskeyView(msgspec.Struct, frozen=True, kw_only=True):
    """One passkey, as its owner sees it.

    Attributes:
        id: `psk_…`.
        name: what its owner calls it.
        synchronised: whether copies of it may be on other devices.
        verifies_user: whether it asks for PIN, finger or face: then it is enough by itself.
        suspicious: whether its count once did not rise: two devices may hold the same key.
    """

    id: str
    name: str
    synchronised: bool
    verifies_user: bool
    suspicious: bool
    created_at: datetime
    last_used_at: datetime | None


def view(row: Row[Any]) -> PasskeyView:
    """Return the row as its owner sees it."""
    return PasskeyView(
        id=row.id,
        name=row.name,
        synchronised=row.backed_up,
        verifies_user=row.verifies_user,
        suspicious=row.cloned_at is not None,
        created_at=to_datetime(row.created_at),
        last_used_at=to_datetime(row.last_used_at) if row.last_used_at is not None else None,
    )


def passkeys_of(tx: Transaction, user_id: str) -> Sequence[Row[Any]]:
    """Return the user's passkeys, oldest first."""
    return tx.execute(select(passkeys).where(passkeys.c.user_id == user_id).order_by(passkeys.c.created_at)).all()


def ways_in(tx: Transaction, user_id: str) -> int:
    """Return how many of the user's passkeys are enough by themselves."""
    mine = (passkeys.c.user_id == user_id, passkeys.c.verifies_user.is_(True))
    return tx.execute(select(func.count()).select_from(passkeys).where(*mine)).scalar_one()


def find(tx: Transaction, credential_id: bytes) -> Row[Any] | None:
    """Return the passkey with this credential id."""
    return tx.execute(select(passkeys).where(passkeys.c.credential_id == credential_id)).first()


def add(tx: Transaction, user_id: str, user_handle: bytes, new: NewPasskey, name: str) -> str | None:
    """Keep a new passkey and return its id; `None` where somebody, or this user, has it already (A147)."""
    passkey_id = new_id("psk")
    row = {
        "id": passkey_id,
        "user_id": user_id,
        "user_handle": user_handle,
        "credential_id": new.credential_id,
        "public_key": new.public_key,
        "sign_count": new.sign_count,
        "verifies_user": new.user_verified,
        "backup_eligible": new.backup_eligible,
        "backed_up": new.backed_up,
        "aaguid": new.aaguid,
        "transports": " ".join(new.transports),
        "name": name,
        "cloned_at": None,
        "created_at": tx.now,
        "last_used_at": None,
    }
    return passkey_id if tx.execute(insert_or_ignore(tx.dialect, passkeys), row).rowcount == 1 else None


def used(tx: Transaction, row: Row[Any], shown: Shown) -> bool:
    """Write a use down; `False` where another one with this count, or a later one, came first (A146)."""
    unchanged = (passkeys.c.id == row.id, passkeys.c.sign_count == row.sign_count)
    values: dict[str, Any] = {"backed_up": shown.backed_up, "last_used_at": tx.now, "sign_count": shown.sign_count}
    return tx.execute(update(passkeys).where(*unchanged).values(values)).rowcount == 1


def may_verify(tx: Transaction, row: Row[Any]) -> None:
    """Note that this passkey verifies its user, shown beside another factor (section 7.2, `uvInitialized`)."""
    tx.execute(update(passkeys).where(passkeys.c.id == row.id).values(verifies_user=True))


def suspect(tx: Transaction, row: Row[Any]) -> None:
    """Note that its count did not rise."""
    tx.execute(update(passkeys).where(passkeys.c.id == row.id).values(cloned_at=tx.now))


def rename(tx: Transaction, user_id: str, passkey_id: str, name: str) -> bool:
    """Call one of the user's passkeys otherwise; `False` where there is none of that id."""
    mine = (passkeys.c.id == passkey_id, passkeys.c.user_id == user_id)
    return tx.execute(update(passkeys).where(*mine).values(name=name)).rowcount == 1


def remove(tx: Transaction, user_id: str, passkey_id: str | None = None) -> int:
    """Remove one of the user's passkeys, or all; return how many that were."""
    mine = [passkeys.c.user_id == user_id]
    if passkey_id is not None:
        mine.append(passkeys.c.id == passkey_id)
    return tx.execute(delete(passkeys).where(*mine)).rowcount
