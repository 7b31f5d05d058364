"""How a view says who may call it: with Watchword's own marks, or with Django's declarations."""

import functools
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from asgiref.sync import async_to_sync, iscoroutinefunction
from django.apps import apps
from django.views import View

from watchword.policy.guard import Guard
from watchword.policy.marking import PUBLIC, name_of, rule_of
from watchword.sessions.session import Session
from watchword.web.django.people import user_of
from watchword.web.endpoints import Rule, where

ANY: Final = "ANY"
SIGNED_IN: Final = Guard()
"""The rule of what Django declares with `login_required`."""
_LOGIN_REQUIRED: Final = "login_required.<locals>.<lambda>"
_TESTED: Final = "user_passes_test.<locals>.decorator.<locals>._view_wrapper"
_METHOD_DECORATED: Final = "_multi_decorate.<locals>._wrapper"
_API_VIEW: Final = "api_view.<locals>.decorator.<locals>.handler"


class Declared(NamedTuple):
    """What stands on a view: the mark that Watchword put there, and what Django's own declarations amount to."""

    mark: Rule | None
    djangos: Rule | None


def declared(callback: Any) -> dict[str, Declared]:
    """Return what stands on a view by HTTP method; `ANY` where the whole view has one answer.

    A class-based view whose methods are decorated one by one answers by method. So does a viewset by its actions.
    """
    view = _without_arguments(callback)
    kind = class_of(view)
    mark = rule_of(view) or rule_of(kind)
    whole = Declared(mark, _djangos(view, getattr(kind, "dispatch", None)) or _of_mixins(kind))
    if kind is None or whole != (None, None):
        return {ANY: whole}
    each = {method: Declared(rule_of(one), _djangos(one)) for method, one in _methods(view, kind).items()}
    return each if any(one != (None, None) for one in each.values()) else {ANY: whole}


def class_of(view: Any) -> Any:
    """Return the class of a class-based view, or of a view of Django REST framework; else `None`."""
    return getattr(view, "view_class", None) or getattr(view, "cls", None)


def named(callback: Any) -> tuple[str, str]:
    """Return name and place of a view: `shop.views.Orders`, `shop/views.py:12`."""
    view = _without_arguments(callback)
    kind = class_of(view)
    target = next(iter(_methods(view, kind).values()), kind) if _is_api_view(kind) else kind or view
    return name_of(target), where(target)


def _methods(view: Any, kind: Any) -> dict[str, Any]:
    """Return the handlers of a class-based view by HTTP method, without what its framework answers to OPTIONS."""
    names: dict[str, str] = getattr(view, "actions", None) or {
        method: method for method in kind.http_method_names if method != "options" or kind.options is not View.options
    }
    found = {method.upper(): getattr(kind, name, None) for method, name in names.items()}
    return {method: closed_over(one, "func") or one for method, one in found.items() if one is not None}


def _is_api_view(kind: Any) -> bool:
    return kind is not None and any(
        _code_name(getattr(kind, name, None)) == _API_VIEW for name in kind.http_method_names
    )


def _without_arguments(callback: Any) -> Any:
    while isinstance(callback, functools.partial):
        callback = callback.func  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return callback  # pyright: ignore[reportUnknownVariableType]


def _djangos(*functions: Any) -> Rule | None:
    """Return the rule that Django's decorators amount to.

    The tests of `user_passes_test` and `permission_required` are asked here too, before anything of the view runs, so
    that a decorator above them (a cache, say) can't answer in their place. Nobody who is not signed in passes.
    """
    if any(getattr(function, "login_required", True) is False for function in functions):
        return PUBLIC
    rules = [_asking(test) for function in functions for test in _tests(function)]
    return Guard(all_of=rules) if len(rules) > 1 else next(iter(rules), None)


def _of_mixins(kind: Any) -> Rule | None:
    """Return the rule of `LoginRequiredMixin` and its like: signed in; what else they ask, they ask themselves."""
    if not isinstance(kind, type) or not apps.is_installed("django.contrib.auth"):
        return None
    from django.contrib.auth.mixins import AccessMixin

    return SIGNED_IN if issubclass(kind, AccessMixin) else None


def _tests(function: Any) -> Iterator[Callable[[Any], Any]]:
    """Yield the tests of Django's decorators on a view, those applied by `method_decorator` too."""
    while function is not None:
        name = _code_name(function)
        if name == _TESTED:
            yield closed_over(function, "test_func")
        elif name == _METHOD_DECORATED:
            for decorator in closed_over(function, "decorators"):
                yield from _tests(decorator(_undecorated))
        function = getattr(function, "__wrapped__", None)


def _undecorated(*_: Any, **__: Any) -> None:
    """Stand in for a method, as Django does it, to see what a decorator makes of it."""


def _asking(test: Callable[[Any], Any]) -> Guard:
    if test.__module__ == "django.contrib.auth.decorators" and test.__qualname__ == _LOGIN_REQUIRED:
        return SIGNED_IN

    @functools.wraps(test, assigned=("__qualname__",), updated=())
    def passes(session: Session) -> bool:
        user = user_of(session)
        is_async = iscoroutinefunction(test)  # pyright: ignore[reportDeprecated]
        return bool(async_to_sync(test)(user) if is_async else test(user))

    del passes.__wrapped__  # its signature is not ours
    return Guard(when=passes)


def _code_name(function: Any) -> str:
    code = getattr(function, "__code__", None)
    return code.co_qualname if code is not None else ""


def closed_over(function: Any, name: str) -> Any:
    """Return what a function remembers of where it was made, or `None`."""
    code = getattr(function, "__code__", None)
    if code is None or name not in code.co_freevars:
        return None
    return function.__closure__[code.co_freevars.index(name)].cell_contents
