"""The routes of an app as the start-up check sees them, whatever its framework; and the report of those left open."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast, final
from weakref import WeakKeyDictionary

from watchword.foundation.errors import ConfigurationError
from watchword.policy.guard import Guard
from watchword.policy.marking import PUBLIC, Declaration
from watchword.web.edge import Protected

Rule = Guard | Declaration
_IN_PATH: Final = re.compile(r"\{(\w+)|<(?:[^<>]*:)?(\w+)>")
"""A parameter as Starlette and Litestar write it, `{id:int}`, and as Flask and Django do, `<int:id>`."""


@final
@dataclass(frozen=True, slots=True)
class Endpoint:
    """One route of the app.

    Attributes:
        path: full path pattern.
        methods: HTTP methods, or `WEBSOCKET`, or `ANY`.
        where: file and line of the handler.
        rule: how it is protected, or `None`.
        route: the framework's own object.
        handler: name of the handler.
        parameters: names of what the route's pattern takes from the request, which a rule may ask about; `None` where
            that is not known.
    """

    path: str
    methods: str
    where: str
    rule: Rule | None
    route: Any
    handler: str
    parameters: frozenset[str] | None = None


Find = Callable[[], Sequence[Endpoint]]
_apps: Final[WeakKeyDictionary[Any, tuple[Find, Callable[[], Protected]]]] = WeakKeyDictionary()


def remember(app: Any, find: Find, auth: Callable[[], Protected]) -> None:
    """Remember how the routes of this app, or of all apps of this class, are listed: for `watchword routes MODULE:app`.

    Args:
        app: the app, or its class.
        find: lists its routes.
        auth: returns the `Auth` that protects it.
    """
    _apps[_anchor(app)] = find, auth


def endpoints_of(app: Any) -> Sequence[Endpoint] | None:
    """Return the routes of an app that Watchword protects, or `None` where it does not."""
    known = _known(app)
    return known[0]() if known else None


def actions_of(app: Any) -> Sequence[Endpoint]:
    """Return the actions of an app that Watchword protects: public endpoints as well, whose path is a sealed reference."""
    known = _known(app)
    if known is None:
        return ()
    auth = known[1]()
    path = f"{auth.edge.settings.prefix}{auth.actions.route.path}"
    return [Endpoint(path, "ACTION", one.where, one.rule, one, one.name) for one in auth.actions.list_all()]


def _known(app: Any) -> tuple[Find, Callable[[], Protected]] | None:
    return _apps.get(_anchor(app)) or _apps.get(cast("Any", type(app)))


def parameters_in(path: str, more: Iterable[str] = ()) -> frozenset[str]:
    """Return the names of the parameters in a path's pattern, and those that the route has from elsewhere."""
    return frozenset(more).union(*({first or second} for first, second in _IN_PATH.findall(path)))


def _anchor(app: Any) -> Any:
    """Return what stands for the app: Litestar's takes no weak reference, but its plugin gives each a class of its own."""
    kind = cast("type[Any]", type(app))
    return app if kind.__weakrefoffset__ else kind


def combine(path: str, own: Rule | None, guards: Mapping[str, Guard]) -> Rule | None:
    """Return the rule of a route: its own, and that of each prefix it stands under.

    A handler that says it is public is public: that was said closer to the data.
    """
    above = [rule for prefix, rule in guards.items() if path == prefix or path.startswith(f"{prefix.rstrip('/')}/")]
    if not above or own is PUBLIC:
        return own
    rules = [*above, own] if isinstance(own, Guard) else above
    return rules[0] if len(rules) == 1 else Guard(all_of=rules)


def refuse_unsafe(found: Sequence[Endpoint], *, public: str) -> None:
    """Stop the start while a route is open by mistake, or has a rule that could never be answered.

    Args:
        found: all routes of the app.
        public: how this framework declares routes that are not one's own public, for the report.

    Raises:
        ConfigurationError: lists each such route with file and line, and what to do.
    """
    undeclared = [endpoint for endpoint in found if endpoint.rule is None]
    if undeclared:
        raise ConfigurationError(
            f"{len(undeclared)} route(s) are neither guarded nor public, so the app does not start:\n"
            f"{_listed(undeclared)}\n"
            "Put one of these under the route's decorator:\n"
            "  @guard()               only for people who are signed in\n"
            '  @guard(role="admin")   only for admins\n'
            "  @guard.inside          the handler decides by itself, with require() or verify_session()\n"
            "  @public                for everyone, on purpose\n"
            f"Routes that are not yours: {public}"
        )
    unanswerable = [endpoint for endpoint in found if missing_parameters(endpoint)]
    if unanswerable:
        asked = "\n".join(f"{_listed([one])}\n           {missing_parameters(one)}" for one in unanswerable)
        raise ConfigurationError(
            f"{len(unanswerable)} guard(s) ask about what their route does not have, so the app does not start:\n"
            f"{asked}\n"
            "Name the parameter as the route's path does, or decide inside the handler, under @guard.inside."
        )


def missing_parameters(endpoint: Endpoint) -> str:
    """Return what the rule of a route asks about that its pattern does not have; empty where it has all."""
    if not isinstance(endpoint.rule, Guard) or endpoint.parameters is None:
        return ""
    missing = ", ".join(sorted(endpoint.rule.parameters - endpoint.parameters))
    return missing and f"asks for {missing}; the path has {', '.join(sorted(endpoint.parameters)) or 'no parameters'}"


def where(target: Any) -> str:
    """Return file and line of a handler, or its name where it has no source."""
    inner = inspect.unwrap(target) if callable(target) else target
    try:
        file, line = inspect.getsourcefile(inner), inspect.getsourcelines(inner)[1]
    except (TypeError, OSError):
        return f"{type(inner).__module__}.{type(inner).__qualname__}"
    return f"{_shown(Path(file or '?'))}:{line}"


def _shown(path: Path) -> Path:
    """Return the path from the working directory, or from the installed package."""
    if "site-packages" in path.parts:
        return Path(*path.parts[path.parts.index("site-packages") + 1 :])
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _listed(endpoints: Sequence[Endpoint]) -> str:
    return "\n".join(f"  {endpoint.methods:<8} {endpoint.path}\n           {endpoint.where}" for endpoint in endpoints)
