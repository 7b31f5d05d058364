"""Migrations: one history, which makes the tables that the rooms declare."""

import sys
import warnings
from contextlib import ExitStack
from subprocess import PIPE, Popen

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from tests.support.postgres import declared_tables
from watchword.foundation.clock import SystemClock
from watchword.foundation.ids import new_id
from watchword.storage.store import Store

MIGRATE = """
import sys
from watchword.foundation.clock import SystemClock
from watchword.storage.store import Store
store = Store(sys.argv[1], SystemClock())
print("ready", flush=True)
sys.stdin.readline()
store.migrate()
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path):
    """URL of a database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite3'}"
        return
    server, name = request.getfixturevalue("postgresql"), new_id("tst")
    yield server.create_database(name)
    server.drop_database(name)


def test_the_migrated_schema_is_the_one_that_the_rooms_declare(store):
    # SQLite can't reflect an index on an expression, and Alembic says so.
    with store.engine.connect() as connection, warnings.catch_warnings():
        warnings.simplefilter("ignore", sqlalchemy.exc.SAWarning)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, declared_tables()) == []


def test_a_database_without_tables_is_not_current_until_it_is_migrated(empty_url):
    store = Store(empty_url, SystemClock())
    assert not store.is_current()
    store.migrate()
    assert store.is_current()
    store.close()


def test_migrating_again_changes_nothing(store):
    before = sqlalchemy.inspect(store.engine).get_table_names()
    store.migrate()
    assert sqlalchemy.inspect(store.engine).get_table_names() == before
    assert store.is_current()


def test_processes_that_migrate_a_new_database_at_once_all_succeed(empty_url):
    command = [sys.executable, "-c", MIGRATE, empty_url]
    with ExitStack() as stack:
        migrating = [stack.enter_context(Popen(command, stdin=PIPE, stdout=PIPE, text=True)) for _ in range(4)]
        assert [process.stdout.readline() for process in migrating] == ["ready\n"] * 4
        for process in migrating:
            process.stdin.write("go\n")
            process.stdin.flush()
        assert [process.wait(60) for process in migrating] == [0, 0, 0, 0]
    store = Store(empty_url, SystemClock())
    assert store.is_current()
    store.close()


def test_a_migration_that_fails_leaves_nothing_behind(empty_url):
    store = Store(empty_url, SystemClock())
    with store.engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE users (other INTEGER)"))
    with pytest.raises(sqlalchemy.exc.DBAPIError, match="users"):
        store.migrate()
    assert sqlalchemy.inspect(store.engine).get_table_names() == ["users"]
    store.close()
