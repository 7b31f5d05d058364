"""Where a request comes from and where it may lead: the site's own origin, the cross-site check, safe redirects.

The site's origin is never learnt from traffic (A51, A52): it is the configured `base_url`. Only in development, and
only for a loopback host, which no other machine's visitor can be led to, is it read from `Host`.
"""

import ipaddress
import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final
from urllib.parse import unquote, urlsplit

from watchword.foundation.errors import Code, ConfigurationError, Denied
from watchword.foundation.settings import Settings
from watchword.http.request import Request

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, section 9.2.1), and so need no cross-site check (CB-064, CB-073)."""
_MAXIMUM_NEXT = 2_000
_DEFAULT_PORTS = {"http": 80, "https": 443}
_AUTHORITY = re.compile(
    r"(?:(?P<name>[A-Za-z0-9_-][A-Za-z0-9_.-]{0,252})|\[(?P<six>[0-9A-Fa-f:.]{2,45})\])(?::(?P<port>[0-9]{1,5}))?\Z"
)
_NEXT = re.compile(r"/(?![/\\])[!-\[\]-~]*\Z")

ORIGIN_NOT_ALLOWED: Final = Code(
    "origin_not_allowed",
    403,
    "This call came from another site",
    "Call from a page of this site. A program that is no browser sends a bearer token, no `Cookie` and no `Origin`.",
)
HOST_NOT_ALLOWED: Final = Code(
    "host_not_allowed",
    400,
    "The Host header is not acceptable",
    "Send one valid `Host`. In development only loopback hosts are answered: "
    "set `base_url` (`WATCHWORD_BASE_URL`) to serve another name.",
)


def parse_origin(text: str) -> str | None:
    """Return an origin in its one normal form (RFC 6454, section 6.2), or `None` where the text is none.

    Lower case, without the scheme's default port. A path, user info, `null` or a list makes it no origin (A48).
    """
    scheme, separator, authority = text.partition("://")
    scheme = scheme.lower()
    match = _AUTHORITY.match(authority)
    if not separator or scheme not in _DEFAULT_PORTS or match is None:
        return None
    port = int(match["port"] or _DEFAULT_PORTS[scheme])
    if port > 65_535:
        return None
    name = match["name"] or ""
    if match["six"]:
        try:
            name = f"[{ipaddress.IPv6Address(match['six'])}]"
        except ValueError:
            return None
    suffix = "" if port == _DEFAULT_PORTS[scheme] else f":{port}"
    return f"{scheme}://{name.lower()}{suffix}"


def site_origin(settings: Settings, request: Request) -> str | Denied:
    """Return the site's own origin, `https://example.org`, or the refusal of a request with a bad `Host`.

    A request must have exactly one well-formed `Host` (RFC 9112, section 3.2; A53), even where it is not used.

    Raises:
        ConfigurationError: `base_url` is no URL, or it is missing in production.
    """
    hosts = request.header_values("host")
    if len(hosts) != 1 or (asked := parse_origin(f"{request.scheme}://{hosts[0]}")) is None:
        return Denied(HOST_NOT_ALLOWED, "Expected exactly one Host header, with a host name and maybe a port.")
    if settings.base_url is not None:
        return _configured_origin(settings.base_url)
    if settings.is_production:
        raise ConfigurationError("production needs `base_url` (WATCHWORD_BASE_URL), for example 'https://example.org'")
    if not _is_loopback(asked):
        return Denied(HOST_NOT_ALLOWED, "Without `base_url` only loopback hosts such as localhost are answered.")
    return asked


def site_url(settings: Settings, request: Request, path: str) -> str | Denied:
    """Return the absolute URL of a path of this site, for a link in a mail: `https://example.org` + `/auth/…`.

    The path starts with `/` and includes the prefix; where `base_url` has a path of its own, that comes first.
    """
    origin = site_origin(settings, request)
    if isinstance(origin, Denied):
        return origin
    base_path = urlsplit(settings.base_url).path.rstrip("/") if settings.base_url else ""
    return f"{origin}{base_path}{path}"


def check_origin(request: Request, site: str, others: Collection[str] = ()) -> Denied | None:
    """Return the refusal of an unsafe request that another site made, or `None` (CB-060 to CB-077, A42, A43).

    Strict about the origin, not only the site, since sub-domains are same-site (CB-061). What counts, in this order:

    1. An `Origin` that is declared: exactly one of `others`, in normal form.
    2. `Sec-Fetch-Site`, which pages can't set: only `same-origin` and `none` (typed by the user) may go on.
    3. `Origin`: exactly one, and exactly the site's own; `null` is nobody's.
    4. Where `Origin` is missing: a good `Sec-Fetch-Site`, else a `Referer` of our own origin (CB-075).
    5. With none of the three, a request with cookies is refused (CB-074). One without has no ambient authority that
       another site could borrow: it is a program, and every browser in use sends `Origin` with a cross-site POST.
    """
    if request.method in SAFE_METHODS:
        return None
    origins = request.header_values("origin")
    fetch_sites = request.header_values("sec-fetch-site")
    referers = request.header_values("referer")
    if len(origins) == 1 and parse_origin(origins[0]) in others:
        return None
    if fetch_sites and fetch_sites not in (["same-origin"], ["none"]):
        return _foreign(site)
    if origins:
        return None if len(origins) == 1 and parse_origin(origins[0]) == site else _foreign(site)
    if fetch_sites:
        return None
    if referers:
        return None if len(referers) == 1 and _origin_of(referers[0]) == site else _foreign(site)
    return _foreign(site) if request.header_values("cookie") else None


def safe_next(text: str | None, default: str) -> str:
    """Return `text` where it is a path of this site to lead the browser to, else `default` (A47).

    Only a path from the root is taken: one slash, printable ASCII, no backslash, at most 2,000 characters. However
    often the path is percent-decoded, it must not show a second slash, a backslash, a dot segment or a control
    character, since proxies and browsers decode and normalise in their own ways.
    """
    if text is None or len(text) > _MAXIMUM_NEXT or _NEXT.match(text) is None:
        return default
    path = re.split(r"[?#]", text, maxsplit=1)[0]
    for _ in range(5):
        if _misleads(path):
            return default
        decoded = unquote(path)
        if decoded == path:
            return text
        path = decoded
    return default


def safe_return(text: str | None, default: str, others: Collection[str]) -> str:
    """Return `text` where `safe_next()` does, or where it is a page of an origin that is declared (A47).

    Args:
        text: a path of this site, or a whole address.
        default: what to return in place of anything else.
        others: the declared origins, in normal form. The address must begin with one of them, letter by letter, and go on
            with a path that `safe_next()` takes.
    """
    origin = next((one for one in others if text is not None and text.startswith(f"{one}/")), None)
    if text is None or origin is None:
        return safe_next(text, default)
    path = text[len(origin) :]
    return text if len(text) <= _MAXIMUM_NEXT and safe_next(path, "") == path else default


def came_from(settings: Settings, request: Request, default: str) -> str:
    """Return the page of this site that the request came from, as its `Referer` tells, or `default`: to lead back to."""
    referers = request.header_values("referer")
    site = site_origin(settings, request)
    if len(referers) != 1 or isinstance(site, Denied) or _origin_of(referers[0]) != site:
        return default
    parts = urlsplit(referers[0])
    return safe_next(f"{parts.path}?{parts.query}" if parts.query else parts.path, default)


def _misleads(path: str) -> bool:
    return (
        "//" in path
        or "\\" in path
        or any(letter < " " or letter == "\x7f" for letter in path)
        or any(segment in (".", "..") for segment in path.split("/"))
    )


def _foreign(site: str) -> Denied:
    return Denied(ORIGIN_NOT_ALLOWED, f"Expected a call from a page of {site}.")


def _origin_of(url: str) -> str | None:
    """Return the origin of an absolute URL, or `None`."""
    match = re.match(r"[A-Za-z]+://[^/?#]*", url)
    return parse_origin(match[0]) if match else None


def _configured_origin(base_url: str) -> str:
    origin = _origin_of(base_url)
    if origin is None:
        raise ConfigurationError(f"`base_url` is {base_url!r}: expected a URL such as 'https://example.org'")
    return origin


@lru_cache(maxsize=64)
def _is_loopback(origin: str) -> bool:
    """Tell whether the origin's host can only be this machine (RFC 6761, section 6.3), or a test client's `testserver`."""
    name = urlsplit(origin).hostname or ""
    if name in ("localhost", "testserver") or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
