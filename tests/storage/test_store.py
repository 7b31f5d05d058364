"""Transactions: all or nothing, and a database that is gone, locked or full."""

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
import sqlalchemy
from sqlalchemy import event, func, insert, select, text

from watchword.foundation.clock import SystemClock
from watchword.foundation.errors import ConfigurationError, StoreUnavailableError
from watchword.limits.tables import limits
from watchword.storage import engine
from watchword.storage.store import Store


def row(number):
    return {"key": number.to_bytes(32, "big"), "full_at": number}


def count(store):
    with store.read() as tx:
        return tx.execute(select(func.count()).select_from(limits)).scalar_one()


def add(store, number, *, durable=True):
    with store.write(durable=durable) as tx:
        tx.execute(insert(limits), row(number))


def sqlite_file(url):
    return url.removeprefix("sqlite:///")


@pytest.fixture
def sqlite_store(sqlite_url, clock):
    store = Store(sqlite_url, clock)
    yield store
    store.close()


@pytest.fixture
def impatient(monkeypatch, sqlite_url, clock):
    """A store that waits for a lock no longer than 20 ms."""
    monkeypatch.setattr(engine, "BUSY_TIMEOUT", 20)
    store = Store(sqlite_url, clock)
    yield store
    store.close()


@pytest.mark.parametrize("durable", [True, False])
def test_a_write_is_there_after_its_commit(store, durable):
    add(store, 1, durable=durable)
    assert count(store) == 1


@pytest.mark.parametrize("durable", [True, False])
def test_an_exception_rolls_everything_back_and_passes(store, durable):
    with pytest.raises(ZeroDivisionError), store.write(durable=durable) as tx:
        tx.execute(insert(limits), row(1))
        raise ZeroDivisionError
    assert count(store) == 0
    add(store, 1)
    assert count(store) == 1


def test_a_refused_statement_rolls_back_what_was_written_before_it(store):
    with pytest.raises(sqlalchemy.exc.IntegrityError), store.write() as tx:
        tx.execute(insert(limits), row(1))
        tx.execute(insert(limits), row(1))
    assert count(store) == 0


def test_a_transaction_has_one_time(store, clock):
    begun = clock.now()
    with store.write() as tx:
        clock.advance(5)
        assert tx.now == begun


def test_what_waits_for_the_commit_runs_after_it_and_sees_it(store):
    seen = []
    with store.write() as tx:
        tx.after_commit(lambda: seen.append(count(store)))
        tx.execute(insert(limits), row(1))
        assert seen == []
    assert seen == [1]


def test_what_waits_for_the_commit_does_not_run_after_a_rollback(store):
    seen = []
    with pytest.raises(ZeroDivisionError), store.write() as tx:
        tx.after_commit(lambda: seen.append(True))
        raise ZeroDivisionError
    assert seen == []


def test_a_callback_that_fails_does_not_make_the_commit_look_failed(store, caplog):
    seen = []
    with store.write() as tx:
        tx.after_commit(lambda: 1 / 0)
        tx.after_commit(lambda: seen.append(True))
        tx.execute(insert(limits), row(1))
    assert count(store) == 1
    assert seen == [True]
    assert "a callback after the commit failed" in caplog.text


def test_a_reading_transaction_refuses_to_write(store):
    with pytest.raises(TypeError, match=r"store\.write\(\)"), store.read() as tx:
        tx.execute(insert(limits), row(1))
    assert count(store) == 0


def test_a_snapshot_does_not_see_what_is_committed_meanwhile(store):
    with store.read(snapshot=True) as tx:
        assert tx.execute(select(limits)).all() == []
        add(store, 1)
        assert tx.execute(select(limits)).all() == []
    assert count(store) == 1


def test_a_statement_that_is_wrong_is_a_defect_and_no_outage(store):
    with pytest.raises(sqlalchemy.exc.DBAPIError), store.read() as tx:
        tx.execute(text("SELECT * FROM no_such_table"))
    assert count(store) == 0


def test_many_threads_write_at_once_and_nothing_is_lost(store):
    def write(first):
        for number in range(first, first + 10):
            add(store, number, durable=number % 2 == 0)

    threads = [threading.Thread(target=write, args=(first,)) for first in range(0, 160, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(store) == 160


WRITER = """
import sys
from sqlalchemy import insert
from watchword.foundation.clock import SystemClock
from watchword.limits.tables import limits
from watchword.storage.store import Store
store = Store(sys.argv[1], SystemClock())
for number in range(int(sys.argv[2]), int(sys.argv[2]) + 50):
    with store.write() as tx:
        tx.execute(insert(limits), {"key": number.to_bytes(32, "big"), "full_at": number})
"""


def test_several_processes_write_at_once_and_nothing_is_lost(store, store_url):
    commands = [[sys.executable, "-c", WRITER, store_url, str(first)] for first in range(0, 200, 50)]
    writers = [Popen(command) for command in commands]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0, 0]
    assert count(store) == 200


FORKED = """
import os, sys, threading
from sqlalchemy import func, insert, select
from watchword.foundation.clock import SystemClock
from watchword.limits.tables import limits
from watchword.storage.store import Store
store = Store(sys.argv[1], SystemClock())
def add(number):
    with store.write() as tx:
        tx.execute(insert(limits), {"key": number.to_bytes(32, "big"), "full_at": number})
add(1)
parents = store.engine.pool
store._writing.acquire()  # as another thread of the parent would hold it while the process forks
child = os.fork()
if child == 0:
    assert store.engine.pool is not parents
    add(2)
    os._exit(0)
store._writing.release()
assert os.waitpid(child, 0)[1] == 0
add(3)
with store.read() as tx:
    assert tx.execute(select(func.count()).select_from(limits)).scalar_one() == 3
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_uses_connections_of_its_own(store_url):
    subprocess.run([sys.executable, "-c", FORKED, store_url], check=True, timeout=60)


def test_another_process_that_holds_the_lock_too_long_makes_sqlite_unavailable(impatient, sqlite_url):
    other = sqlite3.connect(sqlite_file(sqlite_url), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for durable in (True, False):
        with pytest.raises(StoreUnavailableError):
            add(impatient, 1, durable=durable)
    assert count(impatient) == 0
    other.execute("ROLLBACK")
    other.close()
    add(impatient, 1)
    assert count(impatient) == 1


def test_another_thread_that_writes_too_long_makes_sqlite_unavailable(impatient):
    with impatient.write() as tx:
        tx.execute(insert(limits), row(1))
        refused = []

        def write():
            with pytest.raises(StoreUnavailableError) as error:
                add(impatient, 2)
            refused.append(error)

        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
        assert len(refused) == 1
    add(impatient, 3)
    assert count(impatient) == 2


def test_a152_a_full_disk_makes_sqlite_unavailable_and_room_mends_it(sqlite_store):
    pages = [1_000_000]
    event.listen(
        sqlite_store.engine, "checkout", lambda raw, *_: raw.execute(f"PRAGMA max_page_count={pages[0]}").close()
    )
    pages[0] = 1
    with pytest.raises(StoreUnavailableError), sqlite_store.write() as tx:
        for number in range(10_000):
            tx.execute(insert(limits), row(number))
    assert count(sqlite_store) == 0
    pages[0] = 1_000_000
    add(sqlite_store, 1)
    assert count(sqlite_store) == 1


def test_a_database_file_that_may_not_be_written_is_unavailable(sqlite_store):
    event.listen(sqlite_store.engine, "checkout", lambda raw, *_: raw.execute("PRAGMA query_only=ON").close())
    with pytest.raises(StoreUnavailableError):
        add(sqlite_store, 1)


def test_a_transaction_that_is_not_durable_does_not_weaken_the_next(sqlite_store):
    def synchronous(*, durable):
        with sqlite_store.write(durable=durable) as tx:
            return tx.execute(text("PRAGMA synchronous")).scalar_one()

    assert [synchronous(durable=durable) for durable in (True, False, True)] == [2, 1, 2]
    with pytest.raises(ZeroDivisionError), sqlite_store.write(durable=False):
        raise ZeroDivisionError
    assert synchronous(durable=True) == 2


def test_postgresql_waits_for_the_disk_only_where_asked_to(postgresql_url, clock):
    store = Store(postgresql_url, clock)
    with store.write() as tx:
        tx.execute(text("SET SESSION synchronous_commit TO on"))

    def waits(*, durable):
        with store.write(durable=durable) as tx:
            return tx.execute(text("SHOW synchronous_commit")).scalar_one()

    assert [waits(durable=durable) for durable in (True, False, True)] == ["on", "off", "on"]
    store.close()


def test_a152_postgresql_gone_is_unavailable_and_works_again_when_it_is_back(postgresql, postgresql_url, clock):
    store = Store(postgresql_url, clock)
    add(store, 1)
    name = store.engine.url.database
    postgresql.drop_database(name)
    for attempt in (lambda: add(store, 2), lambda: count(store)):
        with pytest.raises(StoreUnavailableError):
            attempt()
    postgresql.create_migrated_database(name)
    add(store, 3)
    assert count(store) == 1
    store.close()


def test_a152_a_connection_cut_in_the_middle_of_a_transaction_leaves_nothing_behind(postgresql_url, clock):
    store = Store(postgresql_url, clock)
    called = []
    with pytest.raises(StoreUnavailableError), store.write() as tx:
        tx.after_commit(lambda: called.append(True))
        tx.execute(insert(limits), row(1))
        backend = tx.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with store.read() as other:
            other.execute(text("SELECT pg_terminate_backend(:backend)"), {"backend": backend})
        tx.execute(insert(limits), row(2))
    assert called == []
    assert count(store) == 0
    add(store, 3)
    assert count(store) == 1
    store.close()


def test_a_server_that_was_never_there_is_unavailable(tmp_path):
    store = Store(f"postgresql://nobody@/nothing?host={tmp_path}", SystemClock())
    for attempt in (store.is_current, store.migrate, lambda: count(store)):
        with pytest.raises(StoreUnavailableError):
            attempt()


def test_a_password_in_the_url_is_in_no_log_and_no_message(caplog):
    store = Store("postgresql://user:hunter2hunter2@127.0.0.1:1/nothing", SystemClock())
    with pytest.raises(StoreUnavailableError) as unavailable:
        count(store)
    assert "hunter2" not in caplog.text + str(unavailable.value)


@pytest.mark.parametrize("url", ["", "x", "mysql://host/name", "sqlite://", "sqlite:///:memory:"])
def test_a_url_that_can_not_be_used_is_refused(url):
    with pytest.raises(ConfigurationError, match="sqlite:///"):
        Store(url, SystemClock())


def test_only_its_owner_reads_a_new_sqlite_file(tmp_path):
    file = tmp_path / "folder" / "new.sqlite3"
    store = Store(f"sqlite:///{file}", SystemClock())
    store.migrate()
    assert [path.stat().st_mode & 0o077 for path in sorted(Path(file.parent).iterdir())] == [0, 0, 0]
    store.close()


OPENER = """
import sys
from sqlalchemy import text
from watchword.foundation.clock import SystemClock
from watchword.storage.store import Store
for number in range(40):
    store = Store(f"sqlite:///{sys.argv[1]}/{number}.sqlite3", SystemClock())
    print("ready", flush=True)
    sys.stdin.readline()
    with store.write() as tx:
        tx.execute(text("CREATE TABLE IF NOT EXISTS things (id INTEGER)"))
    store.close()
"""


def test_processes_that_open_a_new_sqlite_file_at_once_all_succeed(tmp_path):
    command = [sys.executable, "-c", OPENER, str(tmp_path)]
    with ExitStack() as stack:
        openers = [stack.enter_context(Popen(command, stdin=PIPE, stdout=PIPE, text=True)) for _ in range(6)]
        for _ in range(40):
            assert [opener.stdout.readline() for opener in openers] == ["ready\n"] * 6
            for opener in openers:
                opener.stdin.write("go\n")
                opener.stdin.flush()
        assert [opener.wait(60) for opener in openers] == [0] * 6
