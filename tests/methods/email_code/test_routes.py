"""The code and the link that prove an address, told through the HTTP API."""

import pytest

from tests.support.site import EMAIL, PASSWORD, Answer, Site, Visitor
from watchword.admission.challenge import CODE_LIFETIME
from watchword.foundation.clock import HOUR, MINUTE

PAGE = "text/html"


def begin(visitor: Visitor, email: str = EMAIL) -> str:
    """Begin to sign up and return the attempt."""
    return visitor.post("/auth/sign-up/password", {"email": email, "password": PASSWORD}).json["attempt"]


def confirm(visitor: Visitor, attempt: str, code: str) -> Answer:
    return visitor.post("/auth/attempt/email_code", {"attempt": attempt, "code": code})


def resend(visitor: Visitor, attempt: str) -> Answer:
    return visitor.post("/auth/attempt/email_code/send", {"attempt": attempt})


def follow(visitor: Visitor, link: str) -> Answer:
    return visitor.post("/auth/attempt/email_link", {"token": link.removeprefix("/auth/confirm/")})


@pytest.mark.parametrize("typed", ["{0} {1}", "{0}-{1}", " {0}{1} ", "{0}\u00a0{1}", "{0} - {1}"])
def test_a_code_is_taken_as_people_type_it(site: Site, typed: str):
    visitor = site.visitor()
    attempt = begin(visitor)
    code = site.code_for(EMAIL)
    assert confirm(visitor, attempt, typed.format(code[:4], code[4:])).status == 200
    assert visitor.user["email"] == EMAIL


def test_a_code_in_a_mail_has_eight_digits_in_a_text_and_a_page(site: Site):
    """CB-101 to CB-104: enough digits to guard the making of an account, without cases or look-alikes."""
    begin(site.visitor())
    code, mail = site.code_for(EMAIL), site.mail_to(EMAIL)
    assert (len(code), code.isascii(), code.isdecimal()) == (8, True, True)
    assert code in mail.text.replace(" ", "")
    assert code in mail.html.replace(" ", "")


def test_a_wrong_code_says_so_and_changes_nothing(site: Site):
    visitor = site.visitor()
    attempt = begin(visitor)
    refused = confirm(visitor, attempt, "00000000")
    assert (refused.status, refused.code, refused.cookies) == (422, "code_invalid", [])
    assert (site.count("users"), visitor.user, len(site.mails())) == (0, None, 1)


def test_an_expired_code_is_refused_and_a_new_one_is_on_its_way(site: Site):
    """CB-111."""
    visitor = site.visitor()
    attempt = begin(visitor)
    code = site.code_for(EMAIL)
    site.clock.advance(CODE_LIFETIME)
    refused = confirm(visitor, attempt, code)
    assert (refused.status, refused.code) == (422, "code_expired")
    assert len(site.mails()) == 2
    assert confirm(visitor, attempt, site.code_for(EMAIL)).status == 200


def test_a_code_lives_for_ten_minutes_to_the_millisecond(site: Site):
    """CB-107: shorter than the book's quarter of an hour, as ASVS 6.5.5 asks."""
    visitor = site.visitor()
    attempt = begin(visitor)
    site.clock.advance(10 * MINUTE - 2)  # the request itself takes one more
    assert confirm(visitor, attempt, site.code_for(EMAIL)).status == 200


def test_a_new_code_voids_the_earlier_one_and_its_link(site: Site):
    """CB-109, and CB-117: never the same again, for only hashes are stored."""
    visitor = site.visitor()
    attempt = begin(visitor)
    code, link = site.code_for(EMAIL), site.link_for(EMAIL)
    answer = resend(visitor, attempt)
    step = {"method": "email_code", "to": "a…@example.org"}
    assert (answer.status, answer.json) == (202, {"status": "pending", "attempt": attempt, "next": [step]})
    assert site.link_for(EMAIL) != link
    assert confirm(visitor, attempt, code).code == "code_invalid"
    assert follow(visitor, link).code == "link_invalid"
    assert follow(visitor, site.link_for(EMAIL)).status == 200


def test_an_attempt_lives_for_an_hour_however_many_codes_it_gets(site: Site):
    visitor = site.visitor()
    attempt = begin(visitor)
    site.clock.advance(59 * MINUTE)
    assert resend(visitor, attempt).status == 202
    code = site.code_for(EMAIL)
    site.clock.advance(HOUR - 59 * MINUTE)
    refused = [confirm(visitor, attempt, code), resend(visitor, attempt), follow(visitor, site.link_for(EMAIL))]
    assert [(answer.status, answer.code) for answer in refused] == [
        *((410, "attempt_expired"), (410, "attempt_expired"), (410, "link_invalid")),
    ]


def test_a_new_code_is_sent_only_to_the_browser_that_began(site: Site):
    attempt = begin(site.visitor())
    stranger = site.visitor()
    begin(stranger, "eva@example.org")
    mails = len(site.mails())
    assert resend(stranger, attempt).code == "attempt_expired"
    assert len(site.mails()) == mails


def test_a_code_proves_the_address_it_was_sent_to_and_no_other(site: Site):
    """CB-106: of two attempts in one browser, each takes its own code alone."""
    visitor = site.visitor()
    mine, other = begin(visitor), begin(visitor, "eva@example.org")
    assert confirm(visitor, other, site.code_for(EMAIL)).code == "code_invalid"
    assert confirm(visitor, mine, site.code_for("eva@example.org")).code == "code_invalid"
    assert confirm(visitor, mine, site.code_for(EMAIL)).json["session"]["user"]["email"] == EMAIL


def test_a_link_in_another_browser_confirms_nothing_there_and_stays_good(site: Site):
    """CB-114: whoever opens it may not be the one who signed up."""
    visitor, other = site.visitor(), site.visitor()
    begin(visitor)
    link = site.link_for(EMAIL)
    refused = follow(other, link)
    assert (refused.status, refused.code) == (410, "link_invalid")
    shown = other.get(link, accept=PAGE)
    assert shown.status == 200
    assert "<form" not in shown.text
    assert other.submit(link).status == 200
    assert (site.count("users"), other.user) == (0, None)
    assert follow(visitor, link).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_scanner_that_opens_the_link_confirms_nothing(site: Site, method: str):
    """CB-064: even with the cookies of the browser that began."""
    visitor = site.visitor()
    begin(visitor)
    link = site.link_for(EMAIL)
    scanners = [site.visitor(), Visitor(site, cookies=dict(visitor.cookies))]
    for scanner in scanners:
        for _ in range(2):
            assert scanner.send(method, link, headers={"accept": PAGE}).status == 200
    assert (site.count("users"), site.count("sessions")) == (0, 0)
    assert follow(visitor, link).status == 200


def test_a_link_works_once_and_uses_its_code_up(site: Site):
    """CB-115."""
    visitor = site.visitor()
    attempt = begin(visitor)
    code, link = site.code_for(EMAIL), site.link_for(EMAIL)
    assert follow(visitor, link).status == 200
    assert follow(visitor, link).code == "link_invalid"
    assert confirm(visitor, attempt, code).code == "attempt_expired"


def test_a_taken_address_takes_no_code_and_looks_like_any_other(site: Site):
    site.visitor().sign_up()
    visitor = site.visitor()
    attempt = begin(visitor)
    tries = [confirm(visitor, attempt, "00000000").code for _ in range(6)]
    assert tries == ["code_invalid"] * 5 + ["code_expired"]
    assert resend(visitor, attempt).status == 202
    assert (site.count("users"), visitor.user) == (1, None)
