"""The development secret: made at the first start, kept in a file that only its owner reads."""

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from watchword.foundation.secrets import Secret, random_secret

FOLDER = ".watchword"
PREFIX = "development-"
"""Production refuses a secret that begins so."""


def secret_path(store_url: str) -> Path:
    """Return where the development secret of this store is kept: beside a SQLite file, else in the working directory."""
    is_sqlite = store_url.startswith("sqlite:///")
    folder = Path(store_url.removeprefix("sqlite:///").partition("?")[0] if is_sqlite else "").parent
    return (folder if folder.name == FOLDER else folder / FOLDER) / "secret"


def development_secret(path: Path) -> Secret:
    """Return the secret in this file, made where there is none; safe when several processes ask at once."""
    if not path.exists():
        _make(path)
    return Secret(path.read_text().strip())


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # So that nobody commits the folder.
    (path.parent / ".gitignore").write_text("*\n")
    # Written whole under another name (0600 from the start), then linked: nobody reads a file that is half there, and
    # of several processes one wins.
    descriptor, draft = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(PREFIX + random_secret().reveal())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        Path(draft).unlink()


def secrets_of(given: Sequence[str], store_url: str, *, is_production: bool) -> tuple[Secret, ...]:
    """Return the application's secrets: those given, or in development the one of the file beside the database."""
    if given or is_production:
        return tuple(map(Secret, given))
    return (development_secret(secret_path(store_url)),)
