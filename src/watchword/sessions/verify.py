"""`verify_session()`: the session of the request under way, wherever in the app you stand."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import ContextVar
from typing import Any, Protocol

import msgspec
from msgspec import UNSET

from watchword.foundation.errors import WatchwordError
from watchword.http.request import Request
from watchword.sessions.gate import Gate
from watchword.sessions.session import Session


class Ledger(Protocol):
    """What is told of the decisions of a request; `policy.ledger` has it."""

    handler: str
    rule: Any
    tainted: str | None

    def enter(self, handler: str, *, looks: bool = True) -> None:
        """Say that this handler begins."""
        ...

    def note(self, rule: str, by: str | None, *, allowed: bool) -> None:
        """Write a decision down."""
        ...

    def looked(self, by: str | None) -> None:
        """Write down that the session was looked at."""
        ...


class RequestContext(msgspec.Struct, eq=False):
    """What a web adapter sets for the length of one request.

    Attributes:
        request: the request.
        gate: the gate of the `Auth` that protects the app.
        executor: threads for database work that async code must not do itself.
        ledger: what was decided for this request.
    """

    request: Request
    gate: Gate
    executor: Executor
    ledger: Ledger


_current: ContextVar[RequestContext | None] = ContextVar("watchword_request", default=None)


class NoRequestError(WatchwordError):
    """A session was asked for where no request is under way, or in an app that Watchword does not protect."""


def set_context(context: RequestContext) -> Callable[[], None]:
    """Make this the request under way; return what puts the earlier state back."""
    token = _current.set(context)
    return lambda: _current.reset(token)


def current_context() -> RequestContext:
    """Return the request under way.

    Raises:
        NoRequestError: there is none.
    """
    context = _current.get()
    if context is None:
        raise NoRequestError(
            "no request is under way: call this inside a handler of an app that Watchword protects, "
            "for example after watchword.web.fastapi.protect(app, auth)"
        )
    return context


async def verify_session() -> Session | None:
    """Return the live session of the request under way, or `None`; looked up once for each request.

    In a handler that is declared `@guard.inside`, to look counts as its decision.

    Raises:
        NoRequestError: outside a request, or the app is not protected.
        StoreUnavailableError: the database can't answer: 503, nobody is let in.
    """
    context = current_context()
    session = await read_session(context)
    context.ledger.looked(session.id if session else None)
    return session


def verify_session_sync() -> Session | None:
    """Do what `verify_session()` does, in code that is not async."""
    context = current_context()
    session = read_session_sync(context)
    context.ledger.looked(session.id if session else None)
    return session


async def read_session(context: RequestContext) -> Session | None:
    """Return the session of this request without a word in the ledger: for who asks a rule about it next."""
    session = context.gate.verify_remembered(context.request)
    if session is not UNSET:
        return session
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(context.executor, context.gate.verify, context.request)


def read_session_sync(context: RequestContext) -> Session | None:
    """Do what `read_session()` does, in code that is not async."""
    return context.gate.verify(context.request)
