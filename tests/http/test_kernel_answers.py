"""The kernel's answers: what is raised, what is logged, which headers go out."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from tests.http.site import BROWSER, JSON, PRODUCTION, Credentials, kernel_of, problem_code, request_of, route_of
from watchword.foundation.errors import UNAVAILABLE, Denied, StepUpRequired, StoreUnavailableError
from watchword.foundation.settings import Settings
from watchword.http.request import Request
from watchword.http.response import Response


def _raising(error: Exception) -> Callable[[Request, Any], Response]:
    def handler(_request: Request, value: Any) -> Response:
        try:
            raise KeyError(value.email)
        except KeyError:
            raise error from None

    return handler


def _broken(error: Exception) -> Response:
    kernel = kernel_of(route_of("POST", "/broken", "broken", _raising(error), input=Credentials))
    headers = [
        JSON,
        ("origin", "http://localhost"),
        ("cookie", "sid=canary-cookie"),
        ("authorization", "Bearer canary-token"),
    ]
    return kernel.handle(request_of("POST", "/auth/broken", *headers, body=b'{"email": "canary-email"}'))


def test_a_store_that_is_gone_is_503_with_retry_after_and_no_cookie(caplog: pytest.LogCaptureFixture):
    response = _broken(StoreUnavailableError("canary-statement"))

    assert (response.status, problem_code(response)) == (503, "unavailable")
    assert (int(response.header("retry-after") or 0) > 0, response.header("set-cookie")) == (True, None)
    assert "canary" not in caplog.text


def test_what_require_raises_is_answered_as_its_problem():
    response = _broken(StepUpRequired("Too long ago.", extra={"max_age": 300}))

    assert (response.status, problem_code(response)) == (401, "insufficient_user_authentication")
    assert 'max_age="300"' in (response.header("www-authenticate") or "")


def test_a149_a_defect_is_a_plain_500_and_the_log_tells_where_but_nothing_that_was_sent(
    caplog: pytest.LogCaptureFixture,
):
    response = _broken(ValueError("canary-email"))

    assert (response.status, problem_code(response)) == (500, "internal_error")
    assert b"canary" not in response.body
    assert [record.name for record in caplog.records] == ["watchword"]
    assert caplog.records[0].levelno == logging.ERROR
    assert "broken failed" in caplog.text
    assert "builtins.ValueError" in caplog.text
    assert "test_kernel_answers.py" in caplog.text
    assert "canary" not in caplog.text


def test_a_page_that_can_not_be_rendered_becomes_a_problem_document():
    def unrenderable(_request: Request, _denied: Denied) -> Response:
        raise RuntimeError

    response = kernel_of(page=unrenderable).handle(request_of("PUT", "/auth/nothing", BROWSER))

    assert (response.status, problem_code(response)) == (500, "internal_error")


def test_an_unknown_path_is_a_page_for_a_browser_and_json_for_a_script():
    kernel = kernel_of()

    assert b"<h1>" in kernel.handle(request_of("GET", "/auth/nothing", BROWSER)).body
    for accept in ("*/*", "application/json", "application/json, text/html"):
        assert problem_code(kernel.handle(request_of("GET", "/auth/nothing", ("accept", accept)))) == "not_found"
    assert problem_code(kernel.handle(request_of("GET", "/auth/nothing"))) == "not_found"


def test_the_page_of_a_refusal_keeps_its_headers():
    def busy(_request: Request, _value: Any) -> Denied:
        return Denied(UNAVAILABLE, retry_after=7)

    response = kernel_of(route_of("GET", "/busy", "busy", busy, form=True)).handle(request_of("GET", "/auth/busy"))

    assert (response.status, response.header("retry-after")) == (503, "7")


def test_every_answer_carries_the_safe_headers():
    for request in (
        request_of("GET", "/auth/session"),
        request_of("GET", "/auth/nothing"),
        request_of("PUT", "/auth/page"),
    ):
        response = kernel_of().handle(request)

        assert response.header("cache-control") == "no-store"
        assert response.header("vary") == "Cookie"
        assert response.header("x-content-type-options") == "nosniff"
        assert response.header("content-security-policy") == "default-src 'none'; frame-ancestors 'none'"
        assert response.header("strict-transport-security") is None


def test_a_page_keeps_its_referrer_on_the_site_so_that_its_forms_name_their_origin():
    kernel = kernel_of()

    assert kernel.handle(request_of("GET", "/auth/session")).header("referrer-policy") == "no-referrer"
    assert kernel.handle(request_of("GET", "/auth/nothing", BROWSER)).header("referrer-policy") == "same-origin"


def test_what_a_handler_chose_is_kept_and_its_response_is_left_as_it_was():
    static = Response(200, b"x", [("Cache-Control", "public, max-age=60"), ("vary", "Accept-Encoding")])
    kernel = kernel_of(route_of("GET", "/static", "static", lambda _request, _value: static))

    response = kernel.handle(request_of("HEAD", "/auth/static"))

    assert [value for name, value in response.headers if name.lower() == "cache-control"] == ["public, max-age=60"]
    assert response.header("vary") == "Accept-Encoding"
    assert (static.body, len(static.headers)) == (b"x", 2)


def test_https_in_production_asks_for_https_from_then_on():
    def transport(settings: Settings, scheme: str) -> str | None:
        request = request_of("GET", "/auth/session", host="example.org", scheme=scheme)
        return kernel_of(settings=settings).handle(request).header("strict-transport-security")

    assert transport(PRODUCTION, "https") == "max-age=31536000"
    assert transport(PRODUCTION, "http") is None
    assert transport(Settings(base_url="https://example.org"), "https") is None


@pytest.mark.parametrize(
    "header",
    [("location", "/x\r\nset-cookie: a=b"), ("location", "/\0"), ("x-a\nb", "x"), ("x", "é"), ("", "x"), ("x", "a\n")],
)
def test_a_header_that_would_split_the_answer_is_never_sent(header: tuple[str, str], caplog: pytest.LogCaptureFixture):
    kernel = kernel_of(route_of("GET", "/split", "split", lambda _request, _value: Response(303, b"", [header])))

    response = kernel.handle(request_of("GET", "/auth/split"))

    assert (response.status, problem_code(response)) == (500, "internal_error")
    assert header not in response.headers
    assert "set-cookie" not in caplog.text
