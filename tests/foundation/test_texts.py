"""Texts for people: catalogues, escaping, and the choice of a language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from watchword.foundation.texts import Texts, catalogues, choose_language, texts_in

AVAILABLE = ("de", "en")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "en"),
        ("", "en"),
        ("de", "de"),
        ("DE-at", "de"),
        ("fr, de;q=0.5, en;q=0.4", "de"),
        ("en;q=0.4, de;q=0.5", "de"),
        ("en, de", "en"),
        ("de;q=0, en;q=0.1", "en"),
        ("de;q=0", "en"),
        ("fr", "en"),
        ("*", "en"),
        ("de;q=high", "en"),
        ("de;q=0.3;level=1", "en"),
    ],
)
def test_a_browser_gets_the_language_it_likes_best(header: str | None, expected: str):
    assert choose_language(header, AVAILABLE, "en") == expected


def test_the_default_stands_where_a_browser_asks_for_nothing_there_is():
    assert choose_language("fr", AVAILABLE, "de") == "de"
    assert choose_language("fr", AVAILABLE, "xx") == "en"


@given(st.text())
def test_any_header_leads_to_a_language_there_is(header: str):
    assert choose_language(header, AVAILABLE, "en") in AVAILABLE


def test_a_value_in_an_html_text_is_escaped_unless_it_is_markup():
    texts = Texts("en", {"hello": "A & B: {name}"})
    assert texts.html("hello", name="<b>{x}") == "A &amp; B: &lt;b&gt;{x}"
    assert texts.html("hello", name=Markup("<b>Ann</b>")) == "A &amp; B: <b>Ann</b>"
    assert texts.plain("hello", name="<b>") == "A & B: <b>"


def test_a_missing_text_or_value_is_a_defect_and_not_a_blank():
    texts = Texts("en", {"hello": "Hello {name}"})
    with pytest.raises(KeyError):
        texts.plain("bye")
    with pytest.raises(KeyError):
        texts.plain("hello")


def test_one_and_many_have_texts_of_their_own():
    texts = Texts("en", {"files.one": "one file", "files.other": "{count} files"})
    assert [texts.count("files", count) for count in (0, 1, 2)] == ["0 files", "one file", "2 files"]


def test_a_package_gives_the_nearest_language_that_it_has():
    assert texts_in("watchword.pages", "de-AT").language == "de"
    assert texts_in("watchword.pages", "fr").language == "en"
    assert set(catalogues("watchword.pages")) == {"de", "en"}
