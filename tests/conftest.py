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
]

# A shared machine pauses at will: how long one example takes says nothing.
settings.register_profile("watchword", deadline=None)
settings.load_profile("watchword")


@pytest.fixture(autouse=True)
def no_time_limit_for_long_tests(request: pytest.FixtureRequest) -> None:
    """Let the tests of `scripts/test --all` take as long as they need."""
    if request.node.get_closest_marker("all"):
        faulthandler.cancel_dump_traceback_later()
