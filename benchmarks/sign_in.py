"""Sign-ins a second through the whole ASGI app, over what Argon2 alone reaches on the same cores.

Run: uv run python -m benchmarks.sign_in [seconds a phase] [rounds]
"""

import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from statistics import median

from argon2.low_level import Type, hash_secret, verify_secret

from benchmarks.site import PASSWORD, USERS, Caller, make_app, sqlite_site
from watchword.methods.password.hashing import Figures
from watchword.methods.password.threads import available_cores, lower_priority

FIGURES = Figures()
STORED = hash_secret(PASSWORD.encode(), bytes(16), FIGURES.iterations, FIGURES.memory, FIGURES.lanes, 32, Type.ID)


@dataclass
class Phase:
    """What one phase reached: how often something ended in a second, and milliseconds of processor time for each."""

    speed: float
    processor: float


class Measure:
    """Notes each end of something; speed counts from the first end to `stop`, so neither start nor rest count."""

    def __init__(self, seconds: float) -> None:
        self.stop = time.perf_counter() + seconds
        self.moments: list[float] = []
        self._processor = time.process_time()

    def goes_on(self) -> bool:
        return time.perf_counter() < self.stop

    def note(self) -> None:
        self.moments.append(time.perf_counter())

    def phase(self) -> Phase:
        processor = (time.process_time() - self._processor) * 1000 / len(self.moments)
        counted = sorted(moment for moment in self.moments if moment <= self.stop)
        if len(counted) < 5:
            raise SystemExit("the machine is too busy: fewer than 5 hashes in a phase; give more seconds")
        return Phase((len(counted) - 1) / (counted[-1] - counted[0]), processor)


async def sign_ins(caller: Caller, concurrency: int, seconds: float) -> Phase:
    """Sign in, with so many under way at any time."""
    numbers, measure = count(), Measure(seconds)

    async def visitor() -> None:
        while measure.goes_on():
            await caller.sign_in(next(numbers) % USERS)
            measure.note()

    await asyncio.gather(*(visitor() for _ in range(concurrency)))
    return measure.phase()


def argon2_alone(threads: int, seconds: float) -> Phase:
    """Hash. The threads have the priority of Watchword's: whatever else runs here, both wait alike."""
    measure = Measure(seconds)

    def hash_on() -> None:
        while measure.goes_on():
            verify_secret(STORED, PASSWORD.encode(), Type.ID)
            measure.note()

    with ThreadPoolExecutor(threads, initializer=lower_priority) as pool:
        for _ in range(threads):
            pool.submit(hash_on)
    return measure.phase()


def main(seconds: float = 3, rounds: int = 7) -> None:
    cores = available_cores()
    print(f"Argon2id m={FIGURES.memory} KiB, t={FIGURES.iterations}, p={FIGURES.lanes}; {cores} cores; SQLite file")
    with sqlite_site() as auth, asyncio.Runner() as runner:
        caller = Caller(make_app(auth))
        runner.run(sign_ins(caller, 2, seconds))
        for concurrency, threads in ((1, 1), (8, cores), (32, cores)):
            pairs: list[tuple[Phase, Phase]] = []
            for _ in range(rounds):
                pairs.append((runner.run(sign_ins(caller, concurrency, seconds)), argon2_alone(threads, seconds)))
            report(concurrency, threads, pairs)


def report(concurrency: int, threads: int, pairs: list[tuple[Phase, Phase]]) -> None:
    speeds = [signed.speed / alone.speed for signed, alone in pairs]
    processor = [alone.processor / signed.processor for signed, alone in pairs]
    print(f"concurrency {concurrency}: {median(signed.speed for signed, _ in pairs):.1f} sign-ins/s")
    print(f"  speed over Argon2 alone on {threads} thread(s)  {spread(speeds)}")
    print(f"  processor time of Argon2 alone over ours        {spread(processor)}", flush=True)


def spread(ratios: list[float]) -> str:
    return f"{median(ratios):.3f} (from {min(ratios):.3f} to {max(ratios):.3f}, {len(ratios)} rounds)"


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]), *map(int, sys.argv[2:3]))
