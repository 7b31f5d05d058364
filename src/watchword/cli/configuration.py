"""Where commands find their settings, and how they open the service."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from watchword.auth import Auth

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        envvar="WATCHWORD_CONFIG",
        metavar="FILE",
        help="Settings file. Without it: watchword.toml in this folder, where there is one.",
    ),
]
AsJSON = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@contextmanager
def opened(config: Path | None) -> Generator["Auth"]:
    """Open the service for the length of the block, its database ready; nothing runs in the background.

    Raises:
        ConfigurationError: something is missing or not safe.
        StoreUnavailableError: the database can't answer.
    """
    from watchword.auth import Auth
    from watchword.foundation.environment import read_document

    auth = Auth(configuration=read_document(config))
    try:
        auth.prepare_store()
        yield auth
    finally:
        auth.stop()
