"""The protocol of `storage.epoch`, every order of its steps: after a revocation has returned, no check says yes.

A row has a version; a revocation makes the next one. Threads of a process check, as often as they like, and share what
they remember. Other processes revoke; each can be killed before any of its steps, or stand still for any time. When a
revocation has returned, no check that begins later may answer with a version before it; nor when it was committed and
its process killed.
"""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.support.interleavings import Violated, explore


class Reader(NamedTuple):
    step: str = "idle"
    floor: int = 0  # the version that the check must not fall behind, taken when it began
    number: int = 0
    version: int = 0


class Writer(NamedTuple):
    step: str = "lock"
    number: int = 0
    version: int = 0


HOLDING = {"begin", "begun", "shard", "commit"}
"""Steps before which a process has the write lock."""


class World(NamedTuple):
    readers: tuple[Reader, ...]
    writers: tuple[Writer, ...]
    begun: int = 0
    ended: int = 0
    shard: int = 0
    row: int = 0
    entry: tuple[int, int] | None = None  # number, version
    returned: int = 0  # the newest version whose revocation has returned, or was killed after its COMMIT
    wrong: str | None = None


def check(world: World, index: int, broken: str) -> Iterator[World]:
    """The steps of a thread that checks."""
    reader = world.readers[index]

    def after(step: str, **changes: int) -> World:
        following = reader._replace(step=step, **changes)
        return world._replace(readers=(*world.readers[:index], following, *world.readers[index + 1 :]))

    def answered(state: World, version: int) -> World:
        wrong = f"version {version} after {reader.floor}" if version < reader.floor else None
        return state._replace(wrong=wrong, readers=(*state.readers[:index], Reader(), *state.readers[index + 1 :]))

    match reader.step:
        case "idle":
            yield after("look", floor=world.returned)
        case "look":
            hit = world.entry is not None and counts(world, world.entry[0], broken)
            yield answered(world, world.entry[1]) if hit and world.entry else after("ended")
        case "ended":
            yield after("row", number=world.shard if broken == "parity" else world.ended)
        case "row":
            yield after("late" if broken == "late number" else "keep", version=world.row)
        case "late":
            yield after("keep", number=world.ended)
        case "keep" if broken == "parity" and reader.number % 2:
            yield answered(world, reader.version)
        case "keep":
            yield answered(world._replace(entry=(reader.number, reader.version)), reader.version)
        case _:
            pass


def counts(world: World, number: int, broken: str) -> bool:
    return world.shard == number if broken == "parity" else world.shard <= number


def revoke(world: World, index: int, broken: str) -> Iterator[World]:
    """The steps of a process that revokes."""
    writer = world.writers[index]

    def after(step: str, state: World = world, **changes: int) -> World:
        following = Writer("done") if step == "done" else writer._replace(step=step, **changes)
        return state._replace(writers=(*world.writers[:index], following, *world.writers[index + 1 :]))

    match writer.step:
        case "lock" if not any(other.step in HOLDING for other in world.writers):
            yield after("begin")
        case "begin":
            yield after("begun", number=(world.ended if broken == "numbers used again" else world.begun) + 1)
        case "begun":
            yield after("commit" if broken == "late word" else "shard", world._replace(begun=writer.number))
        case "shard":
            yield after("end" if broken == "late word" else "commit", world._replace(shard=writer.number))
        case "commit":
            following = {"late word": "shard", "early end": "return"}.get(broken, "end")
            yield after(following, world._replace(row=world.row + 1), version=world.row + 1)
            yield after("end")  # rolled back: version 0, which promises nothing
        case "end":
            yield after("return", world._replace(ended=writer.number))
        case "return":
            yield after("done", world._replace(returned=max(world.returned, writer.version)))
        case _:
            pass


def revoke_by_parity(world: World, index: int) -> Iterator[World]:
    """The steps as they must not be: 1 added to one counter before and after the COMMIT, without a lock."""
    writer = world.writers[index]

    def after(step: str, state: World = world, **changes: int) -> World:
        following = Writer("done") if step == "done" else writer._replace(step=step, **changes)
        return state._replace(writers=(*world.writers[:index], following, *world.writers[index + 1 :]))

    match writer.step:
        case "lock":
            yield after("odd", number=world.shard)
        case "odd":
            yield after("commit", world._replace(shard=writer.number + 1))
        case "commit":
            yield after("again", world._replace(row=world.row + 1), version=world.row + 1)
        case "again":
            yield after("even", number=world.shard)
        case "even":
            yield after("return", world._replace(shard=writer.number + 1))
        case "return":
            yield after("done", world._replace(returned=max(world.returned, writer.version)))
        case _:
            pass


def early_end(world: World, index: int) -> Iterator[World]:
    """The same, `ended` being set before the COMMIT."""
    for state in revoke(world, index, "early end"):
        if world.writers[index].step == "shard":
            yield state._replace(ended=world.writers[index].number)
        else:
            yield state


def moves(world: World, broken: str) -> Iterator[World]:
    for index in range(len(world.readers)):
        yield from check(world, index, broken)
    for index, writer in enumerate(world.writers):
        if broken == "parity":
            yield from revoke_by_parity(world, index)
        elif broken == "early end":
            yield from early_end(world, index)
        else:
            yield from revoke(world, index, broken)
        if writer.step not in ("done", "dead"):
            others = (*world.writers[:index], *world.writers[index + 1 :])
            yield world._replace(writers=(*others, Writer("dead")), returned=max(world.returned, writer.version))


def explored(broken: str = "", *, readers: int = 1, writers: int = 2) -> int:
    start = World((Reader(),) * readers, (Writer(),) * writers)
    return explore(start, lambda world: map(alike, moves(world, broken)), lambda world: world.wrong)


def alike(world: World) -> World:
    """The same state whichever of several processes that do the same is where."""
    return world._replace(readers=tuple(sorted(world.readers)), writers=tuple(sorted(world.writers)))


def test_after_a_revocation_has_returned_no_check_says_yes():
    assert explored() > 5_000


@pytest.mark.all
@pytest.mark.parametrize(("readers", "writers"), [(2, 2), (1, 3)])
def test_after_a_revocation_of_more_processes_no_check_of_more_threads_says_yes(readers: int, writers: int):
    assert explored(readers=readers, writers=writers) > 50_000


@pytest.mark.parametrize("broken", ["late number", "late word", "early end", "numbers used again", "parity"])
def test_the_model_notices_a_protocol_that_is_broken(broken: str):
    with pytest.raises(Violated):
        explored(broken)
