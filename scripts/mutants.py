"""Switches each defence off, one at a time, and shows that the attack tests notice.

    .venv/bin/python -m scripts.mutants                 all of them
    .venv/bin/python -m scripts.mutants a043 origin.py  those whose table entry has one of these texts

A defence is an entry of tests/attacks/mutants.toml: a file under src/watchword, a text that stands in it once, what
takes its place, and the tests that must then fail (as for `pytest -k`). Each is tried in a copy of src, on SQLite.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
TABLE: Final = ROOT / "tests" / "attacks" / "mutants.toml"
PATIENCE: Final = 300
"""Seconds for the tests of one mutant."""


@dataclass(frozen=True)
class Mutant:
    """One defence, switched off."""

    defence: str
    file: str
    old: str
    new: str
    tests: str
    where: str = "tests/attacks"

    def outcome(self) -> str:
        """Return `killed`, or what is wrong: `SURVIVED`, or why it could not be tried."""
        with tempfile.TemporaryDirectory(prefix="watchword-mutant-") as directory:
            copy = Path(directory) / "src"
            shutil.copytree(ROOT / "src", copy, ignore=shutil.ignore_patterns("__pycache__"))
            target = copy / "watchword" / self.file
            if not target.exists():
                return "NO SUCH FILE"
            source = target.read_text(encoding="utf-8")
            if source.count(self.old) != 1:
                return f"ITS TEXT STANDS THERE {source.count(self.old)} TIMES"
            target.write_text(source.replace(self.old, self.new), encoding="utf-8")
            return self._try(copy)

    def _try(self, source: Path) -> str:
        options = ["-q", "-x", "-p", "no:cacheprovider", "-k", f"({self.tests}) and not postgresql", self.where]
        # Nothing of the checkout's own src may be imported in place of the copy.
        environment = {**os.environ, "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            ran = subprocess.run(
                [sys.executable, "-m", "pytest", *options],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "TOOK TOO LONG"
        # Only a test that failed counts: code that no longer loads would fail any test, and prove nothing.
        if ran.returncode == 1 and "\nFAILED " in ran.stdout:
            return "killed"
        return "SURVIVED" if ran.returncode == 0 else f"NOT TRIED (pytest {ran.returncode}):\n{ran.stdout[-1500:]}"


def read_table(texts: list[str]) -> list[Mutant]:
    """Return the mutants whose entry has one of the texts; all of them where none is given."""
    found = [Mutant(**entry) for entry in tomllib.loads(TABLE.read_text(encoding="utf-8"))["mutant"]]
    return [mutant for mutant in found if not texts or any(text in repr(mutant) for text in texts)]


def main() -> int:
    """Try the mutants, print the outcome of each, and return how many of them no test noticed."""
    mutants = read_table(sys.argv[1:])
    unnoticed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for mutant, outcome in zip(mutants, pool.map(Mutant.outcome, mutants), strict=True):
            unnoticed += outcome != "killed"
            print(f"{outcome:<9} {mutant.file}: {mutant.defence}  [{mutant.tests}]", flush=True)
    print(f"{len(mutants) - unnoticed} of {len(mutants)} defences are missed when they are off")
    return min(unnoticed, 1)


if __name__ == "__main__":
    sys.exit(main())
