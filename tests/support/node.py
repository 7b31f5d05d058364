"""Node.js with the vendors' own packages, installed once from tests/npm/package-lock.json into .watchword/npm."""

import fcntl
import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, final

import pytest

HERE: Final = Path(__file__).parents[1] / "npm"
CACHE: Final = Path(__file__).parents[2] / ".watchword" / "npm"
PATIENCE: Final = 600
"""Seconds for an installation."""


class NodeError(Exception):
    """What the other side threw: its code or name, and its message."""


@final
class Node:
    """A Node.js that answers calls of the functions in tests/npm/*.mjs, one after the other."""

    def __init__(self, folder: Path) -> None:
        node = folder / "node_modules" / ".bin" / "node"
        # The scripts are links into this checkout; packages are looked for beside the link.
        links = ("--preserve-symlinks", "--preserve-symlinks-main")
        self._process = subprocess.Popen(
            [str(node), *links, str(folder / "host.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, module: str, name: str, *arguments: Any) -> Any:
        """Return what the function of that module returns; both ways as JSON.

        Raises:
            NodeError: it threw.
        """
        process = self._process
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps({"module": module, "name": name, "arguments": arguments}) + "\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        if "error" in answer:
            raise NodeError(answer["error"])
        return answer["value"]

    def stop(self) -> None:
        """End it."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def install() -> Path:
    """Return the folder with the packages, after installing them where they are not there yet."""
    digest = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = CACHE / digest
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            folder.mkdir(exist_ok=True)
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(HERE / name, folder)
            subprocess.run(["npm", "ci"], cwd=folder, check=True, capture_output=True, timeout=PATIENCE)
            (folder / "complete").touch()
        for script in HERE.glob("*.mjs"):
            if not (folder / script.name).is_symlink() and not (folder / script.name).exists():
                (folder / script.name).symlink_to(script)
    return folder


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    """A Node.js with the vendors' packages; where there is none, the test is skipped aloud."""
    if shutil.which("npm") is None:
        pytest.skip("NO NODE: install Node.js 20 or later with npm, and the tests against the vendors' packages run")
    running = Node(install())
    yield running
    running.stop()
