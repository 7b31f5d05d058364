"""Watchword in a Starlette app: `protect(app, auth)`."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.routing import BaseRoute, Host, Mount, Route, WebSocketRoute

from watchword.foundation.errors import AccessError, ConfigurationError
from watchword.policy.decide import decide, decided_at_once
from watchword.policy.guard import Guard
from watchword.policy.marking import INSIDE, MARK, PUBLIC, admit, name_of, rule_of
from watchword.sessions.verify import Ledger, current_context
from watchword.web.asgi import WatchwordMiddleware
from watchword.web.edge import Edge, Protected
from watchword.web.endpoints import Endpoint, Rule, combine, parameters_in, refuse_unsafe, remember, where
from watchword.web.exchange import denied_by

RuleOf = Callable[[BaseRoute], Rule | None]
Unfold = Callable[[BaseRoute], "Iterable[tuple[BaseRoute, str]] | None"]
"""Tells what stands below a route that is none itself, each with the path before its own; `None` where it is one."""
PREFIXES: Final[Mapping[str, Guard]] = {}
_ENFORCED: Final = "_watchword_rules"
"""Attribute of a route: the rules that it enforces already. The start-up check runs more than once."""


def protect(
    app: Starlette, auth: Protected, *, public: Collection[str] = (), guards: Mapping[str, Guard] = PREFIXES
) -> None:
    """Mount Watchword's routes under `/auth` and hold the app to its promise.

    The app does not start while a route is neither guarded nor declared public.

    Args:
        app: the app; call this anywhere, before or after its routes are added.
        auth: the `Auth` that protects it.
        public: paths of routes of others (static files, generated documentation) that everyone may call.
        guards: guards by URL prefix, `{"/admin": guard(role="admin")}`, for all routes below it.
    """

    def find() -> list[Endpoint]:
        return list(endpoints(app.routes, rule_of=declared, public=public, guards=guards))

    install(app, auth, find, public=public)


def install(
    app: Starlette,
    auth: Protected,
    find: Callable[[], list[Endpoint]],
    *,
    public: Collection[str],
    before: Callable[[], Awaitable[None] | None] | None = None,
) -> None:
    """Put Watchword around the app, and its rules on the app's routes.

    It stands outside of everything, the app's own middleware and error pages too, so that nothing leaves unseen.

    Args:
        app: the app.
        auth: the `Auth` that protects it.
        find: lists the app's routes, when it starts.
        public: paths that something else than a route may answer.
        before: runs before each decision; returns what the decision waits for, if for anything.

    Raises:
        ConfigurationError: the app has started already.
    """
    if app.middleware_stack is not None:
        raise ConfigurationError("protect(app, auth) comes too late: call it before the app answers its first request")
    build = app.build_middleware_stack

    def check() -> None:
        found = find()
        refuse_unsafe(found, public='protect(app, auth, public=["/their/path"])')
        for endpoint in found:
            _enforce(endpoint, before)

    remember(app, find, lambda: auth)
    app.exception_handlers[AccessError] = partial(_refuse, auth.edge)
    app.build_middleware_stack = lambda: WatchwordMiddleware(build(), auth.edge, check, frozenset(public))


async def _refuse(edge: Edge, connection: HTTPConnection, error: Exception) -> Response:
    """Answer a refusal before the app's handler of all other errors sees it: it is none."""
    if not isinstance(error, AccessError) or connection.scope["type"] != "http":
        raise error
    context = current_context()
    context.ledger.note("the handler refused", None, allowed=False)
    loop = asyncio.get_running_loop()
    made = await loop.run_in_executor(edge.light, edge.refuse, context.request, denied_by(error))
    response = Response(made.body, made.status)
    response.raw_headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in made.headers]
    response.raw_headers.append((b"content-length", str(len(made.body)).encode()))
    return response


def declared(route: BaseRoute) -> Rule | None:
    """Return the rule that stands on a route: on its handler, on itself, or on the app that is mounted there."""
    return rule_of(getattr(route, "endpoint", None)) or route.__dict__.get(MARK) or rule_of(getattr(route, "app", None))


def unfold(route: BaseRoute) -> "Iterable[tuple[BaseRoute, str]] | None":
    """Return the routes of a mounted app."""
    if isinstance(route, (Mount, Host)) and route.routes:
        return [(inner, str(getattr(route, "path", ""))) for inner in route.routes]
    return None


def endpoints(
    routes: Sequence[BaseRoute],
    *,
    rule_of: RuleOf,
    public: Collection[str] = (),
    guards: Mapping[str, Guard] = PREFIXES,
    unfold: Unfold = unfold,
    prefix: str = "",
    host: str = "",
) -> Iterator[Endpoint]:
    """Go through all routes, those of mounted apps and included routers too."""
    for route in routes:
        path = prefix + str(getattr(route, "path", ""))
        rule = PUBLIC if path in public else rule_of(route)
        inner = unfold(route)
        if inner is not None:
            named = route.host if isinstance(route, Host) else host
            below: dict[str, Any] = {"public": public, "guards": guards, "unfold": unfold, "host": named}
            for one, before in inner:
                yield from endpoints([one], rule_of=_inherit(rule, rule_of), prefix=prefix + before, **below)
        else:
            target = getattr(route, "endpoint", None) or getattr(route, "app", route)
            rule = combine(path, rule, guards)
            parameters = parameters_in(host + path)
            yield Endpoint(path or "/", _methods(route), where(target), rule, route, name_of(target), parameters)


def _inherit(rule: Rule | None, rule_of: RuleOf) -> RuleOf:
    """Return what tells a route's rule: its own, and the one that stands on the router above it."""
    if rule is None:
        return rule_of

    def inherited(route: BaseRoute) -> Rule | None:
        own = rule_of(route)
        if isinstance(own, Guard) and isinstance(rule, Guard) and own is not rule:
            return Guard(all_of=[rule, own])
        return rule if own is None or (own is INSIDE and isinstance(rule, Guard)) else own

    return inherited


def _enforce(endpoint: Endpoint, before: Callable[[], Awaitable[None] | None] | None) -> None:
    """Decide before anything of the route runs: before its input is read, and before a wrong one is explained."""
    route, rule, name = endpoint.route, endpoint.rule, f"{endpoint.handler} ({endpoint.where})"
    known: list[Rule | None] = route.__dict__.setdefault(_ENFORCED, [])
    if rule in known:
        return
    known.append(rule)
    handle, asked = route.handle, rule if isinstance(rule, Guard) else None

    def guarded(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        context = current_context()
        context.ledger.handler = name
        context.request.parameters = scope.get("path_params") or {}
        waits = before() if before is not None else None
        if waits is None and (asked is None or decided_at_once(asked, context)):
            admit(context.ledger, rule)
            return handle(scope, receive, send)
        return decide_first(waits, context.ledger, scope, receive, send)

    async def decide_first(waits: Awaitable[None] | None, ledger: Ledger, *call: Any) -> None:
        if waits is not None:
            await waits
        if asked is not None:
            await decide(asked)
        admit(ledger, rule)
        await handle(*call)

    route.handle = guarded


def _methods(route: BaseRoute) -> str:
    if isinstance(route, Route):
        return ",".join(sorted((route.methods or set()) - {"HEAD"})) or "ANY"
    return "WEBSOCKET" if isinstance(route, WebSocketRoute) else "ANY"
