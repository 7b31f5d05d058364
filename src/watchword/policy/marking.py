"""How a handler says its rule, and keeps to it: what the decorators `guard`, `public` and `guard.inside` do."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast, final

from watchword.policy.decide import NOTHING, Rule, decide, decide_sync
from watchword.policy.taint_objects import tainted_object_in
from watchword.sessions.verify import Ledger, current_context

MARK: Final = "__watchword__"
"""Attribute of a handler, class or route that says how it is protected: a guard, or `PUBLIC` or `INSIDE`."""
_DISPATCHERS: Final = ("dispatch_request", "dispatch")
"""The methods through which all of a class-based view's handlers run (Flask; Django, Starlette)."""
_CONTROLLERS: Final = ("as_router", "to_handler")
"""What Litestar calls on a controller, or on a listener of sockets, to get what it registers."""
Handler = TypeVar("Handler")


@final
@dataclass(frozen=True, slots=True)
class Declaration:
    """A handler that carries no rule and says so.

    Attributes:
        description: what it says, in a few words.
        decides: whether that is the decision already; otherwise the handler owes one.
    """

    description: str
    decides: bool


PUBLIC: Final = Declaration("public", decides=True)
INSIDE: Final = Declaration("decides inside", decides=False)


def rule_of(target: object) -> Any:
    """Return the guard or declaration that stands on a handler, class or route, or `None`."""
    return getattr(target, MARK, None)


def name_of(handler: object) -> str:
    """Return the handler's name as logs and reports show it: `shop.views.list_orders`."""
    inner: Any = inspect.unwrap(cast("Callable[..., Any]", handler)) if callable(handler) else handler
    named: Any = inner if hasattr(inner, "__qualname__") else cast("type[Any]", type(inner))
    return f"{named.__module__}.{named.__qualname__}"


def public(handler: Handler) -> Handler:
    """Say on purpose that everyone may call this handler, or everything of this class."""
    return _decorated(handler, PUBLIC)


def inside(handler: Handler) -> Handler:
    """Say that this handler decides by itself, with `require()` or `verify_session()`, before it answers."""
    return _decorated(handler, INSIDE)


def decorate(handler: Any, rule: Rule) -> Any:
    """Return the handler behind the rule; a class gets it before all of its handlers.

    Raises:
        TypeError: it is neither a function nor a class with one method through which all requests go.
    """
    return _decorated(handler, rule)


def watched(handler: Any, *, is_async: bool | None = None) -> Any:
    """Return a handler that carries no rule itself, whose answers are looked through for tainted objects all the same.

    Args:
        handler: a function, or what stands for one.
        is_async: whether what it returns is awaited, where the framework knows better than its type tells.
    """
    if inspect.isgeneratorfunction(handler) or inspect.isasyncgenfunction(handler):
        return handler

    @functools.wraps(handler)
    async def awaiting(*args: Any, **kwargs: Any) -> Any:
        return look_through(await handler(*args, **kwargs))

    @functools.wraps(handler)
    def calling(*args: Any, **kwargs: Any) -> Any:
        return look_through(handler(*args, **kwargs))

    return awaiting if is_async or (is_async is None and _is_async(handler)) else calling


def look_through(answer: Handler) -> Handler:
    """Return what a handler answers; a tainted object in it is written down, so that the answer is withheld."""
    message = tainted_object_in(answer)
    if message is not None:
        current_context().ledger.tainted = message
    return answer


def admit(ledger: Ledger, rule: Any) -> None:
    """Write down that the rule has let the request through, or that the declaration is the decision."""
    ledger.rule = rule
    if isinstance(rule, Declaration) and rule.decides:
        ledger.note(rule.description, None, allowed=True)


def _decorated(target: Any, rule: Any) -> Any:
    if inspect.isclass(target):
        return _guard_class(target, rule)
    if not callable(target) or hasattr(target, "ownership_layers"):  # Litestar's decorators make such objects
        raise TypeError(f"{target!r} is no handler: put the decorator on a function or class, under the route's own")
    wrapped = _guard_async(target, rule) if _is_async(target) else _guard_sync(target, rule)
    setattr(wrapped, MARK, rule)
    return wrapped


def _guard_async(handler: Callable[..., Any], rule: Any) -> Callable[..., Any]:
    name, looks = name_of(handler), rule is INSIDE

    @functools.wraps(handler)
    async def guarded(*args: Any, **kwargs: Any) -> Any:
        ledger = current_context().ledger
        if ledger.rule is not rule:
            if not isinstance(rule, Declaration):
                await decide(rule, kwargs or NOTHING)
            admit(ledger, rule)
        ledger.enter(name, looks=looks)
        return look_through(await handler(*args, **kwargs))

    return guarded


def _guard_sync(handler: Callable[..., Any], rule: Any) -> Callable[..., Any]:
    name, looks = name_of(handler), rule is INSIDE

    @functools.wraps(handler)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        ledger = current_context().ledger
        if ledger.rule is not rule:
            if not isinstance(rule, Declaration):
                decide_sync(rule, kwargs or NOTHING)
            admit(ledger, rule)
        ledger.enter(name, looks=looks)
        return look_through(handler(*args, **kwargs))

    return guarded


def _guard_class(target: type, rule: Any) -> type:
    name = next((name for name in _DISPATCHERS if hasattr(target, name)), None)
    if name is None and any(hasattr(target, made) for made in _CONTROLLERS):
        return _guard_controller(target, rule)
    if name is None:
        raise TypeError(
            f"{target.__qualname__} has no `dispatch`, so its handlers can't be guarded together: "
            "put the decorator on each of them"
        )
    setattr(target, name, _decorated(getattr(target, name), rule))
    setattr(target, MARK, rule)
    return target


def _guard_controller(target: Any, rule: Any) -> type:
    """Guard a class of Litestar's: it has a list of guards, and handlers that can each declare something."""
    if not isinstance(rule, Declaration):
        inherited: Any = target.guards
        target.guards = [*(inherited if isinstance(inherited, list) else ()), rule]
        return target
    for handler in cast("dict[str, Any]", vars(target)).values():
        function = getattr(handler, "fn", None)
        if function is not None and rule_of(function) is None:
            handler(_decorated(function, rule))
    return target


def _is_async(handler: Any) -> bool:
    """Tell whether to call it makes a coroutine: a function, or an object with an async `__call__`."""
    inner = inspect.unwrap(handler)
    while isinstance(inner, functools.partial):
        inner = inner.func
    return inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(type(inner).__call__)
