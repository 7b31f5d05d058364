"""What could go wrong in the browser: attacks on who uses the client, and stale or false knowledge of a session."""

import pytest
from playwright.sync_api import Page, expect

from tests.clients.conftest import PASSWORD, Site
from tests.clients.test_react import opened, signed_in

pytestmark = pytest.mark.browser
ELSEWHERE = (
    "//evil.example",
    "/\\evil.example",
    "https:evil.example",
    "https://evil.example/",
    "javascript:alert(1)",
    "/%2f%2fevil.example",
    "/%252f%252fevil.example",
    "/%5cevil.example",
    "/a/../..//evil.example",
    "/%2e%2e//evil.example",
    "/\t/evil.example",
    "\n//evil.example",
    "/ok\u2028",
    "@evil.example",
    "/" + "a" * 2_000,
    "",
)
WITHIN = ("/", "/notes?x=//y#//z", "/a/b%20c", "/a?next=https://evil.example")


def test_a_next_page_of_another_site_is_not_gone_to(client_site: Site, page: Page):
    """Open redirect through `next`: the rule is the server's, tried in the browser that would follow it."""
    page.goto(f"{client_site.url}/pages/core.html")
    page.wait_for_function("window.client")
    assert page.evaluate("(all) => all.map((next) => watchword.safeNext(next))", ELSEWHERE) == ["/"] * len(ELSEWHERE)
    assert page.evaluate("(all) => all.map((next) => watchword.safeNext(next))", WITHIN) == list(WITHIN)
    for next_page in (*ELSEWHERE, *WITHIN):
        leads = "(next) => new URL(watchword.safeNext(next), location.href).origin === location.origin"
        assert page.evaluate(leads, next_page)


def test_the_sign_in_component_goes_nowhere_else(client_site: Site, page: Page):
    """`?next=//evil.example` on the page of the component leads home."""
    client_site.account("led@example.org")
    opened(page, client_site, "sign-in", query="&next=//evil.example/")
    page.get_by_label("E-mail or user name").fill("led@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{client_site.url}/")


def test_the_back_button_shows_no_page_of_a_person_who_signed_out(client_site: Site, page: Page):
    """The page is kept for the back button without its person, and asks again as it comes back."""
    signed_in(page, client_site, "back@example.org")
    opened(page, client_site, "rights")
    expect(page.get_by_text("inside", exact=True)).to_be_visible()
    page.evaluate("""() => {
        window.shown = []
        dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))
    }""")
    expect(page.locator("#status")).to_have_text("loading")
    assert page.get_by_text("inside", exact=True).count() == 0
    page.request.post(f"{client_site.url}/auth/sign-out", headers={"origin": client_site.url})
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(page.get_by_text("outside", exact=True)).to_be_visible()


def test_a_role_taken_away_elsewhere_is_gone_here(client_site: Site, page: Page):
    """Stale role: at the next focus, or at the first call that is refused; the server never believed it."""
    signed_in(page, client_site, "demoted@example.org", "admin")
    opened(page, client_site, "rights")
    expect(page.get_by_text("admin", exact=True)).to_be_visible()
    client_site.auth.administration.set_role("demoted@example.org", "user")
    assert page.request.get(f"{client_site.url}/api/admin").status == 401
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(page.get_by_text("no admin", exact=True)).to_be_visible()
    signed_in_again = page.request.post(
        f"{client_site.url}/auth/sign-in/password",
        data={"identifier": "demoted@example.org", "password": PASSWORD},
        headers={"origin": client_site.url},
    )
    assert signed_in_again.ok
    assert page.request.get(f"{client_site.url}/api/admin").status == 403


def test_a_refused_call_makes_the_page_look_again(client_site: Site, page: Page):
    """A 401 says that what the page shows is out of date."""
    signed_in(page, client_site, "refused@example.org")
    page.goto(f"{client_site.url}/pages/core.html")
    page.wait_for_function("window.client")
    page.evaluate("void client.session.subscribe(() => {})")
    page.wait_for_function("client.session.get().status === 'signed_in'")
    client_site.auth.administration.end_sessions("refused@example.org")
    page.evaluate("client.call('GET', '/sessions').catch(() => {})")
    page.wait_for_function("client.session.get().status === 'signed_out'")


@pytest.mark.parametrize("year", [2061, pytest.param(2001, marks=pytest.mark.all)])
def test_a_browsers_clock_says_nothing_of_a_session(client_site: Site, page: Page, year: int):
    """Clock skew: decades off, a session lives as the server says."""
    signed_in(page, client_site, f"skew{year}@example.org")
    page.clock.install(time=f"{year}-01-01T00:00:00Z")
    opened(page, client_site, "rights")
    page.clock.run_for(1_000)
    expect(page.get_by_text("inside", exact=True)).to_be_visible()


def test_a_message_of_another_tab_can_not_sign_anybody_in(client_site: Site, page: Page):
    """Whatever is said on the channel between tabs, who is here comes from the server."""
    page.goto(f"{client_site.url}/pages/core.html")
    page.wait_for_function("window.client")
    page.evaluate("void client.session.subscribe(() => seen.push(client.session.get().status))")
    page.wait_for_function("client.session.get().status === 'signed_out'")
    page.evaluate("""() => {
        const channel = new BroadcastChannel('watchword:/auth')
        channel.postMessage({ status: 'signed_in', session: { user: { role: 'admin' } } })
        channel.postMessage('changed')
    }""")
    page.evaluate("client.session.refresh()")
    assert page.evaluate("[...new Set(seen)]") == ["signed_out"]
