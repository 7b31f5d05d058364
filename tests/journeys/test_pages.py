"""People's stories in a real Chromium, on the real example served by a real server."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.chromium import screenshot
from tests.support.server import Server, free_port, running
from watchword import Auth
from watchword.foundation.clock import SystemClock

pytestmark = pytest.mark.browser
PASSWORD = "analytical engine no. 1"
NewPage = Callable[..., Page]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The notes example, as `scripts/serve` runs it."""
    folder = tmp_path_factory.mktemp("notes")
    port = free_port()
    environment = {"NOTES_DATA": str(folder), "NO_PROXY": "*"}
    with running("examples.notes.app:app", folder / "log", environment=environment, port=port) as server:
        yield server


@pytest.fixture
def auth(server: Server) -> Iterator[Auth]:
    """The example's `Auth`, from another process: what its operator has."""
    auth = Auth(store=f"sqlite:///{server.log.parent}/accounts.sqlite3", clock=SystemClock(), environ={})
    yield auth
    auth.store.close()


def newest_mail(server: Server, address: str) -> str:
    """Return the text of the newest mail to this address, once it has left."""
    transport = httpx.HTTPTransport(retries=2)
    with httpx.Client(transport=transport, trust_env=False) as client:
        for _ in range(500):
            messages = client.get(f"{server.url}/auth/dev/mailbox").json()["messages"]
            found = [message["text"] for message in messages if message["to"] == address]
            if found:
                return found[0]
    raise AssertionError(f"no mail to {address}")


def code_in(text: str) -> str:
    found = re.search(r"(?<!\d)\d{8}(?!\d)", text)
    assert found, text
    return found[0]


def link_in(text: str, part: str) -> str:
    return next(link for link in re.findall(r"https?://\S+", text) if part in link)


def sign_up(page: Page, server: Server, email: str) -> None:
    page.goto(f"{server.url}/auth/sign-up?next=/notes")
    page.get_by_label("Name").fill("Ada Lovelace")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Continue").click()
    page.get_by_label("Code").fill(code_in(newest_mail(server, email)))
    page.wait_for_url("**/notes")


def sign_in(page: Page, server: Server, email: str, password: str = PASSWORD) -> None:
    page.goto(f"{server.url}/auth/sign-in?next=/notes")
    page.get_by_label(re.compile("E-mail")).fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()


@pytest.mark.parametrize("java_script", [True, False], ids=["with-java-script", "without-java-script"])
def test_a_person_signs_up_confirms_and_reaches_the_guarded_page(
    server: Server, new_page: NewPage, java_script: bool
) -> None:
    page = new_page(java_script_enabled=java_script)
    email = f"ada-{java_script}@example.org".lower()
    page.goto(f"{server.url}/notes")
    expect(page).to_have_url(re.compile(r"/auth/sign-in\?next=%2Fnotes"))
    screenshot(page, "1-sign-in")
    page.get_by_role("link", name=re.compile("Create|Sign up")).click()
    screenshot(page, "2-sign-up")
    page.get_by_label("Name").fill("Ada")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill("password1")
    page.get_by_role("main").get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_be_visible()
    screenshot(page, "3-common-password-refused")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Continue").click()
    expect(page).to_have_url(re.compile("/auth/confirm"))
    page.get_by_label("Code").fill("0000 000")
    page.get_by_role("button", name="Confirm", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    screenshot(page, "4-wrong-code")
    code = code_in(newest_mail(server, email))
    page.get_by_label("Code").fill(code)
    if not java_script:
        page.get_by_role("button", name="Confirm", exact=True).click()
    page.wait_for_url("**/notes")
    screenshot(page, "5-guarded-page")


def test_the_link_from_the_mail_confirms_only_in_the_browser_that_began(server: Server, new_page: NewPage) -> None:
    here, elsewhere = new_page(), new_page()
    here.goto(f"{server.url}/auth/sign-up?next=/notes")
    here.get_by_label("E-mail").fill("link@example.org")
    here.get_by_label("Password", exact=True).fill(PASSWORD)
    here.get_by_role("main").get_by_role("button", name="Continue").click()
    expect(here).to_have_url(re.compile("/auth/confirm"))
    link = link_in(newest_mail(server, "link@example.org"), "/auth/confirm/")
    elsewhere.goto(link)
    expect(elsewhere.get_by_role("button", name="Confirm", exact=True)).to_have_count(0)
    screenshot(elsewhere, "1-another-browser")
    here.goto(link)
    screenshot(here, "2-one-button")
    here.get_by_role("main").get_by_role("button").click()
    here.wait_for_url("**/notes")


def test_a_forgotten_password_is_reset_by_mail(server: Server, new_page: NewPage) -> None:
    page = new_page()
    sign_up(page, server, "forgetful@example.org")
    other = new_page()
    other.goto(f"{server.url}/auth/forgot")
    other.get_by_label("E-mail").fill("forgetful@example.org")
    other.get_by_role("main").get_by_role("button").click()
    screenshot(other, "1-mail-is-on-its-way")
    other.goto(link_in(newest_mail(server, "forgetful@example.org"), "/auth/reset/"))
    other.get_by_label("New password", exact=True).fill("a new engine altogether")
    other.get_by_role("main").get_by_role("button", name="Save new password").click()
    expect(other).to_have_url(re.compile("/auth/sign-in"))
    screenshot(other, "2-sign-in-with-the-new-one")
    page.goto(f"{server.url}/notes")
    expect(page).to_have_url(re.compile("/auth/sign-in"))
    sign_in(other, server, "forgetful@example.org", "a new engine altogether")
    other.wait_for_url("**/notes")


def test_the_list_of_sessions_ends_another_browsers_session(server: Server, new_page: NewPage) -> None:
    page, other = new_page(), new_page(user_agent="Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) Safari/605.1")
    sign_up(page, server, "two@example.org")
    sign_in(other, server, "two@example.org")
    other.wait_for_url("**/notes")
    page.goto(f"{server.url}/auth/account")
    screenshot(page, "1-two-sessions")
    page.get_by_role("button", name="Sign out Safari on iPhone").click()
    expect(page.get_by_text("iPhone")).to_have_count(0)
    other.goto(f"{server.url}/notes")
    expect(other).to_have_url(re.compile("/auth/sign-in"))
    page.goto(f"{server.url}/notes")
    expect(page).to_have_url(re.compile("/notes"))


def test_the_first_admin_comes_by_the_link_and_others_are_kept_out(
    server: Server, auth: Auth, new_page: NewPage
) -> None:
    link = auth.first_admin_link(server.url)
    assert link is not None
    page = new_page()
    page.goto(link)
    page.get_by_label("E-mail").fill("admin@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    screenshot(page, "1-first-admin")
    page.get_by_role("main").get_by_role("button", name="Create admin account").click()
    page.goto(f"{server.url}/admin")
    expect(page.get_by_text("admin@example.org").first).to_be_visible()
    screenshot(page, "2-list-of-users")
    person = new_page()
    sign_up(person, server, "person@example.org")
    answer = person.goto(f"{server.url}/admin")
    assert answer is not None
    assert answer.status == 403
    screenshot(person, "3-not-for-others")
    page.goto(link)
    expect(page.get_by_label("Password", exact=True)).to_have_count(0)


def test_a_person_changes_address_and_password_takes_their_data_and_leaves(server: Server, new_page: NewPage) -> None:
    page = new_page()
    sign_up(page, server, "leaving@example.org")
    page.goto(f"{server.url}/auth/account")
    page.get_by_label("New e-mail address").fill("moved@example.org")
    page.locator("#email-section").get_by_label("Current password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Change address").click()
    page.get_by_label("Code").fill(code_in(newest_mail(server, "moved@example.org")))
    page.wait_for_url("**/auth/account?notice=email_changed*")
    screenshot(page, "1-moved")
    assert "moved@example.org" in newest_mail(server, "leaving@example.org")
    section = page.locator("#password-section")
    section.get_by_label("Current password", exact=True).fill(PASSWORD)
    section.get_by_label("New password", exact=True).fill("difference engine no. 2")
    page.get_by_role("button", name="Change password").click()
    page.wait_for_url("**/auth/account?notice=password_changed*")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download", exact=True).click()
    assert "moved@example.org" in Path(download.value.path()).read_text()
    page.goto(f"{server.url}/auth/account/delete")
    page.get_by_label("Current password", exact=True).fill("difference engine no. 2")
    screenshot(page, "2-delete")
    page.get_by_role("button", name=re.compile("Delete")).click()
    expect(page).to_have_url(re.compile("notice=account_deleted"))
    sign_in(page, server, "moved@example.org", "difference engine no. 2")
    expect(page.get_by_role("alert")).to_be_visible()


def test_the_pages_speak_german_to_a_german_browser_on_a_phone_in_the_dark(server: Server, new_page: NewPage) -> None:
    page = new_page(locale="de-DE", viewport={"width": 375, "height": 720}, color_scheme="dark")
    page.goto(f"{server.url}/auth/sign-in")
    expect(page.get_by_role("main").get_by_role("button", name="Anmelden", exact=True)).to_be_visible()
    screenshot(page, "1-german-phone-dark")
