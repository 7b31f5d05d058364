"""The kernel: takes a request through its route, in one order for all, and answers it whatever happens."""

import asyncio
import logging
import re
import traceback
from collections.abc import Callable, Iterable
from typing import Any, Final, final

from watchword.foundation.errors import (
    NOT_FOUND,
    UNAVAILABLE,
    AccessError,
    Denied,
    StoreUnavailableError,
)
from watchword.foundation.settings import Settings
from watchword.foundation.telemetry import Telemetry
from watchword.http.address import client_address, client_scheme, parse_proxies
from watchword.http.body import BODY_TOO_LARGE, MAXIMUM_BODY, read_form, read_json
from watchword.http.origin import SAFE_METHODS, check_origin, site_origin
from watchword.http.problem import INTERNAL_ERROR, METHOD_NOT_ALLOWED, problem_response, refusal_headers
from watchword.http.query import check_query
from watchword.http.request import Request
from watchword.http.response import Response
from watchword.http.route import Awaiting, Route
from watchword.http.table import RouteTable

TakeLimit = Callable[[str, Request], Denied | None]
"""Takes one call from the named limit for the request's address: the refusal where none is left."""
RenderProblem = Callable[[Request, Denied], Response]
"""Renders a refusal as an HTML page, for a browser that asked for a page."""
NoteRefusal = Callable[[Request, Denied], None]
"""Writes down a refusal that tells of an attack."""

_logger = logging.getLogger("watchword")
_RETRY_AFTER = 2
"""Seconds after which to try a store again that was not available."""
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]+\Z")
_HEADER_VALUE = re.compile(r"[\t -~]*\Z")
_STRICT_TRANSPORT: Final = ("strict-transport-security", "max-age=31536000")


@final
class Kernel:
    """Answers every request under the prefix. Synchronous: async adapters call it on a worker thread.

    Args:
        routes: the table of routes.
        settings: prefix, base URL, proxies, mode.
        take_limit: counts a call against a route's limit.
        render_problem: renders refusals of pages.
        note_refusal: sees every refusal before it is answered.

    Raises:
        ConfigurationError: the table or the settings contradict themselves.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        settings: Settings,
        *,
        take_limit: TakeLimit,
        render_problem: RenderProblem,
        note_refusal: NoteRefusal,
    ) -> None:
        self._table = RouteTable(routes, settings.prefix)
        self._settings = settings
        self._proxies = parse_proxies(settings.proxies)
        self._take_limit = take_limit
        self._render_problem = render_problem
        self._note_refusal = note_refusal
        self.telemetry: Telemetry | None = None
        """What is told of calls and refusals, where somebody listens."""

    def route_for(self, request: Request) -> Route | None:
        """Return the route that would answer, so that an async adapter can choose the right pool of threads."""
        match = self._table.find(request.path)
        return match.route(request.method) if match else None

    def handle(self, request: Request) -> Response:
        """Return the answer. Nothing is raised: a refusal becomes a problem document, a defect a plain 500.

        The app's own coroutines get an event loop of this thread for the length of the request.
        """
        answer = self.begin(request)
        return self.finish(request, asyncio.run(self.run(request, answer))) if isinstance(answer, Awaiting) else answer

    def begin(self, request: Request) -> Response | Awaiting:
        """Return the answer, or what is to be awaited for it: that goes through `run()`, then `finish()`."""
        self.locate(request)
        route = self.route_for(request) if self.telemetry is not None else None
        if self.telemetry is None or route is None:
            return self._begin(request)
        with self.telemetry.span(request.method, f"{self._settings.prefix}{route.path}") as tell:
            answer = self._begin(request)
            if isinstance(answer, Response):
                tell(answer.status)
            return answer

    def count(self, denied: Denied) -> None:
        """Count a refusal, of these routes or of the app's own."""
        if self.telemetry is not None:
            self.telemetry.refused(denied.code.name)

    def _begin(self, request: Request) -> Response | Awaiting:
        try:
            answer = self._answer(request)
        except Exception as error:
            answer = _refusal_of(self.route_for(request), error)
        return answer if isinstance(answer, Awaiting) else self.finish(request, answer)

    async def run(self, request: Request, awaiting: Awaiting) -> Response | Denied:
        """Await the app's own coroutine, on the event loop that this is called on."""
        try:
            return await awaiting.run()
        except Exception as error:
            return _refusal_of(self.route_for(request), error)

    def finish(self, request: Request, answer: Response | Denied) -> Response:
        """Return the answer as it leaves. A refusal may be written to the database."""
        route = self.route_for(request)
        if isinstance(answer, Denied):
            try:
                answer = self._refuse(request, route, answer)
            except Exception as error:
                answer = problem_response(_refusal_of(route, error))
        if defect := _header_defect(answer):
            _logger.error("%s set a header that can't be sent: %s", _name(route), defect)
            answer = problem_response(Denied(INTERNAL_ERROR))
        body = b"" if request.method == "HEAD" else answer.body
        headers = [*answer.headers, *self._default_headers(request, answer)]
        return Response(answer.status, body, headers, None if request.method == "HEAD" else answer.stream)

    def locate(self, request: Request) -> None:
        """Set address and scheme of the request, as far as its headers can be believed."""
        request.client = client_address(request, self._proxies)
        request.scheme = client_scheme(request, self._proxies)

    def _answer(self, request: Request) -> Response | Denied | Awaiting:
        """Find the route, then: limit, origin, input, guard, handler (DESIGN, The path of the data)."""
        site = site_origin(self._settings, request)
        if isinstance(site, Denied):
            return site
        match = self._table.find(request.path)
        if match is None:
            return Denied(NOT_FOUND)
        if request.method == "OPTIONS":
            return Response(204, headers=[("allow", match.allow)])
        route = match.route(request.method)
        if route is None:
            return Denied(METHOD_NOT_ALLOWED, headers=(("allow", match.allow),))
        request.parameters = match.parameters
        if route.limit is not None and (denied := self._take_limit(route.limit, request)):
            return denied
        foreign = None if route.cross_site else check_origin(request, site, self._settings.origins)
        if denied := foreign or check_query(request):
            return denied
        value = _read_input(route, request)
        if isinstance(value, Denied):
            return value
        return route.guard.check(request) or route.handler(request, value)

    def _refuse(self, request: Request, route: Route | None, denied: Denied) -> Response:
        """Return the refusal as a page where a browser asked for one, else as a problem document."""
        self.count(denied)
        self._note_refusal(request, denied)
        if not (route.form if route and not route.runs_app else asks_for_page(request)):
            return problem_response(denied)
        page = self._render_problem(request, denied)
        if page.status == denied.code.status:
            page.headers += [header for header in refusal_headers(denied) if header not in page.headers]
        return page

    def _default_headers(self, request: Request, response: Response) -> list[tuple[str, str]]:
        """Return the headers every answer has, but for those that the handler chose."""
        # Under `no-referrer` browsers send a page's forms with `Origin: null`, which the cross-site check refuses
        # (Fetch standard, append a request `Origin` header). So pages tell their own site, and no other.
        is_page = (response.header("content-type") or "").startswith("text/html")
        defaults = [
            ("cache-control", "no-store"),
            ("vary", "Cookie"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin" if is_page else "no-referrer"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ]
        if request.scheme == "https" and self._settings.is_production:
            defaults.append(_STRICT_TRANSPORT)
        return [(name, value) for name, value in defaults if response.header(name) is None]


def _read_input(route: Route, request: Request) -> Any:
    """Return the route's input, `None` where it takes none, or the refusal."""
    if len(request.body) > MAXIMUM_BODY:
        return Denied(BODY_TOO_LARGE)
    if route.form:
        return None if request.method in SAFE_METHODS else read_form(request)
    return None if route.input is None else read_json(request, route.input)


def asks_for_page(request: Request) -> bool:
    """Tell whether a browser navigates: it lists `text/html`, while scripts ask for JSON or for anything."""
    accept = ",".join(request.header_values("accept")).lower()
    return "text/html" in accept and "json" not in accept


def _header_defect(response: Response) -> str | None:
    """Return the name of a header with CR, LF, NUL or what else would split or break the answer (RFC 9110, 5.5)."""
    for name, value in response.headers:
        if not _HEADER_NAME.match(name):
            return "its name is no header name"
        if not _HEADER_VALUE.match(value):
            return name
    return None


def _refusal_of(route: Route | None, error: Exception) -> Denied:
    """Return the refusal that stands for what was raised, with none of the headers that had been set."""
    if isinstance(error, AccessError):
        return Denied(error.code, error.detail, extra=error.extra)
    _log_defect(route, error)
    if isinstance(error, StoreUnavailableError):
        return Denied(UNAVAILABLE, retry_after=_RETRY_AFTER)
    return Denied(INTERNAL_ERROR)


def _name(route: Route | None) -> str:
    return route.name if route else "no route"


def _log_defect(route: Route | None, error: Exception) -> None:
    """Log what was raised and where, never what it says: a message can carry what the caller sent (A149)."""
    lines: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(lines) < 200:
        lines.append(f"{type(cause).__module__}.{type(cause).__qualname__}")
        lines += [
            f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(cause.__traceback__)
        ]
        cause = cause.__cause__ or cause.__context__
    _logger.error("%s failed:\n%s", _name(route), "\n".join(lines))
