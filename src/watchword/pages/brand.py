"""The site's own look: its colour as CSS variables and its mark as an icon, always with enough contrast (WCAG AA)."""

from collections.abc import Sequence
from html import escape

from watchword.foundation.colour import (
    BLACK,
    WHITE,
    Colour,
    as_hex,
    contrast,
    mix,
    parse_colour,
    readable,
    text_on,
)
from watchword.foundation.settings import Brand

_LIGHT = (WHITE, parse_colour("#f5f6f8"), parse_colour("#f2f3f6"))
_DARK = (parse_colour("#16191f"), parse_colour("#0d0f13"), parse_colour("#1e222a"))
"""`--card`, `--page` and `--sunken` of pages.css."""
_DARK_TEXT = parse_colour("#eceef2")
_TEXT, _GRAPHIC = 4.5, 3.0
"""The least contrast of text (WCAG 2.2, 1.4.3) and of what shows a control (1.4.11)."""


def brand_css(brand: Brand) -> str:
    """Return the style sheet that gives the pages the brand's colour, in light and in dark.

    Raises:
        ConfigurationError: the colour is not `#rrggbb`.
    """
    accent = parse_colour(brand.colour)
    light = _variables(accent, _LIGHT)
    dark = _variables(_lit(accent), _DARK)
    return f":root{{{light}}}\n@media (prefers-color-scheme: dark){{:root{{{dark}}}}}\n"


def brand_icon(brand: Brand) -> str:
    """Return the browser tab's icon: the brand's first letter on its colour, as SVG."""
    accent = parse_colour(brand.colour)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
        f'<rect width="32" height="32" rx="8" fill="{as_hex(accent)}"/>'
        f'<text x="16" y="22" text-anchor="middle" font-family="system-ui,sans-serif" font-size="18" font-weight="700" '
        f'fill="{as_hex(text_on(accent))}">{escape(initial(brand.name))}</text></svg>'
    )


def initial(name: str) -> str:
    """Return the first letter of a name, in upper case."""
    return next((letter.upper()[0] for letter in name if letter.isalnum()), "•")


def _lit(accent: Colour) -> Colour:
    """Return the accent as it shows on dark: as it is, or lighter, or nearly white where it is black or a dark grey."""
    if min(contrast(accent, background) for background in _DARK) >= _GRAPHIC:
        return accent
    is_grey = max(accent) - min(accent) < 24
    return _DARK_TEXT if is_grey else readable(accent, _DARK, _GRAPHIC)


def _variables(accent: Colour, backgrounds: Sequence[Colour]) -> str:
    """Return the CSS variables: the fill, the text on it, its edge, and the accent as a colour of text."""
    on_accent = text_on(accent)
    soft = mix(accent, backgrounds[0], 0.88)
    colours = {
        "accent": accent,
        "accent-text": on_accent,
        # Away from the text's colour, so that pointing at a button never makes it harder to read.
        "accent-hover": mix(accent, BLACK if on_accent == WHITE else WHITE, 0.12),
        "accent-edge": accent
        if contrast(accent, backgrounds[0]) >= _GRAPHIC
        else readable(accent, backgrounds, _GRAPHIC),
        "accent-ink": readable(accent, (*backgrounds, soft), _TEXT),
        "accent-soft": soft,
    }
    return "".join(f"--{name}:{as_hex(colour)};" for name, colour in colours.items())
