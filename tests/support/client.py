"""The JavaScript client, installed and built from clients/js into .watchword/client, where nothing of it is committed."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
CLIENT: Final = ROOT / "clients/js"
CACHE: Final = ROOT / ".watchword/client"
PATIENCE: Final = 900
"""Seconds for an installation."""
PAGES: Final = ROOT / "tests/clients/pages"
_NODE: Final = ("--platform=node", "--format=cjs")
BUNDLES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "core.js": ("core.ts", ()),
    "react.js": ("react.tsx", ()),
    "react18.js": ("react.tsx", ("--alias:react=react-18", "--alias:react-dom=react-dom-18")),
    "server.cjs": ("server.tsx", _NODE),
    "testing.cjs": ("testing.tsx", _NODE),
}
"""What the tests run, in a browser or in Node.js, each by what it is bundled of; made with the package."""
_FOLDERS: Final = ("src",)
_FILES: Final = ("package.json", "package-lock.json", ".npmrc", "tsconfig.json", "biome.json", "README.md")


def run(folder: Path, *command: str, patience: int = PATIENCE) -> str:
    """Run a program of the installed packages there and return what it wrote.

    Raises:
        AssertionError: it failed; what it wrote is the message.
    """
    path = f"{folder / 'node_modules/.bin'}:/usr/local/bin:/usr/bin:/bin"
    program = shutil.which(command[0], path=path) or command[0]
    done = subprocess.run([program, *command[1:]], cwd=folder, capture_output=True, text=True, timeout=patience)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def install() -> Path:
    """Return the folder with the client's packages, after installing them where they are not there yet."""
    digest = hashlib.sha256((CLIENT / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = CACHE / digest
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            folder.mkdir(exist_ok=True)
            for name in _FILES[:3]:
                shutil.copy(CLIENT / name, folder)
            subprocess.run(["npm", "ci"], cwd=folder, check=True, capture_output=True, timeout=PATIENCE)
            (folder / "installed").touch()
        _build(folder)
    return folder


def _build(folder: Path) -> None:
    """Bring `dist` in line with the sources."""
    sources = [file for name in _FOLDERS for file in sorted((CLIENT / name).rglob("*")) if file.is_file()]
    sources += [CLIENT / name for name in _FILES]
    pages = [file for file in sorted(PAGES.iterdir()) if file.is_file()]
    text = b"\0".join(str(file).encode() + b"\0" + file.read_bytes() for file in (*sources, *pages, Path(__file__)))
    digest, note = hashlib.sha256(text).hexdigest(), folder / "built"
    if note.exists() and note.read_text() == digest:
        return
    for name in (*_FOLDERS, "dist"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for file in sources:
        target = folder / file.relative_to(CLIENT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    run(folder, "npm", "run", "build")
    itself = folder / "node_modules/@watchword/client"
    itself.parent.mkdir(exist_ok=True)
    itself.unlink(missing_ok=True)
    itself.symlink_to("../..")
    (folder / "bundled").mkdir(exist_ok=True)
    for name, (source, options) in BUNDLES.items():
        (folder / "bundled" / name).write_bytes(bundle(folder, PAGES / source, *options))
    note.write_text(digest)


def bundle(folder: Path, entry: Path | str, *options: str) -> bytes:
    """Return a module for browsers, made by esbuild of a file, or of this text of one."""
    command = [str(folder / "node_modules/.bin/esbuild"), "--bundle", "--jsx=automatic", "--target=es2022"]
    command += ["--format=esm", *options]
    path = {**os.environ, "NODE_PATH": str(folder / "node_modules")}
    given = entry.encode() if isinstance(entry, str) else None
    command += [str(entry)] if given is None else ["--loader=tsx"]
    made = subprocess.run(command, cwd=folder, input=given, capture_output=True, timeout=PATIENCE, env=path)
    assert made.returncode == 0, made.stderr.decode()
    return made.stdout


@pytest.fixture(scope="session")
def client_package() -> Iterator[Path]:
    """The folder where the client is installed and built; where there is no Node.js, the test is skipped aloud."""
    if shutil.which("npm") is None:
        pytest.skip("NO NODE: install Node.js 20.19 or later with npm, and the tests of the JavaScript client run")
    yield install()
