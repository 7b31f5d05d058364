"""A guard on a class-based view, as an attribute."""

from collections.abc import Callable
from typing import Any, ClassVar

from watchword.policy.guard import Guard


class GuardMixin:
    """Guards a class-based view, or one of Django REST framework, as a whole.

    For example: `class Orders(GuardMixin, ListView): guard = guard(role="admin")`. Stands before the view's class. What
    a class inherits from another, it may replace.

    Attributes:
        guard: who may call the view: a guard, `guard.inside` or `public`.
    """

    guard: ClassVar[Callable[[Any], Any]] = Guard()

    @classmethod
    def as_view(cls, *args: Any, **initkwargs: Any) -> Any:
        """Return the view behind its guard."""
        view: Any = super().as_view(*args, **initkwargs)  # type: ignore[misc]
        view.__qualname__ = cls.__qualname__
        return initkwargs.get("guard", cls.guard)(view)
