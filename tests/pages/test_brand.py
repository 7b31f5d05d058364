"""The brand's colour and mark."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.foundation.colour import contrast, parse_colour
from watchword.foundation.errors import ConfigurationError
from watchword.foundation.settings import Brand
from watchword.pages.brand import brand_css, brand_icon, initial

SURFACES = {"light": ("#ffffff", "#f5f6f8", "#f2f3f6"), "dark": ("#16191f", "#0d0f13", "#1e222a")}


def variables(css: str) -> dict[str, dict[str, str]]:
    """Return the CSS variables by mode."""
    light, dark = css.split("@media")
    return {mode: dict(re.findall(r"--([a-z-]+):(#[0-9a-f]{6});", part)) for mode, part in
            (("light", light), ("dark", dark))}  # fmt: skip


def ratio(one: str, other: str) -> float:
    return contrast(parse_colour(one), parse_colour(other))


@given(st.from_regex(r"\A#[0-9a-f]{6}\Z"))
def test_every_colour_gives_pages_of_level_aa(colour: str):
    for mode, found in variables(brand_css(Brand(colour=colour))).items():
        surfaces = SURFACES[mode]
        assert ratio(found["accent-text"], found["accent"]) >= 4.5
        assert ratio(found["accent-text"], found["accent-hover"]) >= 4.5
        assert ratio(found["accent-edge"], surfaces[0]) >= 3
        assert min(ratio(found["accent-ink"], surface) for surface in (*surfaces, found["accent-soft"])) >= 4.5


def test_the_colour_is_taken_as_it_is_where_it_can_be_seen():
    assert variables(brand_css(Brand(colour="#3B5BDB")))["light"]["accent"] == "#3b5bdb"


def test_the_surfaces_are_those_of_the_style_sheet():
    """`brand.py` computes contrast against these: a change in one place must be made in the other."""
    from importlib.resources import files

    css = (files("watchword.pages") / "static" / "pages.css").read_text()
    light, dark = css.split("@media (prefers-color-scheme: dark)")[:2]
    for mode, part in (("light", light), ("dark", dark)):
        found = dict(re.findall(r"--(card|page|sunken): (#[0-9a-f]{6});", part))
        assert (found["card"], found["page"], found["sunken"]) == SURFACES[mode]


def test_a_colour_that_carries_css_is_refused():
    with pytest.raises(ConfigurationError):
        brand_css(Brand(colour="#fff}body{display:none"))


def test_the_mark_is_the_first_letter_of_the_name_and_escaped():
    assert [initial(name) for name in ("acme", "  ß-shop", "<&>", "42", "")] == ["A", "S", "•", "4", "•"]
    assert "<script" not in brand_icon(Brand(name="<script>"))
