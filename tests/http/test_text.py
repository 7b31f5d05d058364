"""Texts from outside."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from watchword.foundation.errors import Denied
from watchword.http.text import shown_name, text_flaw, unique_fields


@pytest.mark.parametrize("text", ["", "a", "Zoë 🙂", "a\nb"])
def test_text_of_whole_characters_is_sound(text: str):
    assert text_flaw(text) is None


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800", "x\udfff"])
def test_nul_and_lone_surrogates_are_flaws(text: str):
    assert text_flaw(text) is not None


def test_only_plain_names_are_shown():
    assert shown_name("address.city") == "address.city"
    assert shown_name("<script>") == "?"
    assert shown_name("a" * 200) == "?"


def test_a_field_given_twice_is_refused_by_name():
    denied = unique_fields([("a", "1"), ("b", "2"), ("a", "1")])

    assert isinstance(denied, Denied)
    assert denied.fields[0].field == "a"


@given(some.lists(some.tuples(some.text(), some.text())))
def test_pairs_become_a_dict_or_a_refusal(pairs: list[tuple[str, str]]):
    fields = unique_fields(pairs)

    assert isinstance(fields, Denied) or fields == dict(pairs)
