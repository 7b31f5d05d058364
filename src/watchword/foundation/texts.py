"""Texts for people, in their language: flat catalogues `texts/<language>.json` of a package, key to text.

A text may hold placeholders, `{name}`. A language is added by adding its file; English has every key.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import final

from markupsafe import Markup, escape

FALLBACK = "en"


@final
class Texts:
    """The texts of one package in one language."""

    def __init__(self, language: str, entries: Mapping[str, str]) -> None:
        self.language = language
        self.entries = entries

    def __contains__(self, key: str) -> bool:
        return key in self.entries

    def plain(self, key: str, **values: object) -> str:
        """Return the text with its placeholders filled, for mails and other plain text.

        Raises:
            KeyError: there is no such text, or a placeholder's value is missing.
        """
        return self.entries[key].format(**values)

    def html(self, key: str, **values: object) -> Markup:
        """Return the text for an HTML page: it and the values are escaped, save for values that are `Markup`."""
        return Markup(escape(self.entries[key])).format(**values)  # noqa: S704 - escaped in this very expression

    def count(self, key: str, count: int) -> str:
        """Return the text for a count: `key.one` or `key.other`, with the placeholder `{count}`."""
        return self.plain(f"{key}.{'one' if count == 1 else 'other'}", count=count)


@cache
def catalogues(package: str) -> Mapping[str, Texts]:
    """Return the texts of a package by language."""
    folder = files(package) / "texts"
    return {
        name: Texts(name, json.loads((folder / f"{name}.json").read_text(encoding="utf-8")))
        for name in sorted(entry.name.removesuffix(".json") for entry in folder.iterdir())
        if (folder / f"{name}.json").is_file()
    }


def texts_in(package: str, language: str) -> Texts:
    """Return the package's texts in the language, or its nearest relative (`de` for `de-AT`), or English."""
    available = catalogues(package)
    return available[_available(language, available) or FALLBACK]


def choose_language(accept_language: str | None, available: Iterable[str], default: str) -> str:
    """Return the best language for a browser.

    Args:
        accept_language: the header (RFC 9110, section 12.5.4), or `None`.
        available: languages there are texts in.
        default: where it asks for none of them; a language that does not exist becomes English.
    """
    names = tuple(available)
    ranges = [_weighted(part) for part in (accept_language or "")[:1_000].split(",")]
    for language, weight in sorted(ranges, key=lambda one: -one[1]):
        found = _available(language, names)
        if weight > 0 and found is not None:
            return found
    return _available(default, names) or FALLBACK


def _weighted(part: str) -> tuple[str, float]:
    """Return one range of `Accept-Language` and its weight; one that does not parse weighs nothing."""
    language, _, parameter = part.partition(";")
    name, _, weight = parameter.partition("=")
    if not parameter.strip():
        return language.strip(), 1.0
    try:
        return language.strip(), float(weight) if name.strip().lower() == "q" else 0.0
    except ValueError:
        return language.strip(), 0.0


def _available(language: str, available: Iterable[str]) -> str | None:
    """Return the language as there are texts in it: itself, or what its first part names (RFC 4647, section 3.4)."""
    wanted = language.lower().replace("_", "-")
    return next((name for name in available if name in (wanted, wanted.partition("-")[0])), None)
