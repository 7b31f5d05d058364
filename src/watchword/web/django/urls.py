"""A guard on all that an `include()` brings."""

from typing import Any, Final, cast

from watchword.policy.guard import Guard

RULE: Final = "watchword_rule"


class _Guarded(list[Any]):
    """URL patterns, and the guard that stands on all of them."""

    watchword_rule: Guard


def guarded(included: Any, rule: Guard) -> Any:
    """Return what `include()` gave, or a list of URL patterns, guarded as a whole.

    For example: `path("staff/", guarded(include("staff.urls"), guard(role="admin")))`.

    Args:
        included: what `include()` returned, or a list of patterns.
        rule: the guard of each view in it, beside the view's own.
    """
    patterns, app_name, namespace = cast("Any", included if isinstance(included, tuple) else (included, None, None))
    found = _Guarded(getattr(patterns, "urlpatterns", patterns))
    found.watchword_rule = rule
    return found, app_name, namespace
