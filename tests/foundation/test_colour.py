"""Colours and their contrast."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.foundation.colour import BLACK, WHITE, as_hex, contrast, mix, parse_colour, readable, text_on
from watchword.foundation.errors import ConfigurationError

colours = st.tuples(*[st.integers(0, 255)] * 3)


def test_the_contrast_of_known_pairs_is_what_wcag_says():
    assert contrast(WHITE, BLACK) == pytest.approx(21)
    assert contrast(WHITE, WHITE) == 1
    assert contrast(parse_colour("#777777"), WHITE) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("text", ["", "red", "#fff", "#1234567", "#12345g", "#123456;}", "#123456\n", "123456"])
def test_a_colour_that_is_not_six_hex_digits_is_refused(text: str):
    with pytest.raises(ConfigurationError, match="#rrggbb"):
        parse_colour(text)


@given(colours)
def test_a_colour_comes_back_as_it_was_written(colour: tuple[int, int, int]):
    assert parse_colour(as_hex(colour)) == colour


@given(colours)
def test_text_on_any_colour_reaches_level_aa(colour: tuple[int, int, int]):
    assert contrast(text_on(colour), colour) >= 4.5


@given(colours)
def test_any_colour_becomes_readable_on_light_and_on_dark(colour: tuple[int, int, int]):
    for backgrounds in ((WHITE, parse_colour("#f5f6f8")), (parse_colour("#16191f"), parse_colour("#0d0f13"))):
        found = readable(colour, backgrounds, 4.5)
        assert min(contrast(found, background) for background in backgrounds) >= 4.5


def test_a_colour_that_is_readable_already_stays_as_it_is():
    assert readable((10, 20, 120), (WHITE,), 4.5) == (10, 20, 120)


def test_mixing_goes_from_one_colour_to_the_other():
    assert [mix(BLACK, WHITE, share) for share in (0, 0.5, 1)] == [BLACK, (128, 128, 128), WHITE]
