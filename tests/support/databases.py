"""Fixtures that give each test a fresh, migrated database of both kinds."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import PostgreSQL
from watchword.foundation.clock import ManualClock, SystemClock
from watchword.foundation.ids import new_id
from watchword.storage.store import Store

MEMORY = Path("/dev/shm")
ENOUGH = 2**30
"""Bytes."""
SERVER_DIRECTORY = "WATCHWORD_TEST_POSTGRESQL"


def pytest_configure(config: pytest.Config) -> None:
    """Choose the place of the PostgreSQL server. The workers of pytest-xdist inherit it, and the first test starts it."""
    if not hasattr(config, "workerinput"):
        os.environ[SERVER_DIRECTORY] = str(PostgreSQL.temporary().directory)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the PostgreSQL server when all workers have ended."""
    if not hasattr(config, "workerinput"):
        PostgreSQL(Path(os.environ.pop(SERVER_DIRECTORY))).remove()


@pytest.fixture(scope="session")
def postgresql() -> PostgreSQL:
    """The session's PostgreSQL server."""
    return PostgreSQL(Path(os.environ[SERVER_DIRECTORY]))


@pytest.fixture(scope="session")
def migrated_sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with Watchword's tables, to copy."""
    file = tmp_path_factory.mktemp("sqlite") / "migrated.sqlite3"
    store = Store(f"sqlite:///{file}", SystemClock())
    store.migrate()
    store.close()
    return file


@pytest.fixture(scope="session")
def memory_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory in memory where the machine has one: what waits for no disk is tested the sooner."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ENOUGH:
        yield tmp_path_factory.mktemp("memory")
        return
    with tempfile.TemporaryDirectory(prefix="watchword-tests-", dir=MEMORY) as directory:
        yield Path(directory)


@pytest.fixture
def sqlite_url(migrated_sqlite_file: Path, memory_directory: Path) -> Iterator[str]:
    """URL of a fresh, migrated SQLite file."""
    with tempfile.TemporaryDirectory(dir=memory_directory) as directory:
        file = Path(directory) / "watchword.sqlite3"
        shutil.copyfile(migrated_sqlite_file, file)
        yield f"sqlite:///{file}"


@pytest.fixture(scope="session")
def shelf() -> Iterator[list[str]]:
    """The database that the last test on this worker left empty, if it did: making one costs more than most tests."""
    names: list[str] = []
    yield names
    for name in names:
        PostgreSQL(Path(os.environ[SERVER_DIRECTORY])).drop_database(name)


@pytest.fixture
def postgresql_url(postgresql: PostgreSQL, shelf: list[str]) -> Iterator[str]:
    """URL of an empty, migrated PostgreSQL database; one that can't be emptied afterwards is dropped."""
    if shelf:
        name = shelf.pop()
    else:
        name = new_id("tst")
        postgresql.create_migrated_database(name)
    yield postgresql.url(name)
    if postgresql.empty_database(name):
        shelf.append(name)
    else:
        postgresql.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """URL of a fresh, migrated database: the test runs once on each kind."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def clock() -> ManualClock:
    """A clock that moves only when told to."""
    return ManualClock()


@pytest.fixture
def store(store_url: str, clock: ManualClock) -> Iterator[Store]:
    """An open store on a fresh, migrated database of each kind."""
    store = Store(store_url, clock)
    yield store
    store.close()
