"""The page of settings: what `Auth(...)` takes, the environment variables, and the keys of `watchword.toml`."""

import inspect
from collections.abc import Iterable
from typing import Final

from scripts.reference.markdown import GENERATED, code, table
from watchword import SMTP, Auth, Brand, SecondFactor, SessionLimits
from watchword.foundation.environment import TABLES, VARIABLES
from watchword.methods.password.hashing import Figures

HEAD: Final = """\
# Settings

A setting is looked for in this order: the argument of `Auth(...)`, the environment, `watchword.toml` (for the
[`watchword` command](../guides/command-line.md); an app hands it in as `configuration`), the default. A variable or a
key that does not exist stops the start, so that a typo is not passed over.

"""

ARGUMENTS: Final[dict[str, tuple[str, str]]] = {
    "store": ("`sqlite:///watchword.sqlite3`", "`sqlite:///path` or `postgresql://user:password@host/database`"),
    "secret": (
        "in development made at the first start",
        "at least 32 random characters, or several, the current one first",
    ),
    "mode": ("`development`", "`development` or `production`; see [production](../guides/production.md)"),
    "base_url": ("none; from the request in development", "the site's address; links in mails begin with it"),
    "password": ("`Password()`", "the password method: `Password(figures=Figures(...))`"),
    "methods": (
        "those whose libraries are installed",
        "further sign-in methods: `[Passkey(), TOTP(), RecoveryCodes()]`; see [second factors](../guides/second-factors.md)",
    ),
    "second_factor": ("`SecondFactor()`", "who is asked for a second factor"),
    "brand": ("`Brand()`", "name, logo and colour of pages and mails"),
    "smtp": ("none; a mailbox page in development", "where mail leaves"),
    "origins": ("none", "further origins whose pages may call with the visitor's cookies, and be led back to"),
    "cookie_domain": ("none", "whose hosts all get the session cookie, for apps beside the server"),
    "server": ("none", "the server that this app stands beside; see [beside a server](../guides/beside.md)"),
    "key": ("none", "of an app beside a server: what `watchword keys create` has printed there"),
    "proxies": ("none", "networks (CIDR) of the proxies in front, whose forwarding headers are believed"),
    "limits": ("see [limits](limits.md)", "rates by name, in place of the defaults"),
    "roles": ("`user` and `admin`", 'further roles and what each permits: `{"editor": ["notes:write"]}`'),
    "session": ("`SessionLimits()`", "how long sessions live"),
    "features": (
        "none",
        "what else is switched on: `[SessionTokens(audience=…)]`, see [session tokens](../guides/session-tokens.md)",
    ),
    "trust": ("none", "other systems whose sessions are accepted; see [trust](../trust/index.md)"),
    "language": ("`en`", "of pages and mails where a browser asks for none that exists"),
    "clock": ("the system's", "what tells the time; tests hand in `watchword.foundation.clock.ManualClock`"),
    "configuration": ("empty", "what a `watchword.toml` holds, parsed"),
    "environ": ("`os.environ`", "environment variables"),
}

SETTINGS: Final[dict[str, str]] = {
    "mode": "`development` or `production`",
    "store": "database URL",
    "secret": "one secret, or several with commas, the current one first; make one with `watchword secret`",
    "base_url": "`https://example.org`",
    "origins": "origins, with commas in a variable: `https://app.example.org`",
    "cookie_domain": "whose hosts all get the session cookie: `example.org`; see [beside a server](../guides/beside.md)",
    "key": "of an [app beside a server](../guides/beside.md), or two with a comma while one is replaced",
    "proxies": "networks, with commas in a variable: `10.0.0.0/8,192.168.0.1`",
    "language": "`en` or `de`",
    "breached_password_url": "a k-anonymity range service: `https://api.pwnedpasswords.com/range`",
    "smtp": "`smtp://user:password@host:587` (STARTTLS) or `smtps://user:password@host:465` (TLS)",
    "sender": "`From` of mails: `Example <no-reply@example.org>`; needed beside `smtp`",
    "brand_name": "the product's name",
    "brand_logo": "path of a picture on this site",
    "brand_colour": "accent colour, `#rrggbb`",
    "host": "address that `watchword serve` listens on; `127.0.0.1`",
    "port": "its port; `8000`",
    "workers": "its processes; 1, in production one for each core",
    "second_factor_mode": "who is asked for a [second factor](../guides/second-factors.md): `off`, `optional` or `required`",
    "second_factor_roles": 'whom `required` is for: `["admin"]`; everybody where none is named',
    "second_factor_grace": "for how long from the first sign-in people get in without: `14 days`",
    "session_idle": "how long a session lives without a request: `7 days`",
    "session_believed": "after so long at most, a trusted system's session that is remembered is verified again: `1 day`",
    "session_remembered": "how many sessions each process checks from memory: `10000`, 1 KiB each",
    "session_absolute": "how long it lives in all: `30 days`",
}

UNITS: Final[dict[type[object], str]] = {
    SessionLimits: ", times in milliseconds",
    SecondFactor: ", time in milliseconds",
    Figures: ", memory in KiB",
}

TAIL: Final = """\
`[limits]` takes any name of the [limits](limits.md), with a rate; `[roles]` any role, with the list of what it permits. A secret never stands in the file.

`WATCHWORD_CONFIG` names the settings file of the `watchword` command and of its workers; without it,
`watchword.toml` in the working directory is read where there is one.

"""


def settings_page() -> str:
    """Return the page. A setting without a description here, or the reverse, is an error."""
    arguments = [name for name in inspect.signature(Auth).parameters if name != "self"]
    _agree(arguments, ARGUMENTS)
    keys = {setting: _key(section, key) for section, named in TABLES.items() for key, setting in named.items()}
    variables = {setting: name for name, (setting, _) in VARIABLES.items()}
    _agree({*keys, *variables}, SETTINGS)
    rows = [(_code(variables.get(name)), _code(keys.get(name)), text) for name, text in SETTINGS.items()]
    return (
        GENERATED
        + HEAD
        + "## Arguments of Auth\n\n"
        + table(("Argument", "Default", "Meaning"), [(f"`{name}`", *ARGUMENTS[name]) for name in arguments])
        + "".join(_defaults(kind) for kind in (Brand, SessionLimits, SecondFactor, SMTP, Figures))
        + "## Environment and watchword.toml\n\n"
        + table(("Variable", "Key in watchword.toml", "Meaning"), rows)
        + TAIL
    )


def _defaults(kind: type[object]) -> str:
    """Return one of the objects that `Auth` takes, with its fields and defaults."""
    module = "watchword" if kind is not Figures else Figures.__module__
    fields = [
        f"    {name}={'...' if parameter.default is inspect.Parameter.empty else repr(parameter.default)},"
        for name, parameter in inspect.signature(kind).parameters.items()
    ]
    lines = [f"from {module} import {kind.__name__}", "", f"{kind.__name__}(", *fields, ")"]
    return f"`{kind.__name__}` and its defaults{UNITS.get(kind, '')}:\n\n" + code("\n".join(lines), "python")


def _agree(declared: Iterable[str], described: Iterable[str]) -> None:
    if different := set(declared) ^ set(described):
        raise ValueError(f"not both declared and described: {', '.join(sorted(different))}")


def _key(section: str, key: str) -> str:
    return f"[{section}] {key}" if section else key


def _code(text: str | None) -> str:
    return f"`{text}`" if text else ""
