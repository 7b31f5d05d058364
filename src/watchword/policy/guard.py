"""Guards: the rule that stands on a route or an action."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, final

from watchword.foundation.errors import FORBIDDEN, UNAUTHENTICATED, AccessError, Denied, Forbidden, Unauthenticated
from watchword.http.request import Request
from watchword.identity.users import Role
from watchword.sessions.gate import Gate
from watchword.sessions.session import Session
from watchword.sessions.verify import verify_session, verify_session_sync

Handler = TypeVar("Handler", bound=Callable[..., Any])
MARK = "__watchword__"
"""Attribute of a handler that says how it is protected: a `Guard`, or `PUBLIC` or `INSIDE`."""


@final
@dataclass(frozen=True, slots=True)
class Declaration:
    """A handler that carries no rule and says so."""

    description: str


PUBLIC = Declaration("public")
INSIDE = Declaration("decides inside")


@final
class Guard:
    """A rule, usable as a decorator and as a FastAPI dependency.

    Attributes:
        role: the role that the session's user must have, or `None` for anyone who is signed in.
    """

    __signature__ = inspect.Signature()
    """FastAPI reads this: as a dependency, a guard takes nothing from the request by itself."""

    def __init__(self, role: Role | None = None) -> None:
        self.role = role

    @property
    def description(self) -> str:
        """The rule in a few words."""
        return f"role {self.role}" if self.role else "signed in"

    def decide(self, session: Session | None) -> Session:
        """Return the session if it may go on.

        Raises:
            Unauthenticated: there is none (401).
            Forbidden: it has not the right (403).
        """
        if session is None:
            raise Unauthenticated
        if self.role is not None and session.user.role != self.role:
            raise Forbidden
        return session

    def __call__(self, handler: Any = None) -> Any:
        """Decorate a handler; or, without one, decide about the request under way and return its session."""
        if handler is None:
            # FastAPI calls a dependency that is no coroutine function on a worker thread, with the request's context.
            return self.decide(verify_session_sync())
        return _wrap(handler, self)


def public(handler: Handler) -> Handler:
    """Say on purpose that everyone may call this handler."""
    setattr(handler, MARK, PUBLIC)
    return handler


def inside(handler: Handler) -> Handler:
    """Say that this handler decides by itself, with `require()` or `verify_session()`."""
    setattr(handler, MARK, INSIDE)
    return handler


async def require(*, role: Role | None = None) -> Session:
    """Return the session of the request under way, if it has the right.

    Raises:
        Unauthenticated: nobody is signed in (401).
        Forbidden: the session's user has not this role (403).
    """
    return Guard(role).decide(await verify_session())


def require_sync(*, role: Role | None = None) -> Session:
    """Do what `require()` does, in code that is not async."""
    return Guard(role).decide(verify_session_sync())


def _wrap(handler: Callable[..., Any], rule: Guard) -> Callable[..., Any]:
    @functools.wraps(handler)
    async def guarded(*args: Any, **kwargs: Any) -> Any:
        rule.decide(await verify_session())
        return await handler(*args, **kwargs)

    @functools.wraps(handler)
    def guarded_sync(*args: Any, **kwargs: Any) -> Any:
        rule.decide(verify_session_sync())
        return handler(*args, **kwargs)

    chosen = guarded if inspect.iscoroutinefunction(handler) else guarded_sync
    setattr(chosen, MARK, rule)
    return chosen


@final
class GuardMaker:
    """What apps import as `guard`: call it for a rule, or use `guard.inside`."""

    inside = staticmethod(inside)

    def __call__(self, *, role: Role | None = None) -> Guard:
        """Return a guard: `@guard()` for anyone signed in, `@guard(role="admin")` for admins."""
        return Guard(role)


guard = GuardMaker()


@final
class SignedIn:
    """The guard of Watchword's own routes that ask for a session."""

    def __init__(self, gate: Gate, role: Role | None = None) -> None:
        self._gate = gate
        self._rule = Guard(role)
        self.description = self._rule.description
        self.codes = (UNAUTHENTICATED, FORBIDDEN) if role else (UNAUTHENTICATED,)

    def check(self, request: Request) -> Denied | None:
        """Return the refusal, or `None` when the caller may go on."""
        try:
            self._rule.decide(self._gate.verify(request))
        except AccessError as error:
            return Denied(error.code, error.detail)
        return None

    def session(self, request: Request) -> Session:
        """Return the session that `check` let in."""
        return self._rule.decide(self._gate.verify(request))
