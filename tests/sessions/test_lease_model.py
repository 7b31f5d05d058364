"""The protocol of `storage.lease`, every order of its steps: after a revocation has returned, no check says yes.

A row has a version; a revocation makes the next one. One worker checks in one thread and keeps its lease in another; it
can be cut off, and can stand still between any two steps. Processes revoke; each can stand still, for ever too, which is
all that a kill could do. Somebody clears away what they leave. The database can restart, and a statement can arrive long
after whoever sent it has given up. Time passes at any moment, without end, and the worker's clock may fall behind.

An app beside a server is such a worker too: its statements arrive over HTTP, late ones as well. On SQLite a revocation
announces itself only where its transaction sees a lease. Sets of revocations, and of leases, are the bits of a number.
"""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.support.interleavings import Violated, explore

NEVER, LONG_AGO = -19, -9
NONE = -1  # in the place of a lease's acknowledgements: it has no row


class Worker(NamedTuple):
    """The thread that keeps the lease, and what both threads share."""

    step: str = "send"
    lease: int = 0  # its place among the leases
    former: int = NONE
    trusted_until: int = NEVER
    word: int = 0
    number: int = 0  # of the last revocation heeded
    known: int = 0
    sent: int = 0
    found: int = 0
    acknowledged: int = 0  # as it was read
    connected: bool = True
    entry: tuple[int, int, int] | None = (0, 0, 0)  # lease, number, version


LOOKING = {"read", "back", "heed", "acknowledge", "trust"}
"""Steps of a renewal under way."""


class Fill(NamedTuple):
    step: str = "idle"
    lease: int = NONE
    number: int = 0
    version: int = 0


class Revoker(NamedTuple):
    bit: int
    within: bool = False  # in the worker's process
    step: str = "commit"
    version: int = 0
    committed_at: int = 0
    waiting: int = 0


class World(NamedTuple):
    worker: Worker
    fill: Fill
    revokers: tuple[Revoker, ...]
    leases: tuple[int, ...]  # of each, the revocations that it has acknowledged
    revocations: int = 0
    row: int = 0
    taken: int = 1
    delayed: tuple[int, int] | None = None
    now: int = 0
    behind: int = 0  # what the worker's clock lacks
    returned: int = 0

    @property
    def clock(self) -> int:
        """What the worker's clock shows."""
        return self.now - self.behind

    def write(self, lease: int, acknowledged: int) -> "World":
        """Change the row of this lease."""
        return self._replace(leases=(*self.leases[:lease], acknowledged, *self.leases[lease + 1 :]))


class Bounds(NamedTuple):
    """What is tried beside the steps.

    Attributes:
        lease: its length in ticks.
        leases: so many are taken, one after the other.
        fills: threads remember what they read.
        cuts: the worker's connection breaks.
        fails: whoever revokes can't ask the database.
        clears: what a revocation leaves is cleared away.
        restarts: of the database.
        delays: a statement arrives after its connection was given up.
        drift: the worker's clock falls behind.
        together: revocations overlap.
        sees: a revocation announces itself only where there are leases.
    """

    lease: int = 2
    leases: int = 2
    fills: bool = True
    cuts: bool = True
    fails: bool = True
    clears: bool = True
    restarts: bool = False
    delays: bool = False
    drift: bool = False
    together: bool = True
    sees: bool = False

    @property
    def over(self) -> int:
        """When whoever revokes takes it for run out."""
        return self.lease + 1

    @property
    def cleared(self) -> int:
        """After how long somebody deletes a revocation that was left behind."""
        return self.lease + 2


ALL = Bounds()
FEW = Bounds(leases=1, fills=False, cuts=False, fails=False, clears=False, together=False)


def keep(world: World, broken: str, bounds: Bounds) -> Iterator[World]:
    """The steps of the thread that keeps the lease."""
    worker = world.worker
    has_row = world.leases[worker.lease] != NONE

    def after(step: str, state: World = world, **changes: object) -> World:
        return state._replace(worker=worker._replace(step=step, **changes))  # type: ignore[arg-type]

    def lost() -> World:
        if broken == "keeps its name":
            return after("send", sent=0, found=0, acknowledged=0, connected=True)
        return world._replace(worker=Worker("take", worker.lease, trusted_until=NEVER, entry=None))

    match worker.step:
        case "read" | "acknowledge" if not worker.connected:
            yield lost()
        case "take" if world.taken < bounds.leases:
            trusted = world.clock + bounds.lease if broken == "trusts a new row" else NEVER
            state = world.write(world.taken, 0)._replace(taken=world.taken + 1)
            yield after("tidy", state, lease=world.taken, former=worker.lease, trusted_until=trusted)
        case "tidy":
            yield after("send", world.write(worker.former, NONE), former=NONE)
        case "send":
            yield after("read", sent=world.clock)
        case "read":
            if bounds.cuts or not has_row:
                yield lost()
            if has_row:
                read = world.leases[worker.lease]
                yield after("back", found=world.revocations, acknowledged=read)
        case "back":
            late = NEVER < worker.trusted_until <= world.clock and broken != "renews what came back late"
            first = "acknowledge" if broken == "acknowledges before it heeds" else "heed"
            sent = world.clock if broken == "notes the time after the read" else worker.sent
            yield lost() if late else after(first, sent=sent)
        case "heed":
            following = "trust" if broken == "acknowledges before it heeds" else "acknowledge"
            if worker.found & ~worker.known:
                number = worker.number + 1
                yield after(following, word=number, number=number, known=worker.found)
            else:
                yield after(following, known=worker.found)
        case "acknowledge":
            following = "heed" if broken == "acknowledges before it heeds" else "trust"
            if not worker.found & ~worker.acknowledged:
                yield after(following)
            elif not has_row:
                yield after(following) if broken == "trusts what it could not write" else lost()
            else:
                yield after(following, world.write(worker.lease, worker.found))
                if bounds.delays and world.delayed is None:
                    yield lost()._replace(delayed=(worker.lease, worker.found))
        case "trust":
            yield after("send", trusted_until=worker.sent + bounds.lease, sent=0, found=0, acknowledged=0)
        case _:
            pass


def fill(world: World, broken: str, bounds: Bounds) -> Iterator[World]:
    """The steps of a thread that checks what is not remembered, and remembers it."""
    one, worker = world.fill, world.worker
    match one.step:
        case "idle" if bounds.fills and world.clock < worker.trusted_until:
            yield world._replace(fill=Fill("read", worker.lease, worker.number))
        case "read":
            step = "late" if broken == "takes the number after the read" else "keep"
            yield world._replace(fill=one._replace(step=step, version=world.row))
            if broken == "is answered from the server's memory" and world.returned < world.row:
                yield world._replace(fill=one._replace(step=step, version=world.returned))
        case "late":
            yield world._replace(fill=one._replace(step="keep", number=worker.number))
        case "keep":
            kept = worker._replace(entry=(one.lease, one.number, one.version))
            yield world._replace(worker=kept, fill=Fill())
        case _:
            pass


def stale(world: World) -> str | None:
    """What a check would answer that is done in this moment: as far as memory goes, one that takes longer finds no more.

    Whatever it finds later another one finds that begins later, with no less to answer for.
    """
    worker = world.worker
    if worker.entry is None or worker.entry[0] != worker.lease or world.clock >= worker.trusted_until:
        return None
    _, number, version = worker.entry
    return f"version {version} after {world.returned}" if worker.word <= number and version < world.returned else None


def revoke(world: World, index: int, broken: str, bounds: Bounds) -> Iterator[World]:
    """The steps of a process that revokes."""
    one = world.revokers[index]
    stands = bool(one.bit & world.revocations)
    over = one.committed_at + (bounds.lease if broken == "allows for no drift" else bounds.over)

    def after(step: str, state: World = world, **changes: object) -> World:
        following = one._replace(step=step, **changes)  # type: ignore[arg-type]
        return state._replace(revokers=(*state.revokers[:index], following, *state.revokers[index + 1 :]))

    def silent(among: int) -> int:
        """The leases, of these, that have a row without an acknowledgement."""
        rows = enumerate(world.leases)
        return sum(1 << name for name, names in rows if names != NONE and among >> name & 1 and not names & one.bit)

    def returned(state: World = world) -> World:
        return after("done", state._replace(returned=max(world.returned, one.version)))

    match one.step:
        case "commit" if broken == "asks before the commit":
            yield after("late commit", waiting=silent(-1))
        case "commit" if bounds.sees and all(names == NONE for names in world.leases):
            yield after("done", world._replace(row=world.row + 1, returned=world.row + 1), version=world.row + 1)
        case "commit" | "late commit":
            early = broken != "announces after the commit"
            state = world._replace(row=world.row + 1, revocations=world.revocations | one.bit * early)
            step = "own" if one.within else "ask" if early else "announce"
            step = "wait" if one.step == "late commit" else step
            yield after(step, state, version=world.row + 1, committed_at=world.now)
        case "announce":
            yield after("ask", world._replace(revocations=world.revocations | one.bit))
        case "own":
            number = world.worker.number + (broken != "does not tell its own process")
            word = number if number > world.worker.number else world.worker.word
            told = world.worker._replace(word=word, number=number)
            yield after("ask", world._replace(worker=told), waiting=~(1 << told.lease))
        case "ask":
            yield after("wait", waiting=silent(one.waiting or -1) if stands else 0)
            if bounds.fails:
                yield after("fail")
        case "wait":
            waiting = silent(one.waiting) if stands else 0
            waiting = silent(one.waiting) if broken == "deletes rows without its own" else waiting
            if not waiting or broken == "does not wait":
                yield after("forget")
            elif world.now >= over:
                yield after("take away", waiting=waiting)
            if bounds.fails:
                yield after("fail")
        case "take away":
            gone = silent(one.waiting) if stands or broken == "deletes rows without its own" else 0
            left = tuple(NONE if gone >> name & 1 else names for name, names in enumerate(world.leases))
            yield after("forget", world._replace(leases=left))
        case "fail" if world.now >= over:
            yield returned()
        case "forget":
            yield returned(world._replace(revocations=world.revocations & ~one.bit))
        case _:
            pass


def outside(world: World, broken: str, bounds: Bounds) -> Iterator[World]:
    """What happens to them."""
    yield world._replace(now=world.now + 1)
    if bounds.drift and not world.behind:
        yield world._replace(now=world.now + 1, behind=1)
    for one in world.revokers:
        if bounds.clears and one.bit & world.revocations and world.now > one.committed_at + bounds.cleared:
            yield world._replace(revocations=world.revocations & ~one.bit)
    if broken == "lets apps clear revocations away":
        yield world._replace(revocations=0)
    if broken == "takes leases away with their key":
        yield world._replace(leases=(NONE,) * len(world.leases))
    if world.delayed:
        lease, names = world.delayed
        arrived = world.write(lease, names) if world.leases[lease] != NONE else world
        yield arrived._replace(delayed=None)
    if bounds.restarts and world.worker.connected and world.worker.step != "take":
        state = world._replace(worker=world.worker._replace(connected=False))
        if broken == "acknowledges without the disk":
            state = state._replace(leases=tuple(min(names, 0) for names in world.leases))
        yield state


def moves(world: World, broken: str, bounds: Bounds) -> Iterator[World]:
    yield from keep(world, broken, bounds)
    yield from fill(world, broken, bounds)
    for index in range(len(world.revokers)):
        if bounds.together or all(one.step == "done" for one in world.revokers[:index]):
            yield from revoke(world, index, broken, bounds)
    yield from outside(world, broken, bounds)


def alike(world: World, lease: int) -> World:
    """The same state as it looks from now, without what can make no difference any more."""
    now, worker, open_ = world.now, world.worker, world.revocations
    lapsed = -world.behind  # what its clock shows
    trusted_until, sent, known, entry = worker.trusted_until, worker.sent, worker.known, worker.entry
    if trusted_until not in (NEVER, LONG_AGO):
        trusted_until = trusted_until - now if trusted_until - now > lapsed else LONG_AGO
    if worker.step not in LOOKING:
        sent, known = 0, known & open_
    elif sent != LONG_AGO - lease:
        sent = sent - now if sent - now + lease > lapsed else LONG_AGO - lease
    if entry and entry[0] != worker.lease:
        entry = None
    if entry and (worker.word > entry[1] or trusted_until == NEVER):
        entry = None  # it never counts again
    worker = worker._replace(trusted_until=trusted_until, sent=sent, known=known, entry=entry)
    revokers = tuple([plain(one, now, open_, lease) for one in world.revokers])
    leases = tuple([names if names == NONE else names & open_ for names in world.leases])
    return world._replace(worker=worker, revokers=revokers, leases=leases, now=0)


def plain(one: Revoker, now: int, open_: int, lease: int) -> Revoker:
    if one.step == "done" and not one.bit & open_:
        return Revoker(one.bit, one.within, "done")
    if one.step in ("commit", "late commit") or not now:
        return one
    return one._replace(committed_at=max(one.committed_at - now, -lease - 3))


def explored(*within: bool, bounds: Bounds = ALL, broken: str = "") -> int:
    revokers = tuple(Revoker(1 << number, inside) for number, inside in enumerate(within))
    start = World(Worker(trusted_until=bounds.lease), Fill(), revokers, (0,) + (NONE,) * (bounds.leases - 1))
    return explore(start, lambda world: [alike(one, bounds.lease) for one in moves(world, broken, bounds)], stale)


def test_after_a_revocation_has_returned_no_check_says_yes():
    assert explored(False, bounds=ALL._replace(leases=1)) > 20_000


@pytest.mark.all
@pytest.mark.parametrize(
    ("within", "bounds"),
    [
        ((True,), ALL),
        ((False,), ALL._replace(drift=True, restarts=True)),
        ((False,), ALL._replace(delays=True)),
        ((False, False), FEW._replace(fills=True, clears=True, lease=3)),
        ((False, False), FEW._replace(fills=True, cuts=True, restarts=True, leases=2)),
        ((False, False), FEW._replace(fills=True, cuts=True, delays=True, leases=2)),
        ((False, False), FEW._replace(fills=True, together=True)),
        ((True, False), FEW._replace(fills=True, fails=True)),
        ((False,), ALL._replace(sees=True, delays=True)),
        ((False, False), FEW._replace(fills=True, cuts=True, leases=2, sees=True)),
    ],
)
def test_nor_does_one_whatever_else_happens(within: tuple[bool, ...], bounds: Bounds):
    assert explored(*within, bounds=bounds) > 50_000


ONE = FEW._replace(fills=True)


@pytest.mark.parametrize(
    ("broken", "revokers", "bounds"),
    [
        ("renews what came back late", 1, ONE._replace(clears=True)),
        ("acknowledges before it heeds", 1, ONE),
        pytest.param("takes the number after the read", 1, ONE, marks=pytest.mark.all),
        ("announces after the commit", 1, ONE),
        ("asks before the commit", 1, ONE._replace(leases=2, cuts=True)),
        ("does not wait", 1, ONE),
        ("is answered from the server's memory", 1, ONE),
        ("lets apps clear revocations away", 1, ONE),
        ("takes leases away with their key", 1, ONE),
        ("allows for no drift", 1, ONE._replace(drift=True)),
        pytest.param("notes the time after the read", 1, ONE._replace(drift=True), marks=pytest.mark.all),
        pytest.param("trusts what it could not write", 2, ONE._replace(lease=3), marks=pytest.mark.all),
        pytest.param("trusts a new row", 2, ONE._replace(leases=2, cuts=True), marks=pytest.mark.all),
        pytest.param("deletes rows without its own", 2, ONE._replace(clears=True), marks=pytest.mark.all),
        pytest.param("acknowledges without the disk", 2, ONE._replace(lease=3, restarts=True), marks=pytest.mark.all),
        pytest.param("keeps its name", 3, ONE._replace(lease=3, delays=True), marks=pytest.mark.all),
    ],
)
def test_the_model_notices_a_protocol_that_is_broken(broken: str, revokers: int, bounds: Bounds):
    with pytest.raises(Violated):
        explored(*[False] * revokers, bounds=bounds, broken=broken)


def test_the_model_notices_a_process_that_does_not_tell_itself():
    with pytest.raises(Violated):
        explored(True, bounds=ONE, broken="does not tell its own process")
