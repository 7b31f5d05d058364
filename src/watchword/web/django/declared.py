"""How a view says who may call it: with Watchword's own marks, or with Django's declarations."""

import functools
from collections.abc import Callable, Iterator, Sequence
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
ADMIN: Final = Guard(role="admin")
"""The rule of Django's admin, and of what is for its users."""
SIGNED_IN: Final = Guard()
"""The rule of what Django declares with `login_required`."""
_LOGIN_REQUIRED: Final = "django.contrib.auth.decorators.login_required.<locals>.<lambda>"
_TESTED: Final = "user_passes_test.<locals>.decorator.<locals>._view_wrapper"
_METHOD_DECORATED: Final = "_multi_decorate.<locals>._wrapper"
_IS_ADMIN: Final = "rest_framework.permissions.IsAdminUser"
_IS_AUTHENTICATED: Final = "rest_framework.permissions.IsAuthenticated"
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
    mark, djangos = rule_of(view) or rule_of(kind), _djangos(view) or _of_class(kind)
    if kind is None or mark is not None:
        return {ANY: Declared(mark, djangos)}
    handlers = _methods(view, kind)
    each = {method: Declared(rule_of(one), _djangos(one)) for method, one in handlers.items()}
    if not any(one != (None, None) for one in each.values()):
        return {ANY: Declared(None, djangos)}
    if "OPTIONS" not in each and kind.options is not View.options:
        each["OPTIONS"] = Declared(SIGNED_IN, None)  # Django REST framework tells there what the view is
    return {method: Declared(one.mark, one.djangos or djangos) for method, one in each.items()}


def class_of(view: Any) -> Any:
    """Return the class of a class-based view, or of a view of Django REST framework; else `None`."""
    kind = getattr(view, "view_class", None) or getattr(view, "cls", None)
    return kind if isinstance(kind, type) and issubclass(kind, View) else None


def named(callback: Any) -> tuple[str, str]:
    """Return name and place of a view: `shop.views.Orders`, `shop/views.py:12`."""
    view = _without_arguments(callback)
    kind = class_of(view)
    handlers = [] if kind is None else [getattr(kind, method, None) for method in kind.http_method_names]
    target = next((_inside_api_view(one) for one in handlers if _code_name(one) == _API_VIEW), kind or view)
    return name_of(target), where(target)


def _methods(view: Any, kind: Any) -> dict[str, Any]:
    """Return the handlers of a class-based view by HTTP method, without what its framework answers to OPTIONS."""
    is_frameworks = kind.options.__module__.startswith(("django.", "rest_framework."))
    names: dict[str, str] = getattr(view, "actions", None) or {
        method: method for method in kind.http_method_names if method != "options" or not is_frameworks
    }
    found = {method.upper(): getattr(kind, name, None) for method, name in names.items()}
    return {method: _inside_api_view(one) for method, one in found.items() if one is not None}


def _inside_api_view(handler: Any) -> Any:
    """Return the function that Django REST framework's `@api_view` has made a class of."""
    return _closed_over(handler, "func") if _code_name(handler) == _API_VIEW else handler


def _without_arguments(callback: Any) -> Any:
    while isinstance(callback, functools.partial):
        callback = callback.func  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return callback  # pyright: ignore[reportUnknownVariableType]


def _djangos(view: Any) -> Rule | None:
    """Return the rule that Django's decorators on a view, or on the methods of a class, amount to.

    The tests of `user_passes_test` and `permission_required` are asked here too, before anything of the view runs, so
    that a decorator above them (a cache, say) can't answer in their place. Nobody who is not signed in passes.
    """
    dispatch = getattr(class_of(view), "dispatch", None)
    # On each of its views Django REST framework says so itself.
    speaking = dispatch if hasattr(view, "cls") else view
    if getattr(speaking, "login_required", True) is False:
        return PUBLIC
    rules = [_asking(test) for function in (view, dispatch) for test in _tests(function)]
    return Guard(all_of=rules) if len(rules) > 1 else next(iter(rules), None)


def _of_class(kind: Any) -> Rule | None:
    """Return the rule of `LoginRequiredMixin` and its like, or of a permission class of Django REST framework.

    What else those ask, they ask themselves.
    """
    if kind is None or not apps.is_installed("django.contrib.auth"):
        return None
    from django.contrib.auth.mixins import AccessMixin

    if issubclass(kind, AccessMixin):
        return SIGNED_IN
    permissions: Sequence[object] = getattr(kind, "permission_classes", ())
    names = {name_of(one) for one in permissions}
    return ADMIN if _IS_ADMIN in names else SIGNED_IN if _IS_AUTHENTICATED in names else None


def _tests(function: Any) -> Iterator[Callable[[Any], Any]]:
    """Yield the tests of Django's decorators on a view, those applied by `method_decorator` too."""
    while function is not None:
        name = _code_name(function)
        if name == _TESTED:
            yield _closed_over(function, "test_func")
        elif name == _METHOD_DECORATED:
            for decorator in _closed_over(function, "decorators"):
                yield from _tests(decorator(_undecorated))
        function = getattr(function, "__wrapped__", None)


def _undecorated(*_: Any, **__: Any) -> None:
    """Stand in for a method, as Django does it, to see what a decorator makes of it."""


def _asking(test: Callable[[Any], Any]) -> Guard:
    if name_of(test) == _LOGIN_REQUIRED:
        return SIGNED_IN

    def passes(session: Session) -> bool:
        user = user_of(session)
        is_async = iscoroutinefunction(test)  # pyright: ignore[reportDeprecated]
        return bool(async_to_sync(test)(user) if is_async else test(user))

    passes.__qualname__ = name_of(test)
    return Guard(when=passes)


def _code_name(function: Any) -> str:
    code = getattr(function, "__code__", None)
    return code.co_qualname if code is not None else ""


def _closed_over(function: Any, name: str) -> Any:
    """Return what a function remembers of where it was made, or `None`."""
    code = getattr(function, "__code__", None)
    if code is None or name not in code.co_freevars:
        return None
    return function.__closure__[code.co_freevars.index(name)].cell_contents
