"""What a guard costs a request: a guarded route over a bare one of an app without Watchword, through a real server.

    uv run python -m benchmarks.guard [pairs] [seconds] [framework …]

Both stand in one process: a prefix of the path leads to the bare app or to the protected one, so that both have the same
server, event loop and cores. They take turns; beside the ratio stands that of the bare route to itself, whose spread a
real ratio must exceed. Needs `wrk` (Debian: apt-get install wrk). 1,000 values are tainted.
"""

import contextlib
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from benchmarks.site import PASSWORD, add_users, address, make_auth
from tests.support.server import free_port

SERVERS = {
    "fastapi": ("granian", "uvicorn"),
    "starlette": ("granian", "uvicorn"),
    "litestar": ("granian", "uvicorn"),
    "django": ("granian-wsgi",),
    "flask": ("granian-wsgi",),
}
COMMANDS: Mapping[str, list[str]] = {
    "granian": [
        "granian",
        "--interface",
        "asgi",
        "--no-ws",
        "--factory",
        "--log-level",
        "error",
        "--host",
        "127.0.0.1",
    ],
    "granian-wsgi": ["granian", "--interface", "wsgi", "--factory", "--log-level", "error", "--host", "127.0.0.1"],
    "uvicorn": ["uvicorn", "--factory", "--log-level", "error", "--no-access-log", "--host", "127.0.0.1"],
}


def throughput(url: str, cookie: str, seconds: int) -> float:
    """Return requests a second, as wrk counts them on the second core."""
    command = ["taskset", "-c", "1", "wrk", "-t1", "-c16", f"-d{seconds}s", "-H", f"Cookie: {cookie}", url]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in printed:
        raise RuntimeError(printed)
    return float(printed.split("Requests/sec:")[1].split()[0])


def measure(framework: str, server: str, pairs: int, seconds: int) -> None:
    """Print the ratios of one framework behind one server."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="watchword-benchmark-") as folder:
        store = f"sqlite:///{folder}/watchword.sqlite3"
        auth = make_auth(store)
        add_users(auth, 1)
        auth.stop()
        command = ["taskset", "-c", "0", sys.executable, "-m", *COMMANDS[server], "--port", str(port)]
        environment = {**os.environ, "WATCHWORD_BENCHMARK_STORE": store}
        with Path(folder, "log").open("ab") as log:
            process = subprocess.Popen(
                [*command, f"benchmarks.apps.{framework}:create"], env=environment, stdout=log, stderr=log
            )
        try:
            ratios(f"http://127.0.0.1:{port}", f"{framework} on {server}", pairs, seconds)
        finally:
            process.terminate()
            process.wait(10)


def ratios(url: str, name: str, pairs: int, seconds: int) -> None:
    cookie = sign_in(url)
    throughput(f"{url}/bare/", cookie, seconds)
    guarded: list[float] = []
    public: list[float] = []
    control: list[float] = []
    for number in range(pairs):
        order = ["bare/", "app/me", "app/open", "bare/"]
        found = {f"{place}{path}": throughput(f"{url}/{path}", cookie, seconds) for place, path in enumerate(order)}
        bare = (found["0bare/"] + found["3bare/"]) / 2
        guarded.append(found["1app/me"] / bare)
        public.append(found["2app/open"] / bare)
        control.append(found["3bare/"] / found["0bare/"] if number % 2 else found["0bare/"] / found["3bare/"])
    shown = (
        f"{what} {statistics.median(values):.3f} ({min(values):.2f} to {max(values):.2f})"
        for what, values in (("guarded over bare", guarded), ("public over bare", public), ("bare over bare", control))
    )
    print(f"{name:<24} {', '.join(shown)}", flush=True)


def sign_in(url: str) -> str:
    """Wait until the app answers, sign in, and return the session cookie."""
    body = {"identifier": address(0), "password": PASSWORD}
    with httpx.Client(trust_env=False, timeout=30) as client:
        for _ in range(300):
            with contextlib.suppress(httpx.TransportError):
                client.get(f"{url}/bare/")
                break
            time.sleep(0.1)
        answer = client.post(f"{url}/app/auth/sign-in/password", json=body)
        answer.raise_for_status()
        assert client.get(f"{url}/app/me").status_code == 200
        return answer.headers["set-cookie"].split(";")[0]


def taint_some() -> None:
    """Taint 1,000 values, as an app with many keys does."""
    from watchword import taint_unique_value

    for _ in range(1000):
        taint_unique_value("Do not send the key to the browser", sys.modules[__name__], secrets.token_hex(20))


def main(arguments: list[str]) -> None:
    numbers = [int(text) for text in arguments if text.isdecimal()]
    pairs, seconds = [*numbers, 40, 1][:2] if len(numbers) != 1 else (numbers[0], 1)
    chosen = [text for text in arguments if not text.isdecimal()] or list(SERVERS)
    for framework in chosen:
        for server in SERVERS[framework]:
            measure(framework, server, pairs, seconds)


if __name__ == "__main__":
    main(sys.argv[1:])
