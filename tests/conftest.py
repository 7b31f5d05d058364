"""What every test can use: databases, a clock, a browser."""

from hypothesis import settings

pytest_plugins = ["tests.support.databases", "tests.support.chromium", "tests.support.site"]

# A shared machine pauses at will: how long one example takes says nothing.
settings.register_profile("watchword", deadline=None)
settings.load_profile("watchword")
