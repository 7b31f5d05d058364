"""Looking for many forms at once: by short anchors of theirs, with Aho-Corasick; a form is compared where one is found.

An anchor is a piece of a form that is rare in what sites send. Up to 64 anchors are found with vector instructions at
several GB/s; more of them with a table of states, a step for each byte, at 500 MB/s at best. So where there are many,
only every third byte is looked at, for every third byte of the anchors.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import final

from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind

from watchword.policy.taint_encodings import Form

FEW = 64
"""Anchors: what the vector search of the aho-corasick crate (Teddy) takes."""
_STRIDE = 3
_LONGEST_ANCHOR = 8
_GOOD_ANCHOR = 6
_SHORTEST_ANCHOR = 4
_FEW_SPELLINGS = 4
_RUN = 4 * _STRIDE
"""Bytes that are written in one way only, in a row: four are left of each third of them."""
_STRIDED_ANCHOR = 5
_STRIDED_HEX_ANCHOR = 7
_BEGINNING = 3
_CONSIDERED = 96
"""Bytes of a run that are considered for anchors: those in its middle, for keys of one kind begin and end alike."""
_SPARSE = 512
"""Bytes for each anchor found: with more of them, what overlaps is looked for everywhere at once."""
_BLOCK = 192 * 1024
"""Bytes looked at in one go, a multiple of three: a third of it stays in the processor's cache."""
_FROM_RARE = b"QXZ[]|'%()&;+KYVJUWNOGLHFBRPDMIECTASzxqjk><}{/_-.:,987654321\"0vbywgpfmucdlhrsnioate "
_RANKS = bytes(_FROM_RARE.find(byte) + 1 for byte in range(256))
"""How common each byte is in what sites send."""
Hit = tuple[int, int, int]
"""The number of an anchor, where it begins and ends."""
Candidate = tuple[Form, int, int]
"""A form, and the places between which it may be."""


@final
class Part:
    """Some forms, ready to be looked for."""

    def __init__(self, forms: Iterable[Form]) -> None:
        self.forms = tuple(forms)
        self.longest = max(form.longest for form in self.forms)
        taken: set[bytes] = set()
        strided: dict[Form, list[bytes]] = {}
        if len(self.forms) > FEW:
            strided = {form: found for form in self.forms if (found := _strided_anchors(form, taken))}
        others = {form: _anchors(form, taken) for form in self.forms if form not in strided}
        self.searches = [
            search(_by_anchor(anchors)) for search, anchors in ((_Strided, strided), (_Search, others)) if anchors
        ]

    def undecided_from(self, data: bytes) -> int:
        """Return the first place from which more data could complete a form, or the end of the data."""
        outside = len(data.rstrip(self._bytes))
        for place in range(max(outside, len(data) - self.longest + 1), len(data)):
            forms = self._by_beginning.get(data[place : place + _BEGINNING])
            if forms and any(form.may_begin_at(data, place) for form in forms):
                return place
        return len(data)

    @cached_property
    def _bytes(self) -> bytes:
        """Every byte that a form is written with."""
        every: set[int] = set()
        for form in self.forms:
            every.update(*(written for unit in form.units for written in unit))
        return bytes(every)

    @cached_property
    def _by_beginning(self) -> Mapping[bytes, Sequence[Form]]:
        """The forms by their first three bytes, and by fewer of them, for the very end of the data."""
        found: dict[bytes, set[Form]] = {}
        for form in self.forms:
            for beginning in {written[:_BEGINNING] for written in form.expanded(0, _BEGINNING)}:
                for length in range(1, _BEGINNING + 1):
                    found.setdefault(beginning[:length], set()).add(form)
        return {beginning: tuple(forms) for beginning, forms in found.items()}


class _Search:
    """Finds anchors among all bytes."""

    def __init__(self, anchors: Mapping[bytes, Sequence[Form]]) -> None:
        self.anchors = anchors
        self._forms = list(anchors.values())
        self._anchors = list(anchors)
        self._longest = max(map(len, anchors))
        # Leftmost, for only so the vector search is used. It passes over what overlaps, so there the table looks again.
        self._quick = BytesAhoCorasick(self._anchors, MatchKind.LeftmostFirst) if len(anchors) <= FEW else None

    def candidates(self, data: bytes) -> Iterable[Candidate]:
        """Return the forms that may be in the data, each with the places between which it may be."""
        if self._quick is None:
            return _around(self._table.find_matches_as_indexes(data, overlapping=True), self._forms)
        hits = self._quick.find_matches_as_indexes(data)
        if not hits:
            return ()
        if len(hits) * _SPARSE > len(data):
            return ((form, 0, len(data)) for form in dict.fromkeys(itertools.chain.from_iterable(self._forms)))
        looked_at = (
            (index, begin + inner, end)
            for _, begin, end in hits
            for index, inner, _ in self._table.find_matches_as_indexes(
                data[begin : end + self._longest], overlapping=True
            )
        )
        return _around(looked_at, self._forms)

    @cached_property
    def _table(self) -> BytesAhoCorasick:
        return BytesAhoCorasick(self._anchors, implementation=Implementation.DFA)


class _Strided:
    """Finds anchors among every third byte."""

    def __init__(self, anchors: Mapping[bytes, Sequence[Form]]) -> None:
        self._forms = list(anchors.values())
        self._table = BytesAhoCorasick(anchors, implementation=Implementation.DFA)

    def candidates(self, data: bytes) -> Iterable[Candidate]:
        """Return the forms that may be in the data, each with the places between which it may be."""
        if len(data) <= _BLOCK:
            hits = self._table.find_matches_as_indexes(data[::_STRIDE], overlapping=True)
            if not hits:
                return ()
            return _around(((index, begin * _STRIDE, end) for index, begin, end in hits), self._forms)
        in_blocks = (
            (index, block + begin * _STRIDE, end)
            for block in range(0, len(data), _BLOCK)
            for index, begin, end in self._table.find_matches_as_indexes(
                data[block : block + _BLOCK + _STRIDE * _LONGEST_ANCHOR : _STRIDE], overlapping=True
            )
        )
        return _around(in_blocks, self._forms)


Searches = tuple[_Search | _Strided, ...]


def joined(parts: Iterable[Part]) -> Searches:
    """Return the searches of all parts. Those that find few anchors become one, for each call costs a small answer."""
    few: dict[bytes, list[Form]] = {}
    others: list[_Search | _Strided] = []
    for search in (search for part in parts for search in part.searches):
        if isinstance(search, _Search) and len(few.keys() | search.anchors.keys()) <= FEW:
            for anchor, forms in search.anchors.items():
                few.setdefault(anchor, []).extend(forms)
        else:
            others.append(search)
    return (_Search(few), *others) if few else tuple(others)


def _around(hits: Iterable[Hit], forms: Sequence[Sequence[Form]]) -> Iterator[Candidate]:
    """Yield the forms whose anchors are hit, with what lies around the hits."""
    places: dict[Form, list[int]] = {}
    for index, begin, _ in hits:
        for form in forms[index]:
            places.setdefault(form, []).append(begin)
    for form, begins in places.items():
        for begin, end in _merged(sorted(begins), form.longest):
            yield form, begin, end


def _merged(places: Iterable[int], around: int) -> Iterator[tuple[int, int]]:
    """Yield what lies around the places, joined where it overlaps, so that nothing is compared twice."""
    begin = end = 0
    for place in places:
        if place - around > end:
            if end:
                yield begin, end
            begin = place - around
        end = max(end, place + around)
    yield max(begin, 0), end


def _by_anchor(anchors: Mapping[Form, Iterable[bytes]]) -> dict[bytes, list[Form]]:
    found: dict[bytes, list[Form]] = {}
    for form, pieces in anchors.items():
        for piece in pieces:
            found.setdefault(piece, []).append(form)
    return found


def _anchors(form: Form, taken: set[bytes]) -> list[bytes]:
    """Return pieces of which at least one is there wherever the form is: one piece, unless every place has spellings."""
    run = _longest_run(form)
    if len(run) >= _GOOD_ANCHOR:
        return [_rarest(run, _LONGEST_ANCHOR, taken)]
    fewest = _fewest(form, _SHORTEST_ANCHOR + 1)
    if len(fewest) <= _FEW_SPELLINGS:
        return fewest
    return [run] if len(run) >= _SHORTEST_ANCHOR else _fewest(form, _SHORTEST_ANCHOR)


def _fewest(form: Form, length: int) -> list[bytes]:
    """Return all spellings of a piece of so many bytes: of the piece that has the fewest."""
    pieces = [
        form.expanded(at, length)
        for at in range(max(1, len(form.units) - length + 1))
        # Others, such as the random part of a token, would have millions.
        if math.prod(sum(len(written) == 1 for written in unit) for unit in form.units[at : at + length]) <= FEW
    ]
    return min(pieces, key=len)


def _strided_anchors(form: Form, taken: set[bytes]) -> list[bytes]:
    """Return three pieces of every third byte, one for each place where counting may begin; none for short runs."""
    run = _longest_run(form)
    if len(run) < _RUN:
        return []
    length = _STRIDED_ANCHOR if len(set(run)) > 16 else _STRIDED_HEX_ANCHOR
    return [_rarest(run[first::_STRIDE], length, taken) for first in range(_STRIDE)]


def _longest_run(form: Form) -> bytes:
    """Return the longest piece that is written in one way only, the middle of it where that is enough."""
    runs = (
        [form.literal]
        if form.literal is not None
        else [
            b"".join(unit[0] for unit in units)
            for is_single, units in itertools.groupby(form.units, lambda unit: len(unit) == 1)
            if is_single
        ]
    )
    run = max(runs, key=len, default=b"")
    around = max(0, len(run) - _CONSIDERED) // 2
    return run[around : around + _CONSIDERED]


def _rarest(run: bytes, length: int, taken: set[bytes]) -> bytes:
    """Return the piece of the run that stands for no other form yet, if there is one, and begins with rare bytes."""
    ranks = run.translate(_RANKS)
    last = max(1, len(run) - length + 1)
    order = sorted(range(last), key=lambda at: ranks[at : at + 2])
    pieces = (run[at : at + length] for at in order)
    chosen = next((piece for piece in pieces if piece not in taken), run[order[0] : order[0] + length])
    taken.add(chosen)
    return chosen
