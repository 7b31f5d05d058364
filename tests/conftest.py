"""What every test can use: databases, a clock, a browser. What holds for every test: no secret is logged."""

import faulthandler
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = [
    "tests.support.databases",
    "tests.support.chromium",
    "tests.support.site",
    "tests.support.actions",
    "tests.support.canaries",
    "tests.support.node",
    "tests.support.provider",
    "tests.support.forged",
    "tests.support.client",
]

HERE = Path(__file__).parent

# A shared machine pauses at will: how long one example takes says nothing.
settings.register_profile("watchword", deadline=None)
settings.load_profile("watchword")


ABOVE_THE_DATABASE = {"attacks", "copenhagen", "features", "http", "methods", "pages", "policy", "web"}
"""Folders of tests whose subject no database changes: what does lies below, and has tests of its own."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave what PostgreSQL hardly changes to `scripts/test --all`: SQLite meets every adapter and every input.

    By default PostgreSQL meets the first input of each test above the database, and FastAPI's adapter. Actions that run
    in servers of their own are left too: their keys on PostgreSQL are tested in one process.
    """
    met = set[object]()
    for item in items:
        if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
            continue
        parameters = item.callspec.params
        if parameters.get("store_url") != "postgresql":
            continue
        adapter = parameters.get("app", parameters.get("framework", "fastapi"))
        above = item.path.relative_to(HERE).parts[0] in ABOVE_THE_DATABASE
        if adapter != "fastapi" or (above and item.function in met) or item.path.name == "test_actions_workers.py":
            item.add_marker(pytest.mark.all)
        met.add(item.function)


@pytest.fixture(autouse=True)
def no_time_limit_for_long_tests(request: pytest.FixtureRequest) -> None:
    """Let the tests of `scripts/test --all` take as long as they need."""
    if request.node.get_closest_marker("all"):
        faulthandler.cancel_dump_traceback_later()
