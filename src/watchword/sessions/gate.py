"""The one gate that reads sessions."""

import contextlib
from collections.abc import Mapping
from typing import final

import msgspec

from watchword.foundation.clock import SECOND
from watchword.foundation.errors import StoreUnavailableError
from watchword.foundation.secrets import same_bytes, sha256
from watchword.foundation.settings import SessionLimits
from watchword.http.request import Request
from watchword.sessions import records
from watchword.sessions.cookie import Cookies
from watchword.sessions.session import Session
from watchword.sessions.token import session_id_of
from watchword.storage.store import Store, Transaction

RECHECKED = 30 * SECOND
"""How long a connection that stays open may outlive its session."""
_MEMO, _SEEN_AT = "session", "session_seen_at"


@final
class Gate:
    """Reads the session that a request carries.

    Args:
        store: where sessions are.
        limits: how long they live.
        cookies: how the session cookie is called.
        roles: what each role permits.
    """

    def __init__(
        self, store: Store, limits: SessionLimits, cookies: Cookies, roles: Mapping[str, tuple[str, ...]]
    ) -> None:
        self.cookies = cookies
        self.clock = store.clock
        self._store = store
        self._limits = limits
        self._roles = roles

    def verify(self, request: Request, tx: Transaction | None = None) -> Session | None:
        """Return the live session of this request, or `None`; looked up once for each request.

        A session comes in the session cookie or in `Authorization: Bearer`, nowhere else: never in a URL or a form
        (Copenhagen Book, sessions). Two session cookies, or a cookie beside a bearer token, are no session: nobody
        can say which was meant (A29).

        Args:
            request: what carries it.
            tx: the write transaction that is open already, where one is: a second one inside would wait for it.

        Raises:
            StoreUnavailableError: the database can't answer; nobody is let in.
        """
        if _MEMO not in request.memo:
            request.memo[_MEMO] = session = self._verify(request, tx)
            if session is not None:
                request.memo[_SEEN_AT] = self._store.clock.now()
        return self.remembered(request)

    def remembered(self, request: Request) -> Session | None:
        """Return the session that was verified for this request already, without looking."""
        found = request.memo.get(_MEMO)
        return found if isinstance(found, Session) else None

    def is_due(self, request: Request) -> bool:
        """Tell whether the session of this request was seen so long ago that it may have ended: `still_lives()` looks."""
        seen_at = request.memo.get(_SEEN_AT)
        return isinstance(seen_at, int) and not 0 <= self._store.clock.now() - seen_at < RECHECKED

    def still_lives(self, request: Request) -> bool:
        """Look the session up again, for a connection that stays open. One that has ended stays due."""
        self.forget(request)
        return self.verify(request) is not None

    def pretend(self, request: Request, session: Session | None) -> None:
        """Take this session for the request's own: in an app's tests, whose framework replaces dependencies."""
        request.memo[_MEMO] = session
        request.memo[_SEEN_AT] = self._store.clock.now()

    def forget(self, request: Request) -> None:
        """Drop what was remembered for this request, after its session changed."""
        request.memo.pop(_MEMO, None)

    def _verify(self, request: Request, outer: Transaction | None) -> Session | None:
        presented = self._presented(request)
        if presented is None:
            return None
        token, kind = presented
        session_id = session_id_of(token)
        if session_id is None:
            return None
        with contextlib.nullcontext(outer) if outer else self._store.read() as tx:
            row = records.find(tx, session_id)
            now = tx.now
        if row is None or not same_bytes(row.token_hash, sha256(token.encode())):
            return None
        if not records.is_live(row, self._limits, now):
            return None
        if row.last_used_at <= now - self._limits.activity:
            self._touch(session_id, outer)
        session = records.session_of(row, self._roles)
        return session if kind == "cookie" else msgspec.structs.replace(session, kind="bearer")

    def _presented(self, request: Request) -> tuple[str, str] | None:
        cookies = request.cookies.get(self.cookies.session, [])
        bearers = [value for value in request.header_values("authorization") if value[:7].lower() == "bearer "]
        if len(cookies) + len(bearers) != 1:
            return None
        return (cookies[0], "cookie") if cookies else (bearers[0][7:].strip(" "), "bearer")

    def _touch(self, session_id: str, outer: Transaction | None) -> None:
        if outer:
            records.touch(outer, self._limits, session_id)
            return
        # The time of last use is a convenience: where it can't be written, the session counts all the same.
        with contextlib.suppress(StoreUnavailableError), self._store.write(durable=False) as tx:
            records.touch(tx, self._limits, session_id)
