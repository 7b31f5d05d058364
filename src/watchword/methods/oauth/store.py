"""Accounts at other services as rows."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, delete, func, select, update

from watchword.foundation.clock import to_datetime
from watchword.foundation.ids import new_id
from watchword.methods.oauth.profile import Profile
from watchword.methods.oauth.tables import identities, provider_tokens
from watchword.storage.store import Transaction
from watchword.storage.upsert import insert_or_ignore


class IdentityView(msgspec.Struct, frozen=True, kw_only=True):
    """An account at another service, as its owner sees it.

    Attributes:
        id: `idn_…`.
        provider: what the service is called in addresses.
        title: what people call it.
        label: the address or name that it was last known by there.
    """

    id: str
    provider: str
    title: str
    label: str
    created_at: datetime
    last_used_at: datetime


def view(row: Row[Any], titles: dict[str, str]) -> IdentityView:
    """Return the row as its owner sees it."""
    return IdentityView(
        id=row.id,
        provider=row.provider,
        title=titles.get(str(row.provider), str(row.provider)),
        label=row.label,
        created_at=to_datetime(row.created_at),
        last_used_at=to_datetime(row.last_used_at),
    )


def find(tx: Transaction, profile: Profile) -> Row[Any] | None:
    """Return the account that this person is known by. Issuer and subject count, and nothing else (A66)."""
    same = (identities.c.issuer == profile.issuer, identities.c.subject == profile.subject)
    return tx.execute(select(identities).where(*same)).first()


def identities_of(tx: Transaction, user_id: str) -> Sequence[Row[Any]]:
    """Return the user's accounts at other services, oldest first."""
    mine = select(identities).where(identities.c.user_id == user_id)
    return tx.execute(mine.order_by(identities.c.created_at, identities.c.id)).all()


def add(tx: Transaction, user_id: str, provider: str, profile: Profile) -> str | None:
    """Let this account open the user's from now on, and return its id; `None` where it opens one already."""
    identity_id = new_id("idn")
    row = {
        "id": identity_id,
        "user_id": user_id,
        "provider": provider,
        "issuer": profile.issuer,
        "subject": profile.subject,
        "label": _label(profile),
        "created_at": tx.now,
        "last_used_at": tx.now,
    }
    return identity_id if tx.execute(insert_or_ignore(tx.dialect, identities), row).rowcount == 1 else None


def used(tx: Transaction, row: Row[Any], provider: str, profile: Profile) -> None:
    """Write a use down, what it is known by now, and by which of several clients of one issuer it came."""
    if row.provider != provider:
        # Tokens of another client are none that this one could refresh.
        tx.execute(delete(provider_tokens).where(provider_tokens.c.identity_id == row.id))
    changed = update(identities).where(identities.c.id == row.id)
    tx.execute(changed.values(provider=provider, last_used_at=tx.now, label=_label(profile)))


def remove(tx: Transaction, user_id: str, identity_id: str) -> bool:
    """Let one of the user's accounts open theirs no more; `False` where there is none of that id."""
    mine = delete(identities).where(identities.c.id == identity_id, identities.c.user_id == user_id)
    return tx.execute(mine).rowcount == 1  # its tokens go with it, by their foreign key


def count(tx: Transaction, user_id: str, providers: Collection[str]) -> int:
    """Return how many accounts of these services open the user's."""
    mine = (identities.c.user_id == user_id, identities.c.provider.in_(providers))
    return tx.execute(select(func.count()).select_from(identities).where(*mine)).scalar_one()


def _label(profile: Profile) -> str:
    return (profile.email or profile.name or profile.subject)[:255]
