"""Time, randomness and ids come from `foundation` alone, so that tests can hand them in and reviews look in one place."""

import ast
from collections.abc import Iterator

import pytest

from tests.support.sources import PACKAGE, Source, sources

ONLY_IN_FOUNDATION = {
    "secrets",
    "uuid",
    "os.urandom",
    "time.time",
    "time.time_ns",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
}
NOWHERE = {"random"}


def names_used(tree: ast.Module) -> Iterator[tuple[ast.stmt | ast.expr, str]]:
    """Yield what a file imports and which attributes it reads: `secrets`, `os.urandom`, `datetime.now`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node, node.module
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Attribute):
            yield node, ".".join(ast.unparse(node).split(".")[-2:])


def uses(source: Source, forbidden: set[str]) -> list[str]:
    return [f"{source.line(node)} {name}" for node, name in names_used(source.tree) if name in forbidden]


def test_time_randomness_and_ids_come_from_foundation():
    outside = [source for source in sources(PACKAGE) if not source.path.startswith("src/watchword/foundation/")]
    assert [use for source in outside for use in uses(source, ONLY_IN_FOUNDATION)] == []


def test_cb_001_the_standard_random_module_is_never_used():
    assert [use for source in sources(PACKAGE) for use in uses(source, NOWHERE)] == []


@pytest.mark.parametrize(
    "text",
    ["import secrets", "from secrets import token_hex", "import time\ntime.time()", "from time import time",
     "import datetime\ndatetime.datetime.now()", "from datetime import datetime\ndatetime.now(UTC)",
     "import os\nos.urandom(16)", "import uuid"],
)  # fmt: skip
def test_the_rule_finds_each_way_to_break_it(text: str):
    assert uses(Source("sample.py", text, ast.parse(text)), ONLY_IN_FOUNDATION)


def test_the_rule_lets_a_field_named_secrets_pass():
    text = "from watchword.foundation.secrets import Secret\nself.secrets.append(secret)\ntime.monotonic()"
    assert uses(Source("sample.py", text, ast.parse(text)), ONLY_IN_FOUNDATION) == []
