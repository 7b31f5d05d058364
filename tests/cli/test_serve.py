import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.support.server import free_port

PATIENCE = 30
COMMAND = [sys.executable, "-c", "from watchword.cli import main; main()", "serve"]


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run `watchword serve` in the folder; its output goes to the file `log`."""
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*COMMAND, *arguments], cwd=folder, stdout=log, stderr=log, text=True, start_new_session=True
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE)


def answer(url: str) -> httpx.Response:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            return httpx.get(url, trust_env=False)
        time.sleep(0.02)
    raise AssertionError(f"nothing answers at {url}")


def test_an_empty_folder_is_all_it_needs(tmp_path):
    port = free_port()
    with serving(tmp_path, "--port", str(port), "--workers", "2") as process:
        url = f"http://127.0.0.1:{port}"
        assert answer(f"{url}/auth/health").json() == {"status": "ok"}
        assert answer(f"{url}/").headers["location"] == "/auth/account"
        shown = (tmp_path / "log").read_text()
        assert f"{url}/auth/account" in shown
        assert f"{url}/auth/setup/" in shown
        assert f"{url}/auth/dev/mailbox" in shown
        process.terminate()
        assert process.wait(PATIENCE) == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


@pytest.mark.all
def test_the_command_line_goes_before_the_environment_and_that_before_the_file(tmp_path, monkeypatch):
    in_file, in_environment, on_command_line = free_port(), free_port(), free_port()
    (tmp_path / "own.toml").write_text(f"store = 'sqlite:///own.sqlite3'\n[server]\nport = {in_file}")
    with serving(tmp_path, "--config", "own.toml"):
        answer(f"http://127.0.0.1:{in_file}/auth/health")
    assert (tmp_path / "own.sqlite3").exists()
    monkeypatch.setenv("WATCHWORD_PORT", str(in_environment))
    with serving(tmp_path, "--config", "own.toml"):
        answer(f"http://127.0.0.1:{in_environment}/auth/health")
    with serving(tmp_path, "--port", str(on_command_line)):
        answer(f"http://127.0.0.1:{on_command_line}/auth/health")


def test_a_taken_port_is_told_with_what_to_do(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = subprocess.run(
            [*COMMAND, "--port", str(port)], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    assert result.returncode == 1
    assert f"can't listen on 127.0.0.1 port {port}" in result.stderr
    assert "--port" in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []
