"""Every page in a real browser: axe finds nothing, nothing overflows, the content security policy is kept."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.pages.samples import SAMPLES
from tests.pages.shown import SITE, overflow, show_samples, violations
from tests.support.chromium import screenshot

pytestmark = pytest.mark.browser
OpenSamples = Callable[..., Page]
SIZES = {"desktop": {"width": 1280, "height": 860}, "phone": {"width": 375, "height": 740}}


@pytest.fixture
def open_samples(new_page: Callable[..., Page]) -> OpenSamples:
    """Open a browser that has the sample pages by their names."""

    def open_page(language: str = "en", colour: str = "#3b5bdb", **options: Any) -> Page:
        page = new_page(base_url=SITE, **options)
        show_samples(page, language, colour)
        return page

    return open_page


@pytest.mark.parametrize(
    ("size", "scheme"),
    [
        ("desktop", "light"),
        pytest.param("phone", "dark", marks=pytest.mark.all),
        pytest.param("desktop", "dark", marks=pytest.mark.all),
        pytest.param("phone", "light", marks=pytest.mark.all),
    ],
)
def test_axe_finds_nothing_on_any_page(open_samples: OpenSamples, size: str, scheme: str):
    page = open_samples(viewport=SIZES[size], color_scheme=scheme)
    assert problems(page) == {}


def problems(page: Page) -> dict[str, list[str]]:
    """Return what axe finds on each sample page, after keeping its picture."""
    found: dict[str, list[str]] = {}
    for name in SAMPLES:
        page.goto(name)
        screenshot(page, name)
        found[name] = violations(page)
    return {name: complaints for name, complaints in found.items() if complaints}


@pytest.mark.parametrize(
    ("colour", "scheme"),
    [
        ("#000000", "dark"),
        ("#ffd43b", "light"),
        pytest.param("#000000", "light", marks=pytest.mark.all),
        pytest.param("#ffd43b", "dark", marks=pytest.mark.all),
    ],
)
def test_axe_finds_nothing_whatever_the_brands_colour(open_samples: OpenSamples, colour: str, scheme: str):
    page = open_samples(colour=colour, color_scheme=scheme)
    for name in ("sign_in-wrong", "confirm_code", "account", "mailbox"):
        page.goto(name)
        assert violations(page, "color-contrast") == []


@pytest.mark.parametrize("language", [pytest.param("en", marks=pytest.mark.all), "de"])  # German has the longer words
def test_no_page_is_wider_than_a_small_phone(open_samples: OpenSamples, language: str):
    page = open_samples(language, viewport={"width": 320, "height": 600})
    for name in SAMPLES:
        page.goto(name)
        assert (name, overflow(page)) == (name, 0)
