"""Write the pages of the documentation that are derived from the code: `python -m scripts.generate_docs`.

Each page is a function of what the code declares and of what the tests are called, so that `tests/house/test_docs.py`
can tell when a page is not up to date.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from scripts.reference.commands import commands_page
from scripts.reference.conformance import attacks_page, copenhagen_page
from scripts.reference.examples import examples_page
from scripts.reference.http_api import http_api_page
from scripts.reference.lists import events_page, limits_page, mails_page, problems_page
from scripts.reference.providers import providers_page
from scripts.reference.settings import settings_page

DOCS: Final = Path(__file__).parent.parent / "docs"

PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "guides/frameworks.md": examples_page,
    "reference/http-api.md": http_api_page,
    "reference/problems.md": problems_page,
    "reference/settings.md": settings_page,
    "reference/limits.md": limits_page,
    "reference/providers.md": providers_page,
    "reference/audit-events.md": events_page,
    "reference/mails.md": mails_page,
    "reference/command-line.md": commands_page,
    "security/copenhagen.md": copenhagen_page,
    "security/attacks.md": attacks_page,
}
"""Every generated page, by its path under docs/."""

if __name__ == "__main__":
    for path, page in PAGES.items():
        (DOCS / path).write_text(page(), encoding="utf-8")
        print(f"docs/{path}")
