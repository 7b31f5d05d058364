"""The one gate that reads sessions."""

from typing import Final, final

import msgspec
from msgspec import UNSET, UnsetType

from watchword.foundation.clock import SECOND
from watchword.foundation.secrets import sha256
from watchword.foundation.settings import SessionLimits
from watchword.http.request import Request
from watchword.sessions.cookie import Cookies
from watchword.sessions.foreign import ForeignSessions, Presented
from watchword.sessions.memory import Remembered, SessionMemory
from watchword.sessions.session import Session
from watchword.sessions.stored import SessionSource
from watchword.sessions.token import session_id_of
from watchword.storage.epoch import shard_of
from watchword.storage.store import Transaction

RECHECKED: Final = 30 * SECOND
"""How long a connection that stays open may outlive its session."""
_MEMO, _SEEN_AT = "session", "session_seen_at"


@final
class Gate:
    """Reads the session that a request carries.

    Args:
        source: finds what is not remembered.
        limits: how many sessions are remembered, and how long those of other systems.
        cookies: how the session cookie is called.
        foreign: the other systems whose sessions are accepted.

    Attributes:
        memory: the sessions that this process remembers.
        foreign: the other systems whose sessions are accepted.
    """

    def __init__(
        self, source: SessionSource, limits: SessionLimits, cookies: Cookies, foreign: ForeignSessions | None = None
    ) -> None:
        self.cookies = cookies
        self.clock = source.clock
        self.foreign = foreign or ForeignSessions()
        self.memory = SessionMemory(limits.remembered)
        self._believed = limits.believed
        self._source = source
        self._name = cookies.session.encode()
        self._monotonic = source.clock.monotonic

    def verify(self, request: Request, tx: Transaction | None = None) -> Session | None:
        """Return the live session of this request, or `None`; looked up once for each request.

        A session comes in the session cookie or in `Authorization: Bearer`, nowhere else: never in a URL or a form
        (Copenhagen Book, sessions). Two session cookies, or a cookie beside a bearer token, are no session: nobody
        can say which was meant (A29).

        Args:
            request: what carries it.
            tx: the write transaction that is open already, where one is: a second one inside would wait for it. What
                it sees is not committed yet, so nothing is answered from memory, nor remembered.

        Raises:
            StoreUnavailableError: the database can't answer; nobody is let in.
        """
        if tx is not None and _MEMO not in request.memo:
            return self._answer(request, self._read(request, tx))
        session = self.verify_remembered(request)
        return self._answer(request, self._read(request, None)) if session is UNSET else session

    def verify_remembered(self, request: Request) -> Session | UnsetType | None:
        """Do what `verify()` does as far as memory tells: without a lock, I/O or another thread.

        Returns:
            `UNSET` where the database has to be asked.
        """
        if _MEMO in request.memo:
            return self.remembered(request)
        presented = self._presented(request)
        if presented is None:
            return self._answer(request, None)
        token, is_bearer = presented
        entry = self.memory.get(sha256(token))
        if entry is None:
            known = session_id_of(token.decode("latin-1")) or self._foreign_of(request, token, is_bearer=is_bearer)
            return UNSET if known else self._answer(request, None)
        now = self._monotonic()
        if not entry.counts(now):
            return UNSET
        entry.used = True
        self.memory.hits += 1
        memo = request.memo
        memo[_SEEN_AT] = now
        memo[_MEMO] = session = _as_bearer(entry.session) if is_bearer else entry.session
        return session

    def remembered(self, request: Request) -> Session | None:
        """Return the session that was verified for this request already, without looking."""
        found = request.memo.get(_MEMO)
        return found if isinstance(found, Session) else None

    def is_due(self, request: Request) -> bool:
        """Tell whether the session of this request was seen so long ago that it may have ended: `still_lives()` looks."""
        seen_at = request.memo.get(_SEEN_AT)
        return isinstance(seen_at, float) and self._monotonic() - seen_at >= RECHECKED / SECOND

    def still_lives(self, request: Request) -> bool:
        """Look the session up again, for a connection that stays open. One that has ended stays due."""
        self.forget(request)
        return self.verify(request) is not None

    def is_carried_by_cookie(self, request: Request) -> bool:
        """Tell whether a cookie brings what may be a session, ours or a trusted system's: then other sites can send it."""
        return self.cookies.session in request.cookies or self.foreign.find(request, None) is not None

    def pretend(self, request: Request, session: Session | None) -> None:
        """Take this session for the request's own: in an app's tests, whose framework replaces dependencies."""
        request.memo[_MEMO] = session
        request.memo[_SEEN_AT] = self._monotonic()

    def forget(self, request: Request) -> None:
        """Drop what was remembered for this request, after its session changed."""
        request.memo.pop(_MEMO, None)

    def _answer(self, request: Request, session: Session | None) -> Session | None:
        request.memo[_MEMO] = session
        if session is not None:
            request.memo[_SEEN_AT] = self._monotonic()
        return session

    def _read(self, request: Request, tx: Transaction | None) -> Session | None:
        presented = self._presented(request)
        session_id = session_id_of(presented[0].decode("latin-1")) if presented else None
        if presented is None or session_id is None:
            # Inside a transaction our own state is changed: there, only our own sessions count.
            return self._read_foreign(request, *presented) if presented and tx is None else None
        token, is_bearer = presented
        digest = sha256(token)
        self.memory.misses += 1
        # Both before the row is read: what changes while it is read must not be missed, nor live the longer for it.
        began, mark = self._monotonic(), self._source.mark() if tx is None else None
        found = self._source.find(session_id, digest, tx)
        if found is None:
            self.memory.refused += 1
            self.memory.forget(digest)
            return None
        session = found.session
        if mark is not None:
            until = began + found.left / SECOND
            self.memory.keep(digest, Remembered(session, until, mark[0], shard_of(session.user.id), mark[1]))
        return _as_bearer(session) if is_bearer else session

    def _foreign_of(self, request: Request, token: bytes, *, is_bearer: bool) -> Presented | None:
        presented = self.foreign.find(request, token.decode("latin-1") if is_bearer else None)
        # The own cookie with something else in it is nobody's.
        return presented if presented and (is_bearer or presented.key == token) else None

    def _read_foreign(self, request: Request, token: bytes, is_bearer: bool) -> Session | None:
        """Return the session of a trusted system; its verdict is remembered until the token ends, or shorter."""
        presented = self._foreign_of(request, token, is_bearer=is_bearer)
        if presented is None:
            return None
        digest = sha256(token)
        began, mark = self._monotonic(), self._source.mark()
        # What was remembered may have lacked no more than the look that `mark()` took: nothing is verified twice.
        entry = self.memory.get(digest)
        if entry is not None and entry.counts(began):
            return _as_bearer(entry.session) if is_bearer else entry.session
        verified = self.foreign.verify(presented, self._source)
        if verified is None:
            self.memory.forget(digest)
            return None
        session, user_id, longest = verified
        longest = self._believed if longest is None else min(longest, self._believed)
        left = min(session.expires_at.timestamp() - self.clock.now() / SECOND, longest / SECOND)
        if mark is not None and left > 0:
            self.memory.keep(digest, Remembered(session, began + left, mark[0], shard_of(user_id), mark[1]))
        return _as_bearer(session) if is_bearer else session

    def _presented(self, request: Request) -> tuple[bytes, bool] | None:
        """Return the one token that the request carries, and whether it is a bearer token.

        A trusted system's cookies are looked at where there is neither our own cookie nor a bearer token.
        """
        found: list[tuple[bytes, bool]] = []
        headers = request.headers
        for name, value in request.lines("cookie", "authorization") if callable(headers) else headers:
            if name == b"cookie":
                for pair in value.split(b";"):
                    key, separator, token = pair.strip(b" \t").partition(b"=")
                    if key == self._name and separator:
                        found.append((token, False))
            elif name == b"authorization" and value[:7].lower() == b"bearer ":
                found.append((value[7:].strip(b" "), True))
        if found or self.foreign.is_empty:
            return found[0] if len(found) == 1 else None
        foreign = self.foreign.find(request, None)
        return (foreign.key, False) if foreign else None


def _as_bearer(session: Session) -> Session:
    return msgspec.structs.replace(session, kind="bearer")
