"""The mailbox of a site in development: as JSON, as a page, and not at all in production."""

import pytest

from tests.support.site import EMAIL, SECRET, Answer, Site, Visitor, make_site
from watchword import SMTP, Password
from watchword.foundation.clock import ManualClock
from watchword.http.request import Request

MAILBOX = "/auth/dev/mailbox"
PAGE = "text/html,application/xhtml+xml;q=0.9"


@pytest.fixture
def visitor(site: Site) -> Visitor:
    """Somebody who was sent a code, then a link."""
    visitor = site.visitor()
    visitor.sign_up()
    visitor.post("/auth/password/forgot", {"email": EMAIL})
    return visitor


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/json, text/html"])
def test_programs_get_the_mail_as_json_newest_first(site: Site, visitor: Visitor, accept: str):
    answer = visitor.get(MAILBOX, accept=accept)
    messages = answer.json["messages"]
    assert (answer.status, answer.response.header("content-type")) == (200, "application/json")
    assert [set(message) for message in messages] == [{"to", "subject", "text", "html", "at"}] * 2
    assert [message["to"] for message in messages] == [EMAIL, EMAIL]
    assert messages[0]["at"] > messages[1]["at"]
    assert "/auth/reset/" in messages[0]["text"]
    assert messages[0]["html"].startswith("<!doctype html>")


def test_browsers_get_a_page_with_each_mail_in_a_frame_of_its_own(site: Site, visitor: Visitor):
    page = visitor.get(MAILBOX, accept=PAGE)
    assert (page.status, page.response.header("content-type")) == (200, "text/html; charset=utf-8")
    for mail in site.mails():
        assert f'src="{MAILBOX}/{mail.id}"' in page.text
        shown = visitor.get(f"{MAILBOX}/{mail.id}", accept=PAGE)
        assert (shown.status, shown.text) == (200, mail.html)
        assert "sandbox" in (shown.response.header("content-security-policy") or "")
        assert "script-src" not in (shown.response.header("content-security-policy") or "")


def test_an_empty_mailbox_is_a_page_too(sqlite_site: Site):
    visitor = sqlite_site.visitor()
    assert visitor.get(MAILBOX, accept=PAGE).status == 200
    assert visitor.get(MAILBOX).json == {"messages": []}
    assert visitor.get(f"{MAILBOX}/out_none", accept=PAGE).status == 404


def test_what_never_leaves_is_not_shown(site: Site, visitor: Visitor):
    visitor.post("/auth/password/forgot", {"email": "nobody@example.org"})
    assert {message["to"] for message in visitor.get(MAILBOX).json["messages"]} == {EMAIL}


def test_it_is_shown_to_this_machine_alone(sqlite_site: Site):
    """Development answers only where it is called by a name of this machine (DNS rebinding)."""
    request = Request("GET", MAILBOX, headers=[(b"host", b"mail.evil.example")], peer="127.0.0.1")
    assert sqlite_site.auth.edge.kernel.handle(request).status == 400


def test_production_has_no_mailbox(store_url: str, clock: ManualClock):
    site = make_site(
        store_url,
        clock,
        mode="production",
        password=Password(),
        secret=SECRET,
        base_url="https://example.org",
        smtp=SMTP(host="127.0.0.1", sender="no-reply@example.org", security="none"),
    )
    answers = [ask(site, path, accept) for path in (MAILBOX, f"{MAILBOX}/out_x") for accept in (PAGE, "*/*")]
    assert [answer.status for answer in answers] == [404] * 4
    assert not any("mailbox" in route.path for route in site.auth.routes)
    site.auth.stop()


def ask(site: Site, path: str, accept: str) -> Answer:
    headers = [(b"host", b"example.org"), (b"accept", accept.encode())]
    return Answer(site.auth.edge.kernel.handle(Request("GET", path, headers=headers, peer="192.0.2.1")))
