"""The epoch: what one process revokes, no other one of this machine takes for valid any more."""

import mmap
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, text

from watchword.foundation.clock import ManualClock
from watchword.identity.tables import identifiers, users
from watchword.sessions.tables import sessions
from watchword.storage.epoch import TRUST, EpochFile, shard_of
from watchword.storage.store import Store

Mark = tuple[EpochFile, int]
ADA, EVE = "usr_ada", "usr_eve"


@pytest.fixture
def opened(sqlite_url: str, clock: ManualClock) -> Iterator[Callable[[], Store]]:
    """Opens the database once more, as another process does."""
    stores: list[Store] = []

    def another() -> Store:
        stores.append(Store(sqlite_url, clock))
        return stores[-1]

    yield another
    for store in stores:
        store.close()


@pytest.fixture
def one(opened: Callable[[], Store]) -> Store:
    """A store on a database whose epoch has its file."""
    store = opened()
    revoke(store, "usr_somebody")
    return store


def revoke(store: Store, *user_ids: str) -> None:
    with store.write() as tx:
        tx.revokes(*user_ids)


def marked(store: Store) -> Mark:
    mark = store.mark()
    assert mark is not None
    return mark


def counts(mark: Mark, user_id: str, clock: ManualClock) -> bool:
    """Tell whether what was remembered with this mark may be answered."""
    file, number = mark
    return clock.monotonic() < file.trusted_until and file.words[shard_of(user_id)] <= number


def version(store: Store) -> int:
    with store.read() as tx:
        return tx.execute(text("PRAGMA application_id")).scalar_one()


def path_of(store: Store) -> Path:
    assert store.epoch is not None
    return store.epoch.path


def test_a_revocation_is_seen_through_every_store_of_the_database(one: Store, opened, clock):
    other = opened()
    marks = [marked(one), marked(other)]
    assert all(counts(mark, ADA, clock) for mark in marks)
    revoke(other, ADA)
    assert not any(counts(mark, ADA, clock) for mark in marks)
    assert counts(marked(one), ADA, clock)


def test_a_revocation_leaves_the_others_remembered(one: Store, clock):
    mark = marked(one)
    revoke(one, ADA)
    strangers = [f"usr_{number}" for number in range(5000)]
    spared = [user for user in strangers if counts(mark, user, clock)]
    assert 0.99 < len(spared) / len(strangers) < 1


def test_what_is_read_while_a_revocation_is_under_way_is_remembered_for_others_alone(one: Store, opened, clock):
    other, marks = opened(), []

    @event.listens_for(one.engine, "commit")
    def before_the_commit(_connection: object) -> None:
        marks.append(marked(other))

    revoke(one, ADA)
    [mark] = marks
    assert not counts(mark, ADA, clock)
    assert counts(mark, EVE, clock)


def test_what_is_rolled_back_has_revoked_nobody(one: Store, clock):
    mark = marked(one)
    with pytest.raises(ZeroDivisionError), one.write() as tx:
        tx.revokes(ADA)
        raise ZeroDivisionError
    assert counts(mark, ADA, clock)


def test_a_commit_that_fails_ends_what_it_began(one: Store, clock, monkeypatch):
    @event.listens_for(one.engine, "commit")
    def fail(_connection: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        revoke(one, ADA)
    event.remove(one.engine, "commit", fail)
    assert counts(marked(one), ADA, clock)
    revoke(one, ADA)


def test_a_process_killed_half_way_makes_others_read_until_the_next_revocation(one: Store, opened, clock):
    file, _ = marked(one)
    file.begin({shard_of(ADA)})  # and no end
    assert not counts(marked(one), ADA, clock)
    assert counts(marked(one), EVE, clock)
    revoke(opened(), EVE)
    assert counts(marked(one), ADA, clock)


def test_a_process_that_stood_still_sets_nothing_free_when_it_goes_on(one: Store, opened, clock):
    file, _ = marked(one)
    standing = file.begin({shard_of(ADA)})
    revoke(opened(), ADA)
    under_way = file.begin({shard_of(ADA)})
    file.end(standing)
    assert not counts(marked(one), ADA, clock)
    file.end(under_way)
    assert counts(marked(one), ADA, clock)


def test_a_child_made_by_fork_shares_the_epoch_both_ways(one: Store, clock):
    mark = marked(one)
    child = os.fork()
    if child == 0:
        revoke(one, ADA)
        os._exit(0 if not counts(mark, ADA, clock) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert not counts(mark, ADA, clock)
    assert counts(marked(one), ADA, clock)


def test_what_is_trusted_is_looked_at_again_each_second(one: Store, clock):
    mark = marked(one)
    clock.advance(int(TRUST * 1000) - 1)
    assert counts(mark, ADA, clock)
    clock.advance(1)
    assert not counts(mark, ADA, clock)
    assert counts(marked(one), ADA, clock)
    assert counts(mark, ADA, clock), "what was remembered before is good again"


def test_the_first_file_of_a_database_keeps_nobody_waiting(opened, clock):
    store, began = opened(), clock.monotonic()
    assert store.mark() is None
    revoke(store, ADA)
    assert clock.monotonic() == began
    assert path_of(store).stat().st_mode & 0o777 == 0o600
    assert store.mark() is not None


def test_a_revocation_in_a_new_file_waits_until_nobody_trusts_the_deleted_one(one: Store, opened, clock):
    mark, began = marked(one), clock.monotonic()
    path_of(one).unlink()
    late = opened()
    revoke(late, ADA)
    assert clock.monotonic() > began + TRUST
    assert not counts(mark, ADA, clock)
    assert marked(one)[0].generation == marked(late)[0].generation
    settled = clock.monotonic()
    revoke(one, ADA)
    assert clock.monotonic() == settled, "only the first one waits"


def test_a_deleted_file_that_all_have_mapped_goes_on_counting(one: Store, clock):
    mark = marked(one)
    path_of(one).unlink()
    revoke(one, ADA)
    assert not counts(mark, ADA, clock)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: (shutil.copy(path, f"{path}.copy"), Path(f"{path}.copy").replace(path)),
        lambda path: (path.unlink(), path.write_bytes(b"")),
        lambda path: (path.unlink(), path.write_bytes(bytes(8192))),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["a copy", "an empty file", "zeros", "a folder"],
)
def test_a_file_that_was_put_there_does_not_count(one: Store, opened, clock, spoil):
    mark, path = marked(one), path_of(one)
    spoil(path)
    late = opened()
    assert late.mark() is None
    revoke(late, ADA)
    assert not counts(mark, ADA, clock)


def test_a_new_file_whose_transaction_is_rolled_back_does_not_count(one: Store, opened, clock):
    mark = marked(one)
    path_of(one).unlink()
    late = opened()
    with pytest.raises(ZeroDivisionError):

        @event.listens_for(late.engine, "commit")
        def fail(_connection: object) -> None:
            raise ZeroDivisionError

        revoke(late, ADA)
    assert late.mark() is None
    clock.advance(1000)
    assert marked(one)[0] is mark[0]


def test_where_no_file_can_be_mapped_the_database_is_read_and_the_reason_is_told(opened, clock, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError("no such device")

    monkeypatch.setattr(mmap, "mmap", refuse)
    store, began = opened(), clock.monotonic()
    revoke(store, ADA)
    assert store.mark() is None
    assert store.epoch is not None
    assert store.epoch.trouble == "no such device"
    assert clock.monotonic() == began, "nobody can trust a file, so nobody is waited for"
    assert [path.name for path in path_of(store).parent.iterdir() if "epoch" in path.name] == []


def test_who_can_map_no_file_takes_the_trust_of_those_who_can(one: Store, opened, clock, monkeypatch):
    mark, began = marked(one), clock.monotonic()
    poor = opened()
    with monkeypatch.context() as patched:
        patched.setattr(mmap, "mmap", lambda *_: (_ for _ in ()).throw(OSError("no such device")))
        revoke(poor, ADA)
    assert clock.monotonic() > began + TRUST
    assert not counts(mark, ADA, clock)
    assert version(one) < 0
    assert one.mark() is None
    revoke(one, EVE)
    assert one.mark() is not None


@pytest.mark.parametrize("table", [sessions, users, identifiers], ids=lambda table: table.name)
def test_a_change_of_what_is_remembered_must_say_whom_it_revokes(store: Store, table):
    for statement in (table.delete(), table.update().values(id="x").where(table.c.id == "y")):
        with store.write() as tx:
            with pytest.raises(TypeError, match=r"tx\.revokes"):
                tx.execute(statement)
            tx.revokes()
            tx.execute(statement)
            with pytest.raises(TypeError, match=r"tx\.revokes"):
                tx.execute(statement)


def test_on_postgresql_nothing_is_remembered(postgresql_url: str, clock):
    store = Store(postgresql_url, clock)
    assert store.mark() is None
    store.close()
