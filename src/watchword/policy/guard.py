"""Guards: the rule that stands on a route or an action."""

import asyncio
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypedDict, Unpack, final

import msgspec

from watchword.foundation.durations import parse_duration
from watchword.foundation.errors import AccessError, Forbidden, NotFound, StepUpRequired, Unauthenticated
from watchword.policy.decide import NOTHING, GuardError, Judging, decide, decide_sync
from watchword.policy.marking import decorate, inside
from watchword.sessions.assurance import Assurance
from watchword.sessions.session import Session

When = Callable[..., Any]
"""The app's own question: takes the session, then parameters of the route by name; answers `True` or `False`."""
_STRENGTH: Final[dict[str, int]] = {"aal1": 1, "aal2": 2, "aal3": 3}


@final
class Guard:
    """A rule: everything that is named must hold.

    One object serves as decorator of a function or class, as FastAPI dependency, and as Litestar guard.

    Attributes:
        role: the role that the session's user must have.
        permission: what their role must permit, `notes:write`.
        organization: `True`: they act for some organization; an id: for this one; `"{name}"`: for the one that the
            route's parameter names.
        assurance: how strong the sign-in must be (NIST SP 800-63B).
        fresh: for how long after a proof it counts, in milliseconds.
        when: the app's own question.
        any_of: one of these must let the session through.
        all_of: all of these must.
    """

    __signature__ = inspect.Signature()
    """FastAPI reads this: as a dependency, a guard takes nothing from the request by itself."""

    __wrapped__ = staticmethod(decide)
    """FastAPI looks here, and finds that it must be awaited: no thread is spent on it."""

    def __init__(
        self,
        *,
        role: str | None = None,
        permission: str | None = None,
        organization: bool | str = False,
        assurance: Assurance | None = None,
        fresh: str | None = None,
        when: When | None = None,
        any_of: Sequence["Guard"] = (),
        all_of: Sequence["Guard"] = (),
    ) -> None:
        if assurance is not None and assurance not in _STRENGTH:
            raise GuardError(f"assurance is {assurance!r}: write 'aal1', 'aal2' or 'aal3'")
        if not all(isinstance(part, Guard) for part in (*any_of, *all_of)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise GuardError("any_of and all_of take guards: any_of=[guard(role='admin'), guard(when=owner)]")
        self.role = role
        self.permission = permission
        self.organization = organization
        self.assurance = assurance
        self.fresh = parse_duration(fresh) if fresh is not None else None
        self.when = _Question(when) if when is not None else None
        self.any_of = tuple(any_of)
        self.all_of = tuple(all_of)
        self._asks_nothing_more = all(
            asked in (None, False) for asked in (role, permission, organization, assurance, fresh)
        )
        self.is_compound = bool(self.when or self.any_of or self.all_of)
        self.description = _describe(self)

    @property
    def parameters(self) -> frozenset[str]:
        """Names of the route's parameters that it needs."""
        needed = set(self.when.types if self.when else ())
        if isinstance(self.organization, str) and self.organization.startswith("{"):
            needed.add(self.organization.strip("{}"))
        return frozenset(needed.union(*(part.parameters for part in (*self.any_of, *self.all_of))))

    def refusal(
        self, session: Session | None, now: Callable[[], int], parameters: Mapping[str, Any] = NOTHING
    ) -> AccessError | None:
        """Return the refusal by what the session itself tells, or `None`; `now` tells the moment in milliseconds."""
        if session is None:
            return Unauthenticated()
        if self._asks_nothing_more:
            return None
        return self._too_weak(session, now) if self._may(session, parameters) else Forbidden()

    def judge(self, session: Session | None, now: Callable[[], int], parameters: Mapping[str, Any]) -> Judging:
        """Return the refusal, or `None`; yields the app's own questions to whoever drives it."""
        if session is None or not self._may(session, parameters):
            return self.refusal(session, now, parameters)
        for part in self.all_of:
            if (refusal := (yield from part.judge(session, now, parameters))) is not None:
                return refusal
        refusals: list[AccessError] = []
        for part in self.any_of:
            if (refusal := (yield from part.judge(session, now, parameters))) is None:
                refusals.clear()
                break
            refusals.append(refusal)
        if refusals:
            return _nearest(refusals)
        if self.when is not None:
            answer = yield self.when.about(session, parameters)
            if answer is not True and answer is not False:
                raise GuardError(
                    f"{self.when.name} answered {type(answer).__name__}: a `when` answers True or False, nothing else"
                )
            if answer is False:
                return Forbidden()
        return self._too_weak(session, now)

    def __call__(self, *given: Any) -> Any:
        """Decorate a handler; or, as a dependency or hook, decide about the request under way.

        Given one function or class, it returns that, guarded. Given nothing (FastAPI, a Flask `before_request`), or a
        connection and its handler (Litestar), it decides: in an event loop by a coroutine that returns the session.
        """
        if len(given) == 1:
            return decorate(given[0], self)
        if _is_in_event_loop():
            return decide(self)
        decide_sync(self)
        return None

    def __deepcopy__(self, memo: object) -> "Guard":
        """Return itself: Litestar copies a router with all that it holds, and a rule is the same rule everywhere."""
        return self

    def _may(self, session: Session, parameters: Mapping[str, Any]) -> bool:
        if self.role is not None and session.user.role != self.role:
            return False
        if self.permission is not None and not session.may(self.permission):
            return False
        wanted = self.organization
        if isinstance(wanted, str):
            wanted = str(_value(parameters, wanted[1:-1])) if wanted.startswith("{") else wanted
            return session.organization == wanted
        return not wanted or session.organization is not None

    def _too_weak(self, session: Session, now: Callable[[], int]) -> StepUpRequired | None:
        if self.assurance is None and self.fresh is None:
            return None
        extra: dict[str, object] = {}
        if self.assurance is not None and _STRENGTH[session.assurance] < _STRENGTH[self.assurance]:
            extra["acr_values"] = self.assurance
        if self.fresh is not None and session.authenticated_at.timestamp() * 1000 + self.fresh <= now():
            extra["max_age"] = self.fresh // 1000
        return StepUpRequired(extra=extra) if extra else None


@final
class _Question:
    """A `when`, with the parameters of the route that it names and their types."""

    def __init__(self, ask: When) -> None:
        if not callable(ask):  # pyright: ignore[reportUnnecessaryComparison]
            raise GuardError("when= takes a function of the session: guard(when=lambda session, id: …)")
        self.ask = ask
        self.name = getattr(ask, "__qualname__", type(ask).__qualname__)
        signature = inspect.signature(ask, eval_str=True)
        _, *named = signature.parameters.values()
        self.types = {
            one.name: Any if one.annotation is inspect.Parameter.empty else one.annotation
            for one in named
            if one.default is inspect.Parameter.empty
        }

    def about(self, session: Session, parameters: Mapping[str, Any]) -> Callable[[], Any]:
        """Return the question about this session, its parameters as the types that the function declares.

        Raises:
            NotFound: a parameter is no such value, so there is nothing of that name.
        """
        arguments: dict[str, Any] = {}
        for name, type_ in self.types.items():
            value = _value(parameters, name)
            try:
                arguments[name] = value if type_ is Any else msgspec.convert(value, type_, strict=False)
            except msgspec.ValidationError:
                raise NotFound from None
        return functools.partial(self.ask, session, **arguments)


def _is_in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _value(parameters: Mapping[str, Any], name: str) -> Any:
    if name not in parameters:
        known = ", ".join(sorted(parameters)) or "none"
        raise GuardError(f"the guard asks for the parameter {name!r}, and the route has {known}")
    return parameters[name]


def _nearest(refusals: Sequence[AccessError]) -> AccessError:
    """Return what the caller can do most easily: sign in again rather than be somebody else."""
    return next((one for one in refusals if isinstance(one, StepUpRequired)), refusals[0])


def _describe(rule: Guard) -> str:
    parts = [
        f"role {rule.role}" if rule.role is not None else "",
        f"permission {rule.permission}" if rule.permission is not None else "",
        f"organization {rule.organization}" if isinstance(rule.organization, str) else "",
        "an organization" if rule.organization is True else "",
        *(part.description for part in rule.all_of),
        f"({' or '.join(part.description for part in rule.any_of)})" if rule.any_of else "",
        f"when {rule.when.name}" if rule.when else "",
        rule.assurance or "",
        f"fresh {rule.fresh // 1000} s" if rule.fresh is not None else "",
    ]
    return ", ".join(filter(None, parts)) or "signed in"


class Requirements(TypedDict, total=False):
    """What `require()` can ask for; see `Guard`."""

    role: str
    permission: str
    organization: bool | str
    assurance: Assurance
    fresh: str


async def require(**required: Unpack[Requirements]) -> Session:
    """Return the session of the request under way, if it has the right.

    For example: `session = await require(role="admin", fresh="10m")`.

    Raises:
        Unauthenticated: nobody is signed in (401).
        Forbidden: the session has not the right (403).
        StepUpRequired: the sign-in is too weak or too old (401, RFC 9470).
    """
    return await decide(_guard_for(**required))


def require_sync(**required: Unpack[Requirements]) -> Session:
    """Do what `require()` does, in code that is not async."""
    return decide_sync(_guard_for(**required))


@functools.lru_cache(maxsize=256)
def _guard_for(**required: Unpack[Requirements]) -> Guard:
    return Guard(**required)


@final
class GuardMaker:
    """What apps import as `guard`: call it for a rule, or use `guard.inside`."""

    inside = staticmethod(inside)

    def __call__(
        self,
        *,
        when: When | None = None,
        any_of: Sequence[Guard] = (),
        all_of: Sequence[Guard] = (),
        **required: Unpack[Requirements],
    ) -> Guard:
        """Return a guard: `@guard()` for anyone signed in, `@guard(role="admin")` for admins; see `Guard`."""
        return Guard(when=when, any_of=any_of, all_of=all_of, **required)


guard: Final = GuardMaker()
