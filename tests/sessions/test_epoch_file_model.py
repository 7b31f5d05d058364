"""Which file counts (`storage.epoch`), every order of its steps: a file that is deleted costs time, and nothing else.

One process checks with the first file mapped. Somebody may delete that file. Then a process revokes that makes a new
file where it finds none, or one that can make none. Time passes at any moment; a process trusts its file for
a tick, and whoever changes which one counts waits until one is over. Whoever revokes can be killed at any moment.
"""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.support.interleavings import Violated, explore

TRUST, LAST_TICK = 1, 4


class File(NamedTuple):
    name: int
    number: int = 0  # of the last revocation that began in it
    ended: int = 0
    unsettled: bool = False


class Reader(NamedTuple):
    step: str = "idle"
    floor: int = 0
    before: int = 0
    name: int = 0
    number: int = 0
    mapped: int | None = 1
    trusted_until: int = -1
    entry: tuple[int, int, int] | None = None  # file, number, version


class Writer(NamedTuple):
    can_make: bool
    step: str = "lock"
    name: int = 0
    committed_at: int = 0
    version: int = 0
    waits: bool = False


class World(NamedTuple):
    reader: Reader
    writers: tuple[Writer, ...]
    files: tuple[File, ...] = (File(1),)
    lying: int | None = 1  # the file at its path
    named: int = 1  # by the database: negative names none
    row: int = 0
    now: int = 0
    returned: int = 0
    wrong: str | None = None

    def file(self, name: int) -> File:
        return next(file for file in self.files if file.name == name)

    def with_file(self, changed: File) -> "World":
        return self._replace(files=(*(file for file in self.files if file.name != changed.name), changed))


def check(world: World, broken: str) -> Iterator[World]:
    reader = world.reader

    def after(step: str, **changes: object) -> World:
        return world._replace(reader=reader._replace(step=step, **changes))  # type: ignore[arg-type]

    def answered(version: int, **changes: object) -> World:
        state = after("idle", floor=0, name=0, number=0, before=0, **changes)
        return state._replace(wrong=f"version {version} after {reader.floor}") if version < reader.floor else state

    match reader.step:
        case "idle":
            yield after("clock", floor=world.returned)
        case "clock":
            yield after("hit", before=world.now)
        case "hit":
            entry = reader.entry
            trusted = reader.before < reader.trusted_until or broken == "trusts for ever"
            if entry and entry[0] == reader.mapped and trusted and world.file(entry[0]).number <= entry[1]:
                yield answered(entry[2])
            else:
                yield after("look" if reader.before >= reader.trusted_until else "ended")
        case "look":
            yield after("open", name=world.named)
        case "open":
            found = reader.name if reader.name in (reader.mapped, world.lying) else None
            since = world.now if broken == "trusts from after the look" else reader.before
            trusted_until = since + TRUST
            yield after("ended", mapped=found, trusted_until=trusted_until)
            # Or it was another session that was asked for: this one's entry stays.
            yield after("idle", mapped=found, trusted_until=trusted_until, floor=0, name=0, before=0)
        case "ended":
            yield after("row", number=world.file(reader.mapped).ended if reader.mapped else 0)
        case "row":
            yield answered(world.row, entry=(reader.mapped, reader.number, world.row) if reader.mapped else None)
        case _:
            pass


def revoke(world: World, index: int, broken: str) -> Iterator[World]:
    writer = world.writers[index]

    def after(step: str, state: World = world, **changes: object) -> World:
        following = writer._replace(step=step, **changes)  # type: ignore[arg-type]
        return state._replace(writers=(*world.writers[:index], following, *world.writers[index + 1 :]))

    match writer.step:
        case "lock" if not any(other.step in ("find", "note", "commit") for other in world.writers):
            yield after("find")
        case "find" if not writer.can_make:
            yield after("commit", name=-abs(world.named), waits=True)
        case "find" if world.lying == world.named:
            yield after("note", name=world.named, waits=world.file(world.named).unsettled)
        case "find":
            made = File(max(file.name for file in world.files) + 1, unsettled=True)
            yield after("note", world.with_file(made)._replace(lying=made.name), name=made.name, waits=True)
        case "note":
            file = world.file(writer.name)
            yield after("commit", world.with_file(file._replace(number=file.number + 1)))
        case "commit":
            state = world._replace(row=world.row + 1, named=writer.name)
            yield after("end", state, version=world.row + 1, committed_at=world.now)
        case "end":
            file = world.file(writer.name) if writer.name > 0 else None
            yield after("wait", world.with_file(file._replace(ended=file.number)) if file else world)
        case "wait" if broken == "does not wait" or not writer.waits or world.now > writer.committed_at + TRUST:
            file = world.file(writer.name) if writer.name > 0 else None
            yield after("return", world.with_file(file._replace(unsettled=False)) if file else world)
        case "return":
            yield after("done", world._replace(returned=max(world.returned, writer.version)))
        case _:
            pass


def moves(world: World, broken: str) -> Iterator[World]:
    yield from check(world, broken)
    for index, writer in enumerate(world.writers):
        yield from revoke(world, index, broken)
        if writer.step not in ("done", "dead"):
            dead = writer._replace(step="dead")
            yield world._replace(writers=(*world.writers[:index], dead, *world.writers[index + 1 :]))
    if world.lying == 1:
        yield world._replace(lying=None)
    if world.now < LAST_TICK:
        yield world._replace(now=world.now + 1)


def explored(*able: bool, broken: str = "") -> int:
    start = World(Reader(), tuple(Writer(can_make) for can_make in able))
    return explore(start, lambda world: moves(world, broken), lambda world: world.wrong)


@pytest.mark.parametrize("able", [True, False])
def test_a_file_that_is_deleted_lets_no_session_outlive_its_revocation(able: bool):
    assert explored(able) > 5_000


@pytest.mark.parametrize("broken", ["does not wait", "trusts for ever", "trusts from after the look"])
def test_the_model_notices_what_is_broken(broken: str):
    with pytest.raises(Violated):
        explored(True, broken=broken)
