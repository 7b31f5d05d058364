"""The hosted pages through their forms, without a browser: what each shows, and where it leads."""

import re
from collections.abc import Callable
from typing import get_args
from urllib.parse import quote

import pytest

from tests.support.site import EMAIL, ORIGIN, PASSWORD, Answer, Site, Visitor
from watchword.admission.challenge import RESET_LIFETIME
from watchword.pages.contexts import Notice

PAGE = "text/html"
NEW_PASSWORD = "difference engine no. 2"
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ELSEWHERE = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "/%2F/evil.example",
    "javascript:alert(1)",
    "",
]


@pytest.fixture
def ada(site: Site) -> Visitor:
    """Ada, signed up and signed in."""
    visitor = site.visitor()
    assert visitor.sign_up().status == 200
    return visitor


def show(visitor: Visitor, path: str) -> Answer:
    return visitor.get(path, accept=PAGE)


def led_to(answer: Answer) -> tuple[int, str | None]:
    return answer.status, answer.response.header("location")


def title(answer: Answer) -> str:
    found = re.search(r"<title>(.*?)</title>", answer.text, re.DOTALL)
    assert found, answer.text
    return found[1]


def hidden(answer: Answer, name: str) -> str:
    """Return the value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', answer.text)
    return found[1] if found else ""


def sign_up(visitor: Visitor, **fields: str) -> str:
    """Send the sign-up form; return where it leads."""
    answer = visitor.submit("/auth/sign-up", **{"email": EMAIL, "password": PASSWORD, "name": "Ada", **fields})
    status, place = led_to(answer)
    assert status == 303, answer.text
    return place or ""


def attempt_in(place: str) -> str:
    return place.partition("attempt=")[2].partition("&")[0]


def sign_in(visitor: Visitor, **fields: str) -> Answer:
    return visitor.submit("/auth/sign-in", **{"identifier": EMAIL, "password": PASSWORD, **fields})


def reset_page(site: Site) -> str:
    """Ask for a reset through the page; return the path of the link in the mail."""
    assert site.visitor().submit("/auth/forgot", email=EMAIL).status == 200
    return site.link_for(EMAIL)


def test_a_person_signs_up_through_the_pages_and_lands_where_they_wanted(site: Site):
    visitor = site.visitor()
    form = show(visitor, "/auth/sign-up?next=/notes?page=2")
    assert (form.status, hidden(form, "next")) == (200, "/notes?page=2")
    place = sign_up(visitor, next=hidden(form, "next"))
    shown = show(visitor, place)
    assert (shown.status, "a…@example.org" in shown.text, EMAIL in shown.text) == (200, True, False)
    done = visitor.submit("/auth/confirm", attempt=attempt_in(place), code=site.code_for(EMAIL))
    assert led_to(done) == (303, "/notes?page=2")
    assert visitor.user["name"] == "Ada"


def test_without_a_place_to_go_they_land_at_the_sites_first_page(site: Site):
    visitor = site.visitor()
    place = sign_up(visitor)
    done = visitor.submit("/auth/confirm", attempt=attempt_in(place), code=site.code_for(EMAIL))
    assert led_to(done) == (303, "/")


def test_a_taken_address_leads_to_the_same_page(site: Site, ada: Visitor):
    """CB-157."""
    free, taken = site.visitor(), site.visitor()
    pages = [show(free, sign_up(free, email="adb@example.org")), show(taken, sign_up(taken))]
    first, second = (re.sub(r"att_\w+", "att_", page.text) for page in pages)
    assert first == second


def test_a_mistake_in_the_sign_up_form_is_shown_with_what_was_typed(site: Site):
    answer = site.visitor().submit("/auth/sign-up", email="ada", password="short", name="Ada <3", next="/notes")
    assert answer.status == 422
    assert 'value="Ada &lt;3"' in answer.text
    assert hidden(answer, "next") == "/notes"
    assert answer.text.count("aria-invalid") == 2
    assert "short" not in re.findall(r'value="([^"]*)"', answer.text), "never the password"
    assert site.visitor().submit("/auth/sign-up").status == 422


def test_a_wrong_code_is_said_and_a_new_one_comes_at_a_click(site: Site):
    visitor = site.visitor()
    attempt = attempt_in(sign_up(visitor, next="/notes"))
    wrong = visitor.submit("/auth/confirm", attempt=attempt, code="00000000")
    assert (wrong.status, hidden(wrong, "attempt")) == (422, attempt)
    sent = visitor.submit("/auth/confirm/resend", attempt=attempt)
    assert led_to(sent) == (303, f"/auth/confirm?attempt={attempt}&notice=code_sent")
    assert len(site.mails()) == 2
    done = visitor.submit("/auth/confirm", attempt=attempt, code=site.code_for(EMAIL))
    assert led_to(done) == (303, "/notes")


def test_an_attempt_that_is_not_here_is_over(site: Site):
    mine = attempt_in(sign_up(site.visitor()))
    stranger = site.visitor()
    for attempt in (mine, "", "att_none"):
        assert show(stranger, f"/auth/confirm?attempt={attempt}").status == 410
        assert stranger.submit("/auth/confirm", attempt=attempt, code=site.code_for(EMAIL)).status == 410
        assert stranger.submit("/auth/confirm/resend", attempt=attempt).status == 410
    assert (len(site.mails()), stranger.user) == (1, None)


def test_the_link_in_the_mail_asks_for_a_click_and_signs_in(site: Site):
    visitor = site.visitor()
    sign_up(visitor, next="/notes")
    link = site.link_for(EMAIL)
    shown = show(visitor, link)
    assert (shown.status, "<form" in shown.text, visitor.user) == (200, True, None)
    assert led_to(visitor.submit(link)) == (303, "/notes")
    assert visitor.user["email"] == EMAIL
    again = visitor.submit(link)
    assert (again.status, "<form" in again.text) == (200, False), "used up: it says to look at the other browser"


def test_a_person_signs_in_and_goes_on(site: Site, ada: Visitor):
    visitor = site.visitor()
    form = show(visitor, "/auth/sign-in?next=/notes")
    assert hidden(form, "next") == "/notes"
    assert "/auth/sign-up?next=/notes" in form.text
    assert led_to(sign_in(visitor, next="/notes")) == (303, "/notes")
    assert visitor.user["email"] == EMAIL


def test_a_wrong_password_and_an_unknown_name_show_one_page(site: Site, ada: Visitor):
    """CB-155."""
    wrong = sign_in(site.visitor(), password="another engine no. 1")
    unknown = sign_in(site.visitor(), identifier="eva@example.org")
    assert (wrong.status, wrong.cookies) == (401, [])
    assert wrong.text.replace(EMAIL, "…") == unknown.text.replace("eva@example.org", "…")
    assert f'value="{EMAIL}"' in wrong.text
    assert PASSWORD not in unknown.text
    assert site.visitor().submit("/auth/sign-in").status == 422


@pytest.mark.parametrize("place", ELSEWHERE)
def test_a047_no_page_leads_to_another_site(site: Site, ada: Visitor, place: str):
    """CB-162, CB-280: whatever is asked for, a person stays on this one."""
    visitor = site.visitor()
    assert [hidden(visitor.get(path, accept=PAGE), "next") for path in query(place)] == ["", ""]
    assert led_to(sign_in(visitor, next=place)) == (303, "/")
    assert led_to(show(visitor, query(place)[0])) == (303, "/")
    newcomer = site.visitor()
    attempt = attempt_in(sign_up(newcomer, email="eva@example.org", next=place))
    done = newcomer.submit("/auth/confirm", attempt=attempt, code=site.code_for("eva@example.org"), next=place)
    assert led_to(done) == (303, "/")


def query(place: str) -> list[str]:
    return [f"/auth/{page}?next={quote(place, safe='')}" for page in ("sign-in", "sign-up")]


def test_the_place_to_go_is_the_attempts_and_not_the_forms(site: Site):
    visitor = site.visitor()
    attempt = attempt_in(sign_up(visitor, next="/notes"))
    done = visitor.submit("/auth/confirm", attempt=attempt, code=site.code_for(EMAIL), next="/elsewhere")
    assert led_to(done) == (303, "/notes")


def test_whoever_is_signed_in_goes_on_from_the_sign_in_page(ada: Visitor):
    assert led_to(show(ada, "/auth/sign-in?next=/notes")) == (303, "/notes")
    assert led_to(show(ada, "/auth/sign-in")) == (303, "/")
    assert led_to(show(ada, "/auth")) == (303, "/auth/account")


def test_a_page_for_members_leads_to_sign_in_and_back(site: Site, ada: Visitor):
    visitor = site.visitor()
    status, place = led_to(show(visitor, "/auth/account?notice=profile_saved"))
    assert (status, place) == (303, "/auth/sign-in?next=%2Fauth%2Faccount%3Fnotice%3Dprofile_saved")
    form = show(visitor, place or "")
    assert led_to(sign_in(visitor, next=hidden(form, "next"))) == (303, "/auth/account?notice=profile_saved")
    assert led_to(site.visitor().submit("/auth/account/profile", name="Eva")) == (303, "/auth/sign-in")


def test_a_forgotten_password_is_reset_through_the_pages(site: Site, ada: Visitor):
    """CB-174 and CB-178: looking at the page uses nothing up, and no password is sent back."""
    visitor = site.visitor()
    assert show(visitor, "/auth/forgot").status == 200
    link = reset_page(site)
    assert [show(visitor, link).status for _ in range(2)] == [200, 200]
    refused = visitor.submit(link, password="short")
    assert (refused.status, "short" in re.findall(r'value="([^"]*)"', refused.text)) == (422, False)
    assert led_to(visitor.submit(link, password=NEW_PASSWORD)) == (303, "/auth/sign-in?notice=password_reset")
    notice = show(visitor, "/auth/sign-in?notice=password_reset")
    assert 'role="status"' in notice.text
    assert (visitor.user, ada.user) == (None, None), "nobody is signed in by it"
    assert [show(visitor, link).status, visitor.submit(link, password=NEW_PASSWORD).status] == [410, 410]
    assert sign_in(visitor, password=NEW_PASSWORD).status == 303


def test_a_forgotten_password_shows_the_same_page_for_every_address(site: Site, ada: Visitor):
    """CB-181."""
    known = site.visitor().submit("/auth/forgot", email=EMAIL)
    unknown = site.visitor().submit("/auth/forgot", email="adb@example.org")
    assert (known.status, known.text) == (200, unknown.text)
    assert site.visitor().submit("/auth/forgot", email="ada").status == 422


def test_a_reset_link_that_is_over_offers_a_new_one(site: Site, ada: Visitor):
    link = reset_page(site)
    site.clock.advance(RESET_LIFETIME)
    shown = show(site.visitor(), link)
    assert (shown.status, 'href="/auth/forgot"' in shown.text) == (410, True)


def test_the_account_page_shows_who_one_is_and_where(site: Site, ada: Visitor):
    site.visitor("198.51.100.7").sign_in()
    shown = show(ada, "/auth/account")
    assert shown.status == 200
    assert [EMAIL in shown.text, "198.51.100.7" in shown.text, "Firefox" in shown.text] == [True, True, True]


def test_a_profile_is_saved_and_a_bad_user_name_is_shown_again(ada: Visitor):
    saved = ada.submit("/auth/account/profile", name="Ada L.", user_name="lovelace")
    assert led_to(saved) == (303, "/auth/account?notice=profile_saved")
    assert (ada.user["name"], ada.user["user_name"]) == ("Ada L.", "lovelace")
    refused = ada.submit("/auth/account/profile", name="Ada", user_name="a b")
    assert (refused.status, 'value="a b"' in refused.text) == (422, True)
    assert ada.submit("/auth/account/profile", name="Ada", role="admin").status == 422
    assert ada.user["user_name"] == "lovelace"


def test_an_address_is_changed_through_the_pages(site: Site, ada: Visitor):
    refused = ada.submit("/auth/account/email", email="new@example.org", password="another engine no. 1")
    assert (refused.status, 'value="new@example.org"' in refused.text) == (422, True)
    assert ada.submit("/auth/account/email", email="new@example.org").status == 422
    asked = ada.submit("/auth/account/email", email="new@example.org", password=PASSWORD)
    place = led_to(asked)[1] or ""
    assert place.startswith("/auth/confirm?attempt=att_")
    assert "/auth/account#email-section" in show(ada, place).text
    code = site.code_for("new@example.org")
    done = ada.submit("/auth/confirm", attempt=attempt_in(place), code=code)
    assert led_to(done) == (303, "/auth/account?notice=email_changed")
    assert ada.user["email"] == "new@example.org"


def test_a_password_is_changed_through_the_page(site: Site, ada: Visitor):
    refused = ada.submit("/auth/account/password", current="another engine no. 1", new=NEW_PASSWORD)
    assert refused.status == 422
    assert ada.submit("/auth/account/password", current=PASSWORD, new="short").status == 422
    changed = ada.submit("/auth/account/password", current=PASSWORD, new=NEW_PASSWORD)
    assert led_to(changed) == (303, "/auth/account?notice=password_changed")
    assert ada.user["email"] == EMAIL
    assert sign_in(site.visitor(), password=NEW_PASSWORD).status == 303


def test_sessions_are_ended_through_the_page(site: Site, ada: Visitor):
    phone, tablet = site.visitor(), site.visitor()
    phone.sign_in()
    tablet.sign_in()
    paths = re.findall(r'action="(/auth/account/sessions/ses_\w+/end)"', show(ada, "/auth/account").text)
    assert len(paths) == 2, "this very session has no button"
    assert led_to(ada.submit(paths[0])) == (303, "/auth/account?notice=session_ended")
    assert sorted(visitor.user is None for visitor in (phone, tablet)) == [False, True]
    assert ada.submit(paths[0]).status == 404
    others = ada.submit("/auth/account/sessions/end-others")
    assert led_to(others) == (303, "/auth/account?notice=sessions_ended")
    assert (phone.user, tablet.user, ada.user["email"]) == (None, None, EMAIL)


def test_ones_data_comes_as_a_file(ada: Visitor):
    answer = show(ada, "/auth/account/export")
    assert answer.response.header("content-disposition") == 'attachment; filename="my-data.json"'
    assert answer.json["user"]["email"] == EMAIL


def test_an_account_is_deleted_through_the_page(site: Site, ada: Visitor):
    assert EMAIL in show(ada, "/auth/account/delete").text
    assert ada.submit("/auth/account/delete", password="another engine no. 1").status == 422
    assert ada.submit("/auth/account/delete").status == 422
    gone = ada.submit("/auth/account/delete", password=PASSWORD)
    assert led_to(gone) == (303, "/auth/sign-in?notice=account_deleted")
    assert ("watchword" in ada.cookies, site.count("users")) == (False, 0)


def test_the_last_admin_is_told_why_they_can_not_leave(site: Site, ada: Visitor):
    site.auth.administration.set_role(EMAIL, "admin")
    ada.sign_in()
    assert ada.submit("/auth/account/delete", password=PASSWORD).status == 409


def test_the_sign_out_form_leads_to_good_bye(site: Site, ada: Visitor):
    """CB-033."""
    copied = Visitor(site, cookies=dict(ada.cookies))
    assert led_to(ada.submit("/auth/sign-out")) == (303, "/auth/signed-out")
    assert ("watchword" in ada.cookies, copied.user) == (False, None)
    assert show(ada, "/auth/signed-out").status == 200
    assert led_to(ada.submit("/auth/sign-out")) == (303, "/auth/signed-out")


@pytest.mark.parametrize("notice", get_args(Notice))
def test_what_was_just_done_is_said_once_it_is_done(sqlite_site: Site, notice: str):
    visitor = sqlite_site.visitor()
    said, silent = show(visitor, f"/auth/sign-in?notice={notice}"), show(visitor, "/auth/sign-in?notice=other")
    assert said.text.count('role="status"') == 1
    assert 'role="status"' not in silent.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/auth/nothing", 404),
        ("GET", "/auth/sign-in/", 404),
        ("DELETE", "/auth/sign-in", 405),
        ("GET", "/auth/confirm?attempt=att_none", 410),
        ("GET", "/auth/reset/nothing", 410),
        ("GET", "/auth/setup/nothing", 410),
        ("POST", "/auth/setup/nothing", 410),
        ("GET", "/auth/static/nothing.css", 404),
        ("GET", "/auth/sign-in?next=/a&next=/b", 422),
    ],
)
def test_what_is_not_there_is_an_error_page_of_its_status(sqlite_site: Site, method: str, path: str, status: int):
    body = b"email=ada%40example.org&password=analytical+engine&name=Ada" if method == "POST" else None
    headers = {"accept": PAGE, "content-type": "application/x-www-form-urlencoded"}
    answer = sqlite_site.visitor().send(method, path, raw=body, headers=headers)
    assert (answer.status, answer.response.header("content-type")) == (status, "text/html; charset=utf-8")
    assert 'href="/auth/sign-in"' in answer.text


def test_a_form_from_another_site_or_of_another_type_is_refused_as_a_page(sqlite_site: Site):
    visitor = sqlite_site.visitor()
    form = {"accept": PAGE, "content-type": "application/x-www-form-urlencoded"}
    foreign = visitor.send("POST", "/auth/sign-in", raw=b"", headers={**form, "origin": "https://evil.example"})
    wrong = visitor.send("POST", "/auth/sign-in", raw=b"{}", headers={"accept": PAGE})
    assert [foreign.status, wrong.status] == [403, 415]
    assert title(foreign) != title(wrong)
    assert foreign.text.startswith("<!doctype html>")


PAGES: dict[str, Callable[[Site, Visitor], str]] = {
    "sign in": lambda _site, _visitor: "/auth/sign-in",
    "sign up": lambda _site, _visitor: "/auth/sign-up",
    "code": lambda _site, visitor: sign_up(visitor, email="eva@example.org"),
    "link": lambda site, visitor: sign_up(visitor, email="eva@example.org") and site.link_for("eva@example.org"),
    "link elsewhere": lambda site, _visitor: sign_up(site.visitor()) and site.link_for(EMAIL),
    "forgot": lambda _site, _visitor: "/auth/forgot",
    "reset": lambda site, _visitor: site.visitor().sign_up() and reset_page(site),
    "setup": lambda site, _visitor: (site.auth.first_admin_link(ORIGIN) or "").removeprefix(ORIGIN),
    "signed out": lambda _site, _visitor: "/auth/signed-out",
    "account": lambda _site, visitor: visitor.sign_up() and "/auth/account",
    "delete": lambda _site, visitor: visitor.sign_up() and "/auth/account/delete",
    "error": lambda _site, _visitor: "/auth/nothing",
    "mailbox": lambda _site, _visitor: "/auth/dev/mailbox",
}


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_locked_down_by_its_headers(sqlite_site: Site, name: str):
    """CB-118, CB-179: no page, above all none with a token in its path, tells another site where one was."""
    visitor = sqlite_site.visitor()
    answer = show(visitor, PAGES[name](sqlite_site, visitor))
    headers = {key: answer.response.header(key) for key in ("cache-control", "referrer-policy", "content-language")}
    assert answer.status == (404 if name == "error" else 200)
    assert headers == {"cache-control": "no-store", "referrer-policy": "same-origin", "content-language": "en"}
    assert answer.response.header("x-content-type-options") == "nosniff"
    policy = answer.response.header("content-security-policy")
    assert policy == (f"{POLICY}; frame-src 'self'" if name == "mailbox" else POLICY)
