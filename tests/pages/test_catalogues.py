"""The catalogues of pages and mails are whole: every language has every text, and every text is used."""

import re
from importlib.resources import files
from typing import get_args

import pytest

from watchword.foundation.texts import Texts, catalogues
from watchword.outbox.render import VALUES
from watchword.pages.contexts import Notice, Page
from watchword.pages.render import template_name

PACKAGES = ("watchword.pages", "watchword.outbox")
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
USED = re.compile(r"""\bt\(\s*"([a-z_0-9.]+)"\s*[,)]""")
BUILT = {
    "watchword.pages": ("problem.", "reason.", "wait.", "month.", "device.", "error."),
    "watchword.outbox": tuple(f"{kind}." for kind in VALUES),
}
"""Families of keys that code puts together."""


def templates(package: str) -> str:
    return "\n".join(entry.read_text(encoding="utf-8") for entry in (files(package) / "templates").iterdir())


def keys_used(package: str) -> set[str]:
    used = set(USED.findall(templates(package)))
    if package == "watchword.pages":
        pages = {template_name(page) for page in Page.__subclasses__()} - {"error"}
        used |= {f"{page}.title" for page in pages} | {f"notice.{notice}" for notice in get_args(Notice)} | {"moment"}
        used |= {f"{page}.lead" for page in pages if f"{page}.lead" in catalogues(package)["en"]}
    return used


@pytest.mark.parametrize("package", PACKAGES)
def test_all_languages_have_the_same_keys_and_placeholders(package: str):
    def shape(texts: Texts) -> dict[str, set[str]]:
        return {key: set(PLACEHOLDER.findall(text)) for key, text in texts.entries.items()}

    english = shape(catalogues(package)["en"])
    for texts in catalogues(package).values():
        assert shape(texts) == english, texts.language


@pytest.mark.parametrize("package", PACKAGES)
def test_no_text_is_empty_or_left_in_english(package: str):
    english, german = (catalogues(package)[language].entries for language in ("en", "de"))
    same = {key for key in english if english[key] == german[key]}
    assert all(text.strip() == text != "" for texts in (english, german) for text in texts.values())
    assert {key for key in same if " " in english[key]} == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_text_that_a_template_uses_exists(package: str):
    assert keys_used(package) - set(catalogues(package)["en"].entries) == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_text_in_the_catalogue_is_used(package: str):
    used = keys_used(package)
    assert {
        key for key in catalogues(package)["en"].entries if key not in used and not key.startswith(BUILT[package])
    } == set()


def test_every_fault_of_a_field_that_the_rooms_name_has_a_text():
    """A reason added without a text would read "please check this entry" on the pages."""
    from tests.support.sources import PACKAGE, sources

    # What a foreign token lacks is said on the command line, in English.
    rooms = [source for source in sources(PACKAGE) if not {"cli", "vendors"} & set(source.path.split("/"))]
    named = {name for source in rooms for name in re.findall(r'reason="([a-z_]+)"', source.text)}
    assert {f"reason.{name}" for name in named} - set(catalogues("watchword.pages")["en"].entries) == set()
