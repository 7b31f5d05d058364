"""The development secret: made at the first start, kept in a file that only its owner reads."""

import os
from pathlib import Path

from watchword.foundation.secrets import Secret, random_secret

PREFIX = "development-"
"""Production refuses a secret that begins so."""


def development_secret(folder: Path) -> Secret:
    """Return the secret in `folder/.watchword/secret`, made where there is none; safe when several processes ask."""
    path = folder / ".watchword" / "secret"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(PREFIX + random_secret().reveal())
    except FileExistsError:
        pass
    return Secret(path.read_text().strip())
