"""The kernel: one order for all, and an answer to whatever is sent."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.http.site import (
    JSON,
    Closed,
    Credentials,
    Limits,
    kernel_of,
    problem_code,
    request_of,
    route_of,
)
from watchword.foundation.errors import FORBIDDEN, UNAVAILABLE, Denied
from watchword.foundation.settings import Settings
from watchword.http.body import MAXIMUM_BODY
from watchword.http.request import Request


def test_a_call_goes_through_to_its_handler():
    response = kernel_of().handle(request_of("POST", "/auth/sign-in", JSON, body=b'{"email": "a"}'))

    assert response.status == 200
    assert json.loads(response.body) == {"address": "203.0.113.9", "parameters": {}, "input": "a"}


def test_path_parameters_reach_the_handler():
    response = kernel_of().handle(request_of("DELETE", "/auth/sessions/ses_1"))

    assert json.loads(response.body)["parameters"] == {"id": "ses_1"}


@pytest.mark.parametrize("path", ["/auth//session", "/auth/session/", "/auth/session;x", "/auth/x/../session", "/", ""])
def test_a002_a_path_that_is_only_nearly_the_same_is_404(path: str):
    response = kernel_of().handle(request_of("GET", path))

    assert (response.status, problem_code(response)) == (404, "not_found")


@pytest.mark.parametrize("header", ["x-forwarded-uri", "x-original-url", "x-rewrite-url", "x-forwarded-prefix"])
def test_a005_a_header_never_chooses_the_route(header: str):
    response = kernel_of().handle(
        request_of("POST", "/auth/closed", (header, "/auth/session"), JSON, body=b'{"email":"a"}')
    )

    assert response.status == 401


def test_a004_a_public_path_in_the_query_opens_nothing():
    request = request_of("POST", "/auth/closed", JSON, query="/auth/session", body=b'{"email":"a"}')

    assert kernel_of().handle(request).status == 401


def test_another_method_is_405_with_allow():
    response = kernel_of().handle(request_of("PUT", "/auth/page", JSON))

    assert (response.status, response.header("allow")) == (405, "GET, HEAD, OPTIONS, POST")


def test_a043_a_method_override_has_no_effect():
    kernel = kernel_of()
    headers = [("x-http-method-override", "DELETE"), ("x-method-override", "DELETE"), ("x-http-method", "DELETE")]
    request = request_of(
        "POST", "/auth/sessions/ses_1", *headers, JSON, query="_method=DELETE", body=b'{"_method": "DELETE"}'
    )

    assert kernel.handle(request).status == 405


def test_head_is_answered_as_get_without_a_body():
    response = kernel_of().handle(request_of("HEAD", "/auth/session"))

    assert (response.status, response.body, response.header("content-type")) == (200, b"", "application/json")


def test_a046_options_names_the_methods_and_opens_nothing_to_other_origins():
    for method, path in (("OPTIONS", "/auth/session"), ("GET", "/auth/session")):
        response = kernel_of().handle(
            request_of(method, path, ("origin", "https://evil.test"), ("access-control-request-method", "POST"))
        )

        assert not [name for name, _ in response.headers if name.lower().startswith("access-control")]
    options = kernel_of().handle(request_of("OPTIONS", "/auth/session"))
    assert (options.status, options.body, options.header("allow")) == (204, b"", "GET, HEAD, OPTIONS")


def test_the_order_is_limit_origin_input_guard_handler():
    limits = Limits()
    kernel = kernel_of(route_of("POST", "/all", "all", input=Credentials, guard=Closed(), limit="all"), limits=limits)
    foreign = ("origin", "https://evil.test")

    limits.refusal = Denied(UNAVAILABLE)
    assert kernel.handle(request_of("POST", "/auth/all", foreign, JSON, body=b"{")).status == 503
    limits.refusal = None
    assert kernel.handle(request_of("POST", "/auth/all", foreign, JSON, body=b"{")).status == 403
    assert kernel.handle(request_of("POST", "/auth/all", JSON, body=b"{}")).status == 422
    assert kernel.handle(request_of("POST", "/auth/all", JSON, body=b'{"email":"a"}')).status == 401
    assert limits.taken == ["all 203.0.113.9"] * 4


def test_a042_a_cross_site_json_post_as_text_is_refused():
    cross_site = [("origin", "https://evil.test"), ("content-type", "text/plain"), ("cookie", "watchword=x")]

    assert kernel_of().handle(request_of("POST", "/auth/sign-in", *cross_site, body=b'{"email":"a"}')).status == 403
    for content_type in ("text/plain", "TEXT/PLAIN"):
        response = kernel_of().handle(request_of("POST", "/auth/sign-in", ("content-type", content_type), body=b"{}"))
        assert (response.status, response.header("accept")) == (415, "application/json")


@pytest.mark.parametrize("origin", ["null", "https://evil.test", "http://localhost:9"])
def test_a043_a_form_from_elsewhere_is_refused_as_a_page(origin: str):
    form = ("content-type", "application/x-www-form-urlencoded")

    response = kernel_of().handle(request_of("POST", "/auth/page", ("origin", origin), form, body=b"a=1"))

    assert (response.status, response.header("content-type")) == (403, "text/html; charset=utf-8")


def test_a_form_reaches_its_handler_as_a_dict():
    form = ("content-type", "application/x-www-form-urlencoded")

    response = kernel_of().handle(request_of("POST", "/auth/page", form, body=b"a=1&b=2"))

    assert json.loads(response.body)["input"] == {"a": "1", "b": "2"}


@pytest.mark.parametrize("path", ["/auth/sign-in", "/auth/sessions/x", "/auth/page"])
def test_a_body_over_64_kib_is_413_whatever_the_route_takes(path: str):
    method = "DELETE" if "sessions" in path else "POST"

    assert kernel_of().handle(request_of(method, path, JSON, body=b"x" * (MAXIMUM_BODY + 1))).status == 413


def test_a_doubled_query_parameter_is_refused():
    response = kernel_of().handle(request_of("GET", "/auth/session", query="token=1&token=2"))

    assert (response.status, problem_code(response)) == (422, "input_invalid")


def test_a053_a_bad_host_is_400_before_anything_else():
    limits = Limits()

    response = kernel_of(limits=limits).handle(request_of("POST", "/auth/sign-in", host="evil.test"))

    assert (response.status, problem_code(response), limits.taken) == (400, "host_not_allowed", [])


def test_a099_a_forged_forwarding_header_changes_no_address():
    limits = Limits()
    forged = ("x-forwarded-for", "198.51.100.1")
    kernel_of(limits=limits).handle(request_of("POST", "/auth/sign-in", forged))
    proxied = Settings(proxies=("203.0.113.0/24",))
    kernel_of(limits=limits, settings=proxied).handle(request_of("POST", "/auth/sign-in", forged))

    assert limits.taken == ["sign_in 203.0.113.9", "sign_in 198.51.100.1"]


def test_the_edge_can_see_which_route_will_answer():
    kernel = kernel_of()
    route = kernel.route_for(request_of("POST", "/auth/sign-in"))

    assert route is not None
    assert route.hashes_password
    assert kernel.route_for(request_of("GET", "/auth/sign-in")) is None
    assert kernel.route_for(request_of("GET", "/other")) is None


def test_a_guard_of_a_page_is_answered_as_a_page():
    class Barred:
        description = "nobody"
        codes = ()

        def check(self, request: Request) -> Denied | None:
            return Denied(FORBIDDEN)

    response = kernel_of(route_of("GET", "/barred", "barred", form=True, guard=Barred())).handle(
        request_of("GET", "/auth/barred", ("accept", "application/json"))
    )

    assert (response.status, response.body) == (403, b"<h1>Not allowed</h1>")


_HEADERS = some.lists(
    some.tuples(
        some.sampled_from([b"host", b"cookie", b"origin", b"content-type", b"accept", b"x-forwarded-for", b"referer"]),
        some.binary(max_size=40) | some.sampled_from([b"localhost", b"application/json", b"text/html"]),
    ),
    max_size=6,
)


@given(
    some.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "DELETE", "get", "\0"]),
    some.sampled_from(["/auth/session", "/auth/sign-in", "/auth/page", "/auth/sessions/x"]) | some.text(),
    some.text(max_size=20),
    _HEADERS,
    some.binary(max_size=60),
    some.text(max_size=20) | some.none(),
)
def test_no_request_makes_the_kernel_raise_or_answer_500(
    method: str, path: str, query: str, headers: list[tuple[bytes, bytes]], body: bytes, peer: str | None
):
    kernel = kernel_of(settings=Settings(proxies=("10.0.0.0/8",)))

    response = kernel.handle(Request(method, path, query=query, headers=headers, body=body, peer=peer))

    assert 200 <= response.status < 500
