"""The settings of one Watchword: given to `Auth(...)`, read from the environment, or from `watchword.toml`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, final

from watchword.foundation.clock import DAY, MINUTE
from watchword.foundation.secrets import Secret

Mode = Literal["development", "production"]


DEFAULT_ROLES: Final[dict[str, tuple[str, ...]]] = {"user": (), "admin": ("*",)}


@final
@dataclass(frozen=True, slots=True)
class Brand:
    """How the hosted pages and the mails look.

    Attributes:
        name: the product's name.
        logo: URL of a picture on this site (`/static/logo.svg`), or `None` for the name alone.
        colour: accent colour as `#rrggbb`.
    """

    name: str = "Watchword"
    logo: str | None = None
    colour: str = "#3b5bdb"


@final
@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session lives, in milliseconds, and how many of them each process remembers.

    Attributes:
        idle: without any request.
        absolute: in all; also the cookie's `Max-Age`.
        activity: the last use is written at most once in this time.
        believed: after so long at most, another system's session that is remembered is verified again.
        remembered: so many sessions, of at most 1 KiB each, are checked from memory (0: none); those not used lately give way.
    """

    idle: int = 7 * DAY
    absolute: int = 30 * DAY
    activity: int = 5 * MINUTE
    believed: int = DAY
    remembered: int = 10_000


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactor:
    """Who is asked for a second factor.

    Attributes:
        mode: `off`: nobody, whatever they have set up; `optional`: whoever has set one up; `required`: those too, and
            the rest sets one up at the next sign-in.
        roles: whom `required` is for; everybody where none is named.
        grace: for how long, in milliseconds from the first sign-in under it, `required` lets people in without.
    """

    mode: Literal["off", "optional", "required"] = "optional"
    roles: tuple[str, ...] = ()
    grace: int = 0

    def requires(self, role: str) -> bool:
        """Tell whether somebody of this role must have a second factor."""
        return self.mode == "required" and (not self.roles or role in self.roles)


@final
@dataclass(frozen=True, slots=True)
class SMTP:
    """Where mail leaves.

    Attributes:
        host: server's name.
        port: 587 (STARTTLS), 465 (TLS from the start) or another.
        sender: `From` address, `Name <name@example.org>` or bare.
        username, password: for the server, or `None`.
        security: `starttls`, `tls`, or `none` (development only).
    """

    host: str
    sender: str
    port: int = 587
    username: str | None = None
    password: Secret | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that rooms read at run time. Built and checked once, by `auth.py`.

    Attributes:
        mode: `development` answers only for loopback hosts and shows mail in a mailbox page; `production` is strict.
        base_url: origin and path of the site (`https://example.org`); `None` only in development.
        prefix: where Watchword's routes are mounted.
        brand: look of pages and mails.
        origins: further origins, `https://app.example.org`, whose pages may call with the visitor's cookies.
        cookie_domain: whose hosts all get the session cookie, `example.org`; `None`: the site's host alone.
        proxies: networks (CIDR) whose forwarding headers are believed; none unless declared.
        roles: what each role permits (`{"editor": ("notes:write",)}`); beside `user`, who may nothing by role, and
            `admin`, who may everything.
        limits: rates by name that replace the defaults (`{"sign_in_address": "100/minute"}`).
        session: how long sessions live.
        second_factor: who is asked for a second factor.
        smtp: where mail leaves; `None` only in development (mailbox page).
        breached_password_url: base URL of a k-anonymity range service, or `None` for the offline list alone.
        language: the pages' language where the browser asks for none that exists.
    """

    mode: Mode = "development"
    base_url: str | None = None
    prefix: str = "/auth"
    brand: Brand = field(default_factory=Brand)
    origins: tuple[str, ...] = ()
    cookie_domain: str | None = None
    proxies: tuple[str, ...] = ()
    limits: Mapping[str, str] = field(default_factory=dict[str, str])
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    session: SessionLimits = field(default_factory=SessionLimits)
    second_factor: SecondFactor = field(default_factory=SecondFactor)
    smtp: SMTP | None = None
    breached_password_url: str | None = None
    language: str = "en"

    @property
    def all_roles(self) -> Mapping[str, tuple[str, ...]]:
        """Every role there is, with what it permits."""
        return DEFAULT_ROLES | dict(self.roles)

    @property
    def is_production(self) -> bool:
        """Tell whether the strict mode is on."""
        return self.mode == "production"
