"""Processes that revoke while others check, are killed and stand still: for the promise that revoked means revoked.

A file mapped into memory holds, for each session, how far its revocation is: begun, or returned. Whoever revokes writes
`begun` before and `returned` after; whoever checks reads it before the check. A check that found `returned` and says
yes all the same is counted as wrong; one that says no before anything began, too.
"""

import mmap
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path

from tests.support.contest import make_auth
from watchword.foundation.errors import StoreUnavailableError
from watchword.http.request import Request
from watchword.sessions import records

OPEN, BEGUN, RETURNED = 0, 1, 2
ENOUGH = 20
"""Checks of a session after its revocation; most go to those that are still to be revoked."""


@dataclass(frozen=True)
class Target:
    """A session to be ended: its token, whose it is, and its place in the file."""

    token: str
    session_id: str
    user_id: str


def board(path: Path, size: int) -> mmap.mmap:
    """Map the file that tells how far each revocation is."""
    if not path.exists():
        path.write_bytes(bytes(size))
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), size)


def check(url: str, path: Path, targets: list[Target], stop: Event, pipe: Connection) -> None:
    """Check all sessions again and again; tell how many checks there were, how many from memory, how many wrong."""
    auth = make_auth(url)
    told = board(path, len(targets))
    requests = [[(b"cookie", b"watchword=" + target.token.encode())] for target in targets]
    late = bytearray(len(targets))
    checks = remembered = wrong = 0
    while not stop.is_set():
        for place, headers in enumerate(requests):
            before = told[place]
            if before == RETURNED:
                if late[place] == ENOUGH:
                    continue
                late[place] += 1
            request = Request("GET", "/", headers=headers)
            session = auth.gate.verify_remembered(request)
            if session is None or hasattr(session, "user"):
                remembered += session is not None
            else:
                try:
                    session = auth.gate.verify(request)
                except StoreUnavailableError:
                    continue
            checks += 1
            wrong += session is not None and before == RETURNED
            wrong += session is None and told[place] == OPEN
        pipe.send((checks, remembered, wrong))
    auth.stop()


def revoke(url: str, path: Path, targets: list[Target], share: range, pipe: Connection) -> None:
    """End the sessions of this share that are not ended yet; tell how long each took."""
    auth = make_auth(url)
    told = board(path, len(targets))
    for place in share:
        if told[place] == RETURNED:
            continue
        told[place] = BEGUN
        target = targets[place]
        began = time.perf_counter()
        try:
            with auth.store.write(durable=False) as tx:
                records.end(tx, target.user_id, target.session_id)
        except StoreUnavailableError:
            continue  # whoever follows ends it
        told[place] = RETURNED
        pipe.send(time.perf_counter() - began)
    auth.stop()
