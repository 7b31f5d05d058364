"""The threads that hash: how many, how urgent, what waits and what is refused, and what a fork leaves of them."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from watchword.foundation.errors import BUSY, Denied
from watchword.methods.password import threads
from watchword.methods.password.threads import URGENCY, HashingThreads, available_cores

REFUSED = Denied(BUSY, retry_after=5)


@contextmanager
def occupied(hashing: HashingThreads, works: int) -> Iterator[list[int]]:
    """Hold every thread while so many works wait or run; give what ran: how many were at work, each time one began."""
    running: list[int] = []
    at_work, lock, go = 0, threading.Lock(), threading.Event()

    def work() -> None:
        nonlocal at_work
        with lock:
            at_work += 1
            running.append(at_work)
        go.wait(20)
        with lock:
            at_work -= 1

    callers = [threading.Thread(target=hashing.run, args=(work,)) for _ in range(works)]
    for caller in callers:
        caller.start()
    while hashing.waiting < works or at_work < min(works, available_cores()):
        go.wait(0.001)
    yield running
    go.set()
    for caller in callers:
        caller.join()


def test_a085_work_over_the_bound_is_refused_at_once(monkeypatch: pytest.MonkeyPatch):
    """CB-148."""
    hashing = HashingThreads()
    monkeypatch.setattr(threads, "_MAXIMUM_WAITING", available_cores() + 3)
    with occupied(hashing, available_cores() + 3), monkeypatch.context() as patched:
        patched.setattr(hashing._pool, "submit", lambda _: pytest.fail("it waits instead"))
        assert hashing.run(lambda: "done") == REFUSED
    assert hashing.run(lambda: "done") == "done"


def test_a085_work_that_waited_too_long_is_refused_and_never_done(monkeypatch: pytest.MonkeyPatch):
    hashing, done = HashingThreads(), list[str]()
    with occupied(hashing, available_cores()):
        monkeypatch.setattr(threads, "_WAIT_SECONDS", 0.01)
        assert hashing.run(lambda: done.append("late")) == REFUSED
        monkeypatch.undo()
    assert hashing.run(lambda: "done") == "done"
    assert (done, hashing.waiting) == ([], 0)


def test_a085_no_more_runs_at_once_than_there_are_cores():
    hashing = HashingThreads()
    with occupied(hashing, available_cores() + 6) as running:
        pass
    assert len(running) == available_cores() + 6
    assert max(running) == available_cores()
    assert hashing._pool._max_workers == available_cores()


def test_what_the_work_raises_is_raised_and_frees_its_place():
    hashing = HashingThreads()
    with pytest.raises(ZeroDivisionError):
        hashing.run(lambda: 1 // 0)
    assert hashing.waiting == 0


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities of their own on Linux alone")
def test_the_threads_are_less_urgent_and_whoever_asks_is_not():
    def urgency() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = urgency()
    assert HashingThreads().run(urgency) == max(before, URGENCY)
    assert urgency() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own():
    hashing = HashingThreads()
    assert hashing.run(lambda: "parent") == "parent"
    child = os.fork()
    if child == 0:
        os._exit(0 if hashing.run(lambda: "child") == "child" else 1)
    assert os.waitpid(child, 0)[1] == 0
