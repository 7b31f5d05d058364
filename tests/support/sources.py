"""The project's own Python files, parsed, for the house rules."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "watchword"
TESTS = ROOT / "tests"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file: its path as people write it, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    def functions(self) -> Iterator[Function]:
        """Yield every function and method."""
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))

    def line(self, node: ast.stmt | ast.expr) -> str:
        """Return where a node stands, as `path:line`."""
        return f"{self.path}:{node.lineno}"


@cache
def sources(directory: Path) -> tuple[Source, ...]:
    """Return all Python files under a directory."""
    return tuple(_read(path) for path in sorted(directory.rglob("*.py")))


def _read(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    return Source(path.relative_to(ROOT).as_posix(), text, ast.parse(text))
