"""What starting costs: importing, the notes example up to its first page, and installing the core.

Run: uv run python -m benchmarks.start
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import httpx

from tests.support.server import free_port

ROOT = Path(__file__).parents[1]
IMPORT = (
    "import time; begin = time.perf_counter(); {what}; spent = time.perf_counter() - begin; "
    "peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM')); "
    "print(spent * 1000, int(peak.split()[1]) / 1024)"
)
IMPORTS = ("pass", "import watchword", "from watchword import Auth", "import fastapi")
RUNS = 9


def imports() -> None:
    """Time each import in fresh processes, in turn; memory is the whole process's at its peak."""
    seen: dict[str, list[tuple[float, float]]] = {what: [] for what in IMPORTS}
    for _ in range(RUNS):
        for what in IMPORTS:
            command = [sys.executable, "-c", IMPORT.format(what=what)]
            spent, memory = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
            seen[what].append((float(spent), float(memory)))
    for what, pairs in seen.items():
        print(f"{what:28} {median(p[0] for p in pairs):6.0f} ms  {median(p[1] for p in pairs):5.1f} MB")


@contextlib.contextmanager
def notes(data: Path) -> Iterator[float]:
    """Start the notes example; give the seconds until its first page came."""
    port = free_port()
    begin = time.perf_counter()
    command = [sys.executable, "-m", "examples.notes", "--port", str(port)]
    environment = {**os.environ, "NOTES_DATA": str(data)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        while True:
            with contextlib.suppress(httpx.TransportError):
                assert (
                    httpx.get(f"http://127.0.0.1:{port}/auth/sign-in", trust_env=False, timeout=30).status_code == 200
                )
                break
            time.sleep(0.01)
        yield time.perf_counter() - begin
    finally:
        process.terminate()
        process.wait()


def first_page() -> None:
    """Start on an empty folder, then again on the same."""
    for _ in range(3):
        with tempfile.TemporaryDirectory(prefix="watchword-benchmark-") as directory:
            for state in ("new data", "again"):
                with notes(Path(directory)) as spent:
                    print(f"examples.notes to the sign-in page, {state:8} {spent:5.2f} s")


def install() -> None:
    """Install the core into an empty environment: from the index to an empty cache, then from the cache."""
    with tempfile.TemporaryDirectory(prefix="watchword-benchmark-") as directory:
        environment = {**os.environ, "UV_CACHE_DIR": f"{directory}/cache", "VIRTUAL_ENV": f"{directory}/venv"}
        for state in ("empty cache", "warm cache"):
            subprocess.run(["uv", "venv", "-q", "--clear", f"{directory}/venv"], env=environment, check=True)
            begin = time.perf_counter()
            subprocess.run(["uv", "pip", "install", "-q", "."], env=environment, cwd=ROOT, check=True)
            spent = time.perf_counter() - begin
            packages = list(Path(directory, "venv", "lib").glob("python*/site-packages/*"))
            size = sum(file.stat().st_size for package in packages for file in files(package))
            count = sum(package.suffix == ".dist-info" for package in packages)
            print(f"core install, {state}: {spent:.1f} s, {size / 1e6:.1f} MB in {count} packages")


def files(path: Path) -> list[Path]:
    return [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]


if __name__ == "__main__":
    imports()
    first_page()
    install()
