"""The app's own `/auth`: it has no pages, and leads to the server's, and from there back."""

from typing import Final, final
from urllib.parse import urlencode

from watchword.features.account.routes import SessionAnswer
from watchword.foundation.errors import STEP_UP_REQUIRED, UNAUTHENTICATED, Denied
from watchword.foundation.settings import Settings
from watchword.http.kernel import asks_for_page
from watchword.http.origin import SAFE_METHODS, safe_next, site_url
from watchword.http.problem import problem_response
from watchword.http.request import Request
from watchword.http.response import Response, json_response, redirect
from watchword.http.route import Handler, OpenToAll, Route
from watchword.sessions.gate import Gate

_LED: Final = ("", "/sign-in", "/sign-up", "/forgot", "/account", "/step-up")
"""The server's pages that links of the app can name."""
_REACHABLE: Final = ("", "aal1", "aal2")
"""The assurance that the server's step-up can lead to."""


@final
class Pages:
    """Where people are led.

    Args:
        settings: of the app.
        server: `https://auth.example.org`.
        gate: reads sessions.
    """

    def __init__(self, settings: Settings, server: str, gate: Gate) -> None:
        self._settings = settings
        self._server = server
        self._gate = gate
        self.routes: tuple[Route, ...] = (
            _route("GET", "/session", "get_session", "The session of this request, or null", self._session),
            _route("POST", "/sign-out", "sign_out", "Leads to the server, which ends the session", self._sign_out),
            *(
                _route(
                    "GET",
                    path,
                    f"page_{path.strip('/').replace('-', '_') or 'index'}",
                    "Leads to the server's page",
                    self._lead,
                )
                for path in _LED
            ),
        )

    def refuse(self, request: Request, denied: Denied) -> Response:
        """Answer a refusal: a browser that can do something about it is led to the server, and back to where it was."""
        if asks_for_page(request):
            here = f"{request.path}?{request.query}" if request.query else request.path
            back = here if request.method in SAFE_METHODS else "/"
            if denied.code is UNAUTHENTICATED:
                return self._to(request, "/sign-in", back)
            level = str(denied.extra.get("acr_values", ""))
            if denied.code is STEP_UP_REQUIRED and level in _REACHABLE:
                return self._to(request, "/step-up", back, **({"level": level} if level else {}))
        return problem_response(denied)

    def _session(self, request: Request, _: None) -> Response:
        return json_response(SessionAnswer(session=self._gate.verify(request)))

    def _sign_out(self, _request: Request, _: None) -> Response:
        # 307: the browser sends the same there, its own origin and the cookie of the shared domain with it.
        return Response(307, b"", [("location", f"{self._server}{self._settings.prefix}/sign-out")])

    def _lead(self, request: Request, _: None) -> Response:
        path = request.path.removeprefix(self._settings.prefix)
        level = request.query_parameter("level")
        more = {"level": level} if level in _REACHABLE and level else {}
        return self._to(request, path, safe_next(request.query_parameter("next"), "/"), **more)

    def _to(self, request: Request, path: str, back: str, **more: str) -> Response:
        """Lead to a page of the server, which leads back only to origins that it has been told."""
        here = site_url(self._settings, request, safe_next(back, "/"))
        if isinstance(here, Denied):
            return problem_response(here)
        return redirect(f"{self._server}{self._settings.prefix}{path}?{urlencode({'next': here, **more})}")


def _route(method: str, path: str, name: str, summary: str, handler: Handler) -> Route:
    return Route(method=method, path=path, name=name, summary=summary, guard=OpenToAll(), handler=handler)
