"""Users and the identifiers that lead to them."""

import sys
from typing import Annotated, Any

import msgspec
from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, delete, func, insert, select, update

from watchword.foundation.ids import new_id
from watchword.identity.email_address import EmailAddress
from watchword.identity.tables import credentials, identifiers, users
from watchword.identity.user_name import UserName
from watchword.storage.store import Transaction
from watchword.storage.upsert import insert_or_ignore

Role = str
"""Name of a role that the settings declare: `user` and `admin` always are."""
PersonName = Annotated[str, msgspec.Meta(max_length=200)]
"""What a person is called: any text of at most 200 characters."""


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person's account, as apps see it.

    Attributes:
        id: `usr_…`, never used again.
        email: the verified address, as its owner wrote it.
        name: what the person is called; may be empty.
        user_name: the optional handle.
        role: `user`, `admin`, or another that the settings declare.
    """

    id: str
    email: str
    name: str
    user_name: str | None
    role: Role


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A user with what only Watchword itself reads."""

    user: User
    email_key: str
    password: str | None
    disabled: bool
    language: str | None
    created_at: int


_email = identifiers.alias("email")
_handle = identifiers.alias("handle")
_password = credentials.alias("password")

USER_COLUMNS = (
    users.c.id.label("user_id"),
    users.c.name,
    users.c.role,
    _email.c.text.label("email"),
    _handle.c.text.label("user_name"),
)
USER_SOURCE = users.join(_email, and_(_email.c.user_id == users.c.id, _email.c.kind == "email")).outerjoin(
    _handle, and_(_handle.c.user_id == users.c.id, _handle.c.kind == "user_name")
)
_ACCOUNT = select(
    *USER_COLUMNS,
    _email.c.key.label("email_key"),
    _password.c.data.label("password"),
    users.c.disabled,
    users.c.language,
    users.c.created_at,
).select_from(USER_SOURCE.outerjoin(_password, and_(_password.c.user_id == users.c.id, _password.c.kind == "password")))
_VALUE: BindParameter[str] = bindparam("value")
# Built once: putting a statement together costs more than SQLite takes to run it.
_BY_EMAIL = _ACCOUNT.where(_email.c.key == _VALUE)
_BY_USER_NAME = _ACCOUNT.where(_handle.c.key == _VALUE)
_BY_ID = _ACCOUNT.where(users.c.id == _VALUE)
_PASSWORD_IN_USE = select(credentials.c.data).where(
    credentials.c.user_id == _VALUE,
    credentials.c.kind == "password",
    select(users.c.id).where(users.c.id == _VALUE, users.c.disabled.is_(False)).exists(),
)


def user_of(row: Any) -> User:
    """Return the `User` in a row selected with `USER_COLUMNS`."""
    # Many are kept in memory, and have few roles.
    role: Any = sys.intern(row.role)
    return User(id=row.user_id, email=row.email, name=row.name, user_name=row.user_name, role=role)


def _account(tx: Transaction, statement: Select[*tuple[Any, ...]], value: str) -> Account | None:
    row = tx.execute_prepared(statement, {"value": value}).first()
    if row is None:
        return None
    return Account(
        user=user_of(row),
        email_key=row.email_key,
        password=row.password,
        disabled=bool(row.disabled),
        language=row.language,
        created_at=row.created_at,
    )


def account_by_email(tx: Transaction, key: str) -> Account | None:
    """Return the account that this e-mail address (its canonical key) leads to."""
    return _account(tx, _BY_EMAIL, key)


def account_by_user_name(tx: Transaction, key: str) -> Account | None:
    """Return the account that this user name (its canonical key) leads to."""
    return _account(tx, _BY_USER_NAME, key)


def account_by_id(tx: Transaction, user_id: str) -> Account | None:
    """Return the account of this user."""
    return _account(tx, _BY_ID, user_id)


def password_in_use(tx: Transaction, user_id: str) -> str | None:
    """Return the user's Argon2 hash, or `None` where there is none, or the account is disabled or gone."""
    return tx.execute_prepared(_PASSWORD_IN_USE, {"value": user_id}).scalar_one_or_none()


def accounts(tx: Transaction, *, after: str = "", limit: int = 100) -> list[User]:
    """Return users in the order of their ids, those after the id `after`."""
    statement = select(*USER_COLUMNS).select_from(USER_SOURCE).where(users.c.id > after).order_by(users.c.id)
    return [user_of(row) for row in tx.execute(statement.limit(limit))]


def count_admins(tx: Transaction) -> int:
    """Return how many enabled users are admins."""
    statement = select(func.count()).select_from(users).where(users.c.role == "admin", users.c.disabled.is_(False))
    return tx.execute(statement).scalar_one()


def hold_user(tx: Transaction, user_id: str) -> None:
    """Keep the user's row locked until the transaction ends: who changes the same account waits."""
    tx.execute(select(users.c.id).where(users.c.id == user_id).with_for_update())


def has_verified_email(tx: Transaction, user_id: str) -> bool:
    """Tell whether the user has shown that the address is theirs."""
    proven = _identifier_of(user_id, "email") & identifiers.c.verified_at.is_not(None)
    return tx.execute(select(identifiers.c.id).where(proven)).first() is not None


def is_last_admin(tx: Transaction, user_id: str) -> bool:
    """Tell whether this user is the only enabled admin.

    The admins' rows stay locked until the transaction ends, so that of two who leave at once one has to stay.
    """
    admins = select(users.c.id).where(users.c.role == "admin", users.c.disabled.is_(False))
    return tx.execute(admins.order_by(users.c.id).with_for_update()).scalars().all() == [user_id]


def create_user(
    tx: Transaction,
    *,
    email: EmailAddress,
    name: str,
    role: Role = "user",
    password: str | None = None,
    language: str | None = None,
) -> User | None:
    """Make an account whose address is proven.

    Args:
        tx: open write transaction.
        email: the address; whoever calls has seen it proven, or vouches for it.
        name: what the person is called.
        role: the first role.
        password: Argon2 hash in PHC form, or `None` for an account without a password.
        language: for mails.

    Returns:
        The user, or `None` where the address leads to an account already: then nothing was written.
    """
    user_id = new_id("usr")
    row = {"id": user_id, "name": name, "role": role, "language": language, "disabled": False, "created_at": tx.now}
    tx.execute(insert(users), row)
    if not _add_identifier(tx, user_id, "email", email.address, email.key, verified=True):
        tx.revokes()  # The account of a moment ago has no session.
        tx.execute(delete(users).where(users.c.id == user_id))
        return None
    if password is not None:
        set_password(tx, user_id, password)
    return User(id=user_id, email=email.address, name=name, user_name=None, role=role)


def _add_identifier(tx: Transaction, user_id: str, kind: str, text: str, key: str, *, verified: bool) -> bool:
    row = {
        "id": new_id("idf"),
        "user_id": user_id,
        "kind": kind,
        "text": text,
        "key": key,
        "verified_at": tx.now if verified else None,
        "created_at": tx.now,
    }
    return tx.execute(insert_or_ignore(tx.dialect, identifiers), row).rowcount == 1


def change_email(tx: Transaction, user_id: str, email: EmailAddress) -> bool:
    """Give the user another, proven address; `False` where it leads to another account."""
    if _belongs_to_another(tx, user_id, "email", email.key):
        return False
    tx.revokes(user_id)
    values = {"text": email.address, "key": email.key, "verified_at": tx.now}
    where = _identifier_of(user_id, "email")
    return tx.execute(update(identifiers).where(where).values(values)).rowcount == 1


def change_user_name(tx: Transaction, user_id: str, user_name: UserName | None) -> bool:
    """Give the user another handle, or none; `False` where somebody else has it."""
    if user_name is None:
        tx.revokes(user_id)
        tx.execute(delete(identifiers).where(_identifier_of(user_id, "user_name")))
        return True
    if _belongs_to_another(tx, user_id, "user_name", user_name.key):
        return False
    tx.revokes(user_id)
    tx.execute(delete(identifiers).where(_identifier_of(user_id, "user_name")))
    return _add_identifier(tx, user_id, "user_name", user_name.name, user_name.key, verified=True)


def _identifier_of(user_id: str, kind: str) -> ColumnElement[bool]:
    return and_(identifiers.c.user_id == user_id, identifiers.c.kind == kind)


def _belongs_to_another(tx: Transaction, user_id: str, kind: str, key: str) -> bool:
    statement = select(identifiers.c.user_id).where(identifiers.c.kind == kind, identifiers.c.key == key)
    return tx.execute(statement).scalar_one_or_none() not in (None, user_id)


def change_name(tx: Transaction, user_id: str, name: str) -> None:
    """Call the person otherwise."""
    tx.revokes(user_id)
    tx.execute(update(users).where(users.c.id == user_id).values(name=name))


def set_role(tx: Transaction, user_id: str, role: Role) -> bool:
    """Give the user this role; `False` where there is no such user or nothing changed."""
    tx.revokes(user_id)
    changed = update(users).where(users.c.id == user_id, users.c.role != role).values(role=role)
    return tx.execute(changed).rowcount == 1


def set_disabled(tx: Transaction, user_id: str, *, disabled: bool) -> bool:
    """Disable the account or enable it; `False` where there is no such user or nothing changed."""
    tx.revokes(user_id)
    changed = update(users).where(users.c.id == user_id, users.c.disabled != disabled).values(disabled=disabled)
    return tx.execute(changed).rowcount == 1


def set_password(tx: Transaction, user_id: str, password: str) -> None:
    """Store the Argon2 hash (PHC form) as the user's password, in place of an earlier one."""
    changed = update(credentials).where(credentials.c.user_id == user_id, credentials.c.kind == "password")
    if tx.execute(changed.values(data=password, updated_at=tx.now)).rowcount == 0:
        row = {"id": new_id("crd"), "user_id": user_id, "kind": "password", "data": password}
        tx.execute(insert(credentials), {**row, "created_at": tx.now, "updated_at": tx.now})


def delete_user(tx: Transaction, user_id: str) -> None:
    """Delete the account with all that hangs on it. Its id is never used again."""
    tx.revokes(user_id)
    tx.execute(delete(users).where(users.c.id == user_id))


def identifiers_of(tx: Transaction, user_id: str) -> list[dict[str, Any]]:
    """Return kind, text and times (milliseconds) of each identifier, for the export of one's data."""
    columns = (identifiers.c.kind, identifiers.c.text, identifiers.c.verified_at, identifiers.c.created_at)
    return [dict(row) for row in tx.execute(select(*columns).where(identifiers.c.user_id == user_id)).mappings()]
