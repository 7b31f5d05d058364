"""Engines for the two databases: how a URL becomes connections with the right settings."""

import sqlite3
import time
from pathlib import Path
from typing import Any, Literal

import sqlalchemy.exc
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.pool import QueuePool

from watchword.foundation.errors import ConfigurationError

Dialect = Literal["sqlite", "postgresql"]

BUSY_TIMEOUT = 5_000
"""Milliseconds a statement waits for a lock of another one before the call is answered with 503."""
_NETWORK_TIMEOUT = 10_000
"""Milliseconds after which a PostgreSQL server that acknowledges nothing is taken to be gone."""

_SQLITE_UNAVAILABLE = (
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL,
)  # fmt: skip
_READ_ONLY_STANDBY = "25006"
"""SQLSTATE of a write to a server that has not, or not yet, become the primary one."""


def make_engine(url: str) -> Engine:
    """Return an engine for `sqlite:///path` or `postgresql://…`.

    Raises:
        ConfigurationError: another database, a URL that is none, or the driver is not installed.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(parsed)
    try:
        # Last in, first out, here as below: the connection used last has its pages and statements at hand.
        engine = sqlalchemy.create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_size=16,
            max_overflow=16,
            pool_timeout=5,
            pool_pre_ping=True,
            pool_use_lifo=True,
            pool_recycle=1800,
            connect_args={"connect_timeout": 5, "tcp_user_timeout": _NETWORK_TIMEOUT, "prepare_threshold": 2},
        )
    except ModuleNotFoundError as error:
        raise ConfigurationError("PostgreSQL needs its driver: pip install 'watchword[postgresql]'") from error
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


def is_unavailable(error: Exception) -> bool:
    """Tell whether the error means that the database can't answer now, and not that a statement is wrong."""
    if isinstance(error, sqlalchemy.exc.TimeoutError):
        return True
    cause = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _SQLITE_UNAVAILABLE
    if isinstance(error, sqlalchemy.exc.OperationalError | sqlalchemy.exc.InterfaceError):
        return True
    return getattr(cause, "sqlstate", None) == _READ_ONLY_STANDBY


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except sqlalchemy.exc.ArgumentError:
        raise ConfigurationError(
            "the store is no database URL: write 'sqlite:///watchword.sqlite3' or 'postgresql://user@host/database'"
        ) from None
    backend = parsed.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise ConfigurationError(f"the store {backend!r} is not known: use 'sqlite:///path' or 'postgresql://…'")
    if backend == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ConfigurationError("SQLite needs a file, so that several workers share it: 'sqlite:///watchword.sqlite3'")
    return parsed


def _sqlite_engine(url: URL) -> Engine:
    path = Path(url.database or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    # Only this user reads it; SQLite gives its side files the same rights.
    path.touch(mode=0o600)
    engine = sqlalchemy.create_engine(
        url,
        poolclass=QueuePool,
        pool_use_lifo=True,
        pool_size=16,
        max_overflow=32,
        pool_timeout=5,
        connect_args={"check_same_thread": False, "isolation_level": None, "timeout": BUSY_TIMEOUT / 1000},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    # PostgreSQL itself would wait for ever, and all threads with it.
    connection.execute(f"SET lock_timeout = {BUSY_TIMEOUT}")
    connection.commit()


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    _use_write_ahead_log(connection)
    # FULL: what was answered is on the disk, so a power cut can't bring a revoked session back to life.
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON", "cache_size=-8000"):
        connection.execute(f"PRAGMA {pragma}")


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    # SQLite's timeout does not cover this one command: of several processes that open a new file, one succeeds.
    for _ in range(BUSY_TIMEOUT // 10):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if not is_unavailable(error):
                raise
            time.sleep(0.01)
        else:
            return
    connection.execute("PRAGMA journal_mode=WAL")
