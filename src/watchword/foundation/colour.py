"""Colours that can be read: contrast as WCAG 2.2 measures it, and the nearest colour that has enough of it."""

import re
from collections.abc import Sequence

from watchword.foundation.errors import ConfigurationError

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255 each (sRGB)."""

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)
_HEX = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")


def parse_colour(text: str) -> Colour:
    """Return the colour that `#rrggbb` names.

    Raises:
        ConfigurationError: it is written in another way.
    """
    match = _HEX.fullmatch(text)
    if match is None:
        raise ConfigurationError(f"the brand's colour is {text!r}: write it as '#rrggbb', for example '#3b5bdb'")
    red, green, blue = (int(part, 16) for part in match.groups())
    return red, green, blue


def as_hex(colour: Colour) -> str:
    """Return the colour as `#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, definition of contrast ratio)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def mix(colour: Colour, other: Colour, share: float) -> Colour:
    """Return `colour` with a share of `other` in it: 0 leaves it as it is, 1 gives the other."""
    red, green, blue = (round(own + (new - own) * share) for own, new in zip(colour, other, strict=True))
    return red, green, blue


def text_on(background: Colour) -> Colour:
    """Return white or black, whichever reads better on the background: always at least 4.5 to 1."""
    return max(WHITE, BLACK, key=lambda colour: contrast(colour, background))


def readable(colour: Colour, backgrounds: Sequence[Colour], ratio: float) -> Colour:
    """Return the colour nearest to `colour`, on the way to white or black, that has this contrast on all of them."""
    goal = max(WHITE, BLACK, key=lambda end: min(contrast(end, background) for background in backgrounds))
    steps = (mix(colour, goal, share / 50) for share in range(51))
    return next((one for one in steps if all(contrast(one, background) >= ratio for background in backgrounds)), goal)


def _luminance(colour: Colour) -> float:
    """Return the relative luminance (WCAG 2.2)."""
    red, green, blue = (_linear(channel / 255) for channel in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
