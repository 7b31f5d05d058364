"""One browser: the secret that binds attempts to it, and the memory of whom it has signed in before."""

from functools import cached_property
from typing import final

from sqlalchemy import and_, bindparam, delete, select, update

from watchword.admission.tables import devices
from watchword.foundation.clock import DAY
from watchword.foundation.encodings import EncodingError, base32_decode
from watchword.foundation.ids import new_id
from watchword.foundation.secrets import Secret, random_secret
from watchword.http.request import Request
from watchword.sessions.cookie import Cookies
from watchword.storage.store import Transaction
from watchword.storage.upsert import insert_or_ignore

REMEMBERED = 365 * DAY
_SECRET_BYTES = 32
_HERE = and_(devices.c.user_id == bindparam("user"), devices.c.browser_hash == bindparam("browser"))
_KNOWN = select(devices.c.id).where(_HERE)
_USED = update(devices).where(_HERE).values(last_used_at=bindparam("now"))


@final
class Browser:
    """The browser behind a request, known by a random secret in a host-only cookie.

    It opens nothing by itself. An attempt begun here can be carried on only here (A44), and a person who has signed
    in here before has a limit of tries of their own, so that an attacker elsewhere can't lock them out (CB-152).
    """

    def __init__(self, request: Request, cookies: Cookies) -> None:
        self._cookies = cookies
        self._known = _well_formed(request.cookie(cookies.browser))
        self.is_new = self._known is None

    @cached_property
    def _secret(self) -> Secret:
        return self._known or random_secret(_SECRET_BYTES)

    @property
    def hash(self) -> bytes:
        """SHA-256 of the secret: what attempts and devices are stored with."""
        return self._secret.digest()

    def set_cookie(self) -> tuple[str, ...]:
        """Return the `Set-Cookie` value that (again) names this browser."""
        return (self._cookies.set_browser(self._secret, REMEMBERED // 1000),)

    def knows(self, tx: Transaction, user_id: str) -> bool:
        """Tell whether this user has signed in here before."""
        if self.is_new:
            return False
        return tx.execute_prepared(_KNOWN, {"user": user_id, "browser": self.hash}).first() is not None

    def remember(self, tx: Transaction, user_id: str) -> None:
        """Note that this user has signed in here."""
        used = {"user": user_id, "browser": self.hash, "now": tx.now}
        if self.is_new or tx.execute_prepared(_USED, used).rowcount == 0:
            row = {"id": new_id("dev"), "user_id": user_id, "browser_hash": self.hash}
            tx.execute(insert_or_ignore(tx.dialect, devices), {**row, "created_at": tx.now, "last_used_at": tx.now})


def forget_devices(tx: Transaction, user_id: str) -> None:
    """Forget every browser of this user: after a reset, none has an advantage."""
    tx.execute(delete(devices).where(devices.c.user_id == user_id))


def sweep_devices(tx: Transaction) -> None:
    """Forget browsers that were not used for a year."""
    tx.execute(delete(devices).where(devices.c.last_used_at < tx.now - REMEMBERED))


def _well_formed(value: str | None) -> Secret | None:
    if value is None:
        return None
    try:
        return Secret(value) if len(base32_decode(value)) == _SECRET_BYTES else None
    except EncodingError:
        return None
