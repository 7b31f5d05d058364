"""The few files that the pages load, each under a name that changes with its content, so that browsers may keep it."""

from importlib.resources import files
from typing import Final, final

from watchword.foundation.secrets import sha256
from watchword.foundation.settings import Settings
from watchword.http.response import Response
from watchword.pages.brand import brand_css, brand_icon

_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@final
class StaticFiles:
    """Style, script and icon of the pages, held in memory. There are no others: nothing is read by a caller's path.

    Raises:
        ConfigurationError: the brand's colour is not `#rrggbb`.
    """

    def __init__(self, settings: Settings) -> None:
        folder = files("watchword.pages") / "static"
        contents = {
            "pages.css": (folder / "pages.css").read_text(encoding="utf-8"),
            "pages.js": (folder / "pages.js").read_text(encoding="utf-8"),
            "passkey.js": (folder / "passkey.js").read_text(encoding="utf-8"),
            "brand.css": brand_css(settings.brand),
            "brand.svg": brand_icon(settings.brand),
        }
        self._bodies = {_hashed(name, text): text.encode() for name, text in contents.items()}
        self._urls = {name: f"{settings.prefix}/static/{_hashed(name, text)}" for name, text in contents.items()}

    def url(self, name: str) -> str:
        """Return the path of `pages.css`, `pages.js`, `passkey.js`, `brand.css` or `brand.svg`, with the hash of its content."""
        return self._urls[name]

    def response(self, file: str) -> Response | None:
        """Return the file of that hashed name, to be kept for a year, or `None` where there is none."""
        body = self._bodies.get(file)
        if body is None:
            return None
        headers = [
            ("content-type", _TYPES[file.rpartition(".")[2]]),
            ("cache-control", "public, max-age=31536000, immutable"),
            ("vary", "Accept-Encoding"),
        ]
        return Response(200, body, headers)


def _hashed(name: str, text: str) -> str:
    stem, _, ending = name.partition(".")
    return f"{stem}.{sha256(text.encode()).hex()[:12]}.{ending}"
