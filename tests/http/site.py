"""A small site for the tests of the kernel: a few routes, a limit checker, a page for refusals."""

import json
from collections.abc import Callable
from typing import Any

from watchword.foundation.errors import FORBIDDEN, UNAUTHENTICATED, Denied
from watchword.foundation.settings import Settings
from watchword.http.body import Input
from watchword.http.kernel import Kernel
from watchword.http.request import Request
from watchword.http.response import Response, json_response
from watchword.http.route import OpenToAll, Route

JSON = ("content-type", "application/json")
BROWSER = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
PRODUCTION = Settings(mode="production", base_url="https://example.org")


class Credentials(Input):
    email: str


class Closed:
    """A guard that refuses everyone."""

    description = "nobody"
    codes = (UNAUTHENTICATED, FORBIDDEN)

    def check(self, request: Request) -> Denied | None:
        return Denied(UNAUTHENTICATED)


def echo(request: Request, value: Any) -> Response:
    email = value.email if isinstance(value, Credentials) else value
    return json_response({"address": request.address, "parameters": request.parameters, "input": email})


def error_page(request: Request, denied: Denied) -> Response:
    body = f"<h1>{denied.code.title}</h1>".encode()
    return Response(denied.code.status, body, [("content-type", "text/html; charset=utf-8")])


def route_of(method: str, path: str, name: str, handler: Callable[..., Any] = echo, **more: Any) -> Route:
    return Route(method=method, path=path, name=name, summary="", handler=handler, **({"guard": OpenToAll()} | more))


ROUTES = (
    route_of("GET", "/session", "session"),
    route_of("POST", "/sign-in", "sign_in", input=Credentials, limit="sign_in", hashes_password=True),
    route_of("POST", "/closed", "closed", input=Credentials, guard=Closed()),
    route_of("DELETE", "/sessions/{id}", "end_session"),
    route_of("GET", "/page", "page", form=True),
    route_of("POST", "/page", "page_sent", form=True),
)


class Limits:
    """A limit checker that counts, and refuses when told to."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.refusal: Denied | None = None

    def __call__(self, name: str, request: Request) -> Denied | None:
        self.taken.append(f"{name} {request.address}")
        return self.refusal


def kernel_of(
    *more: Route, settings: Settings | None = None, limits: Limits | None = None, page: Any = error_page
) -> Kernel:
    return Kernel(
        [*ROUTES, *more],
        settings or Settings(),
        take_limit=limits or Limits(),
        render_problem=page,
        note_refusal=lambda _request, _denied: None,
    )


def request_of(
    method: str, path: str, *headers: tuple[str, str], body: bytes = b"", host: str = "localhost", **more: Any
) -> Request:
    raw = [(name.encode(), value.encode()) for name, value in (("host", host), *headers)]
    return Request(method, path, headers=raw, body=body, peer="203.0.113.9", **more)


def problem_code(response: Response) -> str:
    assert response.header("content-type") == "application/problem+json"
    return json.loads(response.body)["code"]
