"""A real server for tests: granian with an app, in processes of its own, on a free port."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
PATIENCE = 30
"""Seconds that a server may take to start or to stop."""


@dataclass(frozen=True)
class Server:
    """A running server: where it answers, and what it wrote."""

    url: str
    log: Path
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End it as an operator does (SIGTERM), and wait until it has ended."""
        self.process.terminate()
        self.process.wait(PATIENCE)

    def kill(self) -> None:
        """End it and its workers at once (SIGKILL), as a crash of the machine would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(
    target: str,
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    workers: int = 1,
    interface: str = "asgi",
    port: int | None = None,
) -> Generator[Server]:
    """Serve the app named by `target` (`package.module:app`, or a factory: `package.module:make()`) until the block ends.

    The server writes to the file `log`, and sees `environment` beside this process's own. Raises `RuntimeError` with
    the log's end when it does not come up.
    """
    port = port or free_port()
    name, is_factory = target.removesuffix("()"), target.endswith("()")
    command = [sys.executable, "-m", "granian", "--interface", interface, "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", str(workers), *(["--factory"] if is_factory else []), name]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(f"http://127.0.0.1:{port}", log, process)
    try:
        _wait_until_it_answers(server)
        yield server
    finally:
        if process.poll() is None:
            server.stop()


def _wait_until_it_answers(server: Server) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.process.poll() is None:
        with suppress(httpx.TransportError):
            httpx.get(server.url, trust_env=False, timeout=PATIENCE)
            return
        time.sleep(0.02)
    raise RuntimeError(f"the server did not come up; its log ends:\n{server.log.read_text()[-4000:]}")
