"""The routes of a Flask app as the start-up check sees them: of its URL map, and the apps that are mounted in it."""

import inspect
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, final

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.routing import Rule as URLRule

from watchword.policy import marking
from watchword.policy.guard import Guard
from watchword.policy.marking import PUBLIC, decorate, name_of, rule_of
from watchword.web.endpoints import Endpoint, Rule, combine, endpoints_of, where

_NO_FILES: Final = Guard(role="admin")
"""For a static folder that does not exist, as every new app has one: what is put there later is open to nobody."""
_BELOW = re.compile(r"/<path:[^>]+>\Z")


def endpoints(app: Flask, public: Collection[str], guards: Mapping[str, Guard]) -> Iterator[Endpoint]:
    """Go through all routes: views, static folders, those of blueprints, and mounted apps as far as they show."""
    for rule in app.url_map.iter_rules():
        if rule.build_only or rule.redirect_to:
            continue
        view = app.view_functions.get(rule.endpoint)
        hooks = _hooks(app, rule.endpoint)
        for methods, target, declared in _handlers(rule, view):
            own = PUBLIC if _is_among(public, rule.rule) else declared
            if own is None and _serves_nothing(app, rule.endpoint):
                own = _NO_FILES
            combined = _all_of(hooks, combine(rule.rule, own, guards))
            parameters = frozenset(map(str, rule.arguments))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
            yield Endpoint(rule.rule, methods, where(target), combined, rule, name_of(target), parameters)
    yield from _mounted(app.wsgi_app, public, guards)


@final
class Mounted:
    """A mounted app behind its rule."""

    def __init__(self, app: Any, rule: Rule) -> None:
        self.app = app
        self.rule = rule
        self._guarded = decorate(app, rule) if isinstance(rule, Guard) else marking.public(app)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self._guarded(environ, start_response)


def guard_mounts(found: Sequence[Endpoint]) -> None:
    """Put the rules of mounted apps before them; to do it again changes nothing."""
    for endpoint in found:
        if isinstance(endpoint.route, DispatcherMiddleware) and endpoint.rule is not None:
            mounts: Any = endpoint.route.mounts
            if not isinstance(mounts[endpoint.path], Mounted):
                mounts[endpoint.path] = Mounted(mounts[endpoint.path], endpoint.rule)


@lru_cache(maxsize=1024)
def asks_async(rule: Guard) -> bool:
    """Tell whether the rule, or a part of it, asks a coroutine function."""
    asks = rule.when is not None and inspect.iscoroutinefunction(rule.when.ask)
    return asks or any(asks_async(part) for part in (*rule.any_of, *rule.all_of))


def _hooks(app: Flask, endpoint: str) -> list[Guard]:
    """Return the guards that are `before_request` functions of the app, and of the blueprints around the route."""
    parts = endpoint.split(".")[:-1]
    names = [None, *(".".join(parts[: count + 1]) for count in range(len(parts)))]
    hooks: list[Any] = [hook for name in names for hook in app.before_request_funcs.get(name, ())]
    rules = [hook if isinstance(hook, Guard) else rule_of(hook) for hook in hooks]
    return [rule for rule in rules if isinstance(rule, Guard)]


def _all_of(hooks: Sequence[Guard], rule: Rule | None) -> Rule | None:
    """Return the rule with those of the hooks, which run for handlers that say they are public as well."""
    guards = [*hooks, rule] if isinstance(rule, Guard) else [*hooks]
    if not hooks:
        return rule
    return guards[0] if len(guards) == 1 else Guard(all_of=guards)


def _handlers(rule: URLRule, view: Any) -> Iterator[tuple[str, Any, Rule | None]]:
    """Yield what answers the route with its methods and its rule: a class one by one, unless it has one as a whole."""
    methods, whole = set(rule.methods or ()), getattr(view, "view_class", None)
    if "GET" in methods and not hasattr(whole, "head"):
        methods.discard("HEAD")
    if getattr(rule, "provide_automatic_options", False):
        methods.discard("OPTIONS")
    declared = rule_of(view) or rule_of(whole)
    if declared is None and methods and all(hasattr(whole, method.lower()) for method in methods):
        for method in sorted(methods):
            handler = getattr(whole, method.lower())
            yield method, handler, rule_of(handler)
    else:
        yield ",".join(sorted(methods)) or "ANY", whole or view or rule, declared


def _is_among(public: Collection[str], path: str) -> bool:
    """Tell whether the path is named, or the folder whose files it serves: `/static` for `/static/<path:filename>`."""
    return path in public or _BELOW.sub("", path) in public


def _serves_nothing(app: Flask, endpoint: str) -> bool:
    """Tell whether the endpoint is Flask's own for a static folder, and there is no such folder."""
    blueprint, _, name = endpoint.rpartition(".")
    owner = app.blueprints.get(blueprint) if blueprint else app
    if owner is None or name != "static" or owner.static_folder is None:
        return False
    return not Path(owner.static_folder).is_dir()


def _mounted(outermost: Any, public: Collection[str], guards: Mapping[str, Guard]) -> Iterator[Endpoint]:
    """Go through the middlewares that stand around the app, for apps that are mounted beside it."""
    layer = outermost
    while layer is not None:
        mounts = layer.mounts if isinstance(layer, DispatcherMiddleware) else {}
        for path, mounted in mounts.items():
            if isinstance(mounted, Mounted):
                target, rule = mounted.app, mounted.rule
            else:
                target, rule = mounted, combine(path, PUBLIC if path in public else rule_of(mounted), guards)
            its_own = endpoints_of(target) if isinstance(target, Flask) and rule is None else None
            if its_own is None:
                yield Endpoint(path, "ANY", where(target), rule, layer, name_of(target))
            else:
                yield from (replace(one, path=path + one.path) for one in its_own)
        layer = getattr(layer, "app", None)
