"""The React part in a real Chromium, against a real server: hooks, guards of the view, components."""

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.clients.conftest import PASSWORD, Site, write_page
from tests.journeys.test_passkeys import Device
from tests.pages.test_accessibility import violations
from tests.support.chromium import screenshot
from tests.support.client import run

pytestmark = pytest.mark.browser


def opened(page: Page, site: Site, view: str, react: str = "react", query: str = "") -> list[str]:
    """Open a view; what the console complains of is collected."""
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.goto(f"{site.url}/pages/{react}.html?view={view}{query}")
    return complaints


def signed_in(page: Page, site: Site, email: str, role: str = "user", name: str = "Ada") -> str:
    """Make an account and sign it in, in this page's browser; return its id."""
    user_id = site.account(email, role=role, name=name)
    answer = page.request.post(
        f"{site.url}/auth/sign-in/password",
        data={"identifier": email, "password": PASSWORD},
        headers={"origin": site.url},
    )
    assert answer.ok, answer.text()
    return user_id


@pytest.mark.parametrize("react", ["react", pytest.param("react18", marks=pytest.mark.all)])
def test_the_view_follows_the_session_in_strict_mode(client_site: Site, page: Page, react: str):
    """React 18 and 19: nobody, a user, an admin; one question is asked as the page opens, though effects run twice."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/auth/session") else None)
    complaints = opened(page, client_site, "rights", react)
    expect(page.locator("#status")).to_have_text("signed_out")
    for text in ("outside", "no admin", "sign in first"):
        expect(page.get_by_text(text, exact=True)).to_be_visible()
    assert len(asked) == 1
    signed_in(page, client_site, f"admin@{react}.example.org", "admin")
    page.evaluate("dispatchEvent(new Event('focus'))")
    for text in ("admin", "inside", "may write"):
        expect(page.get_by_text(text, exact=True)).to_be_visible()
    assert violations(page) == []
    page.get_by_text("Ada", exact=True).click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("outside", exact=True)).to_be_visible()
    assert complaints == []


def test_a_user_id_leads_swr_to_the_persons_own_data(client_site: Site, page: Page):
    """The guide's `Profile`: `useSession()` gives `userId`, and `/api/user/${userId}` answers."""
    signed_in(page, client_site, "swr@example.org", name="Grace")
    opened(page, client_site, "profile")
    expect(page.locator("#profile")).to_have_text("Hello Grace")


def test_a_page_rendered_by_the_server_shows_its_person_at_once(client_site: Site, client_package: Path, page: Page):
    """No flash and no mismatch: the first picture is the server's, and no question is asked for it."""
    signed_in(page, client_site, "hydrated@example.org", "admin")
    session = page.request.get(f"{client_site.url}/auth/session").json()["session"]
    rendered = render(client_package, {"view": "rights", "session": session})
    assert ">admin<" in rendered and "signed_in" in rendered
    root = f'<div id="root" data-session="{html.escape(json.dumps(session))}">{rendered}</div>'
    write_page(client_site.pages, "hydrated", "react", root)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/auth/" in request.url else None)
    complaints = opened(page, client_site, "rights", "hydrated")
    page.evaluate("""() => {
        window.pictures = new Set([document.querySelector('#status').textContent])
        new MutationObserver(() => pictures.add(document.querySelector('#status')?.textContent))
            .observe(document.body, { subtree: true, childList: true, characterData: true })
    }""")
    page.wait_for_function("'promised' in window")
    page.evaluate("new Promise(requestAnimationFrame)")
    assert page.evaluate("[...pictures]") == ["signed_in"]
    assert (asked, complaints) == ([], [])
    client_site.auth.administration.end_sessions("hydrated@example.org")
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(page.get_by_text("outside", exact=True)).to_be_visible()


def render(package: Path, given: dict[str, Any]) -> str:
    """Return what a server without a DOM makes of the view."""
    return run(package, "node", "bundled/server.cjs", json.dumps(given))


def test_who_is_not_known_yet_is_nobody_and_nobody_in_particular(client_package: Path):
    """Rendered on a server without a session: neither what is for people inside, nor what is for those outside."""
    rendered = render(client_package, {"view": "rights"})
    assert ">wait<" in rendered
    assert not re.search("inside|outside|>admin<", rendered)


def test_a_promised_session_suspends_those_who_ask(client_site: Site, page: Page):
    """A server component need not wait for it: React shows the nearest fallback until it is there."""
    signed_in(page, client_site, "promised@example.org")
    session = page.request.get(f"{client_site.url}/auth/session").json()["session"]
    opened(page, client_site, "nothing")
    page.wait_for_function("'promised' in window")
    page.evaluate("(session) => promised(session)", session)
    expect(page.locator("#status")).to_have_text("suspended")
    page.evaluate("settle()")
    expect(page.locator("#status")).to_have_text("signed_in")


def test_a_person_signs_in_with_the_component_and_is_told_what_is_wrong(client_site: Site, page: Page):
    """The refusal is said aloud; then on to the page that `next` names. Nothing that axe finds, and a picture."""
    client_site.account("component@example.org")
    opened(page, client_site, "sign-in", query="&next=/pages/react.html?view=rights")
    page.get_by_label("E-mail or user name").fill("component@example.org")
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("The name or the password is not right")
    assert violations(page) == []
    screenshot(page, "sign-in")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/pages/react.html?view=rights")
    expect(page.get_by_text("inside", exact=True)).to_be_visible()


def test_a_person_signs_up_with_the_component_then_adds_and_uses_a_passkey(client_site: Site, page: Page):
    """Password, code from the mail, a passkey in the account, and in again with it."""
    device = Device(page)
    opened(page, client_site, "sign-up")
    page.get_by_label("Name").fill("Grace")
    page.get_by_label("E-mail").fill("grace@example.org")
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_label("Password")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_label("Code from the mail")).to_be_focused()
    assert violations(page) == []
    page.get_by_label("Code from the mail").fill(client_site.code_for("grace@example.org"))
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/pages/react.html?view=rights")
    opened(page, client_site, "account")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("button", name="Remove")).to_be_visible()
    assert len(device.credentials()) == 1
    assert violations(page) == []
    screenshot(page, "account")
    page.get_by_label("Name").fill("Grace Hopper")
    page.get_by_role("button", name="Save").first.click()
    opened(page, client_site, "rights")
    page.get_by_text("Grace Hopper").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("outside", exact=True)).to_be_visible()
    page.goto(f"{client_site.url}/pages/react.html?view=sign-in&next=/pages/react.html?view=rights")
    page.wait_for_url("**/pages/react.html?view=rights")
    expect(page.get_by_text("inside", exact=True)).to_be_visible()


def test_an_action_is_run_by_a_hook(client_site: Site, page: Page):
    """Its answer, or what was wrong with its arguments, is there to show."""
    signed_in(page, client_site, "hook@example.org")
    opened(page, client_site, "greeting")
    page.get_by_role("button", name="Load").click()
    page.get_by_role("button", name="Greet", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("Hello Ada")
    page.get_by_role("button", name="Greet nobody").click()
    expect(page.get_by_role("alert")).to_have_text("the name of somebody")
