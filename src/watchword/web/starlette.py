"""Watchword in a Starlette app: `protect(app, auth)`."""

import inspect
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Host, Mount, Route, WebSocketRoute

from watchword.foundation.errors import ConfigurationError
from watchword.policy.guard import MARK, PUBLIC, Declaration, Guard
from watchword.sessions.verify import verify_session
from watchword.web.asgi import WatchwordMiddleware
from watchword.web.edge import Protected

Rule = Guard | Declaration


@final
@dataclass(frozen=True, slots=True)
class Endpoint:
    """One route of the app, as the start-up check sees it.

    Attributes:
        path: full path pattern.
        methods: HTTP methods, or `WEBSOCKET`, or `ANY`.
        where: file and line of the handler.
        rule: how it is protected, or `None`.
        route: the route itself.
    """

    path: str
    methods: str
    where: str
    rule: Rule | None
    route: BaseRoute


def protect(app: Starlette, auth: Protected, *, public: Collection[str] = ()) -> None:
    """Mount Watchword's routes under `/auth` and hold the app to its promise.

    The app does not start while a route is neither guarded nor declared public.

    Args:
        app: the app; call this anywhere, before or after its routes are added.
        auth: the `Auth` that protects it.
        public: paths of routes of others (static files, generated documentation) that everyone may call.
    """
    install(app, auth, lambda: list(endpoints(app.routes, rule_of=_declared_rule, public=public)))


def install(app: Starlette, auth: Protected, find: Callable[[], list[Endpoint]]) -> None:
    """Add the middleware; `find` lists the app's routes when it starts."""

    def check() -> None:
        found = find()
        refuse_undeclared(found)
        for endpoint in found:
            if isinstance(endpoint.rule, Guard):
                _enforce(endpoint.route, endpoint.rule)

    app.add_middleware(WatchwordMiddleware, edge=auth.edge, check=check)


def endpoints(
    routes: Sequence[BaseRoute],
    *,
    rule_of: Callable[[BaseRoute], Rule | None],
    public: Collection[str] = (),
    prefix: str = "",
) -> Iterator[Endpoint]:
    """Go through all routes, those of mounted apps and included routers too."""
    for route in routes:
        path = prefix + str(getattr(route, "path", ""))
        rule = PUBLIC if path in public else rule_of(route)
        included = getattr(route, "original_router", None)
        if included is not None:
            below = prefix + str(getattr(getattr(route, "include_context", None), "prefix", ""))
            yield from endpoints(included.routes, rule_of=_inherit(rule, rule_of), public=public, prefix=below)
        elif isinstance(route, (Mount, Host)) and route.routes and rule is None:
            yield from endpoints(route.routes, rule_of=rule_of, public=public, prefix=path)
        else:
            yield Endpoint(path or "/", _methods(route), _where(route), rule, route)


def refuse_undeclared(found: Sequence[Endpoint]) -> None:
    """Stop the start while a route is open by mistake.

    Raises:
        ConfigurationError: lists each such route with file and line, and the line to add.
    """
    undeclared = [endpoint for endpoint in found if endpoint.rule is None]
    if not undeclared:
        return
    lines = "\n".join(
        f"  {endpoint.methods:<8} {endpoint.path}\n           {endpoint.where}" for endpoint in undeclared
    )
    raise ConfigurationError(
        f"{len(undeclared)} route(s) are neither guarded nor public, so the app does not start:\n{lines}\n"
        "Put one of these under the route's decorator:\n"
        "  @guard()               only for people who are signed in\n"
        '  @guard(role="admin")   only for admins\n'
        "  @guard.inside          the handler decides by itself, with require() or verify_session()\n"
        "  @public                for everyone, on purpose\n"
        'Routes that are not yours: protect(app, auth, public=["/their/path"])'
    )


def _declared_rule(route: BaseRoute) -> Rule | None:
    return getattr(getattr(route, "endpoint", None), MARK, None)


def _inherit(rule: Rule | None, rule_of: Callable[[BaseRoute], Rule | None]) -> Callable[[BaseRoute], Rule | None]:
    return lambda route: rule_of(route) or rule


def _enforce(route: BaseRoute, rule: Guard) -> None:
    """Decide before anything of the route runs: before its input is read, and before a wrong one is explained."""
    if getattr(route, MARK, None) is rule:
        return
    handle = route.handle

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        rule.decide(await verify_session())
        await handle(scope, receive, send)

    route.handle = guarded
    setattr(route, MARK, rule)


def _methods(route: BaseRoute) -> str:
    if isinstance(route, Route):
        return ",".join(sorted((route.methods or set()) - {"HEAD"})) or "ANY"
    return "WEBSOCKET" if isinstance(route, WebSocketRoute) else "ANY"


def _where(route: BaseRoute) -> str:
    target = inspect.unwrap(getattr(route, "endpoint", None) or getattr(route, "app", route))
    try:
        code = inspect.getsourcefile(target), inspect.getsourcelines(target)[1]
    except (TypeError, OSError):
        return f"{type(target).__module__}.{type(target).__qualname__}"
    file = Path(code[0] or "?")
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    return f"{shown}:{code[1]}"
