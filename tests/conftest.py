"""What every test can use: databases, a clock, a browser. What holds for every test: no secret is logged."""

import faulthandler

import pytest
from hypothesis import settings

pytest_plugins = [
    "tests.support.databases",
    "tests.support.chromium",
    "tests.support.site",
    "tests.support.actions",
    "tests.support.canaries",
    "tests.support.node",
    "tests.support.client",
]

# A shared machine pauses at will: how long one example takes says nothing.
settings.register_profile("watchword", deadline=None)
settings.load_profile("watchword")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave each adapter on PostgreSQL to `scripts/test --all`, but for FastAPI's: what a database changes lies below.

    So are actions that run in servers of their own: their keys on PostgreSQL are tested in one process.
    """
    for item in items:
        parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        adapter = parameters.get("app", parameters.get("framework", "fastapi"))
        runs_servers = item.path.name == "test_actions_workers.py"
        if parameters.get("store_url") == "postgresql" and (adapter != "fastapi" or runs_servers):
            item.add_marker(pytest.mark.all)


@pytest.fixture(autouse=True)
def no_time_limit_for_long_tests(request: pytest.FixtureRequest) -> None:
    """Let the tests of `scripts/test --all` take as long as they need."""
    if request.node.get_closest_marker("all"):
        faulthandler.cancel_dump_traceback_later()
