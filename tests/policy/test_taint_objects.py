"""Objects that must not be returned: found by identity, wherever they are in what a handler returns."""

import gc
from collections import OrderedDict
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import attrs
import msgspec
import pydantic
import pytest

from watchword import taint_object_reference, untaint
from watchword.policy.taint_objects import tainted_object_in


class Row:
    """A row of some ORM."""


@dataclass
class Card:
    row: Any


@dataclass(slots=True)
class SlottedCard:
    row: Any


@dataclass(slots=True, weakref_slot=True)
class Watched:
    name: str


class Struct(msgspec.Struct):
    row: Any


class WatchedStruct(msgspec.Struct, weakref=True):
    name: str


@attrs.define
class Attrs:
    row: Any


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True, extra="allow")
    row: Any


@pytest.fixture
def row() -> Row:
    row = Row()
    taint_object_reference("Pass a UserView instead", row)
    return row


@pytest.mark.parametrize(
    "around",
    [
        lambda row: row,
        lambda row: {"user": row},
        lambda row: {row: "user"},
        lambda row: OrderedDict(users=[1, "two", (row,)]),
        lambda row: {row},
        lambda row: frozenset({row}),
        Card,
        SlottedCard,
        Struct,
        Attrs,
        lambda row: Model(row=row),
        lambda row: Model(row=1, more=[row]),
        lambda row: [Card(SlottedCard(Struct(Attrs(Model(row={"deep": [row]})))))],
    ],
)
def test_a_tainted_object_is_found_inside_of_what_is_returned(row: Row, around):
    assert tainted_object_in(around(row)) == "Pass a UserView instead"
    assert tainted_object_in(around(Row())) is None


def test_a_copy_or_another_object_passes(row: Row):
    assert tainted_object_in([Row(), "text", b"bytes", 1, 2.5, None, True, SimpleNamespace(row=row)]) is None


def test_what_holds_itself_or_is_very_deep_is_looked_through_once(row: Row):
    loop: list[Any] = []
    loop += [loop, {"again": loop}]
    assert tainted_object_in(loop) is None
    deep: list[Any] = [row]
    for _ in range(100_000):
        deep = [deep]
    assert tainted_object_in(deep) == "Pass a UserView instead"


def test_a_taint_ends_with_the_object_or_when_it_is_taken_back(row: Row):
    other = Row()
    taint_object_reference("not this", other)
    untaint(row)
    assert tainted_object_in([row]) is None
    assert tainted_object_in([other]) == "not this"
    del other
    gc.collect()
    assert tainted_object_in([Row() for _ in range(100)]) is None


def test_slotted_classes_that_can_be_watched_are_tainted():
    for thing in (Watched("Ada"), WatchedStruct("Ada")):
        taint_object_reference("not this", thing)
        assert tainted_object_in({"user": thing}) == "not this"


@pytest.mark.parametrize("thing", [{}, [], (), "text", b"bytes", 1, None, SlottedCard(1), Struct(1)])
def test_what_cannot_be_watched_is_refused_with_the_way_out(thing: object):
    with pytest.raises(TypeError, match=r"can't be tainted.*weakref_slot=True"):
        taint_object_reference("not this", thing)
