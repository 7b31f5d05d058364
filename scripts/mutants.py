"""Switches each defence off, one at a time, and shows that the attack tests notice.

    .venv/bin/python -m scripts.mutants                 all of them; then names the attack tests that never failed
    .venv/bin/python -m scripts.mutants a043 origin.py  those whose entry has one of these texts

A defence is a `[[mutant]]` of tests/attacks/mutants/*.toml: a file under src/watchword, a text that stands in it once,
what takes its place, and the tests that must then fail (as for `pytest -k`; `where` names their files or directories).
Where one attack meets several defences, `old` and `new` are lists. Each is tried in a copy of src, on SQLite unless
`database` says otherwise. An `[[exempt]]` names attack tests that no mutant can make fail, and why.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
TESTS: Final = ROOT / "tests"
TABLE: Final = TESTS / "attacks" / "mutants"
PATIENCE: Final = 300
"""Seconds for the tests of one mutant."""
_FAILED = re.compile(r"^FAILED [^\s\[]+::(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Mutant:
    """One defence, switched off."""

    defence: str
    file: str
    old: str | list[str]
    new: str | list[str]
    tests: str
    where: str = "tests/attacks"
    database: str = "sqlite"

    def flaw(self) -> str | None:
        """Return why this can't be tried: its texts don't stand where it says."""
        path = ROOT / "src" / "watchword" / self.file
        if not path.is_file():
            return "NO SUCH FILE"
        source = path.read_text(encoding="utf-8")
        return next(
            (f"STANDS THERE {source.count(old)} TIMES: {old!r}" for old, _ in self._edits() if source.count(old) != 1),
            None,
        )

    def outcome(self) -> tuple[str, set[str]]:
        """Return `killed`, or what is wrong (`SURVIVED`, or why it could not be tried), and the tests that failed."""
        if flaw := self.flaw():
            return flaw, set()
        with tempfile.TemporaryDirectory(prefix="watchword-mutant-") as directory:
            copy = Path(directory) / "src"
            shutil.copytree(ROOT / "src", copy, ignore=shutil.ignore_patterns("__pycache__"))
            target = copy / "watchword" / self.file
            source = target.read_text(encoding="utf-8")
            for old, new in self._edits():
                source = source.replace(old, new)
            target.write_text(source, encoding="utf-8")
            return self._try(copy)

    def _edits(self) -> list[tuple[str, str]]:
        return list(zip(_listed(self.old), _listed(self.new), strict=True))

    def _try(self, source: Path) -> tuple[str, set[str]]:
        other = {"sqlite": "postgresql", "postgresql": "sqlite"}[self.database]
        options = ["-q", "-m", "not browser", "-p", "no:cacheprovider", "-k", f"({self.tests}) and not {other}"]
        # Nothing of the checkout's own src may be imported in place of the copy.
        environment = {**os.environ, "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            ran = subprocess.run(
                [sys.executable, "-m", "pytest", *options, *self.where.split()],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "TOOK TOO LONG", set()
        # Only a test that failed counts: code that no longer loads would fail any test, and prove nothing.
        failed = set(_FAILED.findall(ran.stdout))
        if ran.returncode == 1 and failed:
            return "killed", failed
        return (
            "SURVIVED" if ran.returncode == 0 else f"NOT TRIED (pytest {ran.returncode}):\n{ran.stdout[-1500:]}"
        ), set()


def _listed(text: str | list[str]) -> list[str]:
    return [text] if isinstance(text, str) else text


def read_table() -> tuple[list[Mutant], set[str]]:
    """Return the mutants, and the attack tests that are exempt."""
    tables: list[dict[str, Any]] = [tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(TABLE.iterdir())]
    mutants = [Mutant(**entry) for table in tables for entry in table.get("mutant", ())]
    return mutants, {name for table in tables for entry in table.get("exempt", ()) for name in entry["tests"]}


def attack_tests() -> set[str]:
    """Return the names of all attack tests: those named by number, and whatever stands in tests/attacks."""
    found: set[str] = set()
    for path in TESTS.rglob("test_*.py"):
        names = {
            node.name
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        }
        found |= {name for name in names if path.parent.name == "attacks" or re.match(r"test_a\d{3}_", name)}
    return found


def main() -> int:
    """Try the mutants, print the outcome of each, and return 1 where a test is missing that would notice."""
    mutants, exempt = read_table()
    texts = sys.argv[1:]
    chosen = [mutant for mutant in mutants if not texts or any(text in repr(mutant) for text in texts)]
    unnoticed, seen = 0, set[str]()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for mutant, (outcome, failed) in zip(chosen, pool.map(Mutant.outcome, chosen), strict=True):
            unnoticed += outcome != "killed"
            seen |= failed
            print(f"{outcome:<9} {mutant.file}: {mutant.defence}  [{len(failed)} by {mutant.tests}]", flush=True)
    print(f"{len(chosen) - unnoticed} of {len(chosen)} defences are missed when they are off")
    if texts:
        return min(unnoticed, 1)
    never = sorted(attack_tests() - seen - exempt)
    print(
        f"{len(seen)} attack tests have failed with a defence off, {len(exempt)} are exempt, {len(never)} never failed"
    )
    print("\n".join(f"NEVER FAILED {name}" for name in never))
    return min(unnoticed + len(never), 1)


if __name__ == "__main__":
    sys.exit(main())
