"""Watchword in a Litestar app: `Litestar(route_handlers=[…], plugins=[Watchword(auth)])`."""

import copy
import dataclasses
import inspect
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, Final, Never, final

from litestar import Litestar, Request
from litestar.config.app import AppConfig
from litestar.config.response_cache import ResponseCacheConfig
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.handlers.base import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Components, SecurityScheme
from litestar.plugins import InitPlugin, ReceiveRoutePlugin
from litestar.routes import HTTPRoute
from litestar.routes.base import BaseRoute
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from watchword.foundation.errors import AccessError, StoreUnavailableError
from watchword.policy.decide import decide
from watchword.policy.guard import Guard
from watchword.policy.marking import PUBLIC, admit, rule_of, watched
from watchword.sessions import session as _session
from watchword.sessions.verify import current_context
from watchword.web.asgi import WatchwordMiddleware
from watchword.web.edge import Protected
from watchword.web.endpoints import Endpoint, Rule, refuse_unsafe, remember
from watchword.web.litestar_rules import MOUNTED, SESSION, current_session, endpoint_of, handlers_of, target_of, unfold
from watchword.web.openapi import REQUIREMENT, described, refusals, schemes

Session = NamedDependency[_session.Session]
"""The session as the parameter `session`: whoever is not signed in gets 401. It guards its route."""

OptionalSession = NamedDependency[_session.Session | None]
"""The session or `None` as the parameter `session`. It decides nothing: declare the route `@public` or `@guard.inside`."""

_PREFIXES: Final[Mapping[str, Guard]] = {}
_PUBLIC_HINT: Final = 'plugins=[Watchword(auth, public=["/their/path"])]'
_REFUSALS: Final = (AccessError, StoreUnavailableError)


@final
class Watchword(InitPlugin, ReceiveRoutePlugin):
    """Mounts Watchword's routes under `/auth` and holds the app to its promise.

    The app does not start while a route is neither guarded nor declared public. A guard stands in `guards=[…]` of the
    app, a router, a controller or a handler, or as decorator under the route's own; `exclude_from_auth=True` says
    public. The parameter `session: Session` guards its route, `session: OptionalSession` only tells. The documentation
    that Litestar generates is for admins, unless `public` names it, and tells of every route who may call it.

    Args:
        auth: the `Auth` that protects the app.
        public: paths of routes of others that everyone may call; of static files and of the generated documentation,
            the path above them all: `["/static", "/schema"]`.
        guards: guards by URL prefix, `{"/admin": guard(role="admin")}`, for all routes below it.
    """

    def __init__(
        self, auth: Protected, *, public: Collection[str] = (), guards: Mapping[str, Guard] = _PREFIXES
    ) -> None:
        self._auth = auth
        self._edge = auth.edge
        self._public = frozenset(public)
        self._guards = guards
        self._found: dict[BaseRouteHandler, Endpoint] = {}
        self._classes = set[type[Litestar]]()

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add to the app what each request needs; Litestar calls this."""
        app_config.middleware.append(self._enforcing)
        app_config.dependencies.setdefault(SESSION, Provide(current_session))
        config: Any = app_config
        config.exception_handlers = {**dict.fromkeys(_REFUSALS, _hand_up), **config.exception_handlers}
        if app_config.logging_config is not None:
            app_config.logging_config.disable_stack_trace.update((StoreUnavailableError, *AccessError.__subclasses__()))
        app_config.response_cache_config = _without_visitors(app_config.response_cache_config)
        if app_config.openapi_config is not None:
            app_config.openapi_config = openapi = copy.copy(app_config.openapi_config)
            own = Components(security_schemes=_schemes(self._edge.gate.cookies.session))
            given = openapi.components
            openapi.components = [own, *(given if isinstance(given, list) else [given])]
        return app_config

    def receive_route(self, route: BaseRoute) -> None:
        """Take note of a route that the app registers; Litestar calls this before the first request can reach it."""
        for handler in handlers_of(route):
            if handler not in self._found:
                self._take(route, handler)
                if type(handler.app) not in self._classes:
                    self._stand_around(handler.app)

    def _take(self, route: BaseRoute, handler: BaseRouteHandler) -> None:
        if len(handler.paths) > 1:
            # Each of its paths may have another rule.
            handler = _give_own(route, handler)
        endpoint = endpoint_of(route, handler, self._public, self._guards)
        self._found[handler] = endpoint
        # What stands in `guards=` is decided earlier, and without the thread that Litestar would spend on it.
        guards: list[Any] = handler.resolve_guards()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        guards[:] = [one for one in guards if not isinstance(getattr(one, "func", one), Guard)]
        rule = endpoint.rule
        if isinstance(handler, HTTPRouteHandler):
            if rule_of(target_of(handler)) is None:
                # Looked through for tainted objects, as a decorator of ours does.
                looked_at = watched(handler.fn, is_async=not handler.has_sync_callable)
                setattr(handler, "_fn", looked_at)  # noqa: B010 - for type checkers it is Litestar's own
            if rule is not None and rule is not PUBLIC:
                _describe(handler, rule)

    def _stand_around(self, app: Litestar) -> None:
        """Give the app a class of its own, whose instance is called through Watchword's middleware.

        Nothing that Litestar lets a plugin add stands around all that the app sends: its own answers to exceptions,
        and the hooks that run before each message, are outside of it.
        """
        kind = type(app)

        def find() -> list[Endpoint]:
            taken = [self._found[one] for route in app.routes for one in handlers_of(route)]
            return [endpoint for one in taken for endpoint in unfold(one)]

        def check() -> None:
            refuse_unsafe(find(), public=_PUBLIC_HINT)

        answer: Any = kind.__call__
        middleware = WatchwordMiddleware(partial(answer, app), self._edge, check, self._public)

        async def call(_app: Litestar, scope: Any, receive: Any, send: Any) -> None:
            await middleware(scope, receive, send)

        body = {"__slots__": (), "__call__": call, "__module__": kind.__module__}
        app.__class__ = own = type(kind.__name__, (kind,), body)
        self._classes.add(own)
        remember(app, find, lambda: self._auth)

    def _enforcing(self, app: ASGIApp) -> ASGIApp:
        """Decide before anything of the route runs: its middleware, its cache, and the reading of its input.

        Litestar puts this around each handler of each route by itself.
        """
        known: tuple[str, Rule, Rule] | None = None

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal known
            if known is None:
                endpoint = self._found.get(scope["route_handler"])
                if endpoint is None or endpoint.rule is MOUNTED:
                    await app(scope, receive, send)
                    return
                known = _admission(endpoint)
            name, rule, admitted = known
            context = current_context()
            context.ledger.handler = name
            context.request.parameters = scope["path_params"]
            if isinstance(rule, Guard):
                await decide(rule)
            admit(context.ledger, admitted)
            await app(scope, receive, send)

        return guarded


def _admission(endpoint: Endpoint) -> tuple[str, Rule, Rule]:
    """Return a handler's name, its rule, and what of it the handler's own decorator need not ask again.

    Raises:
        ConfigurationError: the app has registered it after the start, and nobody said who may call it.
    """
    if endpoint.rule is None:
        refuse_unsafe([endpoint], public=_PUBLIC_HINT)
    rule: Any = endpoint.rule
    own = rule_of(target_of(endpoint.route))
    is_in_it = isinstance(rule, Guard) and isinstance(own, Guard)
    return f"{endpoint.handler} ({endpoint.where})", rule, own if is_in_it else rule


def _give_own(route: Any, handler: Any) -> Any:
    """Give the route a copy of the handler, so that this stands for one path alone."""
    own = copy.copy(handler)
    if isinstance(route, HTTPRoute):
        route.route_handlers = [own if one is handler else one for one in route.route_handlers]
        for method, (one, model) in route.route_handler_map.items():
            if one is handler:
                route.route_handler_map[method] = (own, model)
    else:
        route.route_handler = own
    return own


def _hand_up(_request: Request[Any, Any, Any], refusal: Exception) -> Never:
    """Leave a refusal to Watchword's middleware, unless the app has an answer of its own to it."""
    raise refusal


def _without_visitors(config: ResponseCacheConfig) -> ResponseCacheConfig:
    """Keep what depends on who asks out of the response cache: it knows an answer by its path alone."""
    is_cached = config.cache_response_filter

    def is_for_everyone(scope: HTTPScope, status: int) -> bool:
        return "session" not in current_context().request.memo and is_cached(scope, status)

    return dataclasses.replace(config, cache_response_filter=is_for_everyone)


def _schemes(cookie: str) -> dict[str, Any]:
    return {
        name: SecurityScheme(security_scheme_in=scheme.pop("in", None), **scheme)  # type: ignore[arg-type]
        for name, scheme in schemes(cookie).items()
    }


def _describe(handler: HTTPRouteHandler, rule: Rule) -> None:
    """Tell in the OpenAPI document who may call, and what the others are answered."""
    handler.security = [*(handler.security or ()), *REQUIREMENT]
    openapi = handler.app.openapi_config
    is_in_docstring = handler.description is None and openapi is not None and openapi.use_handler_docstrings
    handler.description = described(
        inspect.getdoc(target_of(handler)) if is_in_docstring else handler.description, rule
    )
    told = {int(status): ResponseSpec(None, description=text) for status, text in refusals(rule).items()}
    handler.responses = {**told, **(handler.responses or {})}
