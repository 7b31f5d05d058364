"""What a flood of sign-ins leaves of the app: a guarded GET's throughput, and how late the event loop runs.

Run: uv run python -m benchmarks.flood [seconds a phase] [rounds]
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from statistics import median, quantiles

from benchmarks.site import HOST, PASSWORD, USERS, Caller, add_users, address, make_app, make_auth, sqlite_site
from tests.support.server import running

SIGN_INS = 32
READERS = 4
Call = Callable[[int], Awaitable[object]]


async def throughput(call: Call, seconds: float, callers: int) -> float:
    """Return calls a second, made by so many callers, each waiting for its answer."""
    stop = time.perf_counter() + seconds

    async def go_on(number: int) -> int:
        done = 0
        while time.perf_counter() < stop:
            await call(number)
            done += 1
        return done

    begin = time.perf_counter()
    done = await asyncio.gather(*(go_on(number) for number in range(callers)))
    return sum(done) / (time.perf_counter() - begin)


@asynccontextmanager
async def flood(sign_in: Call):
    """Keep 32 sign-ins under way; give a callable that tells how many were done."""
    numbers, under_way = count(), True

    async def visitor(number: int) -> None:
        while under_way:
            await sign_in(number)
            next(numbers)

    visitors = [asyncio.create_task(visitor(number)) for number in range(SIGN_INS)]
    await asyncio.sleep(1)
    yield lambda: next(numbers)
    under_way = False
    await asyncio.gather(*visitors)


async def measure(get: Call, sign_in: Call, ticks: Callable[[], Awaitable[list[float]]], seconds: float, rounds: int):
    """Alternate idle and flooded phases, and print what came of it."""
    ratios, idle_speeds = [], []
    late: dict[str, list[float]] = {"idle": [], "flooded": []}
    await throughput(get, 1, READERS)
    await ticks()
    for _ in range(rounds):
        await ticks()
        idle = await throughput(get, seconds, READERS)
        late["idle"] += await ticks()
        async with flood(sign_in):
            await ticks()
            flooded = await throughput(get, seconds, READERS)
            late["flooded"] += await ticks()
        idle_speeds.append(idle)
        ratios.append(flooded / idle)
    print(f"  guarded GET: {median(idle_speeds):.0f}/s idle; flooded over idle {median(ratios):.3f}")
    print(f"    (from {min(ratios):.3f} to {max(ratios):.3f}, {rounds} rounds)")
    for phase, gaps in late.items():
        cuts = quantiles(gaps, n=1000)
        print(f"  loop late, {phase:7}: median {cuts[499]:.2f}, 99th {cuts[989]:.2f}, 99.9th {cuts[998]:.2f} ms")


async def in_process(seconds: float, rounds: int) -> None:
    print(f"in process, {SIGN_INS} sign-ins under way, {READERS} readers:")
    with sqlite_site() as auth:
        caller = Caller(make_app(auth))
        cookie = await caller.sign_in()

        async def get(_: int) -> None:
            status, _body, _cookies = await caller.call("GET", "/me", cookie=cookie)
            assert status == 200

        async def ticks() -> list[float]:
            return json.loads((await caller.call("GET", "/ticks"))[1])

        await measure(get, caller.sign_in, ticks, seconds, rounds)


class Connection:
    """One kept-open HTTP/1.1 connection, as lean as can be: the client must not be what is measured."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, method: str, path: str, *, cookie: str = "", body: bytes = b"") -> tuple[str, bytes]:
        self.streams = self.streams or await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", f"Content-Length: {len(body)}", f"Cookie: {cookie}"]
        if body:
            lines += ["Content-Type: application/json", f"Origin: http://{HOST}"]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert head.startswith("HTTP/1.1 200"), head
        length = next(line for line in head.lower().split("\r\n") if line.startswith("content-length:"))
        return head, await reader.readexactly(int(length.split(":")[1]))


async def client(port: int, seconds: float, rounds: int) -> None:
    readers = [Connection(port) for _ in range(READERS)]
    visitors = [Connection(port) for _ in range(SIGN_INS)]

    async def sign_in(number: int) -> str:
        body = {"identifier": address(number % USERS), "password": PASSWORD}
        head, _ = await visitors[number].call("POST", "/auth/sign-in/password", body=json.dumps(body).encode())
        return next(line[12:].split(";")[0] for line in head.split("\r\n") if line.startswith("set-cookie: watchword="))

    cookie = await sign_in(0)

    async def get(number: int) -> None:
        await readers[number].call("GET", "/me", cookie=cookie)

    async def ticks() -> list[float]:
        return json.loads((await readers[0].call("GET", "/ticks"))[1])

    await measure(get, sign_in, ticks, seconds, rounds)


def served(seconds: float, rounds: int) -> None:
    print(f"granian, one worker, client in another process, {SIGN_INS} sign-ins under way, {READERS} readers:")
    with tempfile.TemporaryDirectory(prefix="watchword-benchmark-") as directory:
        store = f"sqlite:///{directory}/watchword.sqlite3"
        auth = make_auth(store)
        add_users(auth)
        auth.stop()
        environment = {"WATCHWORD_BENCHMARK_STORE": store}
        with running("benchmarks.site:served()", Path(directory) / "log", environment=environment) as server:
            asyncio.run(client(int(server.url.rpartition(":")[2]), seconds, rounds))


def main(seconds: float = 3, rounds: int = 5) -> None:
    asyncio.run(in_process(seconds, rounds))
    served(seconds, rounds)


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]), *map(int, sys.argv[2:3]))
