"""The table of routes."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from watchword.foundation.errors import ConfigurationError
from watchword.http.body import Input
from watchword.http.request import Request
from watchword.http.response import Response
from watchword.http.route import OpenToAll, Route
from watchword.http.table import RouteTable


class Loose(msgspec.Struct):
    email: str


class Strict(Input):
    email: str


def _answer(_request: Request, _input: Any) -> Response:
    return Response()


def _route(method: str, path: str, name: str, input: type[Any] | None = None) -> Route:
    return Route(method=method, path=path, name=name, summary="", guard=OpenToAll(), handler=_answer, input=input)


TABLE = RouteTable(
    [
        _route("POST", "/sign-in", "sign_in", Strict),
        _route("GET", "/sessions", "list_sessions"),
        _route("DELETE", "/sessions", "end_others"),
        _route("DELETE", "/sessions/{id}", "end_session"),
        _route("GET", "/sessions/export", "export_sessions"),
    ],
    "/auth",
)


def test_a_path_finds_its_routes_by_method():
    match = TABLE.find("/auth/sessions")

    assert match is not None
    assert match.allow == "DELETE, GET, HEAD, OPTIONS"
    assert {method: route.name for method in ("GET", "HEAD", "DELETE") if (route := match.route(method))} == {
        "GET": "list_sessions",
        "HEAD": "list_sessions",
        "DELETE": "end_others",
    }


def test_parameters_are_read_and_a_literal_path_goes_first():
    match = TABLE.find("/auth/sessions/ses_abc-1.~")
    literal = TABLE.find("/auth/sessions/export")

    assert match is not None
    assert match.parameters == {"id": "ses_abc-1.~"}
    assert literal is not None
    assert literal.route("DELETE") is None


@pytest.mark.parametrize(
    "path",
    [
        "//auth/sign-in",
        "/auth//sign-in",
        "/auth/sign-in/",
        "/auth/sign-in;x",
        "/auth/x/../sign-in",
        "/auth/./sign-in",
        "/auth/SIGN-IN",
        "/auth/sign-in.rsc",
        "/auth/sign-in.json",
        "/auth/sign-in\0",
        "/auth/sign-in\n",
        "/auth/sign-in?x",
        "/auth/%73ign-in",
        "/sign-in",
        "sign-in",
        "",
        "/auth/sessions/",
        "/auth/sessions/.",
        "/auth/sessions/..",
        "/auth/sessions/a/b",
        "/auth/sessions/a\n",
        "/auth/sessions/a;b",
        "/auth/sessions/a%2fb",
        "/auth/sessions/é",
    ],
)
def test_a002_a_path_that_is_only_nearly_the_same_finds_nothing(path: str):
    assert TABLE.find(path) is None


@given(some.text())
def test_no_path_makes_it_raise(path: str):
    TABLE.find(path)
    TABLE.find("/auth/sessions/" + path)


@pytest.mark.parametrize(
    "routes",
    [
        [_route("GET", "/a", "one"), _route("GET", "/a", "two")],
        [_route("GET", "/a/{id}", "one"), _route("GET", "/a/{id}", "two")],
        [_route("GET", "/a", "one"), _route("GET", "/b", "one")],
        [_route("POST", "/a", "one", Loose)],
    ],
)
def test_a_table_that_contradicts_itself_or_drops_fields_is_refused(routes: list[Route]):
    with pytest.raises(ConfigurationError, match=r"twice|two routes|unknown fields"):
        RouteTable(routes, "/auth")
