"""How a call of an action runs: reference, session, limit, guard, arguments, idempotency key, function, answer."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any, final
from urllib.parse import urlencode

from watchword.foundation.errors import (
    INPUT_INVALID,
    UNAUTHENTICATED,
    AccessError,
    Denied,
    FieldError,
    StoreUnavailableError,
)
from watchword.foundation.settings import Settings
from watchword.http.address import address_bucket
from watchword.http.cookies import clear_cookie
from watchword.http.kernel import asks_for_page
from watchword.http.origin import came_from
from watchword.http.problem import INTERNAL_ERROR, problem_response
from watchword.http.request import Request
from watchword.http.response import Response, json_response, redirect
from watchword.http.route import Awaiting
from watchword.limits.limiter import Rates
from watchword.policy.actions.action import Action, Rule
from watchword.policy.actions.arguments import ArgumentError, InvalidInput
from watchword.policy.actions.flash import cookie_name, flash_cookie
from watchword.policy.actions.keys import ActionKeys, Claim, Claims
from watchword.policy.actions.reference import REFERENCE_INVALID, Reference, unseal
from watchword.policy.actions.results import Redirect
from watchword.policy.decide import GuardError
from watchword.policy.guard import Guard
from watchword.policy.ledger import Ledger
from watchword.policy.marking import admit
from watchword.policy.taint_filter import scan
from watchword.policy.withheld import Withheld
from watchword.sessions.gate import Gate
from watchword.sessions.session import Session
from watchword.sessions.verify import RequestContext, set_context
from watchword.tokens.keyring import Keyring

_log = logging.getLogger("watchword")


@final
@dataclass(frozen=True, slots=True)
class ActionServices:
    """The rooms below, as actions use them; wired by `auth.py`.

    Attributes:
        claims: where idempotency keys are written down.
        limits: counts calls.
        executor: gives threads for database work while an async action runs.
        withhold: records an answer that does not leave, and returns what takes its place.
    """

    settings: Settings
    keyring: Keyring
    gate: Gate
    claims: Claims
    limits: Rates
    executor: Callable[[], Executor]
    withhold: Callable[[Request, Withheld], Response]


@final
@dataclass(slots=True)
class _Call:
    """A call that may run. `claim` is its idempotency key, where it has one."""

    request: Request
    action: Action
    session: Session | None
    ledger: Ledger
    arguments: dict[str, Any]
    claim: Claim | None


_Outcome = Response | Denied | Withheld | Exception


@final
class Dispatch:
    """Runs actions.

    Args:
        services: the rooms below.
        keys: the idempotency keys.
        named: all actions by name.
    """

    def __init__(self, services: ActionServices, keys: ActionKeys, named: Mapping[str, Action]) -> None:
        self._services = services
        self._settings = services.settings
        self._gate = services.gate
        self._keys = keys
        self._named = named

    def handle(self, request: Request, _: None) -> Response | Denied | Awaiting:
        """Answer `POST /actions/{reference}`; what is async is left to the event loop."""
        call = self._prepare(request)
        if not isinstance(call, _Call):
            return call
        return Awaiting(partial(self._run_async, call)) if call.action.is_async else self._run(call)

    def _prepare(self, request: Request) -> _Call | Response | Denied:
        reference = unseal(self._services.keyring, request.parameters["reference"], self._gate.clock.now())
        action = self._named.get(reference.action) if reference else None
        if reference is None or action is None:
            return Denied(REFERENCE_INVALID)
        try:
            bound = action.arguments.unbind(reference.names, reference.bound)
        except ArgumentError:
            return Denied(REFERENCE_INVALID)
        session = self._gate.verify(request)
        denied = _wrong_session(reference, session) or self._over_limit(request, action, session)
        ledger = Ledger()
        ledger.handler = action.name
        denied = denied or _refused_early(action.rule, session, self._gate.clock.now, bound, ledger)
        if denied is not None:
            return self._refused(request, action, session, denied)
        arguments = action.arguments.read(request, bound)
        if isinstance(arguments, Denied):
            return self._refused(request, action, session, arguments)
        owner = session.id if session else request.parameters["reference"]
        claim = self._keys.claim(request, owner, action.name, reference.bound)
        if isinstance(claim, Response | Denied):
            return claim
        return _Call(request, action, session, ledger, arguments, claim)

    def _run(self, call: _Call) -> Response | Denied:
        value, error = None, None
        leave = self._enter(call)
        try:
            value = call.action.run(**call.arguments)
        except Exception as raised:
            error = raised
        finally:
            leave()
        return self._settle(call, self._outcome(call, value, error))

    async def _run_async(self, call: _Call) -> Response | Denied:
        value, error = None, None
        leave = self._enter(call)
        try:
            value = await call.action.run(**call.arguments)
        except Exception as raised:
            error = raised
        finally:
            leave()
        outcome = self._outcome(call, value, error)
        if call.claim is None and not isinstance(outcome, Withheld):
            return self._settle(call, outcome)
        # What is left to do writes to the database.
        settle = partial(self._settle, call, outcome)
        return await asyncio.get_running_loop().run_in_executor(self._services.executor(), settle)

    def _enter(self, call: _Call) -> Callable[[], None]:
        """Make the call the request under way, with a ledger of its own; return what ends that."""
        return set_context(RequestContext(call.request, self._gate, self._services.executor(), call.ledger))

    def _outcome(self, call: _Call, value: Any, error: Exception | None) -> _Outcome:
        """Return the answer, as far as it may leave, or the defect."""
        try:
            answer = self._answer(call, value, error)
        except Exception as defect:
            return defect
        sent = problem_response(answer) if isinstance(answer, Denied) else answer
        verdict = call.ledger.verdict(200 if error is None else sent.status)
        if verdict is not None and not isinstance(error, AccessError):
            return Withheld(verdict, call.ledger.handler, call.ledger.tainted or "")
        found = scan("\n".join(text for _, text in sent.headers).encode() + b"\n" + sent.body)
        return Withheld("tainted", call.ledger.handler, found.message) if found else answer

    def _answer(self, call: _Call, value: Any, error: Exception | None) -> Response | Denied:
        match error:
            case None:
                return self._success(call, value)
            case AccessError():
                denied = Denied(error.code, error.detail, extra=error.extra)
            case InvalidInput():
                fields = tuple(FieldError(name, expected) for name, expected in error.fields.items())
                denied = Denied(INPUT_INVALID, fields=fields)
            case _:
                raise error
        return self._refused(call.request, call.action, call.session, denied)

    def _success(self, call: _Call, value: Any) -> Response:
        """Return what the action gave, as its return type lets it leave."""
        led = value if isinstance(value, Redirect) else None
        body = call.action.result.encode(value)
        if asks_for_page(call.request):
            name = cookie_name(secure=self._gate.cookies.secure)
            stale = (clear_cookie(name, secure=self._gate.cookies.secure),) if name in call.request.cookies else ()
            return redirect(led.path if led else came_from(self._settings, call.request, "/"), stale)
        return (
            json_response({"redirect": led.path})
            if led
            else Response(200, body, [("content-type", "application/json")])
        )

    def _settle(self, call: _Call, outcome: _Outcome) -> Response | Denied:
        """Return the answer, once it is written down: that it was withheld, and under the call's key.

        Raises:
            Exception: the outcome is a defect.
        """
        answer = self._services.withhold(call.request, outcome) if isinstance(outcome, Withheld) else outcome
        if call.claim is not None:
            self._keep(call.claim, call.ledger, Denied(INTERNAL_ERROR) if isinstance(answer, Exception) else answer)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _keep(self, claim: Claim, ledger: Ledger, answer: Response | Denied) -> None:
        """Keep the answer for whoever sends the key again; or give the key back, where the function was not entered."""
        try:
            if ledger.is_untouched:
                self._keys.release(claim)
            else:
                self._keys.keep(claim, problem_response(answer) if isinstance(answer, Denied) else answer)
        except StoreUnavailableError:
            # The action has run, and its answer is true. The key stays taken, so that it does not run again.
            _log.warning("an idempotency key could not be settled: the database can't answer")

    def _over_limit(self, request: Request, action: Action, session: Session | None) -> Denied | None:
        if not action.limited:
            return None
        subject = session.user.id if session else address_bucket(request.address)
        return self._services.limits.take(action.name, subject)

    def _refused(self, request: Request, action: Action, session: Session | None, denied: Denied) -> Response | Denied:
        """Return the refusal; a browser that sent a form is led to sign in, or back to the form with what was wrong."""
        if not asks_for_page(request):
            return denied
        back = came_from(self._settings, request, "/")
        if denied.code is UNAUTHENTICATED:
            return redirect(f"{self._settings.prefix}/sign-in?{urlencode({'next': back})}")
        if not denied.fields:
            return denied
        now, secure = self._gate.clock.now(), self._gate.cookies.secure
        return redirect(
            back, (flash_cookie(self._services.keyring, request, action, session, denied, secure=secure, now=now),)
        )


def _wrong_session(reference: Reference, session: Session | None) -> Denied | None:
    """Return the refusal of a reference that was made for another session.

    One that was made for nobody in particular works only for whoever is not signed in. Otherwise a stranger could
    have one made with arguments of their choice, and plant it where somebody's session runs it.
    """
    if session is None:
        return None if reference.session is None else Denied(UNAUTHENTICATED)
    return None if reference.session == session.id else Denied(REFERENCE_INVALID)


def _refused_early(
    rule: Rule, session: Session | None, now: Callable[[], int], bound: Mapping[str, Any], ledger: Ledger
) -> Denied | None:
    """Return the refusal that stands before the arguments are read, so that whoever has no right learns nothing of them.

    It asks none of the app's own questions, and nothing about arguments that are still to be read: the guard does that
    when the function is called. Where there is nothing of that kind, this is the decision.
    """
    if not isinstance(rule, Guard):
        return None
    try:
        if rule.is_compound:
            next(rule.judge(session, now, bound))
            return None
        refusal = rule.refusal(session, now, bound)
        ledger.note(rule.description, session.id if session else None, allowed=refusal is None)
        admit(ledger, rule)
    except StopIteration as judged:
        refusal = judged.value
    except GuardError:
        return None
    return Denied(refusal.code, refusal.detail, extra=refusal.extra) if refusal else None
