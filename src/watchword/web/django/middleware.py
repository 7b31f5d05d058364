"""The middleware around all others: serves `/auth`, enforces the rule of each view, and watches what leaves."""

import asyncio
import atexit
from collections.abc import Awaitable, Callable, Mapping
from functools import cache, partial
from typing import Any, final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.apps import apps
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from watchword.foundation.errors import AccessError, ConfigurationError, StoreUnavailableError
from watchword.http.body import MAXIMUM_BODY
from watchword.policy.decide import decide, decide_sync, decided_at_once
from watchword.policy.guard import Guard
from watchword.policy.marking import admit
from watchword.sessions.verify import RequestContext, current_context, read_session
from watchword.web.asgi import refusal_in
from watchword.web.django.answer import HANDLER, answered, answered_async, refused
from watchword.web.django.checks import refuse_project
from watchword.web.django.configuration import Configuration
from watchword.web.django.people import introduce, introduce_again
from watchword.web.django.request import ask_for_readable, pretended, request_of, response_of
from watchword.web.django.routes import ANY, RouteTable
from watchword.web.django.threads import DJANGOS_THREADS
from watchword.web.edge import Protected
from watchword.web.endpoints import Endpoint
from watchword.web.exchange import Exchange

GetResponse = Callable[[HttpRequest], Any]


@final
class WatchwordMiddleware:
    """Stands at the outside, so that nothing answers past it. Works under WSGI and ASGI, without a thread of its own.

    Args:
        get_response: the rest of the project.

    Raises:
        ConfigurationError: a view is open by mistake, or the settings are wrong: the server does not start.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        refuse_project()
        self._get_response = get_response
        self._configuration = Configuration.of_settings()
        self._edge = self._configuration.auth.edge
        self._table = RouteTable(self._configuration)
        self._is_async = iscoroutinefunction(get_response)  # pyright: ignore[reportDeprecated]
        if self._is_async:
            markcoroutinefunction(self)
        self.process_view = self._enter_async if self._is_async else self._enter
        self._has_users = apps.is_installed("django.contrib.auth")
        self._is_ready = False
        _stop_at_exit(self._configuration.auth)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answer one request."""
        if self._is_async:
            return self._answer_async(request)
        self._edge.start()
        exchange = self._exchange(request)
        if self._edge.owns(exchange.request.path):
            exchange.request.body = request.read(MAXIMUM_BODY + 1)
            return response_of(self._edge.kernel.handle(exchange.request))
        denied = exchange.cross_site()
        if denied is not None:
            return response_of(self._edge.refuse(exchange.request, denied))
        leave = exchange.begin()
        try:
            if self._has_users:
                introduce(request, current_context())
            return answered(exchange, request, self._get_response(request))
        finally:
            leave()

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        run = partial(asyncio.get_running_loop().run_in_executor, self._edge.light)
        if not self._is_ready:
            await run(self._edge.start)
            self._is_ready = True
        exchange = self._exchange(request)
        if self._edge.owns(exchange.request.path):
            exchange.request.body = request.read(MAXIMUM_BODY + 1)
            return response_of(await self._edge.handle(exchange.request))
        denied = exchange.cross_site()
        if denied is not None:
            return response_of(await run(self._edge.refuse, exchange.request, denied))
        leave = exchange.begin()
        try:
            if self._has_users:
                introduce(request, current_context())
            return await answered_async(exchange, await self._get_response(request))
        finally:
            leave()

    def _exchange(self, given: HttpRequest) -> Exchange:
        request = request_of(given)
        ask_for_readable(given)
        session = pretended(given)
        if session is not None and not self._edge.settings.is_production:
            self._edge.gate.pretend(request, session)
        return Exchange.of(self._edge, request, self._configuration.public, DJANGOS_THREADS)

    def _enter(self, request: HttpRequest, view: Any, _: Any, parameters: Mapping[str, Any]) -> HttpResponse | None:
        """Decide before anything of the view runs: `process_view` of a synchronous project."""
        context = current_context()
        endpoint = self._arrive(request, view, parameters, context)
        if endpoint is None:
            return None
        try:
            if isinstance(endpoint.rule, Guard):
                decide_sync(endpoint.rule)
        except (AccessError, StoreUnavailableError) as error:
            return refused(self._edge, context.request, error)
        admit(context.ledger, endpoint.rule)
        return None

    async def _enter_async(
        self, request: HttpRequest, view: Any, _: Any, parameters: Mapping[str, Any]
    ) -> HttpResponse | None:
        """Decide before anything of the view runs: `process_view` of an asynchronous project."""
        context = current_context()
        endpoint = self._arrive(request, view, parameters, context)
        if endpoint is None:
            return None
        light = self._edge.light
        try:
            if isinstance(endpoint.rule, Guard) and not decided_at_once(endpoint.rule, context):
                # Only the app's own questions need the thread that Django keeps for a request.
                await read_session(RequestContext(context.request, context.gate, light, context.ledger))
                await decide(endpoint.rule)
        except (AccessError, StoreUnavailableError) as error:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(light, refused, self._edge, context.request, error)
        admit(context.ledger, endpoint.rule)
        return None

    def _arrive(
        self, request: HttpRequest, view: Any, parameters: Mapping[str, Any], context: RequestContext
    ) -> Endpoint | None:
        """Return what answers here; `None` where the view has nothing for the method, and so answers 405 by itself.

        Raises:
            ConfigurationError: the view came by a URLconf that was not there at the start, and is open by mistake.
        """
        if self._has_users:
            introduce_again(request)
        context.request.parameters = dict(parameters)
        found = self._table.find(request, view)
        if found is not None:
            endpoint = found.get(ANY) or found.get(str(request.method))
            if endpoint is None and request.method == "HEAD":
                endpoint = found.get("GET")
            if endpoint is None:
                return None
            context.ledger.handler = f"{endpoint.handler} ({endpoint.where})"
            context.request.memo[HANDLER] = context.ledger.handler
            if endpoint.rule is not None:
                return endpoint
        raise ConfigurationError(
            f"{request.path_info} is answered by a view that is neither guarded nor public: "
            "put @guard(), @guard(role=…), @guard.inside or @public on it"
        )

    def process_exception(self, _: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer a refusal that the view let pass; anything else is Django's."""
        refusal, context = refusal_in(error), current_context()
        if refusal is None:
            return None
        context.ledger.note("the handler refused", None, allowed=False)
        return refused(self._edge, context.request, refusal)


@cache
def _stop_at_exit(auth: Protected) -> None:
    """Have the workers stopped with the process: Django does not tell when a server stops."""
    atexit.register(auth.edge.stop)
