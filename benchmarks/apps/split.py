"""Two apps in one process, told apart by the first part of the path."""

from collections.abc import Callable
from typing import Any


def asgi(bare: Any, protected: Any) -> Callable[..., Any]:
    """Return an ASGI app that leads `/bare/…` to one and `/app/…` to the other."""

    async def split(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await protected(scope, receive, send)
            return
        path = scope["path"]
        is_bare = path.startswith("/bare/")
        scope["path"] = path[5:] if is_bare else path[4:]
        scope["raw_path"] = scope["path"].encode()
        await (bare if is_bare else protected)(scope, receive, send)

    return split


def wsgi(bare: Any, protected: Any) -> Callable[..., Any]:
    """Do what `asgi` does, for WSGI apps."""

    def split(environ: Any, start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        is_bare = path.startswith("/bare/")
        environ["PATH_INFO"] = path[5:] if is_bare else path[4:]
        return (bare if is_bare else protected)(environ, start_response)

    return split
