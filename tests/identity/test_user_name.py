"""User names: which can be had, and which two are one."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.foundation.errors import FieldError
from watchword.identity.user_name import RESERVED, UserName, parse_user_name, user_name_key


@pytest.mark.parametrize("text", ["ada", "Ada", "a-b", "ada.lovelace", "ada_1815", "007", "x" * 32])
def test_an_ordinary_name_is_kept_as_it_was_written(text: str):
    assert parse_user_name(text) == UserName(text, text.lower())


@pytest.mark.parametrize(
    "text",
    ["", "a", "ab", "x" * 33, ".ada", "ada.", "-ada", "ada_", "a da", " ada", "ada ", "ada\n", "a\0da", "a/da", "a%da"],
)
def test_a_name_of_another_shape_is_refused_with_what_was_expected(text: str):
    refused = parse_user_name(text, "handle")
    assert isinstance(refused, FieldError)
    assert (refused.field, refused.reason) == ("handle", "user_name_invalid")
    assert "3 to 32 letters" in refused.expected


@pytest.mark.parametrize("text", [*sorted(RESERVED), "Admin", "ROOT", "Support"])
def test_a_name_that_speaks_for_the_house_is_refused(text: str):
    assert isinstance(parse_user_name(text), FieldError)


def test_a063_case_makes_no_second_name_and_no_second_counter():
    names = [parse_user_name(text) for text in ("ada", "Ada", "ADA")]
    assert {name.key for name in names if isinstance(name, UserName)} == {"ada"}
    assert {user_name_key(text) for text in ("ada", "Ada", "ADA")} == {"ada"}


@pytest.mark.parametrize("text", ["ada@example.org", "ada@x", "a@b", "ada＠example.org"])
def test_a064_a_name_that_could_be_an_address_is_refused(text: str):
    assert isinstance(parse_user_name(text), FieldError)


@pytest.mark.parametrize(
    "text",
    [
        "\u0430da",
        "ad\u0430",
        "a\u200bda",
        "ada\u200d",
        "a\u00adda",
        "àda",
        "a\u0300da",
        "ａda",
        "\u212aate",
        "\u0131da",
        "ſam",
        "adа１",
    ],
)
def test_a075_a_twin_from_another_alphabet_or_with_invisible_letters_is_refused(text: str):
    assert isinstance(parse_user_name(text), FieldError)


@pytest.mark.parametrize(
    ("typed", "name"), [("\u212aate", "kate"), ("\u017fam", "sam"), ("\u0130da", "ida"), ("\u0131da", "ida")]
)
def test_a061_a_case_twin_that_is_typed_leads_to_nobody(typed: str, name: str):
    assert user_name_key(typed) != name


def test_a083_a_million_characters_cost_no_more_than_a_few():
    begin = time.process_time()
    assert isinstance(parse_user_name("ﷺ" * 10**6), FieldError)
    assert isinstance(parse_user_name("a" * 10**6), FieldError)
    assert len(user_name_key("ﷺ" * 10**6)) <= 64
    assert time.process_time() - begin < 0.05


def test_what_is_typed_past_the_longest_name_is_no_name():
    assert user_name_key("x" * 32 + "y" * 1_000) != "x" * 32


@given(st.text() | st.text("aZ0._-@\0 \u0130\u212a", max_size=40))
def test_any_text_is_a_name_or_a_refusal_and_never_an_error(text: str):
    found = parse_user_name(text)
    if isinstance(found, UserName):
        assert found.name == text
        assert found.key == user_name_key(text) == user_name_key(found.key)
        assert "@" not in found.key
        assert found.key.isascii()
