"""The stream of events makes a revocation quick, and decides nothing."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import contextmanager

import pytest

from tests.support.beside import Beside
from tests.support.site import Site, Visitor
from watchword.beside.client import ServerUnavailableError
from watchword.beside.lease import ServerSource
from watchword.features.service_keys.events import LOOK, Events
from watchword.foundation.clock import SystemClock
from watchword.storage.store import Store


def revoke(store: Store) -> None:
    with store.write() as tx:
        tx.revokes("usr_ada")


def test_it_says_look_as_soon_as_another_process_has_revoked(sqlite_url: str):
    """And once at the beginning, for what was before; it says nothing else, so there is nothing to steal."""
    here, there = Store(sqlite_url, SystemClock()), Store(sqlite_url, SystemClock())
    here.migrate()
    revoke(here)
    said: list[bytes] = []

    async def listen() -> None:
        stream = Events(here).stream()
        async for part in stream:
            said.append(part)
            if said.count(LOOK) == 1:
                await asyncio.get_running_loop().run_in_executor(None, revoke, there)
            else:
                break
        await stream.aclose()

    asyncio.run(asyncio.wait_for(listen(), 10))
    assert set(said) <= {LOOK, b":\n\n"}
    assert said.count(LOOK) == 2
    here.close()
    there.close()


class Talking:
    """A client whose stream says what a test tells it to."""

    def __init__(self, say: Callable[[], list[bytes]]) -> None:
        self.say = say

    @contextmanager
    def events(self):
        yield iter(self.say())


@pytest.mark.parametrize("parts", [[b"data: look\n\n"], [b"da", b"ta: look\n", b"\n"], [b"\xff\x00"], [b":\n\n", b"x"]])
def test_whatever_it_says_is_a_reason_to_look(parts: list[bytes]):
    """Forged, torn or garbled: it can't say "nothing was revoked"."""
    source = ServerSource(Talking(lambda: parts), SystemClock())  # type: ignore[arg-type]
    with source.connected() as link:
        assert link._listener.came.wait(10)
        assert link.pause(threading.Event())


def test_a_heartbeat_is_no_reason_to_look():
    """Otherwise an app would look once a second without need."""
    source = ServerSource(Talking(lambda: [b":\n\n"]), SystemClock())  # type: ignore[arg-type]
    with source.connected() as link:
        assert link._listener.came.is_set() is False


def test_without_a_stream_an_app_looks_by_itself_four_times_a_second():
    """A cut stream makes a revocation slower, not weaker."""

    def cut() -> list[bytes]:
        raise ServerUnavailableError("cut")

    source = ServerSource(Talking(cut), SystemClock())  # type: ignore[arg-type]
    with source.connected() as link:
        assert link.listens is False
        assert link.pause(threading.Event()) is False


def test_a_stream_that_says_nothing_of_a_revocation_delays_it_and_no_more(app: Beside, ada: Visitor, server: Site):
    """Who cuts or silences the stream wins no time for a session that has ended: the lease alone decides."""
    assert app.ask(ada) is not None
    server.clock.meanwhile = lambda: None  # type: ignore[attr-defined]
    old = dict(ada.cookies)
    ada.post("/auth/sign-out")
    ada.cookies = old
    assert app.ask(ada) is None
