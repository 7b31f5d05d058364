"""What `watchword doctor` examines, in its order. Nothing is changed, and no mail is sent."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from watchword.auth import DEFAULT_STORE
from watchword.cli.finding import Finding, fail, ok, warn
from watchword.cli.store_checks import check_store
from watchword.foundation.clock import DAY, SystemClock, to_datetime
from watchword.foundation.environment import from_document, from_environment, read_document, settings_of
from watchword.foundation.errors import ConfigurationError
from watchword.foundation.secrets import Secret, random_secret
from watchword.foundation.settings import Settings
from watchword.http.address import parse_proxies
from watchword.limits.declared import effective_rates
from watchword.methods.password.hashing import Figures, PasswordHasher
from watchword.outbox.mail import DeliveryError
from watchword.outbox.smtp import SMTPTransport
from watchword.refusals import wrong_base_url
from watchword.sessions.cookie import Cookies
from watchword.storage.secret_file import PREFIX, secret_path
from watchword.tokens.keyring import MINIMUM_SECRET

_MAKE_SECRET = "set WATCHWORD_SECRET to the output of `watchword secret`"
_MINIMUM_VARIETY = 10
"""Different characters in a secret; a random one has far more."""
_SLOW_HASH = 1_000
_RELEASED = 1_760_000_000_000
"""October 2025: a clock before it is wrong."""


def examine(config: Path | None) -> list[Finding]:
    """Return what the settings, and what they lead to, look like."""
    try:
        given = from_document(read_document(config)) | from_environment(os.environ)
        settings = settings_of(given)
    except ConfigurationError as error:
        return [fail("settings", str(error), "write it as expected, then run `watchword doctor` again")]
    store_url = given.get("store", DEFAULT_STORE)
    secrets = _secrets(given.get("secret", ()), settings, store_url)
    return [
        *_check_mode(settings),
        *_check_secrets(secrets, settings, store_url),
        *_check_site(settings),
        *_check_limits(settings),
        *_check_mail(settings),
        *_check_clock(),
        *_check_hashing(),
        *check_store(store_url, secrets, settings),
    ]


def _secrets(given: tuple[str, ...], settings: Settings, store_url: str) -> tuple[Secret, ...]:
    kept = secret_path(store_url)
    if not given and not settings.is_production and kept.exists():
        given = (kept.read_text().strip(),)
    return tuple(Secret(text) for text in given)


def _check_mode(settings: Settings) -> Iterator[Finding]:
    if settings.mode not in ("development", "production"):
        yield fail("mode", repr(settings.mode), "write development or production")
    elif settings.is_production:
        yield ok("mode", "production")
    else:
        yield warn(
            "mode", "development: answers on this machine only", "before others use it: WATCHWORD_MODE=production"
        )


def _check_secrets(secrets: tuple[Secret, ...], settings: Settings, store_url: str) -> Iterator[Finding]:
    if not secrets:
        yield (
            fail("secret", "none", _MAKE_SECRET)
            if settings.is_production
            else ok("secret", "none yet: the first start makes one for development")
        )
    for number, secret in enumerate(secrets, 1):
        name, text = f"secret {number}" if len(secrets) > 1 else "secret", secret.reveal()
        if len(text) < MINIMUM_SECRET:
            yield fail(name, f"{len(text)} characters, {MINIMUM_SECRET} are the least", _MAKE_SECRET)
        elif text.startswith(PREFIX) and settings.is_production:
            yield fail(name, "a development secret", _MAKE_SECRET)
        elif len(set(text)) < _MINIMUM_VARIETY:
            yield fail(name, f"only {len(set(text))} different characters: not random", _MAKE_SECRET)
        else:
            yield ok(name, f"{len(text)} characters")
    path = secret_path(store_url)
    if os.name == "posix" and path.exists() and path.stat().st_mode & 0o077:
        yield fail("secret file", f"{path}: others on this machine may read it", f"chmod 600 {path}")


def _check_site(settings: Settings) -> Iterator[Finding]:
    if wrong := wrong_base_url(settings):
        yield fail("base URL", settings.base_url or "none", wrong[0])
    else:
        yield ok("base URL", settings.base_url or "none: taken from each request, in development only")
    cookies = Cookies.of(settings)
    if cookies.secure:
        yield ok("cookies", f"{cookies.session}: Secure, HttpOnly, SameSite=Lax")
    else:
        yield warn("cookies", f"{cookies.session}: not Secure", "fine on localhost; production makes them Secure")
    try:
        parse_proxies(settings.proxies)
    except ConfigurationError as error:
        yield fail("proxies", ", ".join(settings.proxies), str(error))
    else:
        yield _proxies(settings)


def _proxies(settings: Settings) -> Finding:
    if settings.proxies:
        return ok("proxies", ", ".join(settings.proxies))
    if not settings.is_production:
        return ok("proxies", "none declared")
    return warn(
        "proxies",
        "none declared: every caller counts as coming from the address that connects",
        "if a proxy ends TLS in front, name its network: WATCHWORD_PROXIES=10.0.0.0/8",
    )


def _check_limits(settings: Settings) -> Iterator[Finding]:
    try:
        rates = effective_rates(settings.limits)
    except ConfigurationError as error:
        yield fail("limits", "a rate can't be read", str(error))
    else:
        yield ok("limits", f"{len(rates)} on, {len(settings.limits)} of them changed")


def _check_mail(settings: Settings) -> Iterator[Finding]:
    smtp = settings.smtp
    if smtp is None:
        yield (
            fail("mail", "no server", "set WATCHWORD_SMTP='smtp://user:password@host:587' and WATCHWORD_SENDER")
            if settings.is_production
            else ok("mail", f"none: mail lands at {settings.prefix}/dev/mailbox")
        )
        return
    where = f"{smtp.host}:{smtp.port} ({smtp.security})"
    try:
        SMTPTransport(smtp).check()
    except DeliveryError as error:
        yield fail("mail", f"{where}: {error}", "check the name, port, user and password in WATCHWORD_SMTP")
    else:
        yield ok("mail", f"{where} takes mail from {smtp.sender}")


def _check_clock() -> Iterator[Finding]:
    now = SystemClock().now()
    told = f"{to_datetime(now):%Y-%m-%d %H:%M:%S} UTC"
    if _RELEASED < now < _RELEASED + 100 * 365 * DAY:
        yield ok("clock", told)
    else:
        yield fail("clock", told, "set this machine's clock: sessions and codes run out by it")


def _check_hashing() -> Iterator[Finding]:
    figures = Figures()
    hasher = PasswordHasher(figures)
    hasher.hash(random_secret())
    before = time.perf_counter()
    hasher.hash(random_secret())
    spent = (time.perf_counter() - before) * 1000
    told = f"Argon2id, {figures.memory // 1024} MiB, {figures.iterations} iterations: {spent:.0f} ms a password"
    if spent < _SLOW_HASH:
        yield ok("password hashing", told)
    else:
        yield warn("password hashing", told, "each sign-in takes that long: use a faster machine, or one less busy")
