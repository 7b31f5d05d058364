"""The guard of Watchword's own routes that ask for a session."""

from typing import final

from watchword.foundation.errors import FORBIDDEN, UNAUTHENTICATED, Denied, Unauthenticated
from watchword.http.request import Request
from watchword.policy.guard import Guard
from watchword.sessions.gate import Gate
from watchword.sessions.session import Session


@final
class SignedIn:
    """Lets in who is signed in, and has the role where one is named."""

    def __init__(self, gate: Gate, role: str | None = None) -> None:
        self._gate = gate
        self._rule = Guard(role=role)
        self.description = self._rule.description
        self.codes = (UNAUTHENTICATED, FORBIDDEN) if role else (UNAUTHENTICATED,)

    def check(self, request: Request) -> Denied | None:
        """Return the refusal, or `None` when the caller may go on."""
        refusal = self._rule.refusal(self._own(request), self._gate.clock.now)
        return None if refusal is None else Denied(refusal.code, refusal.detail)

    def session(self, request: Request) -> Session:
        """Return the session that `check` let in."""
        session = self._own(request)
        if session is None:
            raise Unauthenticated
        return session

    def _own(self, request: Request) -> Session | None:
        """Return the session, if Watchword made it: these routes change accounts, and other systems' users have none."""
        session = self._gate.verify(request)
        return session if session and session.source == "watchword" else None
