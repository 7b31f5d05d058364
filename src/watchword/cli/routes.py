"""`watchword routes`."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from watchword.cli.configuration import AsJSON, Config
from watchword.cli.terminal import print_json, print_table
from watchword.foundation.errors import ConfigurationError

_OPEN = "OPEN BY MISTAKE"
App = Annotated[str | None, typer.Argument(metavar="MODULE:APP", help="An app, or a function() that makes one.")]


def routes(app: App = None, config: Config = None, *, as_json: AsJSON = False) -> None:
    """List the routes of an app, and who may call each; without an app, Watchword's own.

    One that is open by mistake is named so, and the exit code is 1: for a review, and for CI.

    \b
    Examples:
      watchword routes shop.main:app
      watchword routes shop.main:create() --json
      watchword routes
    """  # noqa: D301
    if app is None:
        columns, found = ("method", "path", "guard", "name"), _own(config)
    else:
        columns, found = ("method", "path", "guard", "where", "handler"), _of(app)
    is_open = any(row[2] == _OPEN for row in found)
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in found])
    else:
        # The name is in the place already; a table that is too wide breaks its lines.
        print_table(columns[:4], [row[:4] for row in found])
    if is_open:
        raise typer.Exit(1)


def _own(config: Path | None) -> list[tuple[str, ...]]:
    from watchword.auth import Auth
    from watchword.foundation.environment import read_document

    auth = Auth(configuration=read_document(config))
    prefix = auth.settings.prefix
    found = [(route.method, prefix + route.path, route.guard.description, route.name) for route in auth.routes]
    auth.stop()
    return found


def _of(target: str) -> list[tuple[str, ...]]:
    from watchword.web.endpoints import actions_of, endpoints_of

    app = _load(target)
    found = endpoints_of(app)
    if found is None:
        raise ConfigurationError(
            f"{target} is no app that Watchword protects: call protect(app, auth) where it is made"
        )
    return [
        (one.methods, one.path, one.rule.description if one.rule else _OPEN, one.where, one.handler)
        for one in (*found, *actions_of(app))
    ]


def _load(target: str) -> Any:
    """Import `package.module:app`, or call `package.module:create()`, with the working directory on the path."""
    name, _, attribute = target.partition(":")
    if not name or not attribute:
        raise ConfigurationError(f"{target!r} names no app: write package.module:app, or package.module:create()")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(import_module(name), attribute.removesuffix("()"))
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"{target} can't be loaded: {error}") from error
    return found() if attribute.endswith("()") else found
