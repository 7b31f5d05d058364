"""Cookies of iron-session: sealed data, mapped by a function."""

from collections.abc import Mapping
from typing import Any, final

from watchword.foundation.clock import SECOND, Clock, SystemClock
from watchword.sessions.session import Session
from watchword.tokens.refused import TokenRefused
from watchword.tokens.sealed import FOURTEEN_DAYS, passwords_of, unseal
from watchword.vendors.facts import Facts, Map, members_of, session_of, text_of
from watchword.vendors.rules import one_cookie

_IDS = ("id", "userId", "user_id", "sub")
"""Members that name the user, in the data itself or in its `user`."""


@final
class IronSession:
    """Accepts the cookie that an app with iron-session sealed.

    Args:
        cookie_name: as in that app.
        password: as in that app: one text, or several by number.
        ttl: seconds that its seals live; 0 also takes seals without an end, for that long each time they are seen.
        map: takes the facts from the data; without it, the user's id is read from `id`, `userId` or `user.id`.
        keys: nothing: seals have no key set.
        leeway: nothing more than the 60 seconds that iron itself allows.
        clock: what tells the time.

    Raises:
        ConfigurationError: a password is shorter than 32 characters.
    """

    source = "iron-session"

    def __init__(
        self,
        *,
        cookie_name: str,
        password: str | Mapping[int, str],
        ttl: int = FOURTEEN_DAYS,
        map: Map | None = None,
        keys: object = None,  # noqa: ARG002  as every trust
        leeway: int = 0,  # noqa: ARG002
        clock: Clock | None = None,
    ) -> None:
        self.identity = cookie_name
        self._passwords = passwords_of(password)
        self._ttl = ttl
        self._map = map
        self._clock = clock or SystemClock()

    def issued(self, token: str) -> bool:  # noqa: ARG002
        """Tell that no bearer token is of iron-session."""
        return False

    def credential(self, cookies: Mapping[str, list[str]]) -> str | None:
        """Return the seal in the cookie."""
        return one_cookie(cookies, self.identity)

    def verify(self, credential: str) -> Session:
        """Return the session that the seal holds.

        Raises:
            TokenRefused: it does not open, has ended, or names no user.
        """
        now = self._clock.now()
        data, end = unseal(credential, self._passwords, now=now)
        if end is None and self._ttl:
            raise TokenRefused("claim_missing", "the seal has no end: it would live for ever", claim="exp")
        expires_at = now + (self._ttl or FOURTEEN_DAYS) * SECOND if end is None else end
        user = members_of(data.get("user"))
        facts = Facts(
            subject=_subject(data) or _subject(user),
            issued_at=max(0, min(now, expires_at - self._ttl * SECOND)) / SECOND,
            expires_at=expires_at / SECOND,
            email=text_of(user, "email") or text_of(data, "email"),
            name=text_of(user, "name") or text_of(data, "name"),
        )
        return session_of(self.source, facts, data, self._map)


def _subject(data: Mapping[str, Any]) -> str:
    """Return the user's id: a text, or a whole number as text."""
    found = next((data[name] for name in _IDS if name in data), None)
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""
