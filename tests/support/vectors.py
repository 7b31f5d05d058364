"""The vectors beside the checkout, `../shared/vectors`: read, never kept here."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[2]


def vectors_folder() -> Path | None:
    """Return the folder, beside this checkout or beside the one that it is a worktree of; `None` where there is none."""
    found = (parent / "shared" / "vectors" for parent in ROOT.parents)
    return next((folder for folder in found if folder.is_dir()), None)


def read_vectors(path: str) -> Any:
    """Return a file of the folder, parsed; a test without it is skipped aloud."""
    folder = vectors_folder()
    if folder is None:
        pytest.skip(f"NO VECTORS: ../shared/vectors/{path} is not beside this checkout")
    return json.loads((folder / path).read_text(encoding="utf-8"))
