"""Four processes on one database, two that check and two that revoke, and what befalls them meanwhile."""

import os
import secrets
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from tests.support import revokers
from tests.support.contest import make_auth
from tests.support.revokers import RETURNED, Target
from watchword.http.request import Request
from watchword.identity.email_address import EmailAddress
from watchword.identity.users import create_user
from watchword.sessions import records
from watchword.storage.lease import LEASE

PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.support.revokers"])
PATIENCE = 600


class Worker:
    """A process, and what it told."""

    def __init__(self, work: Callable[..., None], *arguments: Any) -> None:
        self.pipe, there = PROCESSES.Pipe()
        self.process = PROCESSES.Process(target=work, args=(*arguments, there), daemon=True)
        self.process.start()
        there.close()
        self.has_begun = False
        self.last: Any = None

    def hear(self) -> list[Any]:
        """Return what it has told since the last call."""
        heard: list[Any] = []
        with suppress(EOFError):  # it was killed
            while self.pipe.poll():
                heard.append(self.pipe.recv())
        heard = [one for one in heard if one is not None]
        self.has_begun |= bool(heard)
        self.last = heard[-1] if heard else self.last
        return heard

    def send(self, number: int) -> None:
        """Send it a signal."""
        with suppress(ProcessLookupError):  # it has ended meanwhile
            if self.process.pid and self.process.is_alive():
                os.kill(self.process.pid, number)

    def stand_still(self, seconds: float) -> None:
        """Let it stand still for so long."""
        self.send(signal.SIGSTOP)
        time.sleep(seconds)
        self.send(signal.SIGCONT)


def begin_sessions(url: str, count: int) -> list[Target]:
    """Begin so many sessions, each of a user of its own."""
    auth = make_auth(url)
    targets: list[Target] = []
    with auth.store.write() as tx:
        for number in range(count):
            address = f"{number}-{time.monotonic_ns()}@example.org"
            user = create_user(tx, email=EmailAddress(address, address), name="")
            assert user
            limits = auth.settings.session
            session_id, token = records.start(tx, limits, Request("GET", "/"), user.id, ("password",))
            targets.append(Target(token.reveal(), session_id, user.id))
    auth.stop()
    return targets


@dataclass
class Fleet:
    """The processes while they are at it.

    Attributes:
        disturb: does something to them, and is called again and again with how much is done, from 0 to 1.
    """

    url: str
    path: Path
    disturb: "Callable[[Fleet, float], None]"
    url_of_checkers: str = ""
    checkers: list[Worker] = field(default_factory=list[Worker])
    workers: list[Worker] = field(default_factory=list[Worker])
    spent: list[float] = field(default_factory=list[float])
    totals: tuple[int, int, int] = (0, 0, 0)

    def play(self, count: int) -> None:
        """End so many sessions while two processes check them; two end them, and are replaced when they are killed."""
        targets = begin_sessions(self.url, count)
        told = revokers.board(self.path, count)
        stop = PROCESSES.Event()
        arguments = (self.url_of_checkers or self.url, self.path, targets, stop)
        self.checkers = [Worker(revokers.check, *arguments) for _ in range(2)]
        while not all(checker.pipe.poll(60) for checker in self.checkers):
            pass
        shares = [range(count // 2), range(count // 2, count)]
        self.workers = [Worker(revokers.revoke, self.url, self.path, targets, share) for share in shares]
        deadline = time.monotonic() + PATIENCE
        while (left := sum(told[place] != RETURNED for place in range(count))) > 0:
            assert time.monotonic() < deadline, "the revocations do not come to an end"
            for index, share in enumerate(shares):
                self.spent += self.workers[index].hear()
                if not self.workers[index].process.is_alive():
                    self.workers[index] = Worker(revokers.revoke, self.url, self.path, targets, share)
            for checker in self.checkers:
                checker.hear()
            self.disturb(self, 1 - left / count)
        self.disturb(self, 1.0)
        self._end(stop)

    def kill_one(self) -> None:
        """Kill one of those who revoke, in the midst of it."""
        busy = [worker for worker in self.workers if worker.has_begun]
        if busy:
            secrets.choice(busy).send(signal.SIGKILL)

    def report(self) -> str:
        """Say what came of it."""
        checks, remembered, wrong = self.totals
        return (
            f"{len(self.spent)} revocations, median {median(self.spent) * 1e3:.2f} ms, longest "
            f"{max(self.spent) * 1e3:.0f} ms; {checks} checks, {remembered} of them from memory, {wrong} wrong"
        )

    def _end(self, stop: Any) -> None:
        time.sleep(0.05)  # for the last checks
        stop.set()
        for worker in (*self.workers, *self.checkers):
            while worker.process.is_alive():
                self.spent += [one for one in worker.hear() if isinstance(one, float)]
                worker.process.join(0.01)
        last = zip(self.totals, *(checker.last for checker in self.checkers), strict=True)
        self.totals = tuple(map(sum, last))  # type: ignore[assignment]


class Misfortunes:
    """What can befall a fleet, one after the other while the revocations of a round go on."""

    def __init__(self, *befalls: Callable[[Fleet], None]) -> None:
        self._all = befalls
        self._next, self._done = 0, 0.0

    def __call__(self, fleet: Fleet, done: float) -> None:
        """Let the next one happen when it is its turn."""
        if done < self._done:  # another round has begun
            self._next = 0
        self._done = done
        if self._next < len(self._all) and done > self._next / len(self._all):
            self._all[self._next](fleet)
            self._next += 1
        else:
            time.sleep(0.002)


def stop_one(fleet: Fleet) -> None:
    """Let a checker stand still for longer than a lease lasts."""
    fleet.checkers[0].stand_still(LEASE + 0.5)
