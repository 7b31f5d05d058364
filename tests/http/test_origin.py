"""The site's origin, the cross-site check, safe redirects."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as some

from watchword.foundation.errors import ConfigurationError, Denied
from watchword.foundation.settings import Settings
from watchword.http.origin import (
    HOST_NOT_ALLOWED,
    ORIGIN_NOT_ALLOWED,
    check_origin,
    parse_origin,
    safe_next,
    site_origin,
    site_url,
)
from watchword.http.request import Request

SITE = "https://example.org"
PRODUCTION = Settings(mode="production", base_url="https://example.org/app/")
DEVELOPMENT = Settings()


def _request(*headers: tuple[str, str], method: str = "POST", scheme: str = "http") -> Request:
    return Request(method, "/auth/x", headers=[(n.encode(), v.encode("latin-1")) for n, v in headers], scheme=scheme)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://example.org", "https://example.org"),
        ("HTTPS://Example.ORG:443", "https://example.org"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://[0:0::1]:80", "http://[::1]"),
        ("null", None),
        ("", None),
        ("https://", None),
        ("ftp://example.org", None),
        ("https://example.org/", None),
        ("https://user@example.org", None),
        ("https://example.org https://evil.test", None),
        ("https://example.org\n", None),
        ("https://example.org:0x50", None),
        ("https://example.org:99999", None),
        ("https://[:::]", None),
    ],
)
def test_an_origin_has_one_normal_form(text: str, expected: str | None):
    assert expected == parse_origin(text)


@given(some.text() | some.text(alphabet="htps:/[]0a.@", max_size=30))
def test_no_text_makes_the_origin_parser_raise(text: str):
    origin = parse_origin(text)

    assert origin is None or parse_origin(origin) == origin


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "LOCK"])
def test_cb060_only_a_call_from_our_own_page_may_go_on(method: str):
    assert check_origin(_request(("origin", SITE), ("cookie", "a=b"), method=method), SITE) is None
    assert check_origin(_request(("origin", "https://evil.test"), method=method), SITE) is not None


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://evil.test",
        "http://example.org",
        "https://example.org:8443",
        "https://www.example.org",
        "https://example.org.evil.test",
        "https://evilexample.org",
        "https://evil.test/?https://example.org",
        "https://example.org@evil.test",
        "https://example.org,https://evil.test",
        "*",
        "",
    ],
)
def test_a043_a048_cb061_a_foreign_origin_is_refused_with_or_without_cookies(origin: str):
    for headers in ([("origin", origin)], [("origin", origin), ("cookie", "a=b"), ("sec-fetch-site", "same-origin")]):
        denied = check_origin(_request(*headers), SITE)

        assert denied is not None
        assert ORIGIN_NOT_ALLOWED is denied.code


def test_a043_two_origin_headers_are_refused():
    assert check_origin(_request(("origin", SITE), ("origin", SITE)), SITE) is not None


@pytest.mark.parametrize("site", ["cross-site", "same-site", "Same-Origin", "", "same-origin, cross-site"])
def test_a043_sec_fetch_site_of_another_origin_is_refused_whatever_else_is_sent(site: str):
    assert check_origin(_request(("sec-fetch-site", site)), SITE) is not None
    assert check_origin(_request(("sec-fetch-site", site), ("origin", SITE), ("referer", SITE + "/")), SITE) is not None


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_cb075_without_origin_sec_fetch_site_may_vouch(site: str):
    assert check_origin(_request(("sec-fetch-site", site), ("cookie", "a=b")), SITE) is None


def test_cb075_without_origin_and_fetch_metadata_the_referer_decides():
    assert check_origin(_request(("referer", SITE + "/page?x=1"), ("cookie", "a=b")), SITE) is None
    for referer in (
        "https://evil.test/",
        "https://evil.test/https://example.org/",
        "https://example.org@evil.test/",
        "x",
    ):
        assert check_origin(_request(("referer", referer)), SITE) is not None


def test_cb074_a_request_with_cookies_and_no_sign_of_origin_is_refused():
    assert check_origin(_request(("cookie", "a=b")), SITE) is not None


def test_cb074_a_program_without_cookies_has_nothing_to_borrow():
    assert check_origin(_request(("authorization", "Bearer x")), SITE) is None


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_cb073_a_safe_method_needs_no_check(method: str):
    assert check_origin(_request(("origin", "https://evil.test"), method=method), SITE) is None


def test_a051_the_origin_of_mail_links_is_the_configured_one():
    request = _request(
        ("host", "evil.test"),
        ("x-forwarded-host", "evil.test"),
        ("x-forwarded-proto", "http"),
        ("forwarded", "host=evil.test;proto=http"),
    )

    assert site_origin(PRODUCTION, request) == SITE
    assert site_url(PRODUCTION, request, "/auth/reset?t=1") == "https://example.org/app/auth/reset?t=1"


def test_a052_without_a_base_url_production_answers_nothing():
    with pytest.raises(ConfigurationError, match="base_url"):
        site_origin(Settings(mode="production"), _request(("host", "example.org")))


@pytest.mark.parametrize("base_url", ["example.org", "https://", "ftp://x", "https://u@example.org", "https://é.org"])
def test_a_base_url_that_is_none_is_a_configuration_error(base_url: str):
    with pytest.raises(ConfigurationError, match="base_url"):
        site_origin(Settings(base_url=base_url), _request(("host", "localhost")))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost:8000", "http://localhost:8000"),
        ("LOCALHOST", "http://localhost"),
        ("app.localhost:80", "http://app.localhost"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("127.9.9.9", "http://127.9.9.9"),
        ("[::1]:8000", "http://[::1]:8000"),
        ("testserver", "http://testserver"),
    ],
)
def test_development_takes_its_origin_from_a_loopback_host(host: str, expected: str):
    request = _request(("host", host))

    assert expected == site_origin(DEVELOPMENT, request)
    assert f"{expected}/auth/x" == site_url(DEVELOPMENT, request, "/auth/x")


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "localhost.evil.test",
        "127.0.0.1.evil.test",
        "evillocalhost",
        "0.0.0.0",
        "192.168.1.2",
        "[::2]",
        ".localhost",
    ],
)
def test_a052_development_answers_no_other_host_and_names_the_setting(host: str):
    request = _request(("host", host), ("x-forwarded-host", "localhost"))
    denied = site_origin(DEVELOPMENT, request)

    assert isinstance(denied, Denied)
    assert HOST_NOT_ALLOWED is denied.code
    assert "WATCHWORD_BASE_URL" in denied.code.fix
    assert denied == site_url(DEVELOPMENT, request, "/")


@pytest.mark.parametrize("settings", [PRODUCTION, DEVELOPMENT])
@pytest.mark.parametrize(
    "hosts",
    [
        [],
        ["localhost", "localhost"],
        [""],
        ["local host"],
        ["localhost/evil"],
        ["localhost\\evil"],
        ["user@localhost"],
        ["localhost:"],
        ["localhost:80:80"],
        ["localhost:abc"],
        ["localhost:99999"],
        ["localhost?"],
        ["localhost#"],
        ["loc\u00e4lhost"],
        ["localhost\0"],
        ["localhost, evil.test"],
        ["[::1"],
        ["[.....]"],
    ],
)
def test_a053_a_host_that_is_malformed_missing_or_doubled_is_refused(settings: Settings, hosts: list[str]):
    denied = site_origin(settings, _request(*[("host", host) for host in hosts]))

    assert isinstance(denied, Denied)
    assert denied.code.status == 400


@pytest.mark.parametrize(
    "text",
    ["/", "/account", "/a/b?x=1&y=//z", "/a?next=https://x.test/", "/a#b", "/@user", "/a%20b", "/a:b", "/%C3%AB"],
)
def test_a_path_of_this_site_is_kept(text: str):
    assert text == safe_next(text, "/default")


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "account",
        "//evil.test",
        "///evil.test",
        "/\\evil.test",
        "\\\\evil.test",
        "/\\/evil.test",
        "https:evil.test",
        "https://evil.test",
        "https:/evil.test",
        "HTTPS://EVIL.TEST",
        "javascript:alert(1)",
        "data:text/html,x",
        "/\t/evil.test",
        "\t//evil.test",
        " /account",
        "/a b",
        "/a\nlocation: x",
        "/a\r\n",
        "/\0",
        "/\x7f",
        "/é",
        "/%2fevil.test",
        "/%2F%2Fevil.test",
        "/%252fevil.test",
        "/%25252fevil.test",
        "/%252525252525252fevil.test",
        "/%5cevil.test",
        "/%255cevil.test",
        "/%09/evil.test",
        "/%0d%0alocation:x",
        "/a//evil.test",
        "/..//evil.test",
        "/./x",
        "/a/%2e%2e/x",
        "@evil.test",
        "user:password@evil.test",
        "https://example.org@evil.test/",
        "/" + "a" * 2_000,
    ],
)
def test_a047_a_next_that_could_lead_elsewhere_gives_the_default_page(text: str | None):
    assert safe_next(text, "/default") == "/default"


@given(some.text() | some.text(alphabet="/\\%2f5ce.:@?#\t", max_size=20).map(lambda text: "/" + text))
def test_a047_whatever_is_asked_for_a_browser_stays_on_the_site(text: str):
    target = urlsplit(urljoin(SITE + "/auth/sign-in", safe_next(text, "/")))

    assert f"{target.scheme}://{target.netloc}" == SITE


@given(some.text(alphabet=some.characters(max_codepoint=255)))
def test_no_header_makes_the_checks_raise(text: str):
    for name in ("origin", "referer", "sec-fetch-site"):
        assert isinstance(check_origin(_request((name, text), ("cookie", "a=b")), SITE), Denied | None)
    assert isinstance(site_origin(PRODUCTION, _request(("host", text))), str | Denied)
