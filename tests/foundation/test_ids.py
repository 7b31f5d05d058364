"""Ids of rows: their shape, and that no two are alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.foundation.ids import is_id, new_id

GOOD = "usr_" + "a2" * 13


def test_an_id_says_what_it_is_and_each_of_its_26_letters_is_any_of_32():
    found = [new_id("usr") for _ in range(1_000)]
    assert all(one.startswith("usr_") and is_id(one, "usr") for one in found)
    letters = set("abcdefghijklmnopqrstuvwxyz234567")
    assert [set(column) for column in zip(*(one.removeprefix("usr_") for one in found), strict=True)] == [letters] * 26


def test_no_id_is_made_twice_or_in_an_order():
    ids = [new_id("usr") for _ in range(10_000)]
    assert len(set(ids)) == 10_000
    assert ids[:50] != sorted(ids[:50])


@pytest.mark.parametrize(
    "text",
    ["", "usr_", "usr", GOOD.replace("usr", "ses"), GOOD + "a", GOOD[:-1], GOOD.upper(),
     GOOD + "\n", " " + GOOD, "usr_" + "1" * 26, "usr_" + "a" * 25 + "\u0430", "usr_usr_" + "a" * 22],
)  # fmt: skip
def test_what_has_another_shape_or_prefix_is_no_id(text: str):
    assert not is_id(text, "usr")


@given(st.text() | st.text("usr_a2\n", max_size=40))
def test_any_text_is_an_id_or_not_and_never_an_error(text: str):
    if is_id(text, "usr"):
        assert len(text) == 30
        assert text.isascii()
