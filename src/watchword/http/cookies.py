"""Cookies as bytes on the wire (RFC 6265bis): no guessing, no decoding, no second chance."""

from collections.abc import Iterable

MAXIMUM_AGE = 400 * 24 * 3600
"""Seconds; browsers cap a cookie's life there (RFC 6265bis, section 5.5)."""
_SPACE = " \t"


def parse_cookies(lines: Iterable[str]) -> dict[str, list[str]]:
    """Return every cookie by its exact name with all the values sent, in order.

    Names are compared as they came: no trimming beyond the one space of the grammar, no case folding, no percent
    decoding, so neither `U+2000 __Host-sid` nor `=__Host-sid=x` can pose as `__Host-sid` (A29).
    """
    found: dict[str, list[str]] = {}
    for line in lines:
        for pair in line.split(";"):
            name, separator, value = pair.strip(_SPACE).partition("=")
            if separator and name:
                found.setdefault(name, []).append(value)
    return found


def set_cookie(
    name: str, value: str, *, max_age: int | None, secure: bool, same_site: str = "Lax", domain: str | None = None
) -> str:
    """Return a `Set-Cookie` value: HttpOnly, `Path=/`, and host-only unless a domain is given.

    Host-only, the `__Host-` prefix is honoured.

    Args:
        name: cookie name.
        value: its value: letters of a token, nothing that needs quoting.
        max_age: seconds to live, capped at 400 days; `None` for as long as the browser runs.
        secure: whether to add `Secure` (always, but for plain-http localhost in development).
        same_site: `Lax` or `Strict`.
        domain: whose hosts all get it, `example.org`; `None` for this host alone.
    """
    parts = [f"{name}={value}", "Path=/", "HttpOnly", f"SameSite={same_site}"]
    if domain is not None:
        parts.append(f"Domain={domain}")
    if max_age is not None:
        parts.append(f"Max-Age={min(max_age, MAXIMUM_AGE)}")
    if secure:
        parts.append("Secure")
    return "; ".join(parts)


def clear_cookie(name: str, *, secure: bool, domain: str | None = None) -> str:
    """Return a `Set-Cookie` value that makes the browser forget the cookie."""
    return set_cookie(name, "", max_age=0, secure=secure, domain=domain)
