"""Sessions as rows: begun, renewed, ended. What has ended is gone, so nothing can write it back (A23)."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Row, bindparam, delete, insert, select, update

from watchword.audit.log import printable
from watchword.foundation.clock import to_datetime
from watchword.foundation.ids import new_id
from watchword.foundation.secrets import Secret
from watchword.foundation.settings import SessionLimits
from watchword.http.request import Request
from watchword.identity.tables import users
from watchword.identity.users import USER_COLUMNS, USER_SOURCE, Role, user_of
from watchword.sessions.assurance import Assurance, assurance_of
from watchword.sessions.session import Session
from watchword.sessions.tables import sessions
from watchword.sessions.token import new_token
from watchword.storage.store import Store, Transaction

USER_AGENT_LENGTH = 256
_BY_ID = (
    select(
        *USER_COLUMNS,
        sessions.c.id.label("session_id"),
        sessions.c.token_hash,
        sessions.c.factors,
        sessions.c.authenticated_at,
        sessions.c.created_at,
        sessions.c.last_used_at,
        sessions.c.expires_at,
        users.c.disabled,
    )
    .select_from(sessions.join(USER_SOURCE, sessions.c.user_id == users.c.id))
    .where(sessions.c.id == bindparam("session_id"))
)  # fmt: skip
_INSERT = insert(sessions)
_USED: BindParameter[int] = bindparam("used_at")
_TOUCH = (
    update(sessions)
    .where(sessions.c.id == bindparam("session_id"), sessions.c.last_used_at < _USED)
    .values(last_used_at=_USED)
)


class SessionRow(NamedTuple):
    """A session with its user, in the order of the query's columns."""

    user_id: str
    name: str
    role: Role
    email: str
    user_name: str | None
    session_id: str
    token_hash: bytes
    factors: str
    authenticated_at: int
    created_at: int
    last_used_at: int
    expires_at: int
    disabled: bool


def start(
    tx: Transaction, limits: SessionLimits, request: Request, user_id: str, factors: Sequence[str]
) -> tuple[str, Secret]:
    """Begin a session. Called by `admission.door` alone: every session of every kind is made here.

    Returns:
        The session's id and its token, which is shown to the browser and kept nowhere.
    """
    session_id = new_id("ses")
    token = new_token(session_id)
    row = {
        "id": session_id,
        "user_id": user_id,
        "token_hash": token.digest(),
        "factors": " ".join(factors),
        "authenticated_at": tx.now,
        "created_at": tx.now,
        "last_used_at": tx.now,
        "expires_at": tx.now + limits.absolute,
        "address": request.address,
        # It is shown again, in lists and on terminals (A148).
        "user_agent": printable(request.header("user-agent") or "", USER_AGENT_LENGTH),
    }
    tx.execute_prepared(_INSERT, row)
    return session_id, token


def find(tx: Transaction | Store, session_id: str) -> SessionRow | None:
    """Return the session's row, live or not: as an open transaction sees it, or as it is in the store."""
    values = {"session_id": session_id}
    found = tx.prepared(_BY_ID, values) if isinstance(tx, Store) else tx.execute(_BY_ID, values).first()
    return None if found is None else SessionRow._make(found)


def session_of(row: SessionRow, roles: Mapping[str, tuple[str, ...]]) -> Session:
    """Return the `Session` in the row, with what its user's role permits; many are kept in memory, so what is often the same is there once."""
    created_at = to_datetime(row.created_at)
    return Session(
        id=row.session_id,
        user=user_of(row),
        permissions=roles.get(row.role, ()),
        factors=_factors(row.factors),
        assurance=_assurance(row.factors),
        authenticated_at=created_at if row.authenticated_at == row.created_at else to_datetime(row.authenticated_at),
        created_at=created_at,
        last_used_at=to_datetime(row.last_used_at),
        expires_at=to_datetime(row.expires_at),
    )


@lru_cache(64)
def _factors(text: str) -> tuple[str, ...]:
    return tuple(text.split())


@lru_cache(64)
def _assurance(text: str) -> Assurance:
    return assurance_of(text.split())


def is_live(row: SessionRow, limits: SessionLimits, now: int) -> bool:
    """Tell whether the session of this row still counts: not idle for too long, not past its end, user enabled."""
    return not row.disabled and row.last_used_at + limits.idle > now and row.expires_at > now


def touch(tx: Transaction, used: Sequence[tuple[str, int]]) -> None:
    """Write down when sessions, by their ids, were used; those that have ended meanwhile stay so."""
    tx.revokes()
    tx.execute(_TOUCH, [{"session_id": session_id, "used_at": at} for session_id, at in used])


def renew(tx: Transaction, user_id: str, session_id: str, factors: Sequence[str]) -> Secret | None:
    """Give the session a new token after a fresh proof; the old one is worth nothing from here on.

    Returns:
        The new token, or `None` where the session has ended meanwhile.
    """
    token = new_token(session_id)
    values = {"token_hash": token.digest(), "authenticated_at": tx.now, "factors": " ".join(factors)}
    tx.revokes(user_id)
    where = (sessions.c.id == session_id, sessions.c.user_id == user_id)
    changed = tx.execute(update(sessions).where(*where).values(values)).rowcount
    return token if changed else None


def end(tx: Transaction, user_id: str, session_id: str) -> bool:
    """End one session of this user; `False` where there is none."""
    tx.revokes(user_id)
    ended = delete(sessions).where(sessions.c.id == session_id, sessions.c.user_id == user_id)
    return tx.execute(ended).rowcount == 1


def end_all(tx: Transaction, user_id: str, *, but: str | None = None) -> int:
    """End all the user's sessions, except the one named; return how many that were."""
    tx.revokes(user_id)
    where: list[ColumnElement[bool]] = [sessions.c.user_id == user_id]
    if but is not None:
        where.append(sessions.c.id != but)
    return tx.execute(delete(sessions).where(*where)).rowcount


def live_sessions(tx: Transaction, limits: SessionLimits, user_id: str) -> Sequence[Row[Any]]:
    """Return the user's live sessions, last used first."""
    live = (sessions.c.expires_at > tx.now, sessions.c.last_used_at > tx.now - limits.idle)
    statement = select(sessions).where(sessions.c.user_id == user_id, *live)
    return tx.execute(statement.order_by(sessions.c.last_used_at.desc(), sessions.c.id).limit(200)).all()


def sweep(tx: Transaction, limits: SessionLimits) -> int:
    """Delete sessions that have ended by time; return how many."""
    tx.revokes()
    over = (sessions.c.expires_at <= tx.now) | (sessions.c.last_used_at <= tx.now - limits.idle)
    return tx.execute(delete(sessions).where(over)).rowcount
