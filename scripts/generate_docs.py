"""Write the reference pages that are derived from the code: docs/reference/problems.md from the declared codes."""

import importlib
import pkgutil
from pathlib import Path

import watchword
from watchword.foundation.errors import Code, declared_codes

PROBLEMS_PAGE = Path(__file__).parent.parent / "docs" / "reference" / "problems.md"

PROBLEMS_HEAD = """\
# Problems

Every refusal is a problem document ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) with a stable `code`. The set
of codes is closed: a client may branch on them.

| Code | Status | Meaning | What to do |
| --- | --- | --- | --- |
"""


def import_every_room() -> None:
    """Import all modules of the package, so that all codes are declared. Alembic alone can run its migrations."""
    for module in pkgutil.walk_packages(watchword.__path__, "watchword."):
        if not module.name.startswith("watchword.storage.migrations") and not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def problem_row(code: Code) -> str:
    """Return one row of the table."""
    return f"| `{code.name}` | {code.status} | {code.title} | {code.fix} |\n"


def problems_page() -> str:
    """Return the page that lists every declared code."""
    import_every_room()
    return PROBLEMS_HEAD + "".join(problem_row(code) for code in declared_codes())


if __name__ == "__main__":
    PROBLEMS_PAGE.write_text(problems_page(), encoding="utf-8")
