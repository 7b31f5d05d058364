"""The page that shows the same small app in every framework."""

from pathlib import Path
from typing import Final

from scripts.reference.markdown import GENERATED, code

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
FRAMEWORKS: Final = {
    "fastapi": "FastAPI",
    "starlette": "Starlette",
    "litestar": "Litestar",
    "django": "Django",
    "flask": "Flask",
}
HEAD: Final = """\
# The same app in each framework

Six handlers, one of each kind: open to all; for anyone signed in; for admins; for an admin or the person themselves;
deciding inside, with a sign-in of today; deciding inside by what it sees. Each file is in `examples/`, and the tests run
it. What the rules mean is on the page about [guards](guards.md).

"""


def examples_page() -> str:
    """Return the page, its code in tabs."""
    tabs = [_tab(name, title) for name, title in FRAMEWORKS.items() if (EXAMPLES / name / "app.py").exists()]
    return GENERATED + HEAD + "".join(tabs)


def _tab(name: str, title: str) -> str:
    text = code((EXAMPLES / name / "app.py").read_text(encoding="utf-8"), "python")
    indented = "\n".join(f"    {line}" if line else "" for line in text.rstrip().splitlines())
    return f'=== "{title}"\n\n{indented}\n\n'
