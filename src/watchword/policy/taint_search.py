"""Looking for many forms at once: by short anchors of theirs, with Aho-Corasick; a form is compared where one is found.

An anchor is a piece of a form that is rare in what sites send. Up to 64 anchors are found with vector instructions at
several GB/s; more of them with a table of states, a step for each byte, at 500 MB/s at best. So where there are many,
only every third byte is looked at, for every third byte of the anchors.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import final

from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind

from watchword.policy.taint_encodings import Form

FEW = 64
"""Anchors: what the vector search of the aho-corasick crate (Teddy) takes."""
_STRIDE = 3
_LONGEST_ANCHOR = 8
_SHORTEST_ANCHOR = 4
_RUN = 4 * _STRIDE
"""Bytes that are written in one way only, in a row: of each third of them, four are left."""
_STRIDED_ANCHOR = 5
_CONSIDERED = 96
"""Bytes of a run that are considered for anchors: those in its middle, for keys of one kind begin and end alike."""
_BLOCK = 192 * 1024
"""Bytes looked at in one go, a multiple of three: a third of it stays in the processor's cache."""
_COMMON_FIRST = b" etaoinsrhldcumfpgwybv0123456789\",:-._/{}<>=kjxqzSATCEIMDPRBFHLNGOWUVYKJ+;&%()'[]QXZ"
_RANK = {byte: 1 + rank for rank, byte in enumerate(_COMMON_FIRST)}


@final
class Part:
    """Some forms, ready to be looked for."""

    def __init__(self, forms: Iterable[Form]) -> None:
        self.forms = tuple(forms)
        self.longest = max(form.longest for form in self.forms)
        taken: Counter[bytes] = Counter()
        everywhere = {form: _anchors(form, taken) for form in self.forms}
        strided: dict[Form, list[bytes]] = {}
        if len(taken) > FEW:
            taken = Counter()
            strided = {form: found for form in self.forms if (found := _strided_anchors(form, taken))}
        self._searches = [
            search(_by_anchor(anchors))
            for search, anchors in (
                (_Strided, strided),
                (_Search, {form: found for form, found in everywhere.items() if form not in strided}),
            )
            if anchors
        ]

    def found_in(self, data: bytes) -> Iterator[Form]:
        """Yield the forms that the data holds whole."""
        for search in self._searches:
            places = search.places(data)
            for form, around in places.items():
                if any(form.is_in(data, begin, end) for begin, end in _merged(around, form.longest)):
                    yield form

    def undecided_from(self, data: bytes) -> int:
        """Return the first place from which more data could complete a form, or the end of the data."""
        for place in range(max(0, len(data) - self.longest + 1), len(data)):
            forms = self._by_beginning.get(data[place : place + _BEGINNING])
            if forms and any(form.may_begin_at(data, place) for form in forms):
                return place
        return len(data)

    @cached_property
    def _by_beginning(self) -> Mapping[bytes, Sequence[Form]]:
        """The forms by their first three bytes, and by fewer of them, for the very end of the data."""
        found: dict[bytes, set[Form]] = {}
        for form in self.forms:
            for beginning in {written[:_BEGINNING] for written in form.expanded(0, _BEGINNING)}:
                for length in range(1, _BEGINNING + 1):
                    found.setdefault(beginning[:length], set()).add(form)
        return {beginning: tuple(forms) for beginning, forms in found.items()}


_BEGINNING = 3


class _Search:
    """Finds anchors among all bytes."""

    def __init__(self, anchors: Mapping[bytes, Sequence[Form]]) -> None:
        self._anchors = list(anchors)
        self._forms = list(anchors.values())
        # Leftmost, for only so the vector search is used. It passes over what overlaps: what it finds is looked at again.
        self._quick = BytesAhoCorasick(self._anchors, MatchKind.LeftmostFirst) if len(anchors) <= FEW else None

    def places(self, data: bytes) -> Mapping[Form, list[int]]:
        """Return, for each form that may be in the data, the places of its anchors, in order."""
        found: dict[Form, list[int]] = {}
        if self._quick is not None and not self._quick.find_matches_as_indexes(data):
            return found
        for index, begin, _ in self._exact.find_matches_as_indexes(data, overlapping=True):
            for form in self._forms[index]:
                found.setdefault(form, []).append(begin)
        return found

    @cached_property
    def _exact(self) -> BytesAhoCorasick:
        return BytesAhoCorasick(self._anchors, implementation=Implementation.DFA)


class _Strided:
    """Finds anchors among every third byte."""

    def __init__(self, anchors: Mapping[bytes, Sequence[Form]]) -> None:
        self._forms = list(anchors.values())
        self._table = BytesAhoCorasick(anchors, implementation=Implementation.DFA)

    def places(self, data: bytes) -> Mapping[Form, list[int]]:
        """Return, for each form that may be in the data, the places of its anchors, in order."""
        found: dict[Form, list[int]] = {}
        for block in range(0, len(data), _BLOCK):
            some = data[block : block + _BLOCK + _STRIDE * _STRIDED_ANCHOR : _STRIDE]
            for index, begin, _ in self._table.find_matches_as_indexes(some, overlapping=True):
                for form in self._forms[index]:
                    found.setdefault(form, []).append(block + begin * _STRIDE)
        return found


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


def _anchors(form: Form, taken: Counter[bytes]) -> list[bytes]:
    """Return pieces of which at least one is there wherever the form is: one piece, unless every place has spellings."""
    run = max(_runs(form), key=len, default=b"")
    if len(run) >= _SHORTEST_ANCHOR:
        chosen = [_rarest(run, _LONGEST_ANCHOR, taken)]
    else:
        last = max(1, len(form.units) - _SHORTEST_ANCHOR + 1)
        chosen = min((form.expanded(at, _SHORTEST_ANCHOR) for at in range(last)), key=len)
    taken.update(chosen)
    return chosen


def _strided_anchors(form: Form, taken: Counter[bytes]) -> list[bytes]:
    """Return three pieces of every third byte, one for each place where counting may begin; none for short runs."""
    run = max(_runs(form), key=len, default=b"")
    if len(run) < _RUN:
        return []
    chosen = [_rarest(run[first::_STRIDE], _STRIDED_ANCHOR, taken) for first in range(_STRIDE)]
    taken.update(chosen)
    return chosen


def _runs(form: Form) -> Iterator[bytes]:
    """Yield what is written in one way only, each as long as it gets, at most so long as is considered."""
    if form.literal is not None:
        around = max(0, len(form.literal) - _CONSIDERED) // 2
        yield form.literal[around : around + _CONSIDERED]
        return
    run = bytearray()
    for unit in form.units:
        if len(unit) == 1 and len(run) < _CONSIDERED:
            run += unit[0]
        else:
            yield bytes(run)
            run.clear()
    yield bytes(run)


def _rarest(run: bytes, length: int, taken: Mapping[bytes, int]) -> bytes:
    """Return the piece of the run that stands for the fewest other forms, and begins with what is rare in texts."""
    last = max(1, len(run) - length + 1)
    return min((run[at : at + length] for at in range(last)), key=lambda piece: (taken.get(piece, 0), _commonness(piece)))


def _commonness(piece: bytes) -> float:
    one, two = (_RANK.get(byte, 100) for byte in piece[:2])
    return 1 / (one * two)
