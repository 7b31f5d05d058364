"""Settings as text: from environment variables, or from the tables of a `watchword.toml`."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from watchword.foundation.durations import parse_duration
from watchword.foundation.errors import ConfigurationError
from watchword.foundation.secrets import Secret
from watchword.foundation.settings import SMTP, Brand, SessionLimits


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


VARIABLES: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "WATCHWORD_MODE": ("mode", str),
    "WATCHWORD_STORE": ("store", str),
    "WATCHWORD_SECRET": ("secret", _names),
    "WATCHWORD_BASE_URL": ("base_url", str),
    "WATCHWORD_PROXIES": ("proxies", _names),
    "WATCHWORD_LANGUAGE": ("language", str),
    "WATCHWORD_BREACHED_PASSWORD_URL": ("breached_password_url", str),
    "WATCHWORD_SMTP": ("smtp", str),
    "WATCHWORD_SENDER": ("sender", str),
    "WATCHWORD_BRAND_NAME": ("brand_name", str),
    "WATCHWORD_BRAND_LOGO": ("brand_logo", str),
    "WATCHWORD_BRAND_COLOUR": ("brand_colour", str),
}
"""Every environment variable, the setting it gives and how its text is read."""


def from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that the environment gives, as text or tuples of text.

    Raises:
        ConfigurationError: a variable starts with `WATCHWORD_` and is none of ours, so a typo is not passed over.
    """
    ours = {name: value for name, value in environ.items() if name.startswith("WATCHWORD_") and value}
    unknown = sorted(set(ours) - set(VARIABLES) - {"WATCHWORD_CONFIG"} - _TEST_VARIABLES)
    if unknown:
        raise ConfigurationError(f"{', '.join(unknown)}: no such setting. There are: {', '.join(VARIABLES)}")
    return {VARIABLES[name][0]: VARIABLES[name][1](value) for name, value in ours.items() if name in VARIABLES}


_TEST_VARIABLES = frozenset({"WATCHWORD_CHROMIUM"})

_TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "": {name: name for name in ("mode", "store", "base_url", "proxies", "language", "breached_password_url")},
    "brand": {"name": "brand_name", "logo": "brand_logo", "colour": "brand_colour"},
    "mail": {"smtp": "smtp", "sender": "sender"},
    "session": {"idle": "session_idle", "absolute": "session_absolute"},
}


def from_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings in a parsed `watchword.toml`. Secrets are not among them: they come by the environment.

    Raises:
        ConfigurationError: a key is none of ours.
    """
    found: dict[str, Any] = {}
    for key, value in document.items():
        if key == "limits" and isinstance(value, dict):
            found["limits"] = value
        elif isinstance(value, dict) and key in _TABLES:
            for name, entry in value.items():  # pyright: ignore[reportUnknownVariableType]
                found[_setting(_TABLES[key], str(name), f"[{key}] ")] = entry  # pyright: ignore[reportUnknownArgumentType]
        else:
            found[_setting(_TABLES[""], key, "")] = tuple(value) if isinstance(value, list) else value  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return found


def _setting(table: Mapping[str, str], name: str, where: str) -> str:
    if name not in table:
        raise ConfigurationError(f"watchword.toml: {where}{name}: no such setting. There are: {', '.join(table)}")
    return table[name]


def brand_of(given: Mapping[str, Any]) -> Brand:
    """Return the brand that the settings give."""
    values = {name: given[f"brand_{name}"] for name in ("name", "logo", "colour") if f"brand_{name}" in given}
    return Brand(**values)


def session_limits_of(given: Mapping[str, Any]) -> SessionLimits:
    """Return the session limits that the settings give, durations as text (`7 days`)."""
    values = {
        name: parse_duration(given[f"session_{name}"]) for name in ("idle", "absolute") if f"session_{name}" in given
    }
    return SessionLimits(**values)


def smtp_of(given: Mapping[str, Any]) -> SMTP | None:
    """Return the mail server that the settings give: `smtp://user:password@host:587` or `smtps://…:465`.

    Raises:
        ConfigurationError: the URL is none, or the sender is missing.
    """
    url = given.get("smtp")
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ConfigurationError("the mail server is no URL: write 'smtp://user:password@host:587' or 'smtps://…:465'")
    if not given.get("sender"):
        raise ConfigurationError("mail needs a sender: set WATCHWORD_SENDER='Example <no-reply@example.org>'")
    tls = parts.scheme == "smtps"
    return SMTP(
        host=parts.hostname,
        port=parts.port or (465 if tls else 587),
        sender=given["sender"],
        username=unquote(parts.username) if parts.username else None,
        password=Secret(unquote(parts.password)) if parts.password else None,
        security="tls" if tls else "starttls",
    )
