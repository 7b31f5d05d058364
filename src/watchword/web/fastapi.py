"""Watchword in a FastAPI app: `protect(app, auth)`, and the session as a typed dependency."""

import inspect
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from watchword.foundation.errors import ConfigurationError
from watchword.policy.guard import Guard, require
from watchword.policy.marking import INSIDE, Declaration, rule_of, watched
from watchword.sessions import session as _session
from watchword.sessions.verify import current_context, verify_session
from watchword.web.edge import Protected
from watchword.web.endpoints import Endpoint, Rule
from watchword.web.openapi import describe_security
from watchword.web.starlette import PREFIXES, declared, endpoints, install, unfold

_DOCUMENTATION: Final = ("openapi_url", "docs_url", "redoc_url", "swagger_ui_oauth2_redirect_url")
_DOCUMENTATION_GUARD: Final = Guard(role="admin")
SIGNED_IN: Final = Declaration("signed in", decides=False)
"""The rule of a route that takes a `Session`: the dependency decides."""
LOOKS: Final = Declaration("decides inside, by its session", decides=True)
"""The rule of a `@guard.inside` route that takes an `OptionalSession`: it is handed what it decides by."""


async def current_session() -> _session.Session:
    """Return the session, or answer 401. What `Session` depends on; a test overrides this one.

    `app.dependency_overrides[current_session] = lambda: session` makes it the session of every request, for guards and
    `verify_session()` too. Production mode refuses to start with that.
    """
    return await require()


async def optional_session() -> _session.Session | None:
    """Return the session, or `None`. What `OptionalSession` depends on."""
    return await verify_session()


Session = Annotated[_session.Session, Depends(current_session)]
"""The session as a parameter: whoever is not signed in gets 401. It guards its route."""

OptionalSession = Annotated[_session.Session | None, Depends(optional_session)]
"""The session or `None` as a parameter. It decides nothing: declare the route `@public` or `@guard.inside`."""


def protect(
    app: FastAPI, auth: Protected, *, public: Collection[str] = (), guards: Mapping[str, Guard] = PREFIXES
) -> None:
    """Mount Watchword's routes under `/auth` and hold the app to its promise.

    The app does not start while a route is neither guarded nor declared public. The documentation that FastAPI
    generates is for admins, unless `public` names it, and tells of every route who may call it.

    Args:
        app: the app; call this anywhere, before or after its routes are added.
        auth: the `Auth` that protects it.
        public: paths of routes of others (static files, `/docs`, `/openapi.json`) that everyone may call.
        guards: guards by URL prefix, `{"/admin": guard(role="admin")}`, for all routes below it.
    """
    generated = {getattr(app, name, None) for name in _DOCUMENTATION} - {None}

    def own_rule(route: BaseRoute) -> Rule | None:
        own = declared(route)
        if own is INSIDE and optional_session in _own_dependencies(route):
            return LOOKS
        if own is None and getattr(route, "path", None) in generated:
            return _DOCUMENTATION_GUARD
        return own or _rule_in(_dependencies(route))

    def find() -> list[Endpoint]:
        if auth.edge.settings.is_production and current_session in app.dependency_overrides:
            raise ConfigurationError("current_session is overridden in production mode: do that in tests alone")
        # FastAPI keeps front ends that it serves for other paths apart from the rest.
        routes = [*app.routes, *getattr(app.router, "_low_priority_routes", ())]
        found = list(endpoints(routes, rule_of=own_rule, public=public, guards=guards, unfold=_unfold))
        for endpoint in found:
            _watch(endpoint.route, endpoint.route)
        return found

    install(app, auth, find, public=public, before=partial(_pretend, app))
    describe_security(app, find, cookie=auth.edge.gate.cookies.session)


def _unfold(route: BaseRoute) -> Iterable[tuple[BaseRoute, str]] | None:
    """Return what is below a mounted app, or below a router that is included (newer FastAPI includes it as it is)."""
    candidates = getattr(route, "effective_candidates", None)
    if candidates is None:
        return unfold(route)
    context: Any = getattr(route, "include_context", None)
    return [_candidate(one, context.prefix) for one in candidates()]


def _candidate(candidate: Any, prefix: str) -> tuple[BaseRoute, str]:
    if isinstance(candidate, BaseRoute):
        return candidate, ""
    # Routes that are not FastAPI's own are copied with their full path.
    copied = candidate.starlette_route if not isinstance(candidate.original_route, APIRoute) else None
    if copied is not None:
        return copied, ""
    _watch(candidate.original_route, candidate)
    return candidate.original_route, prefix


def _watch(route: Any, holder: Any) -> None:
    """Look for tainted objects in what a handler returns that has no decorator of ours, which would do it.

    Args:
        route: the route.
        holder: what holds the call of its handler: itself, or what an included router makes of it.
    """
    dependant = getattr(holder, "dependant", None)
    if dependant is not None and dependant.call is route.endpoint and rule_of(route.endpoint) is None:
        dependant.call = watched(route.endpoint)


def _pretend(app: FastAPI) -> Awaitable[None] | None:
    """Give the request the session that a test overrides `current_session` with."""
    override = app.dependency_overrides.get(current_session)
    return _pretended(override) if override is not None else None


async def _pretended(override: Callable[[], Any]) -> None:
    session = override()
    context = current_context()
    context.gate.pretend(context.request, await session if inspect.isawaitable(session) else session)


def _own_dependencies(route: BaseRoute) -> list[Any]:
    dependant = getattr(route, "dependant", None)
    return [dependency.call for dependency in dependant.dependencies] if dependant is not None else []


def _dependencies(route: BaseRoute) -> Iterator[Callable[..., Any]]:
    """Yield the callables of all dependencies of the route, those of its dependencies too; guards are made quick."""
    dependant = getattr(route, "dependant", None)
    pending = list(dependant.dependencies) if dependant is not None else []
    while pending:
        dependency = pending.pop(0)
        yield dependency.call
        pending.extend(dependency.dependencies)
    for dependency in getattr(getattr(route, "include_context", None), "dependencies", ()):
        yield dependency.dependency


def _rule_in(dependencies: Iterator[Callable[..., Any]]) -> Rule | None:
    for dependency in dependencies:
        if isinstance(dependency, Guard):
            return dependency
        if dependency is current_session:
            return SIGNED_IN
    return None
