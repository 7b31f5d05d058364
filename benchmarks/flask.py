"""What a guard costs in Flask: a guarded route over a bare one, each app behind granian (WSGI) in a process of its own.

Run: uv run python -m benchmarks.flask [pairs] [requests]

Each pair asks the bare app and the guarded one in turn, and each control the bare app twice. Ratios of requests a
second are medians over the pairs; beneath, the processor time of the server, which a busy machine disturbs least.
"""

import os
import socket
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx
from flask import Flask

from benchmarks.site import CHEAP, PASSWORD, add_users, address, make_auth
from tests.support.server import Server, running
from watchword import guard
from watchword.web.flask import Watchword

STORE = "BENCHMARK_STORE"
TICKS = os.sysconf("SC_CLK_TCK")
BATCH = 25


def bare() -> Flask:
    """Return an app with one route, and no Watchword."""
    app = Flask(__name__, static_folder=None)
    app.add_url_rule("/hello", view_func=hello)
    return app


def guarded() -> Flask:
    """Return the same app, its route for whoever is signed in."""
    app = Flask(__name__, static_folder=None)
    Watchword(app, make_auth(os.environ[STORE], CHEAP))
    app.add_url_rule("/hello", view_func=guard()(hello))
    return app


def hello() -> str:
    return "hello"


@dataclass
class Asked:
    """One server that is asked over one connection."""

    server: Server
    cookie: str

    def __post_init__(self) -> None:
        host, port = self.server.url.removeprefix("http://").split(":")
        self.socket = socket.create_connection((host, int(port)))
        lines = ("GET /hello HTTP/1.1", f"host: {host}:{port}", "accept: */*", f"cookie: watchword={self.cookie}")
        self.batch = ("\r\n".join(lines) + "\r\n\r\n").encode() * BATCH

    def run(self, requests: int) -> tuple[float, float]:
        """Return requests a second, and microseconds of the server's processor time a request."""
        processor, begin = self.processor(), time.perf_counter()
        for _ in range(requests // BATCH):
            self.socket.sendall(self.batch)
            answered = 0
            while answered < BATCH:
                received = self.socket.recv(1 << 16)
                assert received
                answered += received.count(b"HTTP/1.1 200 OK")
        return requests / (time.perf_counter() - begin), (self.processor() - processor) / requests * 1e6

    def processor(self) -> float:
        """Return the seconds of processor time of the server and its workers."""
        group = self.server.process.pid
        spent = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[2]) == group:
                spent += int(fields[11]) + int(fields[12])
        return spent / TICKS


def main(pairs: int = 40, requests: int = 1000) -> None:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        store = f"sqlite:///{folder}/store.sqlite3"
        auth = make_auth(store, CHEAP)
        add_users(auth, 1)
        auth.stop()
        first, second, other = (
            stack.enter_context(
                running(
                    f"benchmarks.flask:{name}()", Path(folder) / "log", environment={STORE: store}, interface="wsgi"
                )
            )
            for name in ("bare", "bare", "guarded")
        )
        body = {"identifier": address(0), "password": PASSWORD}
        signed_in = httpx.post(f"{other.url}/auth/sign-in/password", json=body, headers={"origin": other.url})
        cookie = signed_in.cookies["watchword"]
        asked = [Asked(server, cookie) for server in (first, second, other)]
        for one in asked:
            one.run(requests)
        rounds = [[one.run(requests) for one in asked] for _ in range(pairs)]
    report(rounds)


def report(rounds: list[list[tuple[float, float]]]) -> None:
    control = median(second[0] / first[0] for first, second, _ in rounds)
    ratio = median(other[0] / first[0] for first, _, other in rounds)
    without, guarded_ = median(first[1] for first, _, _ in rounds), median(other[1] for _, _, other in rounds)
    print(
        f"guarded over bare: {ratio:.3f} of the requests a second (bare over bare {control:.3f}, {len(rounds)} pairs)"
    )
    print(f"processor time a request: bare {without:.0f} µs, guarded {guarded_:.0f} µs")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
