"""The server of its own: the pages and the API under `/auth`, and nothing beside them."""

import os
from pathlib import Path
from typing import final

from watchword.auth import Auth
from watchword.foundation.environment import read_document
from watchword.foundation.errors import NOT_FOUND, AccessError
from watchword.web.asgi import ASGIApp, Receive, Scope, Send, WatchwordMiddleware

CONFIGURATION = "WATCHWORD_CONFIG"
"""The environment variable that names the settings file."""


def create() -> ASGIApp:
    """Return the app that each worker serves, set up by the file that `WATCHWORD_CONFIG` names and the environment.

    Any ASGI server runs it: `granian --interface asgi --factory watchword.server:create`.

    Raises:
        ConfigurationError: something is missing or not safe.
    """
    path = os.environ.get(CONFIGURATION)
    return site(Auth(configuration=read_document(Path(path) if path else None)))


def site(auth: Auth) -> ASGIApp:
    """Return the app for this `Auth`."""
    return WatchwordMiddleware(_Outside(auth), auth.edge, check=lambda: None)


class _NothingHere(AccessError):
    code = NOT_FOUND


@final
class _Outside:
    """What is not under `/auth`: the first page leads to the account, and there is nothing else."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http" and scope["path"] == "/" and scope["method"] in ("GET", "HEAD"):
            location = f"{self._auth.settings.prefix}/account".encode()
            headers = [(b"location", location), (b"cache-control", b"no-store"), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 303, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
        else:
            raise _NothingHere

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
