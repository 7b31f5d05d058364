"""How each handler of a Litestar app is protected: by its guards on every layer, its decorators and its parameters."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from litestar.handlers import ASGIRouteHandler, HTTPRouteHandler, WebsocketRouteHandler
from litestar.handlers.base import BaseRouteHandler
from litestar.routes import HTTPRoute
from litestar.routes.base import BaseRoute

from watchword.policy.guard import Guard
from watchword.policy.marking import INSIDE, PUBLIC, Declaration, name_of, rule_of
from watchword.sessions.session import Session
from watchword.sessions.verify import verify_session
from watchword.web.endpoints import Endpoint, Rule, combine, endpoints_of, parameters_in, where

EXCLUDED: Final = "exclude_from_auth"
"""What Litestar's own authentication calls a public route, in its `opt`."""
SESSION: Final = "session"
"""Name of the parameter that is handed the session."""
SIGNED_IN: Final = Guard()
"""The rule of a route that takes the session."""
LOOKS: Final = Declaration("decides inside, by its session", decides=True)
"""The rule of a `@guard.inside` route that takes the session or `None`: it is handed what it decides by."""
MOUNTED: Final = Declaration("the app that is mounted here decides", decides=False)
_DOCUMENTATION_GUARD: Final = Guard(role="admin")


async def current_session() -> Session | None:
    """Return the session, or `None`: what the parameter `session` depends on. A `Session` is guarded before."""
    return await verify_session()


def handlers_of(route: BaseRoute) -> list[BaseRouteHandler]:
    """Return the handlers of a route, without the answer to `OPTIONS` that Litestar adds: it names methods alone."""
    if isinstance(route, HTTPRoute):
        return [one for one in route.route_handlers if not name_of(target_of(one)).startswith("litestar.routes.")]
    return [route.route_handler]  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]


def endpoint_of(
    route: BaseRoute, handler: BaseRouteHandler, public: Collection[str], guards: Mapping[str, Guard]
) -> Endpoint:
    """Return what the start-up check knows of a handler, on one of its paths."""
    target = target_of(handler)
    name = name_of(target)
    rule = _declared(handler, target)
    if rule is None and name.startswith(("litestar._openapi.", "litestar.openapi.")):
        rule = _DOCUMENTATION_GUARD
    if rule is None and endpoints_of(target) is not None:
        rule = MOUNTED
    if _is_named(route, public, is_litestars=name.startswith("litestar.")):
        rule = PUBLIC
    rule = _with_session(combine(route.path_format, rule, guards), handler)
    parameters = parameters_in(route.path)
    return Endpoint(route.path_format, _methods(handler), where(target), rule, handler, name, parameters)


def unfold(endpoint: Endpoint) -> Iterator[Endpoint]:
    """Yield the endpoint, and behind a mounted app that Watchword protects too, all of its routes."""
    yield endpoint
    if endpoint.rule is MOUNTED:
        for inner in endpoints_of(target_of(endpoint.route)) or ():
            path = endpoint.path.rstrip("/") + inner.path
            yield Endpoint(path, inner.methods, inner.where, inner.rule, inner.route, inner.handler)


def target_of(handler: BaseRouteHandler) -> Any:
    """Return the function that answers, out of what Litestar wraps around it."""
    target: Any = handler.fn
    while (inner := getattr(target, "func", None) or getattr(target, "_fn", None)) is not None:
        target = inner
    return target


def _declared(handler: BaseRouteHandler, target: Any) -> Rule | None:
    """Return the rule of all layers together. A guard adds to those above; whoever says public, says it for all."""
    rule: Rule | None = None
    *above, _ = handler.ownership_layers
    for layer in above:
        rule = _below(rule, PUBLIC if layer.opt and layer.opt.get(EXCLUDED) else None, layer)
    # Litestar hands the handler the options of what is above it, too.
    is_own = not any(layer.opt and layer.opt.get(EXCLUDED) for layer in above)
    rule = _below(rule, PUBLIC if is_own and handler.opt.get(EXCLUDED) else None, handler)
    mark: Rule | None = rule_of(target)
    if mark is INSIDE and isinstance(rule, Guard):
        return rule
    return _both(rule, mark)


def _below(rule: Rule | None, said: Rule | None, layer: Any) -> Rule | None:
    rule = said or rule
    for one in layer.guards or ():
        if isinstance(one, Guard):
            rule = _both(rule, one)
    return rule


def _both(above: Rule | None, own: Rule | None) -> Rule | None:
    if isinstance(above, Guard) and isinstance(own, Guard) and above is not own:
        return Guard(all_of=[above, own])
    return own or above


def _is_named(route: BaseRoute, public: Collection[str], *, is_litestars: bool) -> bool:
    """Tell whether `public` names this path; or, for static files and generated documentation, one above it."""
    path = route.path_format
    if path in public or route.path in public:
        return True
    return is_litestars and any(named != "/" and path.startswith(f"{named.rstrip('/')}/") for named in public)


def _with_session(rule: Rule | None, handler: BaseRouteHandler) -> Rule | None:
    """Return the rule of a handler that may take the session."""
    if isinstance(rule, Guard) or isinstance(handler, ASGIRouteHandler):
        return rule
    wanted = set(_sessions_in(handler))
    if Session in wanted:
        return SIGNED_IN
    return LOOKS if rule is INSIDE and wanted else rule


def _sessions_in(handler: BaseRouteHandler) -> Iterator[Any]:
    """Yield the types of the parameters that take the session: its own, and those of what it depends on."""
    dependencies = handler.resolve_dependencies()
    provided = dependencies.get(SESSION)
    if provided is None or provided.dependency is not current_session:
        return
    pending, seen = [handler.parsed_fn_signature], set[str]()
    while pending:
        for name, field in pending.pop().parameters.items():
            if name == SESSION:
                yield field.annotation
            elif name in dependencies and name not in seen:
                seen.add(name)
                pending.append(dependencies[name].parsed_fn_signature)


def _methods(handler: BaseRouteHandler) -> str:
    if isinstance(handler, HTTPRouteHandler):
        return ",".join(sorted(handler.http_methods))
    return "WEBSOCKET" if isinstance(handler, WebsocketRouteHandler) else "ANY"
