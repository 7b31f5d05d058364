"""The docs and the code say the same."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer.main

import watchword
from scripts.generate_docs import DOCS, PAGES
from scripts.reference.commands import walk
from scripts.reference.conformance import rows_named_in
from tests.support.sources import ROOT
from watchword.cli.commands import app
from watchword.foundation.environment import VARIABLES

LARGEST_PICTURE = 200_000
"""Bytes."""
DJANGO_SETTINGS = {"WATCHWORD_PUBLIC", "WATCHWORD_GUARDS"}
"""Settings of a Django project, and no environment variables."""
NEXT_SETTINGS = {"WATCHWORD_URL", "WATCHWORD_ISSUER", "WATCHWORD_AUDIENCE"}
"""Environment variables of a Next.js server, which the client reads."""
OTHER_HEADINGS = {"Adapters"}
"""Of the Python reference: what is no public name of `watchword`."""


def written() -> dict[str, str]:
    """Every page and the README, by path."""
    return {path.relative_to(ROOT).as_posix(): path.read_text() for path in (ROOT / "README.md", *DOCS.rglob("*.md"))}


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    """Every generated page by its path, made in a process of its own: here, tests have declared codes beside ours."""
    program = (
        "import json; from scripts.generate_docs import PAGES; print(json.dumps({p: f() for p, f in PAGES.items()}))"
    )
    made = subprocess.run([sys.executable, "-c", program], cwd=DOCS.parent, capture_output=True, check=True)
    return json.loads(made.stdout)


@pytest.mark.parametrize("path", PAGES)
def test_a_generated_page_says_what_the_code_declares(generated: dict[str, str], path: str):
    """When this fails: `uv run python -m scripts.generate_docs`."""
    assert generated[path] == (DOCS / path).read_text(encoding="utf-8")


def test_the_python_reference_has_every_public_name_and_no_other():
    headings = re.findall(r"^## (\w+)$", (DOCS / "reference/python.md").read_text(), re.MULTILINE)
    assert sorted({*watchword.__all__} | OTHER_HEADINGS) == sorted(headings)


def test_every_environment_variable_in_the_docs_is_declared():
    named = {name for text in written().values() for name in re.findall(r"WATCHWORD_[A-Z_]*[A-Z]", text)}
    assert named - {"WATCHWORD_CONFIG"} - DJANGO_SETTINGS - NEXT_SETTINGS == set(VARIABLES)


def test_every_command_in_the_docs_is_there():
    commands = {" ".join(path) for path, _ in walk(("watchword",), typer.main.get_command(app))}
    lines = [
        line
        for text in written().values()
        for line in re.findall(r"(?:`|^\$ |\()(watchword [a-z][^`\n)]*)", text, re.MULTILINE)
    ]
    unknown = {line for line in lines if not {line, *(" ".join(line.split()[:n]) for n in (2, 3))} & commands}
    assert len(lines) > 20
    assert unknown == set()


def test_the_navigation_leads_to_every_page_and_nowhere_else():
    navigation = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]
    assert sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")) == sorted(pages_in(navigation))


def pages_in(navigation: list[dict[str, object]]) -> list[str]:
    found: list[str] = []
    for entry in navigation:
        for target in entry.values():
            found += pages_in(target) if isinstance(target, list) else [str(target)]
    return found


def test_every_picture_is_shown_and_small():
    shown = {Path(link).name for text in written().values() for link in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)}
    sizes = {path.name: path.stat().st_size for path in (DOCS / "images").iterdir()}
    assert shown == set(sizes)
    assert {name: size for name, size in sizes.items() if size >= LARGEST_PICTURE} == {}


def test_the_links_of_the_readme_lead_somewhere():
    links = re.findall(r"\]\((?!http)([^)#]+)", (ROOT / "README.md").read_text())
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("test_cb_101_a_code_has_eight_digits", [101]),
        ("test_cb110_codes_are_limited", [110]),
        ("test_cb_094_to_096_what_has_not_the_parts", [94, 95, 96]),
        ("test_cb_136_and_138_a_hash", [136, 138]),
        ("CB-060 to CB-062 and CB-075", [60, 61, 62, 75]),
    ],
)
def test_a_row_of_the_copenhagen_book_is_found_in_a_tests_name_or_docstring(text: str, rows: list[int]):
    assert sorted(rows_named_in(text)) == rows
