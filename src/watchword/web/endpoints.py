"""The routes of an app as the start-up check sees them, whatever its framework; and the report of those left open."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast, final
from weakref import WeakKeyDictionary

from watchword.foundation.errors import ConfigurationError
from watchword.policy.guard import Guard
from watchword.policy.marking import PUBLIC, Declaration

Rule = Guard | Declaration


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
    """

    path: str
    methods: str
    where: str
    rule: Rule | None
    route: Any
    handler: str


Find = Callable[[], Sequence[Endpoint]]
_apps: Final[WeakKeyDictionary[Any, Find]] = WeakKeyDictionary()


def remember(app: Any, find: Find) -> None:
    """Remember how the routes of this app, or of all apps of this class, are listed: for `watchword routes MODULE:app`."""
    _apps[_anchor(app)] = find


def endpoints_of(app: Any) -> Sequence[Endpoint] | None:
    """Return the routes of an app that Watchword protects, or `None` where it does not."""
    anchor = _anchor(app)
    find = _apps.get(anchor) or _apps.get(cast("Any", type(app)))
    return find() if find else None


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


def refuse_undeclared(found: Sequence[Endpoint], *, public: str) -> None:
    """Stop the start while a route is open by mistake.

    Args:
        found: all routes of the app.
        public: how this framework declares routes that are not one's own public, for the report.

    Raises:
        ConfigurationError: lists each such route with file and line, and the line to add.
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
