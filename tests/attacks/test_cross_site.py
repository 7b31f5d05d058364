"""Attacks from other sites, on redirects and on host names: chapter 3."""

import json
import re
from urllib.parse import quote, urlencode

import pytest

from tests.attacks.apps import KINDS, App, make_app
from tests.attacks.wire import BROWSER, COOKIE, FORM, JSON, Lines, cookie, everything_stored, send, signed_up, token_of
from tests.support.site import EMAIL, HOST, ORIGIN, PASSWORD, Site, Visitor
from watchword.http.route import Route

EVIL = "http://evil.example"


FOREIGN: list[Lines] = [
    [("origin", EVIL)],
    [("origin", "null")],
    [("origin", "")],
    [("origin", ORIGIN), ("origin", EVIL)],
    [("origin", f"{ORIGIN}, {EVIL}")],
    [("origin", f"{ORIGIN}.evil.example")],
    [("origin", f"{EVIL}?{ORIGIN}")],
    [("origin", f"{EVIL}#{ORIGIN}")],
    [("origin", f"http://{HOST}@evil.example")],
    [("origin", "http://evil.example:8000")],
    [("origin", "http://sub.localhost:8000")],
    [("origin", "http://localhost")],
    [("origin", "https://localhost:8000")],
    [("sec-fetch-site", "cross-site")],
    [("sec-fetch-site", "same-site")],
    [("sec-fetch-site", "cross-site"), ("origin", ORIGIN)],
    [("referer", f"{EVIL}/{ORIGIN}")],
    [("referer", f"http://{HOST}@evil.example/")],
    [],
]


JSON_TYPES = [
    "text/plain",
    "TEXT/PLAIN",
    "text/plain;charset=application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "application/jsonp",
    "application/json, text/plain",
    "",
]


NEXT = [
    "//evil.example", "/\\evil.example", "\\\\evil.example", "https:evil.example", "https:/evil.example", "https://evil.example",
    "///evil.example", "/\t/evil.example", "\t//evil.example", "/%09/evil.example", "/%2f%2fevil.example", "/%5cevil.example", "/.//evil.example",
    "/..//evil.example", "/%2e%2e//evil.example", "/%252f%252fevil.example", "http://localhost:8000@evil.example", "//localhost:8000@evil.example",
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "evil.example", "@evil.example", "/\r\nset-cookie: x=y", "/é", "/ /evil.example", "?//", "",
]  # fmt: skip


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, site: Site) -> App:
    """The app behind each adapter, on each database."""
    return make_app(request.param, site)


@pytest.mark.parametrize("kind", JSON_TYPES)
def test_a042_json_under_another_content_type_is_no_json(site: Site, kind: str) -> None:
    visitor = signed_up(site)
    before = everything_stored(site)
    body = json.dumps({"identifier": EMAIL, "password": PASSWORD, "email": EMAIL}).encode()
    for route in site.auth.routes:
        if route.input is not None:
            types = [("content-type", kind)] if kind else []
            for origin, status in ((ORIGIN, 415), (EVIL, 403)):
                lines = [cookie((COOKIE, token_of(visitor))), ("origin", origin), *types]
                path = f"/auth{route.path}".replace("{id}", "psk_x")
                assert send(site, route.method, path, *lines, body=body).status == status, route.path
    assert everything_stored(site) == before


@pytest.mark.parametrize("lines", FOREIGN)
def test_a043_no_other_site_changes_anything_with_the_visitors_cookies(site: Site, lines: Lines) -> None:
    visitor = signed_up(site)
    before = everything_stored(site)
    session = visitor.get("/auth/sessions").json["sessions"][0]["id"]
    for route in changing(site):
        path = f"/auth{route.path}".replace("{id}", session).replace("{token}", "x").replace("{reference}", "x")
        answer = send(
            site, route.method, path, *carried(visitor), *lines, FORM if route.form else JSON, body=a_body(route)
        )
        assert answer.status == 403, route.path
        assert answer.cookies == []
    assert everything_stored(site) == before


@pytest.mark.parametrize("lines", FOREIGN[:-1])
def test_a043_no_other_site_signs_a_visitor_in(site: Site, lines: Lines) -> None:
    signed_up(site)
    before = everything_stored(site)
    body = json.dumps({"identifier": EMAIL, "password": PASSWORD}).encode()
    form = urlencode({"identifier": EMAIL, "password": PASSWORD}).encode()
    for path, kind, sent in (("/auth/sign-in/password", JSON, body), ("/auth/sign-in", FORM, form)):
        answer = send(site, "POST", path, *lines, kind, body=sent)
        assert answer.status == 403
        assert answer.cookies == []
    assert everything_stored(site) == before


@pytest.mark.parametrize("method", ["DELETE", "delete", "POST"])
def test_a043_no_parameter_or_header_makes_another_method_of_a_request(site: Site, method: str) -> None:
    visitor = signed_up(site)
    other = site.visitor()
    assert other.sign_in().status == 200
    names = ("x-http-method-override", "x-http-method", "x-method-override")
    overrides = [(name, method) for name in names]
    for sent, status in (("GET", 200), ("POST", 405)):
        answer = send(
            site,
            sent,
            f"/auth/sessions?_method={method}",
            *carried(visitor),
            ("origin", ORIGIN),
            *overrides,
            FORM,
            body=b"_method=DELETE",
        )
        assert answer.status == status
    assert send(site, "GET", f"/auth/sign-out?_method={method}", *carried(visitor), *overrides).status == 405
    assert visitor.user == other.user is not None


@pytest.mark.parametrize("lines", FOREIGN)
def test_a043_no_other_site_calls_the_apps_own_handlers_with_the_visitors_cookies(app: App, lines: Lines) -> None:
    carried = ("cookie", f"{COOKIE}={app.token()}")
    assert app.call("POST", "/notes", carried, *lines, body=b"forged").status == 403
    assert app.written == []
    assert app.call("POST", "/notes", carried, ("origin", ORIGIN), body=b"mine").status == 200
    assert app.written == ["mine"]


def test_a044_an_attackers_attempt_goes_on_in_no_other_browser(site: Site) -> None:
    attacker, victim = site.visitor(), signed_up(site)
    mine = "mallory@example.org"
    attempt = attacker.post("/auth/sign-up/password", {"email": mine, "password": PASSWORD}).json["attempt"]
    code, link = site.code_for(mine), site.link_for(mine)
    token = link.rpartition("/")[2]
    for browser in (victim, site.visitor()):
        assert browser.post("/auth/attempt/email_code", {"attempt": attempt, "code": code}).code == "attempt_expired"
        assert browser.post("/auth/attempt/email_code/send", {"attempt": attempt}).code == "attempt_expired"
        assert browser.post("/auth/attempt/email_link", {"token": token}).code == "link_invalid"
        assert browser.submit("/auth/confirm", attempt=attempt, code=code).status == 410
        assert COOKIE not in browser.submit(link).text
    assert victim.user["email"] == EMAIL
    assert site.count("users") == 1
    assert attacker.post("/auth/attempt/email_link", {"token": token}).status == 200


def test_a044_an_attackers_move_to_their_address_is_not_finished_by_the_victim(site: Site) -> None:
    attacker, victim = signed_up(site, "mallory@example.org"), signed_up(site)
    body = {"email": "new@example.org", "password": PASSWORD}
    attempt = attacker.post("/auth/user/email", body).json["attempt"]
    victim.cookies[BROWSER] = attacker.cookies[BROWSER]
    answer = victim.post("/auth/attempt/email_code", {"attempt": attempt, "code": site.code_for("new@example.org")})
    assert answer.code == "attempt_expired"
    assert victim.user["email"] == EMAIL


def test_a046_no_answer_lets_another_origin_read_it(site: Site) -> None:
    visitor = signed_up(site)
    preflight = [("access-control-request-method", "POST"), ("access-control-request-headers", "content-type")]
    for route in site.auth.routes:
        for method in ("OPTIONS", route.method):
            for origin in (EVIL, "null", ORIGIN):
                path = f"/auth{route.path}".replace("{id}", "x").replace("{token}", "x").replace("{reference}", "x")
                answer = send(site, method, path, *carried(visitor), ("origin", origin), *preflight)
                assert not [name for name, _ in answer.response.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("target", NEXT)
def test_a047_no_sign_in_leads_to_another_site(site: Site, target: str) -> None:
    visitor = signed_up(site)
    answers = [visitor.get(f"/auth/sign-in?next={quote(target, safe='')}", referer=EVIL)]
    visitor.cookies.pop(COOKIE)
    shown = visitor.get(f"/auth/sign-in?next={quote(target, safe='')}").text
    assert not re.search(r'name="next" value="[^"]', shown)
    assert "evil" not in shown
    answers.append(visitor.submit("/auth/sign-in", identifier=EMAIL, password=PASSWORD, next=target))
    assert [(answer.status, answer.response.header("location")) for answer in answers] == [(303, "/")] * 2


@pytest.mark.parametrize("target", NEXT)
def test_a047_no_sign_up_leads_to_another_site(site: Site, target: str) -> None:
    visitor = site.visitor()
    answer = visitor.submit("/auth/sign-up", email=EMAIL, password=PASSWORD, name="", next=target)
    assert answer.status == 303
    code_page = answer.response.header("location") or ""
    assert code_page.startswith("/auth/confirm?attempt=att_")
    entered = visitor.submit("/auth/confirm", attempt=code_page.partition("=")[2], code=site.code_for(EMAIL), next=EVIL)
    assert entered.status in (303, 422)
    if entered.status == 303:
        assert entered.response.header("location") == "/"


def test_a047_a_page_of_this_site_is_where_a_sign_in_leads(site: Site) -> None:
    visitor = signed_up(site)
    visitor.post("/auth/sign-out")
    answer = visitor.submit("/auth/sign-in", identifier=EMAIL, password=PASSWORD, next="/notes?sort=new")
    assert answer.response.header("location") == "/notes?sort=new"


@pytest.mark.parametrize("path", ["//evil.example/admin", "/%2f%2fevil.example", "/\\evil.example", "/admin%0d%0ax: y"])
def test_a047_a_guard_leads_only_back_to_this_site(app: App, path: str) -> None:
    for target in (path, f"/admin?{path}"):
        answer = app.call("GET", target, ("accept", "text/html"))
        if answer.status == 303:
            assert re.fullmatch(r"/auth/sign-in\?next=[^/\\:]*", answer.header("location"))


ORIGINS = [
    "https://example.org.evil.example",
    "https://evilexample.org",
    "https://evil.example/?https://example.org",
    "https://example.org@evil.example",
    "https://evil.example#example.org",
    "http://example.org",
    "https://example.org:8443",
    "https://sub.example.org",
    "https://example.org/",
    "https://example.org\\evil.example",
    "https://*.org",
    "https://exämple.org",
]


@pytest.mark.parametrize("origin", ORIGINS)
def test_a048_only_the_very_origin_of_the_site_is_its_own(public_site: Site, origin: str) -> None:
    body = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()
    answer = send(
        public_site, "POST", "/auth/sign-up/password", ("origin", origin), JSON, body=body, host="example.org"
    )
    assert answer.status == 403
    good = send(
        public_site,
        "POST",
        "/auth/sign-up/password",
        ("origin", "HTTPS://Example.ORG:443"),
        JSON,
        body=body,
        host="example.org",
    )
    assert good.status == 202


def changing(site: Site) -> list[Route]:
    return [route for route in site.auth.routes if route.method != "GET"]


def carried(visitor: Visitor) -> Lines:
    return [cookie(*visitor.cookies.items())]


def a_body(route: Route) -> bytes:
    """Return a body that the route would take from its own site."""
    values = {
        "identifier": EMAIL,
        "email": EMAIL,
        "password": PASSWORD,
        "current": PASSWORD,
        "new": "difference engine no. 2",
        "attempt": "x",
        "code": "x",
        "token": "x",
        "name": "Mallory",
    }
    if route.form:
        return urlencode(values).encode()
    fields = getattr(route.input, "__struct_fields__", ())
    return json.dumps({name: values[name] for name in fields if name in values}).encode()
