"""Chapter 3, the second half: host names, frames, and markup (A51 to A57)."""

import json
import re
from email.utils import parseaddr
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from markupsafe import escape

from tests.attacks.wire import JSON, Lines, send, signed_up
from tests.support.site import EMAIL, HOST, ORIGIN, PASSWORD, Site

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
