"""Sealed cookies in iron-session's format: `Fe26.2*…~2`, encrypted and authenticated under a password, held by the browser.

The form is iron's: PBKDF2 with SHA-1 and one round (the password is random, not chosen by a person), AES-256-CBC, then
HMAC-SHA-256 over all of it, each key with a salt of its own. The `~2` behind it says how the data inside is laid out
and is not authenticated: whoever holds the cookie can write another. So it decides nothing that the data does not bear
out.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, cast

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from watchword.foundation.clock import SECOND
from watchword.foundation.encodings import base64url_encode
from watchword.foundation.errors import ConfigurationError
from watchword.foundation.secrets import random_bytes
from watchword.tokens.refused import MAXIMUM_TOKEN, TokenRefused
from watchword.tokens.strict import read_base64url, read_object

FOURTEEN_DAYS: Final = 14 * 24 * 3600
"""Seconds that a seal lives unless told: iron-session's default."""
SKEW: Final = 60
"""Seconds after its end that a seal is still opened, for clocks that differ: iron's default."""
SHORTEST_PASSWORD: Final = 32
_PREFIX: Final = "Fe26.2"
_VERSION: Final = "2"
_BLOCK: Final = 128
_MOMENT: Final = re.compile(r"[0-9]{1,16}\Z")
_OLD_MEMBERS: Final = frozenset({"persistent", "flash"})
"""What iron-session wrote before version 7.0, whose seals end in `~1` or nothing."""

Passwords = Mapping[str, str]
"""Passwords by their number; the highest seals, all of them open."""


class Unsealed(NamedTuple):
    """What a seal held.

    Attributes:
        data: the object.
        expires_at: when the seal ends, in milliseconds since the epoch; `None` where it has no end.
    """

    data: dict[str, Any]
    expires_at: int | None


def passwords_of(password: str | Mapping[int, str]) -> Passwords:
    """Return the passwords as they are looked up: one alone is number 1, as in iron-session.

    Raises:
        ConfigurationError: there is none, one is shorter than 32 characters, or a number is none.
    """
    found = {1: password} if isinstance(password, str) else dict(password)
    if not found or any(len(one) < SHORTEST_PASSWORD for one in found.values()):
        raise ConfigurationError(f"a password for sealed cookies has at least {SHORTEST_PASSWORD} random characters")
    if any(number < 0 for number in found):
        raise ConfigurationError("passwords are numbered from 0; the highest number seals")
    return {str(number): one for number, one in found.items()}


def seal(data: Mapping[str, Any], passwords: Passwords, *, now: int, ttl: int = FOURTEEN_DAYS) -> str:
    """Return the data sealed with the newest password.

    Args:
        data: what JSON can say.
        passwords: from `passwords_of()`.
        now: the present, in milliseconds since the epoch.
        ttl: seconds until it ends; 0 for a seal without an end.
    """
    number = max(passwords, key=int)
    password = passwords[number]
    salt, iv = random_bytes(32).hex(), random_bytes(16)
    padder = PKCS7(_BLOCK).padder()
    padded = padder.update(msgspec.json.encode(data)) + padder.finalize()
    encryptor = Cipher(AES(_key(password, salt)), CBC(iv)).encryptor()
    ciphertext = base64url_encode(encryptor.update(padded) + encryptor.finalize())
    end = str(now + ttl * SECOND) if ttl else ""
    text = f"{_PREFIX}*{number}*{salt}*{base64url_encode(iv)}*{ciphertext}*{end}"
    mac_salt = random_bytes(32).hex()
    return f"{text}*{mac_salt}*{_mac(text, password, mac_salt)}~{_VERSION}"


def unseal(sealed: str, passwords: Passwords, *, now: int) -> Unsealed:
    """Return what was sealed with any of the passwords.

    Args:
        sealed: the cookie's value.
        passwords: from `passwords_of()`.
        now: the present, in milliseconds since the epoch.

    Raises:
        TokenRefused: `seal_wrong`: it was altered, or sealed with another password; `token_expired`; or
            `token_malformed`.
    """
    if len(sealed) > MAXIMUM_TOKEN:
        raise TokenRefused("token_too_large", f"more than {MAXIMUM_TOKEN} characters")
    body, mark, version = sealed.partition("~")
    parts = body.split("*", 8)
    if len(parts) != 8 or parts[0] != _PREFIX or not sealed.isascii() or (mark and version not in ("1", _VERSION)):
        raise TokenRefused("token_malformed", "not the parts of a seal")
    _, number, salt, iv, ciphertext, end, mac_salt, mac = parts
    password = passwords.get(number)
    if password is None:
        raise TokenRefused("seal_wrong", "it is sealed with a password that is not known")
    text = body[: -len(mac_salt) - len(mac) - 2]
    if not hmac.compare_digest(_mac(text, password, mac_salt), mac):
        raise TokenRefused("seal_wrong", "it was altered, or sealed with another password")
    if end and not _MOMENT.match(end):
        raise TokenRefused("token_malformed", "its end is not a moment")
    if end and int(end) <= now - SKEW * SECOND:
        raise TokenRefused("token_expired", "the seal has ended")
    plaintext = _decrypt(read_base64url(ciphertext, "the content"), _key(password, salt), read_base64url(iv, "the iv"))
    data = read_object(plaintext, "the content")
    return Unsealed(data if version == _VERSION else _old_data(data), int(end) if end else None)


def _old_data(data: dict[str, Any]) -> dict[str, Any]:
    """Return the data of a seal of the older form, which it must have in full.

    iron-session 8 returns `persistent` of any seal whose `~2` was taken off: then a member of that name is a session.
    """
    persistent = data.get("persistent")
    if not isinstance(persistent, dict) or not data.keys() <= _OLD_MEMBERS:
        raise TokenRefused("token_malformed", "its mark says another form than its content has")
    return cast("dict[str, Any]", persistent)


def _key(password: str, salt: str) -> bytes:
    return hashlib.pbkdf2_hmac("sha1", password.encode(), salt.encode(), 1, 32)


def _mac(text: str, password: str, salt: str) -> str:
    return base64url_encode(hmac.digest(_key(password, salt), text.encode(), "sha256"))


def _decrypt(ciphertext: bytes, key: bytes, iv: bytes) -> bytes:
    try:
        decryptor = Cipher(AES(key), CBC(iv)).decryptor()
        padded = decryptor.update(ciphertext) + decryptor.finalize()
        unpadder = PKCS7(_BLOCK).unpadder()
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError as error:
        # Only who knows the password gets here: the MAC was right.
        raise TokenRefused("token_malformed", "its content is not whole") from error
