"""What an app beside a server can be told, and what only the server can."""

from collections.abc import Collection, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from watchword.foundation.errors import ConfigurationError
from watchword.foundation.secrets import Secret
from watchword.foundation.settings import SessionLimits, Settings
from watchword.http.origin import parse_origin
from watchword.tokens.keyring import MINIMUM_SECRET

_OWN: Final = frozenset(
    {
        "mode",
        "base_url",
        "origins",
        "cookie_domain",
        "proxies",
        "key",
        "session",
        "session_believed",
        "session_remembered",
        "trust",
    }
)
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def refuse_unfit(given: Collection[str], settings: Settings, server: str, keys: Sequence[Any], *, tells: bool) -> None:
    """Refuse what makes no sense for an app beside a server, or is not safe, all of it in one message.

    Args:
        given: names of the settings that are given.
        settings: as far as they are the app's.
        server: its address.
        keys: of this app.
        tells: whether a trusted system is to tell it when sessions end.

    Raises:
        ConfigurationError: lists what is wrong and how to mend it.
    """
    wrong = [
        f"{name}: the server decides that; set it there, and leave it out here" for name in sorted({*given} - _OWN)
    ]
    own = settings.session
    if own != SessionLimits(remembered=own.remembered, believed=own.believed):
        wrong.append(
            "session: only `remembered` and `believed` are the app's; how long sessions live, the server decides"
        )
    if tells:
        wrong.append(
            "trust: only a server can be told that sessions end; leave webhook_secret and back_channel_logout out"
        )
    parts = urlsplit(server)
    is_loopback = parts.hostname in _LOOPBACK
    if parse_origin(server) != server:
        wrong.append(f"the server is {server!r}: write scheme and host alone, for example 'https://auth.example.org'")
    elif parts.scheme != "https" and (settings.is_production or not is_loopback):
        wrong.append(
            f"the server is {server!r}: it must begin with 'https://', since the key and sessions travel there"
        )
    if not keys:
        wrong.append("no key: set WATCHWORD_KEY to the output of `watchword keys create NAME` on the server")
    if any(not isinstance(key, Secret) or len(key.reveal()) < MINIMUM_SECRET for key in keys):
        wrong.append("a key is too short to be one: make it with `watchword keys create NAME` on the server")
    if settings.is_production and settings.base_url is None:
        wrong.append(
            "no base URL: set WATCHWORD_BASE_URL to the app's own address, for example 'https://app.example.org'"
        )
    if settings.mode not in ("development", "production"):
        wrong.append(f"mode is {settings.mode!r}: write 'development' or 'production'")
    if wrong:
        raise ConfigurationError(
            f"Watchword does not start beside {server}:\n" + "\n".join(f"  - {one}" for one in wrong)
        )
