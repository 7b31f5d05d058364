"""The session cookies of Auth0's own SDKs: nextjs-auth0, versions 4 and 3, and auth0-fastapi (auth0-server-python).

Each is an encrypted token under a key that is derived from the app's secret, whole or in chunks. What it holds was
verified by the SDK when the person signed in, and nobody without the secret can write another.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from watchword.foundation.errors import ConfigurationError
from watchword.tokens import jwe
from watchword.tokens.jws import read_header
from watchword.tokens.jwt import moment
from watchword.tokens.key import Key
from watchword.tokens.refused import MAXIMUM_TOKEN, TokenRefused
from watchword.tokens.strict import read_object
from watchword.vendors.facts import members_of, text_of
from watchword.vendors.rules import cookie_lines

THREE_DAYS: Final = 3 * 24 * 3600
"""Seconds after its beginning that a session of auth0-fastapi is over: its default; the cookie itself says no end."""
COOKIE_LEEWAY: Final = 15
"""Seconds: `clockTolerance` of nextjs-auth0."""
DOTS: Final = 4
"""In an encrypted token."""
_NAMES: Final = (("__session", "__"), ("appSession", "."), ("_a0_session", "_"))
"""Each cookie, and what stands between its name and the number of a chunk: nextjs-auth0 4, 3, auth0-fastapi."""


class _Form(NamedTuple):
    """How one SDK derives its key."""

    info: str
    salt: str
    length: int


_FORMS: Final[Mapping[str, _Form]] = MappingProxyType(
    {
        "A256GCM": _Form("JWE CEK", "", 32),
        "A256CBC-HS512": _Form("Auth0 Generated Encryption", "_a0_session", 64),
    }
)
"""By the encryption that it uses: nextjs-auth0's, auth0-server-python's."""


class Opened(NamedTuple):
    """What a session cookie holds.

    Attributes:
        user: the claims of the ID token that the SDK kept.
        session_id: Auth0's `sid`.
        times: `iat`, when the session began, and `exp`, when it ends.
        domain: the tenant's domain, where the cookie says it.
    """

    user: Mapping[str, Any]
    session_id: str
    times: Mapping[str, Any]
    domain: str | None


def keys_of(secret: str) -> Mapping[str, Key]:
    """Return the key of each encryption.

    Raises:
        ConfigurationError: the secret is empty.
    """
    if not secret:
        raise ConfigurationError("cookie_secret: give the value of AUTH0_SECRET, of the app that sets the cookie")
    return {
        encryption: Key.from_secret(
            HKDF(SHA256(), form.length, form.salt.encode(), form.info.encode()).derive(secret.encode())
        )
        for encryption, form in _FORMS.items()
    }


def find_cookie(cookies: Mapping[str, list[str]]) -> str | None:
    """Return the lines of the first SDK's cookie that is there."""
    for name, separator in _NAMES:
        lines = cookie_lines(cookies, name, separator)
        # Clerk's cookie has the name of nextjs-auth0's: a signed token, which has two dots.
        if lines is not None and lines.count(".") >= DOTS:
            return lines
    return None


def open_cookie(token: str, keys: Mapping[str, Key]) -> Opened:
    """Return what the encrypted token holds.

    Raises:
        TokenRefused: it can't be opened with these keys, or is no session.
    """
    if len(token) > MAXIMUM_TOKEN:
        raise TokenRefused("token_too_large", f"more than {MAXIMUM_TOKEN} characters")
    encryption = read_header(token.partition(".")[0]).get("enc")
    key = keys.get(encryption) if isinstance(encryption, str) else None
    if not isinstance(encryption, str) or key is None:
        raise TokenRefused("algorithm_not_allowed", f"expected one of {sorted(keys)}", claim="enc")
    opened = jwe.decrypt(token, key, algorithms=("dir",), encryptions=(encryption,))
    data = read_object(opened.plaintext, "the cookie")
    user = members_of(data.get("user"))
    if not text_of(user, "sub"):
        # The SDKs encrypt other cookies with the same key: of a sign-in under way, of further tokens.
        raise TokenRefused("claim_missing", "the cookie names no user: it is of no session, or of one in a store")
    internal = members_of(data.get("internal"))
    if encryption == "A256CBC-HS512":
        began, ceiling, domain = moment(internal, "created_at"), internal.get("session_expires_at"), data.get("domain")
        end = None if began is None else began + THREE_DAYS
    elif "iat" in opened.header:
        began, end, ceiling, domain = moment(opened.header, "iat"), moment(opened.header, "exp"), None, None
        internal = user
    else:
        began, end = moment(internal, "createdAt"), moment(data, "exp")
        ceiling, domain = internal.get("sessionExpiresAt"), members_of(internal.get("mcd")).get("domain")
    ends = [one for one in (end, None if ceiling is None else moment({"exp": ceiling}, "exp")) if one is not None]
    if began is None or end is None:
        raise TokenRefused("claim_missing", "when the session began or ends is not said", claim="exp")
    times = {"iat": began, "exp": min(ends)}
    return Opened(user, text_of(internal, "sid"), times, domain if isinstance(domain, str) else None)
