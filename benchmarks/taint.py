"""What the taint filter costs a response: MB/s of 1 MiB, µs of 1 KiB, with 0, 10 and 1,000 values tainted in all encodings.

Run: uv run python -m benchmarks.taint [rounds]
"""

import base64
import hashlib
import json
import sys
import time
from collections.abc import Callable

from watchword import taint_unique_value
from watchword.policy.taint_filter import TaintStream, scan, scan_headers

MIB, KIB = 1 << 20, 1 << 10
HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", b"1024"),
    (b"cache-control", b"no-store"),
    (b"vary", b"Cookie"),
    (b"x-request-id", b"b6e2c1f0-2f5e-4f7c-9a55-0a4b5c9d1e22"),
]


class App:
    """What the values are tainted for."""


def random_of(number: int, length: int = 32) -> bytes:
    """Return bytes that look random and are the same in each run."""
    return hashlib.shake_256(number.to_bytes(4)).digest(length)


def secret(number: int) -> str:
    """Return an API key of 24 to 48 letters and digits, `sk_live_` before every fourth."""
    text = base64.b64encode(random_of(number, 60)).decode().replace("+", "").replace("/", "")
    return ("sk_live_" if number % 4 == 0 else "") + text[: 24 + number % 25]


def users() -> bytes:
    """Return 1 MiB of JSON as an API sends it: ids, names, addresses, dates, numbers, prose."""
    rows = [
        {
            "id": f"usr_{base64.b32encode(random_of(number, 16)).decode().lower()[:26]}",
            "name": f"Ada Lovelace {number}",
            "email": f"ada.lovelace+{number}@example.org",
            "created_at": f"2026-{number % 12 + 1:02}-{number % 28 + 1:02}T{number % 24:02}:10:07.{number:06}Z",
            "balance": number * 0.37,
            "trace": random_of(number, 16).hex(),
            "about": "She saw that a machine could do more than reckon, & wrote the first program for it. " * 3,
        }
        for number in range(MIB // 500)
    ]
    return json.dumps(rows).encode().ljust(MIB)[:MIB]


def seconds(call: Callable[[], object], rounds: int, calls: int) -> float:
    """Return the time of a call, in the best of the rounds: what else the machine does can only add."""
    spent: list[float] = []
    for _ in range(rounds):
        begin = time.perf_counter()
        for _ in range(calls):
            call()
        spent.append((time.perf_counter() - begin) / calls)
    return min(spent)


def feed_all(chunks: list[bytes]) -> None:
    stream = TaintStream()
    for chunk in chunks:
        stream.feed(chunk)
    stream.finish()


def main(rounds: int = 31) -> None:
    bodies = {
        "JSON": users(),
        "base64": base64.b64encode(random_of(0, MIB))[:MIB],
        "hex": random_of(1, MIB // 2).hex().encode(),
    }
    small = bodies["JSON"][:KIB]
    chunks = [bodies["JSON"][begin : begin + 65_536] for begin in range(0, MIB, 65_536)]
    event = [b"event: message\ndata: " + json.dumps({"number": 1, "text": "Hello " * 20}).encode() + b"\n\n"]
    app, done = App(), 0
    for count in (0, 10, 1000):
        begin = time.perf_counter()
        for number in range(done, count):
            taint_unique_value("not this", app, secret(number))
        assert all(scan(body) is None for body in bodies.values())
        ready = time.perf_counter() - begin
        assert all(scan(b"key: " + base64.b64encode(secret(number).encode())) for number in range(count))
        done = count
        print(f"{count} values, ready in {ready * 1e3:.0f} ms")
        for name, body in bodies.items():
            print(f"  1 MiB of {name:7} {MIB / seconds(lambda body=body: scan(body), rounds, 2) / 1e6:7,.0f} MB/s")
        print(f"  in 64 KiB chunks {MIB / seconds(lambda: feed_all(chunks), rounds, 2) / 1e6:7,.0f} MB/s")
        print(f"  1 KiB of JSON    {seconds(lambda: scan(small), rounds, 1000) * 1e6:7.2f} µs")
        print(f"  five headers     {seconds(lambda: scan_headers(HEADERS), rounds, 1000) * 1e6:7.2f} µs")
        print(f"  an event of {len(event[0])} B {seconds(lambda: feed_all(event), rounds, 1000) * 1e6:7.2f} µs")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
