"""Settings as text: from environment variables, or from the tables of a `watchword.toml`."""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import unquote, urlsplit

from watchword.foundation.durations import parse_duration
from watchword.foundation.errors import ConfigurationError
from watchword.foundation.secrets import Secret
from watchword.foundation.settings import SMTP, Brand, SecondFactor, SessionLimits, Settings


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise ConfigurationError(f"{text!r} is no number: WATCHWORD_PORT and WATCHWORD_WORKERS are written in digits")
    return int(text)


VARIABLES: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "WATCHWORD_MODE": ("mode", str),
    "WATCHWORD_STORE": ("store", str),
    "WATCHWORD_SECRET": ("secret", _names),
    "WATCHWORD_BASE_URL": ("base_url", str),
    "WATCHWORD_ORIGINS": ("origins", _names),
    "WATCHWORD_COOKIE_DOMAIN": ("cookie_domain", str),
    "WATCHWORD_PROXIES": ("proxies", _names),
    "WATCHWORD_KEY": ("key", _names),
    "WATCHWORD_LANGUAGE": ("language", str),
    "WATCHWORD_BREACHED_PASSWORD_URL": ("breached_password_url", str),
    "WATCHWORD_SMTP": ("smtp", str),
    "WATCHWORD_SENDER": ("sender", str),
    "WATCHWORD_BRAND_NAME": ("brand_name", str),
    "WATCHWORD_BRAND_LOGO": ("brand_logo", str),
    "WATCHWORD_BRAND_COLOUR": ("brand_colour", str),
    "WATCHWORD_HOST": ("host", str),
    "WATCHWORD_PORT": ("port", _number),
    "WATCHWORD_WORKERS": ("workers", _number),
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


_TEST_VARIABLES = frozenset({"WATCHWORD_CHROMIUM", "WATCHWORD_TEST_POSTGRESQL"})

TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "": {
        name: name
        for name in (
            "mode",
            "store",
            "base_url",
            "origins",
            "cookie_domain",
            "proxies",
            "language",
            "breached_password_url",
        )
    },
    "brand": {"name": "brand_name", "logo": "brand_logo", "colour": "brand_colour"},
    "mail": {"smtp": "smtp", "sender": "sender"},
    "session": {name: f"session_{name}" for name in ("idle", "absolute", "believed", "remembered")},
    "second_factor": {name: f"second_factor_{name}" for name in ("mode", "roles", "grace")},
    "server": {name: name for name in ("host", "port", "workers")},
}


DOCUMENT: Final = Path("watchword.toml")


def read_document(path: Path | None = None) -> dict[str, Any]:
    """Return the settings file, parsed.

    Args:
        path: where it is; without, `watchword.toml` in the working directory, which need not be there.

    Raises:
        ConfigurationError: it can't be read, or is no TOML; says where.
    """
    if path is None and not DOCUMENT.exists():
        return {}
    path = path or DOCUMENT
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror or error}: give the path of a watchword.toml") from None
    except ValueError as error:
        raise ConfigurationError(f"{path} is no TOML: {error}") from None


def from_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings in a parsed `watchword.toml`. Secrets are not among them: they come by the environment.

    Raises:
        ConfigurationError: a key is none of ours.
    """
    found: dict[str, Any] = {}
    for key, value in document.items():
        if key == "limits":
            found["limits"] = {
                name: _checked(f"[limits] {name}", "", rate) for name, rate in _entries(key, value).items()
            }
        elif key == "roles":
            found["roles"] = {role: _permissions(role, entry) for role, entry in _entries(key, value).items()}
        elif key in TABLES:
            for name, entry in _entries(key, value).items():
                found[_setting(TABLES[key], name, f"[{key}] ")] = _checked(f"[{key}] {name}", name, entry)
        else:
            found[_setting(TABLES[""], key, "")] = _checked(key, key, value)
    return found


def _permissions(role: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in cast("list[Any]", value)):
        raise ConfigurationError(f'watchword.toml: [roles] {role}: expected a list of permissions, ["notes:write"]')
    return tuple(cast("list[str]", value))


def _entries(key: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ConfigurationError(f"watchword.toml: {key}: expected a table, written [{key}] on a line of its own")
    return cast("dict[str, Any]", value)


def _setting(table: Mapping[str, str], name: str, where: str) -> str:
    if name == "secret":
        raise ConfigurationError(
            "watchword.toml: a secret does not belong in a file that is copied around: set WATCHWORD_SECRET"
        )
    if name not in table:
        tables = "" if where else f"; tables: {', '.join([*filter(None, TABLES), 'limits', 'roles'])}"
        known = ", ".join(table) + tables
        raise ConfigurationError(f"watchword.toml: {where}{name}: no such setting. There are: {known}")
    return table[name]


def _checked(where: str, name: str, value: Any) -> Any:
    """Return the value if it is of its setting's type: a list for `origins` and `proxies`, a number, or text."""
    kind, expected = {
        "origins": (list, 'a list, ["https://app.example.org"]'),
        "proxies": (list, 'a list, ["10.0.0.0/8"]'),
        "port": (int, "a number"),
        "workers": (int, "a number"),
        "remembered": (int, "a number"),
        "roles": (list, 'a list, ["admin"]'),
    }.get(name, (str, 'text in quotes, "…"'))
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ConfigurationError(f"watchword.toml: {where}: expected {expected}, found {value!r}")
    return tuple(cast("list[Any]", value)) if isinstance(value, list) else value


def settings_of(given: Mapping[str, Any]) -> Settings:
    """Return the settings that the environment or a document gives, defaults for the rest.

    Raises:
        ConfigurationError: a value can't be read.
    """
    return Settings(
        mode=given.get("mode", "development"),
        base_url=given["base_url"].rstrip("/") if "base_url" in given else None,
        brand=brand_of(given),
        origins=given.get("origins", ()),
        cookie_domain=given.get("cookie_domain"),
        proxies=given.get("proxies", ()),
        limits=given.get("limits", {}),
        roles=given.get("roles", {}),
        session=session_limits_of(given),
        second_factor=second_factor_of(given),
        smtp=smtp_of(given),
        breached_password_url=given.get("breached_password_url"),
        language=given.get("language", "en"),
    )


def brand_of(given: Mapping[str, Any]) -> Brand:
    """Return the brand that the settings give."""
    values = {name: given[f"brand_{name}"] for name in ("name", "logo", "colour") if f"brand_{name}" in given}
    return Brand(**values)


def session_limits_of(given: Mapping[str, Any]) -> SessionLimits:
    """Return the session limits that the settings give, durations as text (`7 days`)."""
    values = {
        name: parse_duration(given[f"session_{name}"])
        for name in ("idle", "absolute", "believed")
        if f"session_{name}" in given
    }
    if "session_remembered" in given:
        values["remembered"] = given["session_remembered"]
    return SessionLimits(**values)


def second_factor_of(given: Mapping[str, Any]) -> SecondFactor:
    """Return the second-factor policy that the settings give, its grace as text (`14 days`).

    Raises:
        ConfigurationError: there is no such mode.
    """
    mode = given.get("second_factor_mode", "optional")
    if mode not in ("off", "optional", "required"):
        raise ConfigurationError(f"[second_factor] mode is {mode!r}: write 'off', 'optional' or 'required'")
    grace = parse_duration(given["second_factor_grace"]) if "second_factor_grace" in given else 0
    return SecondFactor(mode=mode, roles=given.get("second_factor_roles", ()), grace=grace)


_NO_MAIL_URL: Final = "the mail server is no URL: write 'smtp://user:password@host:587' or 'smtps://…:465'"


def smtp_of(given: Mapping[str, Any]) -> SMTP | None:
    """Return the mail server that the settings give: `smtp://user:password@host:587` or `smtps://…:465`.

    Raises:
        ConfigurationError: the URL is none, or the sender is missing.
    """
    url: str | None = given.get("smtp")
    if not url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigurationError(_NO_MAIL_URL) from None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ConfigurationError(_NO_MAIL_URL)
    if not given.get("sender"):
        raise ConfigurationError("mail needs a sender: set WATCHWORD_SENDER='Example <no-reply@example.org>'")
    tls = parts.scheme == "smtps"
    return SMTP(
        host=parts.hostname,
        port=port or (465 if tls else 587),
        sender=given["sender"],
        username=unquote(parts.username) if parts.username else None,
        password=Secret(unquote(parts.password)) if parts.password else None,
        security="tls" if tls else "starttls",
    )


def stated(**arguments: Any) -> dict[str, Any]:
    """Return the arguments that are given, without those that are `None`."""
    return {name: value for name, value in arguments.items() if value is not None}


def texts_of(given: Any) -> tuple[str, ...]:
    """Return the texts of a setting that takes one text or several."""
    return (given,) if isinstance(given, str) else tuple(given or ())
