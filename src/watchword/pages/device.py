"""What a session's owner would call the device it is on, as far as its `User-Agent` says so."""

import re
from dataclasses import dataclass
from typing import final

# The first that matches counts: Edge and Opera also call themselves Chrome, and Chrome calls itself Safari.
_BROWSERS = (
    ("Edge", r"Edg(?:e|A|iOS)?/"),
    ("Opera", r"OPR/|Opera"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrome/|Chromium/|CriOS/"),
    ("Safari", r"Safari/"),
    ("curl", r"^curl/"),
    ("Python", r"^python-|^Python/"),
)
_SYSTEMS = (
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Android", r"Android"),
    ("ChromeOS", r"CrOS"),
    ("Windows", r"Windows"),
    ("macOS", r"Macintosh|Mac OS X"),
    ("Linux", r"Linux|X11"),
)


@final
@dataclass(frozen=True, slots=True)
class Device:
    """Browser and system by their common names; `None` where the header does not tell."""

    browser: str | None
    system: str | None

    @property
    def is_phone(self) -> bool:
        """Tell whether it is held in a hand."""
        return self.system in ("iPhone", "iPad", "Android")


def describe_device(user_agent: str) -> Device:
    """Return what a `User-Agent` header says: a claim of its sender, good for recognising, never for deciding."""
    return Device(_first(_BROWSERS, user_agent), _first(_SYSTEMS, user_agent))


def _first(names: tuple[tuple[str, str], ...], user_agent: str) -> str | None:
    return next((name for name, pattern in names if re.search(pattern, user_agent)), None)
