"""A real server, and a real app beside it, each in processes of its own, over sockets."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.support.beside import key_of
from tests.support.contest import make_auth
from tests.support.fleet import Fleet, Misfortunes, stop_one
from tests.support.server import Server, free_port, running
from tests.support.site import Site
from watchword.foundation.clock import ManualClock
from watchword.storage.lease import LEASE, OVER


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Pair:
    """A server and an app; both can be stopped and begun again at their places."""

    def __init__(self, store_url: str, folder: Path, workers: int = 2) -> None:
        self.auth = make_auth(store_url)
        self.auth.prepare_store()
        self.stack = ExitStack()
        self.log = folder / "log"
        self.port = free_port()
        self.served = {"SERVED_STORE": store_url}
        self.server = self.serve(workers)
        key = key_of(Site(self.auth, ManualClock()))
        environment = {"BESIDE_SERVER": self.server.url, "WATCHWORD_KEY": key}
        self.app = self.stack.enter_context(
            running("tests.support.beside_app:create()", self.log, environment=environment)
        )
        self.client = httpx.Client(base_url=self.app.url, trust_env=False, timeout=30)

    def serve(self, workers: int = 2) -> Server:
        return self.stack.enter_context(
            running("tests.support.served:create()", self.log, environment=self.served, port=self.port, workers=workers)
        )

    def state(self) -> dict[str, object]:
        return self.client.get("/state").json()

    def session(self, email: str = "ada@example.org") -> str:
        """A session's token, begun at the server."""
        with httpx.Client(base_url=self.server.url, trust_env=False, timeout=30) as one:
            password = "analytical engine no. 1"
            if self.auth.administration.users() == []:
                self.auth.administration.create(email=email, password=password, name="Ada", role="user")
            answer = one.post("/auth/sign-in/password", json={"identifier": email, "password": password})
            assert answer.status_code == 200, answer.text
            return one.cookies["watchword"]

    def me(self, token: str) -> int:
        return self.client.get("/me", headers={"authorization": f"Bearer {token}"}).status_code


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.all)])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    pair = Pair(request.getfixturevalue(f"{request.param}_url"), tmp_path)
    try:
        yield pair
    finally:
        pair.client.close()
        pair.stack.close()
        pair.auth.stop()


def test_a_revocation_reaches_a_real_app_by_the_stream_of_events(pair: Pair):
    """By another process than those that serve, on either database; then the server goes, and comes back."""
    until(lambda: pair.state()["trusted"] and pair.state()["listens"])
    spent: list[float] = []
    for _ in range(5):
        token = pair.session()
        assert [pair.me(token) for _ in range(3)] == [200, 200, 200]
        began = time.monotonic()
        pair.auth.administration.end_sessions("ada@example.org")
        spent.append(time.monotonic() - began)
        assert pair.me(token) == 401
    assert min(spent) < 0.3
    assert pair.state()["hits"]

    token = pair.session()
    assert pair.me(token) == 200
    pair.server.kill()
    time.sleep(LEASE)
    assert pair.me(token) == 503
    pair.server = pair.serve()
    until(lambda: pair.me(token) == 200)
    os.killpg(pair.app.process.pid, signal.SIGSTOP)
    began = time.monotonic()
    pair.auth.administration.end_sessions("ada@example.org")
    waited = time.monotonic() - began
    os.killpg(pair.app.process.pid, signal.SIGCONT)
    assert pair.me(token) == 401
    assert waited < OVER + 1


def misfortunes(pair: "Served") -> Misfortunes:
    """Return each of what can befall apps and their server."""

    def stop_server(_: Fleet) -> None:
        os.killpg(pair.server.process.pid, signal.SIGSTOP)
        time.sleep(LEASE + 0.5)
        os.killpg(pair.server.process.pid, signal.SIGCONT)

    def kill_server(_: Fleet) -> None:
        pair.server.kill()
        time.sleep(0.5)
        pair.begin()

    return Misfortunes(stop_one, Fleet.kill_one, stop_server, kill_server)


class Served:
    """A server that can be killed and begun again at its place."""

    def __init__(self, store_url: str, log: Path) -> None:
        self.stack = ExitStack()
        self._port, self._log, self._store = free_port(), log, store_url
        self.begin()

    def begin(self) -> None:
        environment = {"SERVED_STORE": self._store}
        served = running(
            "tests.support.served:create()", self._log, environment=environment, port=self._port, workers=2
        )
        self.server = self.stack.enter_context(served)


@pytest.mark.all
@pytest.mark.parametrize("rounds", [4])
def test_no_check_of_an_app_that_began_after_its_revocation_says_yes(store_url: str, tmp_path: Path, rounds: int):
    """Processes that revoke, apps that check, their server: stopped, killed, begun again, under load."""
    auth = make_auth(store_url)
    auth.prepare_store()
    key = key_of(Site(auth, ManualClock()))
    served = Served(store_url, tmp_path / "log")
    try:
        fleet = Fleet(store_url, tmp_path / "board", misfortunes(served), url_of_checkers=f"{served.server.url}#{key}")
        for number in range(rounds):
            fleet.path = fleet.path.with_name(f"board-{number}")
            fleet.play(1_000)
            assert fleet.totals[2] == 0
        print(fleet.report())
    finally:
        # Not as an operator does: a worker of granian that is still starting may miss that.
        served.server.kill()
        served.stack.close()
        auth.stop()
    assert fleet.totals[1] > rounds * 1_000
