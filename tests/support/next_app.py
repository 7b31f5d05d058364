"""examples/next, built for production with the guide's own pieces in it, and served in front of a real server."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.support.client import ROOT, run

GUIDE: Final = ROOT.parent / "shared/guide.txt"
EXAMPLE: Final = ROOT / "examples/next"
OVER_IT: Final = ROOT / "tests/clients/next"
PATIENCE: Final = 60
_PIECES: Final = {
    "app/lib/actions.ts": r"// app/lib/actions\.ts\n(.*?\n\})Route Handlers",
    "app/api/route.ts": r"// app/api/route\.ts\n(.*?\n\})Context Providers",
    "app/layout.tsx": r"// app/layout\.tsx\n(.*?\n\})Client-side usage",
    "app/guide/profile.tsx": r"Client-side usage:\n(.*?\n\})To prevent",
}
# Where the guide leaves something out, and there alone.
_FILLED: Final = {
    "// Proceed with the action for authorized users": "return 'done'",
    "// Continue for authorized users": "return Response.json({ secret: 'for admins' })",
    "// ...": "<p id='profile'>{data?.greeting}</p>",
    "import { useSession } from 'auth-lib'": "import { useSession } from 'auth-lib'\nimport useSWR from 'swr'\n"
    "const fetcher = (address) => fetch(address).then((answer) => answer.json())",
}


def guide_pieces() -> dict[str, str]:
    """Return the guide's pieces by the file that each is for, whole where the guide says `// ...`."""
    if not GUIDE.exists():
        pytest.skip(f"NO GUIDE: {GUIDE} is not there, and with it the code that must run unchanged")
    text = GUIDE.read_text()
    pieces: dict[str, str] = {}
    for name, pattern in _PIECES.items():
        found = re.search(pattern, text, re.DOTALL)
        assert found, f"the guide has no {name}"
        piece = found[1]
        for comment, filling in _FILLED.items():
            piece = piece.replace(comment, filling)
        pieces[name] = piece
    return pieces


def build(package: Path) -> Path:
    """Return the folder of the app, built for production: once for what it is made of."""
    pieces = guide_pieces()
    sources = [file for root in (EXAMPLE, OVER_IT) for file in sorted(root.rglob("*")) if file.is_file()]
    text = b"".join(file.read_bytes() for file in sources) + json.dumps(pieces).encode()
    digest = hashlib.sha256(text + (package / "built").read_bytes()).hexdigest()[:16]
    apps = package / "apps"
    apps.mkdir(exist_ok=True)
    folder = apps / digest
    with (apps / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            for old in apps.iterdir():
                if old.is_dir():
                    shutil.rmtree(old)
            shutil.copytree(EXAMPLE, folder)
            shutil.copytree(OVER_IT, folder, dirs_exist_ok=True)
            for name, piece in pieces.items():
                (folder / name).write_text(piece)
            _alias(folder)
            _unpack(package, folder)
            os.environ.setdefault("NEXT_TELEMETRY_DISABLED", "1")
            run(folder, "node", "../../node_modules/next/dist/bin/next", "build")
            (folder / "complete").touch()
    return folder


def _alias(folder: Path) -> None:
    """Alias `auth-lib` to our entry, and let the guide's untyped code be as loose as it is written."""
    configuration = json.loads((folder / "tsconfig.json").read_text())
    configuration["compilerOptions"] |= {"strict": False, "paths": {"@/*": ["./*"], "auth-lib": ["./auth-lib.ts"]}}
    (folder / "tsconfig.json").write_text(json.dumps(configuration))


def _unpack(package: Path, folder: Path) -> None:
    """Install the package in the form in which it would be published."""
    run(package, "npm", "pack", "--ignore-scripts", "--pack-destination", str(folder))
    archive = next(folder.glob("*.tgz"))
    target = folder / "node_modules/@watchword/client"
    with tarfile.open(archive) as packed:
        packed.extractall(folder / "unpacked", filter="data")
    target.parent.mkdir(parents=True)
    shutil.move(folder / "unpacked/package", target)
    archive.unlink()


@contextmanager
def serving(folder: Path, port: int, log: Path, environment: dict[str, str]) -> Generator[str]:
    """Serve the built app until the block ends; yields its address."""
    command = ["node", str(folder.parents[1] / "node_modules/next/dist/bin/next"), "start", "--port", str(port)]
    url = f"http://localhost:{port}"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(httpx.TransportError):
                httpx.get(f"{url}/", trust_env=False, timeout=PATIENCE)
                break
            time.sleep(0.05)
        else:
            raise RuntimeError(f"Next.js did not come up: {log.read_text()[-4000:]}")
        yield url
    finally:
        process.terminate()
        process.wait(PATIENCE)
