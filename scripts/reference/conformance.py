"""The pages that say which test shows what: the Copenhagen Book, row by row, and the attacks, number by number."""

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from scripts.reference.markdown import GENERATED, table
from tests.support.sources import TESTS, sources

HERE: Final = Path(__file__).parent
NONE_YET: Final = "**no test yet**"
LEVELS: Final = {"M": "must", "S": "should", "O": "may"}

COPENHAGEN_HEAD: Final = """\
# The Copenhagen Book, row by row

The [Copenhagen Book](https://thecopenhagenbook.com) is a guide to authentication; its recommendations, numbered by us,
are the measure of the defaults. This page lists those that concern what Watchword does today, how each is met, and the
tests that show it. OAuth comes with a later release, and its chapter with it. A number such as A029 stands for all
tests of that [attack](attacks.md). Where we differ on purpose, [decisions](decisions.md) gives the reason.

"""

ATTACKS_HEAD: Final = """\
# Attacks

What attackers send, by number, what must happen, and the tests that send it. A test is named after its attack:
`test_a029_two_session_cookies_are_refused`. Chapters that concern parts of later releases (OAuth, SAML) come with them.

"""

_ROW: Final = re.compile(r"cb[-_]?(\d{3})(?:(?:_to_| to )(?:cb-?)?(\d{3}))?((?:_and_\d{3})*)", re.IGNORECASE)
_ATTACK: Final = re.compile(r"_a(\d{3})(?=_)")


class Row(msgspec.Struct, forbid_unknown_fields=True):
    """A recommendation: its level, what it asks, how it is met.

    `tests` are names of tests that do not name the row themselves, or numbers of attacks, whose tests all count.
    `untested` says why there is nothing to test.
    """

    level: str
    asks: str
    how: str
    tests: tuple[str, ...] = ()
    untested: str = ""


class Attack(msgspec.Struct, forbid_unknown_fields=True):
    """An attack: what is sent, what must happen, and why no test sends it yet, where there is a reason."""

    sent: str
    must: str
    later: str = ""


class Evidence:
    """All tests of the suite: by name, by the rows of the Copenhagen Book and by the attacks that they name."""

    def __init__(self) -> None:
        self.files: dict[str, list[str]] = defaultdict(list)
        self.rows: dict[int, set[str]] = defaultdict(set)
        self.attacks: dict[int, set[str]] = defaultdict(set)
        for source in sources(TESTS):
            for function in source.functions():
                if not function.name.startswith("test_"):
                    continue
                self.files[function.name].append(source.path.removeprefix("tests/"))
                for number in rows_named_in(f"{function.name} {ast.get_docstring(function) or ''}"):
                    self.rows[number].add(function.name)
                for number in _ATTACK.findall(function.name):
                    self.attacks[int(number)].add(function.name)

    def of_row(self, number: int, row: Row) -> str:
        """Return the attacks and tests that the row names, and the tests that name the row.

        Raises:
            ValueError: there is no such attack or test (any more).
        """
        attacks = [name for name in row.tests if name.startswith("A")]
        if lost := [name for name in attacks if not self.attacks[int(name[1:])]]:
            raise ValueError(f"no test of {', '.join(lost)}: correct scripts/reference/copenhagen.toml")
        links = ", ".join(f"[{name}](attacks.md)" for name in attacks)
        tests = self.shown({*row.tests, *self.rows[number]} - set(attacks))
        return "<br>".join(filter(None, (links, tests)))

    def shown(self, names: Iterable[str]) -> str:
        """Return the tests with their files, or that there is none.

        Raises:
            ValueError: there is no test of that name (any more).
        """
        wanted = sorted(set(names))
        if lost := [name for name in wanted if name not in self.files]:
            raise ValueError(f"no such test: {', '.join(lost)}: correct scripts/reference/copenhagen.toml")
        found = sorted((file, name) for name in wanted for file in self.files[name])
        by_file: dict[str, list[str]] = defaultdict(list)
        for file, name in found:
            by_file[file].append(f"`{name}`")
        return "<br>".join(f"{file}: {', '.join(named)}" for file, named in by_file.items())


def rows_named_in(text: str) -> Iterator[int]:
    """Yield the rows that a test names: `cb_101`, `CB-060 to CB-077`, `cb_094_to_096`, `cb_136_and_138`."""
    for first, last, more in _ROW.findall(text):
        yield from range(int(first), int(last or first) + 1)
        yield from (int(number) for number in re.findall(r"\d{3}", more))


def copenhagen_page() -> str:
    """Return the page of the Copenhagen Book."""
    evidence = Evidence()
    page = GENERATED + COPENHAGEN_HEAD
    for title, rows in copenhagen_rows().items():
        lines = [
            (f"{name}<br>{LEVELS[row.level]}", row.asks, row.how, evidence.of_row(int(name[3:]), row) or _missing(row))
            for name, row in rows.items()
        ]
        page += f"## {title}\n\n" + table(("Row", "Asks for", "How it is met", "Tests"), lines)
    return page


def attacks_page() -> str:
    """Return the page of the attacks."""
    evidence = Evidence()
    page = GENERATED + ATTACKS_HEAD
    for title, attacks in attack_chapters().items():
        lines = [
            (
                name,
                attack.sent,
                attack.must,
                evidence.shown(evidence.attacks[int(name[1:])]) or attack.later or NONE_YET,
            )
            for name, attack in attacks.items()
        ]
        page += f"## {title}\n\n" + table(("Number", "What is sent", "What must happen", "Tests"), lines)
    return page


def copenhagen_rows() -> Mapping[str, Mapping[str, Row]]:
    """Return the rows by chapter."""
    return msgspec.convert(_read("copenhagen.toml"), dict[str, dict[str, Row]])


def attack_chapters() -> Mapping[str, Mapping[str, Attack]]:
    """Return the attacks by chapter."""
    return msgspec.convert(_read("attacks.toml"), dict[str, dict[str, Attack]])


def _missing(row: Row) -> str:
    return row.untested or (NONE_YET if row.level in ("M", "S") else "")


def _read(name: str) -> dict[str, object]:
    return tomllib.loads((HERE / name).read_text(encoding="utf-8"))
