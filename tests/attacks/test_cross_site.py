"""Attacks from other sites, on redirects and on host names: chapter 3."""

import json
import re
from collections.abc import Iterator
from email.utils import parseaddr
from html.parser import HTMLParser
from urllib.parse import quote, urlencode

import pytest
from markupsafe import escape

from tests.attacks.apps import App, make_app
from tests.attacks.wire import BROWSER, COOKIE, FORM, JSON, Lines, cookie, everything_stored, send, signed_up, token_of
from tests.support.site import EMAIL, HOST, ORIGIN, PASSWORD, Site, Visitor, make_site
from watchword.foundation.clock import ManualClock
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


@pytest.fixture(params=["fastapi", "starlette"])
def app(request: pytest.FixtureRequest, site: Site) -> App:
    """The app behind each adapter, on each database."""
    return make_app(request.param, site)


@pytest.fixture
def public_site(store_url: str, clock: ManualClock) -> Iterator[Site]:
    """A site with an address of its own."""
    made = make_site(store_url, clock, base_url="https://example.org")
    yield made
    made.auth.stop()


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
                assert send(site, route.method, f"/auth{route.path}", *lines, body=body).status == status, route.path
    assert everything_stored(site) == before


@pytest.mark.parametrize("lines", FOREIGN)
def test_a043_no_other_site_changes_anything_with_the_visitors_cookies(site: Site, lines: Lines) -> None:
    visitor = signed_up(site)
    before = everything_stored(site)
    session = visitor.get("/auth/sessions").json["sessions"][0]["id"]
    for route in changing(site):
        path = f"/auth{route.path}".replace("{id}", session).replace("{token}", "x")
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
                path = f"/auth{route.path}".replace("{id}", "x").replace("{token}", "x")
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


FORGED: list[Lines] = [
    [("x-forwarded-host", "evil.example")],
    [("x-forwarded-proto", "gopher"), ("x-forwarded-port", "1")],
    [("forwarded", "host=evil.example;proto=http")],
    [("x-original-host", "evil.example"), ("x-host", "evil.example"), ("x-forwarded-server", "evil.example")],
    [("x-forwarded-prefix", "//evil.example"), ("x-script-name", "/evil")],
    [],
]


@pytest.mark.parametrize("lines", FORGED)
@pytest.mark.parametrize("host", ["evil.example", "example.org.evil.example", "example.org:1", "EXAMPLE.org"])
def test_a051_mails_lead_to_the_configured_site_whatever_the_request_says(
    public_site: Site, host: str, lines: Lines
) -> None:
    own = [("origin", "https://example.org"), JSON, *lines]
    for path, email in (
        ("/auth/sign-up/password", EMAIL),
        ("/auth/sign-up/password", EMAIL),
        ("/auth/password/forgot", EMAIL),
    ):
        body = {"email": email} | ({"password": PASSWORD} if "sign-up" in path else {})
        assert send(public_site, "POST", path, *own, body=json.dumps(body).encode(), host=host).status == 202
        confirm_somebody(public_site)
    links = [link for mail in public_site.mails() for link in re.findall(r"https?://[^\s\"<>]+", mail.text + mail.html)]
    assert len(links) >= 3
    assert {link.split("/auth/")[0] for link in links} == {"https://example.org"}


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "192.0.2.1",
        "[2001:db8::1]",
        "127.0.0.1.nip.io",
    ],
)
def test_a051_without_a_configured_site_no_foreign_host_gets_a_mail_sent(site: Site, host: str) -> None:
    body = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()
    answer = send(site, "POST", "/auth/sign-up/password", JSON, body=body, host=host)
    assert (answer.status, answer.code) == (400, "host_not_allowed")
    assert site.mails() == []


def test_a052_the_first_request_teaches_the_site_no_address(site: Site) -> None:
    assert send(site, "GET", "/auth/session", host="evil.example").status == 400
    assert send(site, "GET", "/auth/session", ("x-forwarded-host", "evil.example"), host="localhost:6666").status == 200
    assert site.visitor().post("/auth/sign-up/password", {"email": EMAIL, "password": PASSWORD}).status == 202
    assert f"{ORIGIN}/auth/confirm/" in site.mail_to(EMAIL).text


@pytest.mark.parametrize(
    "host",
    [
        "",
        "a b",
        "localhost:8000/x",
        "localhost:8000?x",
        "localhost:8000#x",
        "user@localhost:8000",
        "localhost:80000",
        "localhost:x",
        "localhost\\x",
        "<script>",
        "localhost,evil.example",
        "[::1",
        "löcalhost",
        "-",
        "localhost:8000\t",
    ],
)
def test_a053_a_host_that_is_none_is_refused(site: Site, host: str) -> None:
    answer = send(site, "GET", "/auth/session", host=host)
    assert (answer.status, answer.code) == (400, "host_not_allowed")


def test_a053_two_hosts_are_refused_and_forwarded_is_not_read(site: Site) -> None:
    assert send(site, "GET", "/auth/session", ("host", HOST)).status == 400
    assert send(site, "GET", "/auth/session", ("host", "evil.example")).status == 400
    for value in ('for="_x;host=evil.example', "host=evil.example;;;", ";", 'for="\\"'):
        assert send(site, "GET", "/auth/session", ("forwarded", value)).status == 200


def test_a054_no_page_can_be_framed_by_another_site(site: Site) -> None:
    visitor = signed_up(site)
    for who in (visitor, site.visitor()):
        for route in site.auth.routes:
            if route.method == "GET":
                answer = who.get(f"/auth{route.path}".replace("{id}", "x").replace("{token}", "x"), accept="text/html")
                policy = answer.response.header("content-security-policy") or ""
                assert "frame-ancestors 'none'" in policy or answer.response.header("content-type") == "image/svg+xml"
                assert "unsafe" not in policy


MARKUP = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "{{7777777*7}}${7777777*7}#{7777777*7}",
    "</title><svg/onload=alert(1)>",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("markup", MARKUP)
def test_a055_what_a_request_says_is_never_markup_in_the_answer(site: Site, markup: str) -> None:
    visitor = site.visitor()
    value = quote(markup, safe="")
    answers = [
        *(
            visitor.get(f"/auth{path}?{name}={value}", accept="text/html")
            for path in ("/sign-in", "/sign-up", "/forgot", "/confirm", "/signed-out", "/nothing")
            for name in ("next", "notice", "attempt", "error", "error_description", "email")
        ),
        visitor.get(f"/auth/{value}", accept="text/html"),
        visitor.get(f"/auth/sign-in?{value}={value}", accept="text/html"),
        visitor.submit("/auth/sign-in", identifier=markup, password=markup, next=markup),
        visitor.submit("/auth/sign-up", email=markup, password=markup, name=markup, next=markup),
        visitor.submit("/auth/forgot", email=markup),
        visitor.submit("/auth/confirm", attempt=markup, code=markup),
        visitor.submit("/auth/sign-in", **{markup: markup}),
    ]
    for answer in answers:
        if (answer.response.header("content-type") or "").startswith("text/html"):
            assert not dangerous(answer.text), answer.text
            assert "unsafe" not in (answer.response.header("content-security-policy") or "")
        else:
            assert answer.response.header("x-content-type-options") == "nosniff"


@pytest.mark.parametrize("markup", MARKUP)
def test_a057_a_name_is_text_wherever_it_is_shown(site: Site, markup: str) -> None:
    visitor = signed_up(site, name=markup)
    visitor.post("/auth/password/forgot", {"email": EMAIL})
    visitor.post("/auth/user/email", {"email": "new@example.org", "password": PASSWORD})
    visitor.post("/auth/attempt/email_code", {"attempt": "x", "code": "x"})
    shown = visitor.get("/auth/account", accept="text/html")
    assert shown.status == 200
    for html in (shown.text, *(mail.html for mail in site.mails())):
        assert not dangerous(html), html
    export = visitor.get("/auth/user/export")
    assert export.json["user"]["name"] == markup
    assert (export.response.header("content-disposition") or "").startswith("attachment")


@pytest.mark.parametrize("local", ["a&b", "a&amp;b", "o'hara", "a`b", "a{{7777777*7}}", "a$x", "a|b", "a+b%0a"])
def test_a057_an_address_is_text_in_its_mail(site: Site, local: str) -> None:
    email = f"{local}@example.org"
    answer = site.visitor().post("/auth/sign-up/password", {"email": email, "password": PASSWORD})
    if answer.status == 202:
        mail = site.mail_to(email)
        assert not dangerous(mail.html)
        assert escape(email) in mail.html


@pytest.mark.parametrize(
    "tail",
    [
        "\r\nBcc: mallory@evil.example",
        "\nBcc: mallory@evil.example",
        "\r",
        "\u2028Bcc: x",
        "\x00",
        "%0d%0aBcc:x",
        "\u0085Bcc: x",
    ],
)
def test_a057_no_name_and_no_address_writes_a_header_of_a_mail(site: Site, tail: str) -> None:
    visitor = site.visitor()
    for email in (
        f"{EMAIL}{tail}",
        f"ada{tail}@example.org",
        f'"ada{tail}"@example.org',
        f"Ada <ada@example.org>{tail}",
    ):
        assert visitor.post("/auth/sign-up/password", {"email": email, "password": PASSWORD}).status == 422
    pending = visitor.post("/auth/sign-up/password", {"email": EMAIL, "password": PASSWORD, "name": f"Ada{tail}"})
    assert pending.status in (202, 422)
    for mail in site.mails():
        assert mail.to == parseaddr(mail.to)[1] == EMAIL
        assert mail.subject.isprintable()


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


def confirm_somebody(site: Site) -> None:
    """Make the account of the first mail, so that the next mails are of another kind."""
    if site.count("users") == 0:
        site.auth.administration.create(email=EMAIL, password=PASSWORD)


class Inspector(HTMLParser):
    """Reads a page as a browser does, and notes what would run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        own = re.fullmatch(r"/auth/static/[\w.]+", attributes.get("src", ""))
        if tag in ("script", "img", "iframe") and not own:
            self.found.append(tag)
        for name, value in attributes.items():
            if name.startswith("on") or re.match(r"\s*(javascript|data):", value, re.IGNORECASE):
                self.found.append(f"{name}={value}" if name not in ("value", "content") else "")
        self.found = [entry for entry in self.found if entry]


def dangerous(html: str) -> list[str]:
    """Return what in a page would run a script or evaluate a template, apart from the site's own file."""
    inspector = Inspector()
    inspector.feed(html)
    return inspector.found + re.findall("54444439", html)
