"""Revoked means revoked: four processes on one SQLite file, under load, with processes killed and stopped."""

import os
import secrets
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.support import revokers
from tests.support.contest import make_auth
from tests.support.revokers import RETURNED, Target
from watchword.http.request import Request
from watchword.identity.email_address import EmailAddress
from watchword.identity.users import create_user
from watchword.sessions import records

ROUND = 500
"""Sessions that are ended in one round."""
PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.support.revokers"])


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
        with suppress(ProcessLookupError):  # it has ended meanwhile
            if self.process.pid and self.process.is_alive():
                os.kill(self.process.pid, number)


def begin_sessions(url: str, count: int) -> list[Target]:
    auth = make_auth(url)
    targets: list[Target] = []
    with auth.store.write(durable=False) as tx:
        for number in range(count):
            address = f"{number}-{time.monotonic_ns()}@example.org"
            user = create_user(tx, email=EmailAddress(address, address), name="")
            assert user
            limits = auth.settings.session
            session_id, token = records.start(tx, limits, Request("GET", "/"), user.id, ("password",))
            targets.append(Target(token.reveal(), session_id, user.id))
    auth.stop()
    return targets


def play(url: str, path: Path, count: int) -> tuple[tuple[int, int, int], list[float]]:
    """End so many sessions while two processes check them; two end them, and are killed, stopped and replaced."""
    targets = begin_sessions(url, count)
    told = revokers.board(path, count)
    stop = PROCESSES.Event()
    checkers = [Worker(revokers.check, url, path, targets, stop) for _ in range(2)]
    while not all(checker.pipe.poll(60) for checker in checkers):
        pass
    shares = [range(count // 2), range(count // 2, count)]
    workers = [Worker(revokers.revoke, url, path, targets, share) for share in shares]
    spent: list[float] = []
    deadline = time.monotonic() + 600
    while any(told[place] != RETURNED for place in range(count)):
        assert time.monotonic() < deadline, "the revocations do not come to an end"
        for index, share in enumerate(shares):
            spent += workers[index].hear()
            if not workers[index].process.is_alive():
                workers[index] = Worker(revokers.revoke, url, path, targets, share)
        for checker in checkers:
            checker.hear()
        disturb(workers, checkers)
    stop.set()
    for worker in (*workers, *checkers):
        while worker.process.is_alive():
            worker.hear()
            worker.process.join(0.01)
    totals = zip(*(checker.last for checker in checkers), strict=True)
    return tuple(map(sum, totals)), spent  # type: ignore[return-value]


def disturb(workers: list[Worker], checkers: list[Worker]) -> None:
    """Let somebody stand still for a moment; now and then kill one of those who revoke."""
    standing = secrets.choice((*workers, *checkers))
    standing.send(signal.SIGSTOP)
    time.sleep(secrets.randbelow(20) / 1000)
    standing.send(signal.SIGCONT)
    busy = [worker for worker in workers if worker.has_begun]
    if busy and secrets.randbelow(8) == 0:
        secrets.choice(busy).send(signal.SIGKILL)


def assert_that_revoked_means_revoked(url: str, path: Path, revocations: int) -> None:
    checks = remembered = wrong = 0
    spent: list[float] = []
    for number in range(-(-revocations // ROUND)):
        told, times = play(url, path.with_name(f"board-{number}"), min(ROUND, revocations))
        checks, remembered, wrong = checks + told[0], remembered + told[1], wrong + told[2]
        spent += times
        assert wrong == 0
    print(
        f"{len(spent)} revocations, median {median(spent) * 1e3:.2f} ms, longest {max(spent) * 1e3:.0f} ms; "
        f"{checks} checks, {remembered} of them from memory, {wrong} wrong"
    )
    assert remembered > revocations


def test_no_check_that_began_after_its_revocation_says_yes(sqlite_url: str, tmp_path: Path):
    assert_that_revoked_means_revoked(sqlite_url, tmp_path / "board", 200)


@pytest.mark.all
def test_nor_does_one_of_a_hundred_thousand(sqlite_url: str, tmp_path: Path):
    assert_that_revoked_means_revoked(sqlite_url, tmp_path / "board", 100_000)
