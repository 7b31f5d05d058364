"""How a tainted value may look in bytes: as it is, escaped for JSON, HTML or a URL, in base64, in hex."""

import html
import itertools
import json
import re
import string
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, lru_cache
from html.entities import codepoint2name
from typing import final
from urllib.parse import quote

Unit = tuple[bytes, ...]
"""The ways in which one character may be written, the longest first."""
_LEFT_ALONE = frozenset(string.ascii_letters + string.digits + "_.")
_BASE64 = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
_ENTITIES = codepoint2name | {ord("'"): "apos"}
_UNDETERMINED = (0, 2, 3)
"""Of the base64 of some bytes, how many characters depend on the 0, 1 or 2 bytes in front of them."""


@final
class Form:
    """One value in one encoding: a sequence of units, each of which may be written in one of several ways."""

    def __init__(self, name: str, units: Sequence[Unit]) -> None:
        self.name = name
        self.units = units
        self.longest = sum(len(unit[0]) for unit in units)
        self.literal = b"".join(unit[0] for unit in units) if all(len(unit) == 1 for unit in units) else None

    def is_in(self, data: bytes, begin: int, end: int) -> bool:
        """Tell whether the data holds it, whole, between two places."""
        if self.literal is not None:
            return data.find(self.literal, begin, end) >= 0
        return self._pattern.search(data, begin, end) is not None

    def may_begin_at(self, data: bytes, place: int) -> bool:
        """Tell whether the data, from this place to its end, are a beginning of it that more data could complete."""
        if self.literal is not None:
            return len(data) - place < len(self.literal) and self.literal.startswith(data[place:])
        ends = {place}
        for unit in self.units:
            reached: set[int] = set()
            for end in ends:
                rest = data[end : end + len(unit[0])]
                if end + len(rest) == len(data) and any(written.startswith(rest) for written in unit):
                    return True
                reached.update(end + len(written) for written in unit if rest.startswith(written))
            ends = reached
        return False

    def expanded(self, at: int, length: int) -> list[bytes]:
        """Return every way in which the units from `at` on begin, each written until it has `length` bytes or more."""
        done: list[bytes] = []
        begun: list[bytes] = [b""]
        for unit in itertools.islice(self.units, at, None):
            longer = [beginning + written for beginning in begun for written in unit]
            done += (written for written in longer if len(written) >= length)
            begun = [written for written in longer if len(written) < length]
            if not begun:
                break
        return done

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        groups = ((unit, len(list(group))) for unit, group in itertools.groupby(self.units))
        return re.compile(b"".join(_expression(unit, count) for unit, count in groups))


def forms_of(value: bytes) -> list[Form]:
    """Return all forms of a value: its text, its base64 at each alignment, its hex in both cases."""
    forms = [Form("as text", _text_units(value))]
    for ahead in range(3):
        written = b64encode(bytes(ahead) + value).decode()
        determined = written[_UNDETERMINED[ahead] : (ahead + len(value)) * 8 // 6]
        forms.append(Form("in base64", [_base64_unit(character) for character in determined]))
    lower = value.hex()
    cases = dict.fromkeys((lower, lower.upper()))
    return forms + [Form("in hex", [(digit.encode(),) for digit in written]) for written in cases]


def forms_of_shape(sets: Sequence[str]) -> list[Form]:
    """Return all forms of a text of a known shape: for each of its places, the ASCII characters that may stand there."""
    forms = [Form("as text", [_any_of(characters) for characters in sets])]
    for ahead in range(3):
        whole = range(_UNDETERMINED[ahead], (ahead + len(sets)) * 8 // 6)
        forms.append(Form("in base64", [_base64_set(sets, ahead, index) for index in whole]))
    for case in (str.lower, str.upper):
        units = [
            tuple(sorted({case(f"{ord(character):02x}")[half].encode() for character in characters}))
            for characters in sets
            for half in (0, 1)
        ]
        forms.append(Form("in hex", units))
    return forms


@lru_cache(maxsize=4096)
def spellings(character: str) -> Unit:
    """Return the ways in which encoders in use write a character, encoded once or twice (JSON in HTML, a URL in JSON).

    Letters, digits, `_` and `.` are left alone by all of them.
    """
    if character in _LEFT_ALONE:
        return (character.encode(),)
    once = _written_once(character)
    return _longest_first(text.encode() for text in once | {again(text) for text in once for again in _AGAIN})


def _written_once(character: str) -> set[str]:
    point = ord(character)
    utf_16 = character.encode("utf-16-be").hex()
    written = {
        character,
        json.dumps(character)[1:-1],
        f"&#{point};",
        f"&#{point:03};",
        f"&{_ENTITIES.get(point, f'#{point}')};",
    }
    for case in (str.lower, str.upper):
        written.add("".join(f"\\u{case(utf_16[place : place + 4])}" for place in range(0, len(utf_16), 4)))
        written.add(f"&#x{case(f'{point:x}')};")
        for mark in ("%", "\\x"):
            written.add("".join(f"{mark}{case(f'{byte:02x}')}" for byte in character.encode()))
        if point < 256:
            written.add(f"\\x{case(f'{point:02x}')}")
    return written | {" ": {"+"}, "/": {"\\/"}, "'": {"\\'"}}.get(character, set())


def _percent_lower(text: str) -> str:
    return re.sub("%..", lambda match: match[0].lower(), quote(text, safe=""))


_AGAIN: tuple[Callable[[str], str], ...] = (
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    html.escape,
    lambda text: html.escape(text).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
    lambda text: quote(text, safe=""),
    _percent_lower,
)
"""What writes a text that is written already: the second layer."""


def _text_units(value: bytes) -> list[Unit]:
    try:
        return [spellings(character) for character in value.decode()]
    except UnicodeDecodeError:
        return [_byte_unit(byte) for byte in value]


@lru_cache(maxsize=256)
def _byte_unit(byte: int) -> Unit:
    """Return the ways in which a byte that is no text is written: itself, percent-encoded, or as Latin-1."""
    number = f"{byte:02x}"
    alone = {bytes([byte]), f"%{number}".encode(), f"%{number.upper()}".encode()}
    return spellings(chr(byte)) if byte < 128 else _longest_first({*alone, *spellings(chr(byte))})


@lru_cache(maxsize=64)
def _base64_unit(character: str) -> Unit:
    twin = {"+": "-", "/": "_"}.get(character)
    return _longest_first(spellings(character) + spellings(twin)) if twin else (character.encode(),)


@lru_cache(maxsize=256)
def _any_of(characters: str) -> Unit:
    return _longest_first(itertools.chain.from_iterable(spellings(character) for character in characters))


def _base64_set(sets: Sequence[str], ahead: int, index: int) -> Unit:
    """Return the characters that may stand at this index of the base64 of a shape that `ahead` bytes stand before."""
    first, shift = divmod(index * 6, 8)
    around = [sets[place - ahead] if 0 <= place - ahead < len(sets) else "\0" for place in (first, first + 1)]
    return _base64_pair(around[0], around[1], shift)


@lru_cache(maxsize=256)
def _base64_pair(one: str, two: str, shift: int) -> Unit:
    bits = {(ord(a) << 8 | ord(b)) >> (10 - shift) & 63 for a in one for b in two}
    return _longest_first(itertools.chain.from_iterable(_base64_unit(_BASE64[six]) for six in bits))


def _longest_first(written: Iterable[bytes]) -> Unit:
    return tuple(sorted(set(written), key=lambda one: (-len(one), one)))


def _expression(unit: Unit, count: int) -> bytes:
    """Return the regular expression of so many of these units in a row."""
    if len(unit) == 1:
        return re.escape(unit[0] * count)
    single = b"".join(re.escape(written) for written in unit if len(written) == 1)
    ways = [re.escape(written) for written in unit if len(written) > 1]
    one = b"(?:" + b"|".join([b"[" + single + b"]", *ways] if single else ways) + b")"
    return one + b"{%d}" % count if count > 1 else one  # "{1}" would keep `re` from looking for the first byte alone
