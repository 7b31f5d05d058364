"""The app that a real server runs under test: Watchword's own pages and API on the database named by the environment."""

import os

from tests.support.contest import make_auth
from watchword.server import site
from watchword.web.asgi import ASGIApp

STORE = "SERVED_STORE"
"""The environment variable that names the database."""


def create() -> ASGIApp:
    """Return the app of one worker: cheap hashes, no limit that a test would reach."""
    return site(make_auth(os.environ[STORE]))
