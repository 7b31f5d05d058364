"""What must not run: settings that would be unsafe, or that nobody could meet."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from watchword.admission.second_factor import SecondFactor
from watchword.foundation.errors import ConfigurationError
from watchword.foundation.secrets import Secret
from watchword.foundation.settings import Settings
from watchword.http.origin import parse_origin
from watchword.storage.secret_file import PREFIX
from watchword.tokens.keyring import MINIMUM_SECRET


def refuse_unsafe(settings: Settings, secrets: Sequence[Secret]) -> None:
    """Refuse what must not run, all of it in one message.

    Raises:
        ConfigurationError: lists what is wrong and how to mend it.
    """
    wrong: list[str] = []
    if settings.mode not in ("development", "production"):
        wrong.append(f"mode is {settings.mode!r}: write 'development' or 'production'")
    if any(len(secret.reveal()) < MINIMUM_SECRET for secret in secrets):
        wrong.append(f"a secret has fewer than {MINIMUM_SECRET} characters: make one with `watchword secret`")
    wrong += wrong_base_url(settings)
    wrong += wrong_cookie_domain(settings)
    wrong += [
        f"the origin {origin!r} is none: write scheme and host alone, for example 'https://app.example.org'"
        for origin in settings.origins
        if parse_origin(origin) != origin
    ]
    if settings.is_production:
        if not secrets:
            wrong.append("no secret: set WATCHWORD_SECRET to the output of `watchword secret`")
        if any(secret.reveal().startswith(PREFIX) for secret in secrets):
            wrong.append("the secret is a development one: set WATCHWORD_SECRET to the output of `watchword secret`")
        if settings.smtp is None:
            wrong.append("no mail transport: set WATCHWORD_SMTP='smtp://user:password@host:587' and WATCHWORD_SENDER")
        elif settings.smtp.security == "none" and not _is_loopback(settings.smtp.host):
            wrong.append("mail would leave in clear text: use security='starttls' or 'tls'")
    if wrong:
        raise ConfigurationError(
            f"Watchword does not start in {settings.mode} mode:\n" + "\n".join(f"  - {one}" for one in wrong)
        )


def refuse_unreachable(settings: Settings, factors: Sequence[SecondFactor]) -> None:
    """Refuse a second-factor policy that nobody could meet.

    Raises:
        ConfigurationError: it names a role that there is not, or requires what no method can set up.
    """
    policy = settings.second_factor
    unknown = sorted(set(policy.roles) - set(settings.all_roles))
    if unknown:
        raise ConfigurationError(f"the second-factor policy names the role {unknown[0]!r}, which is not declared")
    if policy.mode == "required" and not any(factor.enrolment for factor in factors):
        raise ConfigurationError(
            "a second factor is required, and no method can set one up: "
            "pip install 'watchword[passkey,totp]', or name one in methods="
        )


def wrong_base_url(settings: Settings) -> list[str]:
    """Return what is wrong with the address of the site: nothing, or one sentence."""
    base_url = settings.base_url
    if base_url is None:
        missing = "no base URL: set WATCHWORD_BASE_URL to the site's address, for example 'https://example.org'"
        return [missing] if settings.is_production else []
    scheme, _, rest = base_url.partition("://")
    authority, _, path = rest.partition("/")
    if parse_origin(f"{scheme}://{authority}") is None or "?" in path or "#" in path:
        return [f"the base URL is {base_url!r}: write the site's address alone, for example 'https://example.org'"]
    if settings.is_production and scheme != "https" and not _is_loopback(urlsplit(base_url).hostname or ""):
        return [f"the base URL is {base_url!r}: it must begin with 'https://'"]
    return []


def wrong_cookie_domain(settings: Settings) -> list[str]:
    """Return what is wrong with the domain of the session cookie: nothing, or one sentence."""
    domain = settings.cookie_domain
    if domain is None:
        return []
    host = urlsplit(settings.base_url or "").hostname
    is_domain = re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", domain) is not None and not domain[-1].isdigit()
    if not is_domain or (host is not None and host != domain and not host.endswith(f".{domain}")):
        expected = "the domain that this site's host and the apps' hosts share, for example 'example.org'"
        return [f"the cookie domain is {domain!r}: write {expected}"]
    return []


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "127.0.0.1", "::1")
