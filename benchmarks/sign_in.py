"""Sign-ins a second through the whole ASGI app, over what Argon2 alone reaches on the same cores.

Run: uv run python -m benchmarks.sign_in [seconds a round] [rounds]
"""

import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from statistics import median

from argon2.low_level import Type, hash_secret, verify_secret

from benchmarks.site import PASSWORD, USERS, Caller, make_app, sqlite_site
from watchword.methods.password.hashing import Figures, available_cores, lower_priority

FIGURES = Figures()
STORED = hash_secret(PASSWORD.encode(), bytes(16), FIGURES.iterations, FIGURES.memory, FIGURES.lanes, 32, Type.ID)


async def sign_ins(caller: Caller, concurrency: int, seconds: float) -> float:
    """Return sign-ins a second, with so many under way at any time."""
    numbers, stop = count(), time.perf_counter() + seconds

    async def visitor() -> int:
        done = 0
        while time.perf_counter() < stop:
            await caller.sign_in(next(numbers) % USERS)
            done += 1
        return done

    begin = time.perf_counter()
    done = await asyncio.gather(*(visitor() for _ in range(concurrency)))
    return sum(done) / (time.perf_counter() - begin)


def argon2_alone(threads: int, seconds: float) -> float:
    """Return hashes a second. The threads have the priority of Watchword's: whatever else runs here, both wait alike."""
    stop = time.perf_counter() + seconds

    def hash_on() -> int:
        done = 0
        while time.perf_counter() < stop:
            verify_secret(STORED, PASSWORD.encode(), Type.ID)
            done += 1
        return done

    with ThreadPoolExecutor(threads, initializer=lower_priority) as pool:
        begin = time.perf_counter()
        done = sum(future.result() for future in [pool.submit(hash_on) for _ in range(threads)])
        return done / (time.perf_counter() - begin)


def main(seconds: float = 3, rounds: int = 7) -> None:
    cores = available_cores()
    print(f"Argon2id m={FIGURES.memory} KiB, t={FIGURES.iterations}, p={FIGURES.lanes}; {cores} cores; SQLite file")
    with sqlite_site() as auth, asyncio.Runner() as runner:
        caller = Caller(make_app(auth))
        runner.run(sign_ins(caller, 2, 1))
        for concurrency, threads in ((1, 1), (8, cores), (32, cores)):
            ratios, speeds = [], []
            for turn in range(rounds):
                alone = [argon2_alone(threads, seconds / 2)]
                speeds.append(runner.run(sign_ins(caller, concurrency, seconds)))
                alone.append(argon2_alone(threads, seconds / 2))
                ratios.append(speeds[turn] / (sum(alone) / 2))
            print(
                f"concurrency {concurrency:2}: {median(speeds):6.1f} sign-ins/s, ratio to Argon2 alone on {threads} "
                f"thread(s) {median(ratios):.3f} (from {min(ratios):.3f} to {max(ratios):.3f}, {rounds} rounds)"
            )


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]), *map(int, sys.argv[2:3]))
