"""Watchword in a Flask app: `Watchword(app, auth)`, and the session as `current_session`."""

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final, cast, final

import click
from flask import Flask, appcontext_pushed
from flask import request as current_request
from flask.cli import ScriptInfo

from watchword.foundation.errors import AccessError, ConfigurationError, Denied
from watchword.http.response import Response
from watchword.policy.decide import decide, decide_sync
from watchword.policy.guard import Guard, require_sync
from watchword.policy.marking import admit, look_through
from watchword.sessions.session import Session
from watchword.sessions.verify import current_context, verify_session_sync
from watchword.web.edge import Edge, Protected
from watchword.web.endpoints import Endpoint, refuse_unsafe, remember
from watchword.web.exchange import Exchange, denied_by
from watchword.web.flask_routes import asks_async, endpoints, guard_mounts
from watchword.web.written import FAILED, REFUSALS, StartResponse
from watchword.web.wsgi import EXCHANGE, Environ, WatchwordMiddleware

_PREFIXES: Final[Mapping[str, Guard]] = {}
_HANDSHAKE: Final = "CONNECT"
_DEFECT: Final = 500
_OTHERS: Final = "*"
"""Methods that no handler names: any, or OPTIONS, which Flask answers."""


@final
class Watchword:
    """The extension: `Watchword(app, auth)`, or `Watchword(auth=auth)` and `init_app(app)` in a factory.

    It mounts Watchword's routes under `/auth` and holds the app to its promise: no request is answered while a route
    is neither guarded nor declared public.

    Args:
        app: the app; give it before or after its routes are added.
        auth: the `Auth` that protects it.
        public: paths of routes of others (`/static`, a mounted app) that everyone may call.
        guards: guards by URL prefix, `{"/admin": guard(role="admin")}`, for all routes below it.

    Raises:
        ConfigurationError: there is no `auth`.
    """

    def __init__(
        self,
        app: Flask | None = None,
        auth: Protected | None = None,
        *,
        public: Collection[str] = (),
        guards: Mapping[str, Guard] = _PREFIXES,
    ) -> None:
        if auth is None:
            raise ConfigurationError("who protects the app? Write Watchword(app, auth) or Watchword(auth=auth)")
        self.auth = auth
        self._public = frozenset(public)
        self._guards = guards
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Protect this app; it is found again as `app.extensions["watchword"]`.

        Raises:
            ConfigurationError: the app is protected already.
        """
        if "watchword" in app.extensions:
            raise ConfigurationError("this app is protected already: call Watchword(app, auth) once")
        app.extensions["watchword"] = self
        routes = _Routes(app, self._public, self._guards)
        remember(app, routes.list_all, lambda: self.auth)
        _decide_first(app, routes, self.auth.edge)
        _answer_refusals(app, self.auth.edge)
        _stand_around(app, self.auth.edge, routes.check, self._public)
        command = click.get_current_context(silent=True)
        if command is not None and command.find_object(ScriptInfo) is not None:
            _check_in_command(app, routes.check)


@final
class _CurrentSession:
    """Stands for the session of whatever request is under way, as Flask's own `request` stands for that."""

    def __bool__(self) -> bool:
        return verify_session_sync() is not None

    def __getattr__(self, name: str) -> Any:
        return getattr(require_sync(), name)


current_session = cast("Session", _CurrentSession())
"""The session of the request under way: `current_session.user.name`, in templates too.

To read from it is to require it: whoever is not signed in gets 401. `if current_session:` asks whether there is one.
"""


@final
class _Routes:
    """The routes of one app, and the rule of each."""

    def __init__(self, app: Flask, public: Collection[str], guards: Mapping[str, Guard]) -> None:
        self._app = app
        self._public = public
        self._guards = guards
        self._known: dict[tuple[int, str], Endpoint] = {}

    def list_all(self) -> list[Endpoint]:
        """Return all routes, as they are now."""
        return list(endpoints(self._app, self._public, self._guards))

    def check(self) -> None:
        """Refuse to serve an app with a route that is open by mistake; learn the rules of all."""
        found = self.list_all()
        refuse_unsafe(found, public='Watchword(app, auth, public=["/static"])')
        guard_mounts(found)
        known: dict[tuple[int, str], Endpoint] = {}
        for endpoint in found:
            for method in endpoint.methods.split(","):
                known[id(endpoint.route), method] = endpoint
                if method == "GET":
                    known[id(endpoint.route), "HEAD"] = endpoint
            known.setdefault((id(endpoint.route), _OTHERS), endpoint)
        self._known = known

    def find(self, rule: Any, method: str) -> Endpoint:
        """Return the route that answers, also one that was added while the app runs.

        Raises:
            ConfigurationError: it is open by mistake.
        """
        if (id(rule), _OTHERS) not in self._known:
            self.check()
        return self._known.get((id(rule), method)) or self._known[id(rule), _OTHERS]


def _check_in_command(app: Flask, check: Callable[[], None]) -> None:
    """Let `flask routes` refuse as the app would."""

    def pushed(_app: Flask, **_: Any) -> None:
        command = click.get_current_context(silent=True)
        if command is not None and command.info_name == "routes":
            check()

    appcontext_pushed.connect(pushed, app, weak=False)


def _decide_first(app: Any, routes: _Routes, edge: Edge) -> None:
    """Decide before anything of the app runs: before every `before_request` function, and every other decorator."""
    dispatch, call = app.full_dispatch_request, app.dispatch_request

    def full_dispatch_request(*context: Any) -> Any:
        # The request itself: through its proxy each look would cost a microsecond.
        asked = cast("Any", current_request)._get_current_object()  # noqa: SLF001
        if asked.url_rule is None:
            return dispatch(*context)
        exchange: Exchange = asked.environ[EXCHANGE]
        denied = _overridden(exchange, asked.method)
        if denied is not None:
            return _response(app, edge.refuse(exchange.request, denied))
        found = routes.find(asked.url_rule, asked.method)
        if _is_flasks_own(asked) and (not isinstance(found.rule, Guard) or _is_preflight(asked)):
            answer = app.make_default_options_response(*context)
        else:
            try:
                _decide(app, asked, found)
                return dispatch(*context)
            except AccessError as error:
                answer = app.handle_user_exception(*context, error)
        return app.finalize_request(*context, answer, from_error_handler=True)

    def dispatch_request(*context: Any) -> Any:
        ledger = current_context().ledger
        if not ledger.handler and current_request.url_rule is not None:
            ledger.handler = _name(routes.find(current_request.url_rule, current_request.method))
        return look_through(call(*context))

    app.full_dispatch_request = full_dispatch_request
    app.dispatch_request = dispatch_request


def _decide(app: Any, asked: Any, found: Endpoint) -> None:
    context, rule = current_context(), found.rule
    context.request.parameters = asked.view_args or {}
    context.ledger.handler = _name(found)
    if isinstance(rule, Guard):
        (app.ensure_sync(decide) if asks_async(rule) else decide_sync)(rule)
    admit(context.ledger, rule)
    if not isinstance(rule, Guard):
        # Until its handler is called, what answers is a hook, and that is what elsewhere is a middleware.
        context.ledger.handler = ""


def _overridden(exchange: Exchange, method: str) -> Denied | None:
    """Return the refusal of a call from another site whose method something in between made unsafe (A43)."""
    if exchange.request.method in (method, _HANDSHAKE):
        return None
    exchange.request.method = method
    return exchange.cross_site()


def _answer_refusals(app: Any, edge: Edge) -> None:
    """Answer a refusal as one: by the app's own handler for it, else as Watchword does, and never as a defect."""
    handle, fail = app.handle_user_exception, app.handle_exception

    def handle_user_exception(*given: Any) -> Any:
        error = given[-1]
        if not isinstance(error, AccessError):
            return handle(*given)
        exchange: Exchange = current_request.environ[EXCHANGE]
        if not exchange.ledger.refused:
            exchange.ledger.note("the handler refused", None, allowed=False)
        with suppress(AccessError):
            response = app.make_response(handle(*given))
            # A handler for every exception makes a server's error of this one too.
            if response.status_code < _DEFECT:
                return response
        return _response(app, edge.refuse(exchange.request, denied_by(error)))

    def handle_exception(*given: Any) -> Any:
        if isinstance(given[-1], REFUSALS):
            raise given[-1]
        current_request.environ[FAILED] = True
        return fail(*given)

    app.handle_user_exception = handle_user_exception
    app.handle_exception = handle_exception


def _stand_around(app: Any, edge: Edge, check: Callable[[], None], public: Collection[str]) -> None:
    """Let every request pass here first, whatever the app wraps its `wsgi_app` in later.

    Servers call the app itself, and Python looks `__call__` up in its class: so it gets one of its own.
    """

    def current_app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        return app.wsgi_app(environ, start_response)

    app.wsgi_app = WatchwordMiddleware(app.wsgi_app, edge, check, public)
    outermost = WatchwordMiddleware(current_app, edge, check, public)
    kind = cast("type[Any]", type(app))

    def call(_self: Any, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        return outermost(environ, start_response)

    def run(self: Any, *args: Any, **options: Any) -> None:
        check()
        kind.run(self, *args, **options)

    app.__class__ = type(kind.__name__, (kind,), {"__module__": kind.__module__, "__call__": call, "run": run})


def _response(app: Any, response: Response) -> Any:
    return app.response_class(response.body, response.status, response.headers)


def _is_flasks_own(asked: Any) -> bool:
    """Tell whether Flask answers this by itself, with the methods that the route has."""
    return asked.method == "OPTIONS" and bool(getattr(asked.url_rule, "provide_automatic_options", False))


def _is_preflight(asked: Any) -> bool:
    """Tell whether a browser asks what it may send (Fetch standard): it never sends cookies with that."""
    return "Origin" in asked.headers and "Access-Control-Request-Method" in asked.headers


def _name(endpoint: Endpoint) -> str:
    return f"{endpoint.handler} ({endpoint.where})"
