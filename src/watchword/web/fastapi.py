"""Watchword in a FastAPI app: `protect(app, auth)`, and the session as a typed dependency."""

from collections.abc import Collection, Iterable
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from starlette.routing import BaseRoute

from watchword.policy.guard import INSIDE, MARK, Guard, require
from watchword.sessions import session as _session
from watchword.sessions.verify import verify_session
from watchword.web.edge import Protected
from watchword.web.starlette import Endpoint, Rule, endpoints, install

_DOCUMENTATION = ("openapi_url", "docs_url", "redoc_url", "swagger_ui_oauth2_redirect_url")
_documentation_guard = Guard("admin")


async def _signed_in() -> _session.Session:
    return await require()


async def _maybe_signed_in() -> _session.Session | None:
    return await verify_session()


Session = Annotated[_session.Session, Depends(_signed_in)]
"""The session as a parameter: whoever is not signed in gets 401. It guards its route."""

OptionalSession = Annotated[_session.Session | None, Depends(_maybe_signed_in)]
"""The session or `None` as a parameter. It decides nothing: declare the route `@public` or `@guard.inside`."""


def protect(app: FastAPI, auth: Protected, *, public: Collection[str] = ()) -> None:
    """Mount Watchword's routes under `/auth` and hold the app to its promise.

    The app does not start while a route is neither guarded nor declared public. The documentation that FastAPI
    generates is for admins, unless `public` names it.

    Args:
        app: the app; call this anywhere, before or after its routes are added.
        auth: the `Auth` that protects it.
        public: paths of routes of others (static files, `/docs`, `/openapi.json`) that everyone may call.
    """
    generated = {getattr(app, name, None) for name in _DOCUMENTATION} - {None}

    def rule_of(route: BaseRoute) -> Rule | None:
        declared = getattr(getattr(route, "endpoint", None), MARK, None)
        if declared is not None:
            return declared
        if getattr(route, "path", None) in generated:
            return _documentation_guard
        return _rule_in(_dependencies(route))

    def find() -> list[Endpoint]:
        return list(endpoints(app.routes, rule_of=rule_of, public=public))

    install(app, auth, find)


def _dependencies(route: BaseRoute) -> Iterable[Any]:
    """Return the callables of all dependencies of the route, those of its dependencies too."""
    dependant = getattr(route, "dependant", None)
    pending = list(dependant.dependencies) if dependant is not None else []
    while pending:
        dependency = pending.pop(0)
        yield dependency.call
        pending.extend(dependency.dependencies)
    context = getattr(route, "include_context", None)
    for dependency in getattr(context, "dependencies", ()):
        yield dependency.dependency


def _rule_in(dependencies: Iterable[Any]) -> Rule | None:
    for dependency in dependencies:
        if isinstance(dependency, Guard):
            return dependency
        if dependency is _signed_in:
            return INSIDE
    return None
