"""The pages of second factors, by plain forms: nothing here needs a script."""

import html
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.factors import App, begin, member, session_of, show
from tests.support.site import EMAIL, PASSWORD, Answer, Site, Visitor, make_site
from watchword import SecondFactor
from watchword.foundation.clock import MINUTE, ManualClock

HTML = {"accept": "text/html"}


def location(answer: Answer) -> str:
    assert answer.status == 303, answer.text[:500]
    return answer.response.header("location") or ""


def page(visitor: Visitor, path: str) -> Answer:
    return visitor.get(path, **HTML)


def field(answer: Answer, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', answer.text)
    assert found, answer.text
    return html.unescape(found[1])


def sign_in(visitor: Visitor, next_page: str = "") -> str:
    answer = visitor.submit("/auth/sign-in", identifier=EMAIL, password=PASSWORD, next=next_page)
    return parse_qs(urlsplit(location(answer)).query)["attempt"][0]


def secret_in(answer: Answer) -> str:
    found = re.search(r'id="secret">([A-Z2-7 ]+)<', answer.text)
    assert found, answer.text
    return found[1].replace(" ", "")


def test_a_sign_in_goes_on_to_the_code_and_then_to_the_page_that_was_wanted(site: Site):
    """A wrong code shows the form again; the right one leads on."""
    _, app = member(site)
    visitor = site.visitor()
    attempt = sign_in(visitor, "/notes?tag=1")
    shown = page(visitor, f"/auth/second-factor?attempt={attempt}")
    assert (shown.status, field(shown, "attempt"), field(shown, "next")) == (200, attempt, "/notes?tag=1")
    wrong = visitor.submit("/auth/second-factor/totp", attempt=attempt, code="000000", next="/notes?tag=1")
    assert (wrong.status, "This code is not right" in wrong.text) == (422, True)
    right = visitor.submit("/auth/second-factor/totp", attempt=attempt, code=app.wait(), next="/notes?tag=1")
    assert location(right) == "/notes?tag=1"
    assert session_of(visitor)["assurance"] == "aal2"


@pytest.mark.parametrize("evil", ["https://evil.example", "//evil.example", "/\\evil.example"])
def test_a047_the_second_factor_leads_to_no_other_site(sqlite_site: Site, evil: str):
    """`next` is a path of this site, here as everywhere."""
    _, app = member(sqlite_site)
    visitor = sqlite_site.visitor()
    attempt = sign_in(visitor)
    answer = visitor.submit("/auth/second-factor/totp", attempt=attempt, code=app.wait(), next=evil)
    assert location(answer) == "/"
    shown = page(visitor, f"/auth/step-up?next={evil}")
    assert field(shown, "next") == "/auth/account"


def test_an_attempt_of_another_browser_has_no_page(sqlite_site: Site):
    """It is over, as far as this browser may know."""
    member(sqlite_site)
    attempt = sign_in(sqlite_site.visitor())
    assert page(sqlite_site.visitor(), f"/auth/second-factor?attempt={attempt}").status == 410
    assert page(sqlite_site.visitor(), "/auth/second-factor").status == 410


def test_opening_the_pages_changes_nothing(sqlite_site: Site):
    """A prefetch begins no attempt (A95)."""
    visitor, _ = member(sqlite_site)
    before = sqlite_site.count("attempts")
    assert page(visitor, "/auth/step-up?next=/notes").status == 200
    assert page(visitor, "/auth/step-up?next=/notes&level=aal2").status == 200
    assert page(visitor, "/auth/account").status == 200
    assert sqlite_site.count("attempts") == before


def test_a_sensitive_change_leads_through_the_code_and_back(site: Site):
    """Removing the app, ten minutes later."""
    visitor, app = member(site)
    site.clock.advance(11 * MINUTE)
    asked = location(visitor.submit("/auth/account/totp/remove"))
    assert asked.startswith("/auth/step-up?next=%2Fauth%2Faccount")
    shown = page(visitor, asked)
    assert "once more" in shown.text
    proven = visitor.submit("/auth/second-factor/totp", code=app.code(), next=field(shown, "next"))
    assert location(proven) == "/auth/account"
    removed = location(visitor.submit("/auth/account/totp/remove"))
    assert removed == "/auth/account?notice=totp_removed#factors"


def test_without_a_second_factor_the_password_is_asked_for(sqlite_site: Site):
    """And shown again where it is wrong."""
    visitor = sqlite_site.visitor()
    visitor.sign_up()
    sqlite_site.clock.advance(11 * MINUTE)
    asked = location(visitor.submit("/auth/account/totp"))
    assert asked.startswith("/auth/step-up?")
    wrong = visitor.submit("/auth/second-factor/password", password="no password 99", next="/auth/account")
    assert wrong.status == 422
    attempt = field(wrong, "attempt")
    right = visitor.submit("/auth/second-factor/password", attempt=attempt, password=PASSWORD, next="/auth/account")
    assert location(right) == "/auth/account"
    shown = visitor.submit("/auth/account/totp")
    assert shown.status == 200
    app = App(sqlite_site, secret_in(shown))
    attempt = field(shown, "attempt")
    again = visitor.submit("/auth/second-factor/confirm", attempt=attempt, code="000000")
    assert (again.status, secret_in(again)) == (422, app.secret)
    done = visitor.submit("/auth/second-factor/confirm", attempt=attempt, code=app.code())
    assert location(done) == "/auth/account?notice=totp_added#factors"
    account = page(visitor, location(done))
    assert "Your authenticator app is set up" in account.text
    codes = visitor.submit("/auth/account/recovery-codes")
    assert len(re.findall(r"<li>[a-z2-7-]{19}</li>", codes.text)) == 10


def test_where_it_is_required_the_pages_set_it_up_and_lead_on(sqlite_url: str, clock: ManualClock):
    """Sign-up, set-up, and the page that was wanted."""
    site = make_site(sqlite_url, clock, second_factor=SecondFactor(mode="required"))
    visitor = site.visitor()
    pending = visitor.submit("/auth/sign-up", email=EMAIL, password=PASSWORD, next="/notes")
    attempt = parse_qs(urlsplit(location(pending)).query)["attempt"][0]
    confirmed = location(visitor.submit("/auth/confirm", attempt=attempt, code=site.code_for(EMAIL)))
    assert confirmed.startswith("/auth/second-factor?")
    shown = page(visitor, confirmed)
    assert "Set one up now" in shown.text
    body = {"attempt": field(shown, "attempt"), "next": field(shown, "next")}
    setup = visitor.submit("/auth/second-factor/enrol", **body)
    code = App(site, secret_in(setup)).code()
    done = visitor.submit(
        "/auth/second-factor/confirm", attempt=field(setup, "attempt"), next=field(setup, "next"), code=code
    )
    assert location(done) == "/notes"
    assert session_of(visitor)["assurance"] == "aal2"
    site.auth.stop()


def test_a_level_that_nobody_has_yet_is_set_up_on_the_way(sqlite_site: Site):
    """A guard with `assurance="aal2"` leads somebody without a second factor to one, and back."""
    visitor = sqlite_site.visitor()
    visitor.sign_up()
    shown = page(visitor, "/auth/step-up?next=/vault&level=aal2")
    assert "Set up an authenticator app" in shown.text
    setup = visitor.submit("/auth/second-factor/enrol", next=field(shown, "next"))
    code = App(sqlite_site, secret_in(setup)).code()
    done = visitor.submit(
        "/auth/second-factor/confirm", attempt=field(setup, "attempt"), next=field(setup, "next"), code=code
    )
    assert location(done) == "/vault"


def test_a_reset_asks_for_the_code(sqlite_site: Site):
    """And signs in when it is shown."""
    _, app = member(sqlite_site)
    visitor = sqlite_site.visitor()
    visitor.submit("/auth/forgot", email=EMAIL)
    link = sqlite_site.link_for(EMAIL)
    asked = location(visitor.submit(link, password="a whole other password 7"))
    attempt = parse_qs(urlsplit(asked).query)["attempt"][0]
    assert location(visitor.submit("/auth/second-factor/totp", attempt=attempt, code=app.wait())) == "/"
    assert session_of(visitor)["assurance"] == "aal2"


def test_the_lost_factor_is_replaced_by_a_recovery_code(sqlite_site: Site):
    """On the same page."""
    visitor, _ = member(sqlite_site)
    codes = visitor.post("/auth/recovery-codes").json["codes"]
    other = sqlite_site.visitor()
    attempt = sign_in(other)
    assert "lost my second factor" in page(other, f"/auth/second-factor?attempt={attempt}").text
    done = other.submit("/auth/second-factor/recovery_code", attempt=attempt, recovery_code=codes[3])
    assert location(done) == "/"


def test_an_administrators_way_back(sqlite_site: Site):
    """All factors and sessions are gone, the owner is told, and the password alone signs in again."""
    visitor, _ = member(sqlite_site)
    pending = begin(sqlite_site.visitor())
    sqlite_site.auth.administration.forget_factors(EMAIL)
    assert session_of(visitor) is None
    assert "were removed" in sqlite_site.mail_to(EMAIL).subject
    other = sqlite_site.visitor()
    assert show(other, pending["attempt"], "123456").status == 410
    assert other.sign_in().status == 200


def test_a_browser_that_has_lost_its_name_gets_another_on_the_way(sqlite_site: Site):
    """A session without the browser's cookie steps up all the same, and sets an app up."""
    visitor, app = member(sqlite_site)
    sqlite_site.clock.advance(11 * MINUTE)
    del visitor.cookies["watchword-browser"]
    led = location(visitor.submit("/auth/second-factor/totp", code=app.code(), next="/notes"))
    assert led.startswith("/auth/second-factor?attempt=")
    attempt = field(page(visitor, led), "attempt")
    assert (
        location(visitor.submit("/auth/second-factor/totp", attempt=attempt, code=app.code(), next="/notes"))
        == "/notes"
    )
    assert visitor.delete("/auth/totp").status == 200
    del visitor.cookies["watchword-browser"]
    setup = visitor.submit("/auth/account/totp")
    confirm = {"attempt": field(setup, "attempt"), "code": App(sqlite_site, secret_in(setup)).code()}
    assert location(visitor.submit("/auth/second-factor/confirm", **confirm)).startswith("/auth/account")
