"""How a rule is asked about the request under way, in async code and in code that is not: one body, two drivers."""

import asyncio
import contextvars
import inspect
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from functools import partial
from typing import Any, Final, Protocol

from msgspec import UNSET

from watchword.foundation.errors import AccessError, WatchwordError
from watchword.sessions.session import Session
from watchword.sessions.verify import RequestContext, current_context, read_session, read_session_sync

Question = Callable[[], Any]
"""A call of the app's own `when=`: it answers `True` or `False`, or a coroutine that does."""
Judging = Generator[Question, Any, "AccessError | None"]
"""Asks the app's questions, is sent the answers, and returns the refusal, or `None` to let the request through."""
NOTHING: Final[Mapping[str, Any]] = {}


class Rule(Protocol):
    """What decides about a session."""

    @property
    def description(self) -> str:
        """The rule in a few words."""
        ...

    @property
    def is_compound(self) -> bool:
        """Whether it has parts, or asks the app's own code; otherwise `refusal()` is all there is."""
        ...

    def refusal(
        self, session: Session | None, now: Callable[[], int], parameters: Mapping[str, Any] = ...
    ) -> AccessError | None:
        """Return the refusal by what the session itself tells, or `None`; `now` tells the moment in milliseconds."""
        ...

    def judge(self, session: Session | None, now: Callable[[], int], parameters: Mapping[str, Any]) -> Judging:
        """Return the refusal, or `None`; yields the app's own questions to whoever drives it."""
        ...


class GuardError(WatchwordError):
    """A guard's own code is wrong: it answered neither `True` nor `False`, or asks for what the route has not."""


async def decide(rule: Rule, given: Mapping[str, Any] = NOTHING) -> Session:
    """Return the session of the request under way if the rule lets it through.

    The app's own questions run on a worker thread unless they are coroutine functions, so that one that waits for a
    database does not stop the event loop.

    Args:
        rule: what is asked.
        given: arguments of the call that it guards, by name; they go before the route's own parameters.

    Raises:
        AccessError: it does not. Whatever else the app's own code raises refuses as well.
    """
    context = current_context()
    session = await read_session(context)
    if rule.is_compound:
        return await _answer(_deciding(rule, session, context, given), context)
    return _settle(rule, session, context, given)


def decide_sync(rule: Rule, given: Mapping[str, Any] = NOTHING) -> Session:
    """Do what `decide()` does, in code that is not async.

    Raises:
        AccessError: the rule does not let the session through.
        GuardError: the rule asks a coroutine function, which only async code can.
    """
    context = current_context()
    session = read_session_sync(context)
    if rule.is_compound:
        return _answer_sync(_deciding(rule, session, context, given))
    return _settle(rule, session, context, given)


def decided_at_once(rule: Rule, context: RequestContext) -> bool:
    """Decide where memory knows the session and the app has nothing to say; tell whether that was so.

    Raises:
        AccessError: the rule does not let the session through.
    """
    if rule.is_compound:
        return False
    session = context.gate.verify_remembered(context.request)
    if session is UNSET:
        return False
    _settle(rule, session, context)
    return True


def _settle(
    rule: Rule, session: Session | None, context: RequestContext, given: Mapping[str, Any] = NOTHING
) -> Session:
    """Decide by a rule that asks nothing of the app."""
    parameters = {**context.request.parameters, **given} if given else context.request.parameters
    is_allowed = False
    try:
        refusal = rule.refusal(session, context.gate.clock.now, parameters)
        is_allowed = refusal is None and session is not None
    finally:
        context.ledger.note(rule.description, session.id if session else None, allowed=is_allowed)
    if is_allowed and session is not None:
        return session
    return _let_through(session, refusal)


def _deciding(
    rule: Rule, session: Session | None, context: RequestContext, given: Mapping[str, Any]
) -> Generator[Question, Any, Session]:
    """Decide by a rule that has parts, or asks the app."""
    is_allowed = False
    try:
        refusal = yield from rule.judge(session, context.gate.clock.now, {**context.request.parameters, **given})
        is_allowed = refusal is None and session is not None
    finally:
        context.ledger.note(rule.description, session.id if session else None, allowed=is_allowed)
    return _let_through(session, refusal)


async def _answer(deciding: Generator[Question, Any, Session], context: RequestContext) -> Session:
    answer: Any = None
    # Closed, so that a question that raises is written down as a refusal at once.
    with closing(deciding):
        while True:
            try:
                question = deciding.send(answer)
            except StopIteration as decided:
                return decided.value
            if _is_async(question):
                answer = await question()
            else:
                inherit = contextvars.copy_context().run
                answer = await asyncio.get_running_loop().run_in_executor(context.executor, inherit, question)


def _answer_sync(deciding: Generator[Question, Any, Session]) -> Session:
    answer: Any = None
    with closing(deciding):
        while True:
            try:
                question = deciding.send(answer)
            except StopIteration as decided:
                return decided.value
            if _is_async(question):
                raise GuardError("an async `when` guards a handler that is not async: make both the same")
            answer = question()


def _is_async(question: Question) -> bool:
    return inspect.iscoroutinefunction(question.func if isinstance(question, partial) else question)


def _let_through(session: Session | None, refusal: AccessError | None) -> Session:
    if refusal is not None:
        raise refusal
    if session is None:
        raise GuardError("a rule let somebody through who is not signed in: it must refuse them")
    return session
