"""What a session check costs a request: a guarded page over an open one of the same app, in process.

Run: uv run python -m benchmarks.check [rounds]
"""

import asyncio
import sys
import time
from statistics import median

from benchmarks.site import Caller, make_app, sqlite_site

CALLS = 200


async def cost(caller: Caller, path: str, cookie: str) -> tuple[float, float]:
    """Return microseconds a call: on the clock, and of processor time."""
    begin, processor = time.perf_counter(), time.process_time()
    for _ in range(CALLS):
        await caller.call("GET", path, cookie=cookie)
    return (time.perf_counter() - begin) / CALLS * 1e6, (time.process_time() - processor) / CALLS * 1e6


async def main(rounds: int = 15) -> None:
    with sqlite_site() as auth:
        caller = Caller(make_app(auth))
        cookie = await caller.sign_in()
        pairs = [(await cost(caller, "/open", cookie), await cost(caller, "/me", cookie)) for _ in range(rounds)]
    for number, what in enumerate(("on the clock", "of processor time")):
        without = median(pair[0][number] for pair in pairs)
        guarded = median(pair[1][number] for pair in pairs)
        print(f"open page {without:.0f} µs, guarded page {guarded:.0f} µs: the check {guarded - without:.0f} µs {what}")


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:2])))
