"""Processes that revoke while others check, are killed and stand still: for the promise that revoked means revoked.

A file mapped into memory holds, for each session, how far its revocation is: begun, or returned. Whoever revokes writes
`begun` before and `returned` after; whoever checks reads it before the check. A check that found `returned` and says
yes all the same is counted as wrong; one that says no before anything began, too.
"""

import mmap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path

from tests.support.contest import make_auth
from watchword import Auth
from watchword.foundation.errors import StoreUnavailableError
from watchword.http.request import Request
from watchword.sessions import records
from watchword.sessions.session import Session

OPEN, BEGUN, RETURNED = 0, 1, 2
ENOUGH = 20
"""Checks of a session after its revocation; most go to those that are still to be revoked."""
THREADS = 8
"""Revocations under way at once in one process."""
Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Target:
    """A session to be ended: its token, whose it is, and its place in the file."""

    token: str
    session_id: str
    user_id: str

    @property
    def headers(self) -> Headers:
        """The header line that carries it."""
        return [(b"cookie", b"watchword=" + self.token.encode())]


def board(path: Path, size: int) -> mmap.mmap:
    """Map the file that tells how far each revocation is."""
    if not path.exists():
        path.write_bytes(bytes(size))
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), size)


def worker(url: str) -> Auth:
    """Return an `Auth` that keeps a lease where there are leases; `http://server#key` for an app beside a server."""
    if url.startswith("http:"):
        server, _, key = url.partition("#")
        auth = Auth(server=server, key=key, environ={})
        auth.start()
        return auth
    auth = make_auth(url)
    if auth.store.keeper:
        auth.store.keeper.start(auth.gate.memory.statistics)
    return auth


class Tally:
    """Checks of one thread: how many, how many from memory, how many wrong."""

    def __init__(self, told: mmap.mmap, targets: list[Target]) -> None:
        self.told = told
        self.requests = [target.headers for target in targets]
        self.late = bytearray(len(targets))
        self.checks = self.remembered = self.wrong = 0

    def go_round(self, auth: Auth, *, memory_alone: bool) -> None:
        """Check every session once, or as far as memory tells."""
        for place, headers in enumerate(self.requests):
            before = self.told[place]
            if before == RETURNED:
                if self.late[place] == ENOUGH:
                    continue
                self.late[place] += 1
            request = Request("GET", "/", headers=headers)
            session = auth.gate.verify_remembered(request)
            known = session is None or isinstance(session, Session)
            self.remembered += known and session is not None
            if not known:
                if memory_alone:
                    continue
                try:
                    session = auth.gate.verify(request)
                except StoreUnavailableError:
                    continue
            self.checks += 1
            self.wrong += session is not None and before == RETURNED
            self.wrong += session is None and self.told[place] == OPEN


def check(url: str, path: Path, targets: list[Target], stop: Event, pipe: Connection) -> None:
    """Check all sessions again and again, in a thread that may read the database and in one that never does."""
    auth = worker(url)
    told = board(path, len(targets))
    tallies = Tally(told, targets), Tally(told, targets)

    def memory_alone() -> None:
        while not stop.is_set():
            tallies[1].go_round(auth, memory_alone=True)
            time.sleep(0.02)

    thread = threading.Thread(target=memory_alone)
    thread.start()
    while not stop.is_set():
        tallies[0].go_round(auth, memory_alone=False)
        pipe.send(tuple(sum(getattr(one, name) for one in tallies) for name in ("checks", "remembered", "wrong")))
        time.sleep(0.005)
    thread.join()
    auth.stop()


def revoke(url: str, path: Path, targets: list[Target], share: range, pipe: Connection) -> None:
    """End the sessions of this share that are not ended yet, several at once; tell how long each took."""
    auth = worker(url)
    told = board(path, len(targets))
    sending = threading.Lock()
    # A commit that the database's crash could undo would be no revocation.
    durable = url.startswith("postgresql")

    def end(place: int) -> None:
        told[place] = BEGUN
        target = targets[place]
        began = time.perf_counter()
        try:
            with auth.store.write(durable=durable) as tx:
                records.end(tx, target.user_id, target.session_id)
        except StoreUnavailableError:
            return  # whoever follows ends it
        told[place] = RETURNED
        with sending:
            pipe.send(time.perf_counter() - began)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(end, [place for place in share if told[place] != RETURNED]))
    auth.stop()
