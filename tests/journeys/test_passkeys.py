"""Passkeys in a real Chromium with its virtual authenticator, on the real example served by a real server."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.journeys.test_pages import PASSWORD, code_in, newest_mail
from tests.pages.shown import violations
from tests.support.chromium import screenshot
from tests.support.server import Server, free_port, running

pytestmark = pytest.mark.browser
NewPage = Callable[..., Page]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The notes example, as `scripts/serve` runs it."""
    folder = tmp_path_factory.mktemp("notes")
    environment = {"NOTES_DATA": str(folder), "NO_PROXY": "*"}
    with running("examples.notes.app:app", folder / "log", environment=environment, port=free_port()) as server:
        yield server


class Device:
    """A virtual authenticator (WebAuthn Level 3, section 11) in the browser of a page."""

    def __init__(self, page: Page, **options: Any) -> None:
        self.session: CDPSession = page.context.new_cdp_session(page)
        self.session.send("WebAuthn.enable", {"enableUI": False})
        given = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        made = self.session.send("WebAuthn.addVirtualAuthenticator", {"options": given | options})
        self.id: str = made["authenticatorId"]

    def credentials(self) -> list[dict[str, Any]]:
        return self.session.send("WebAuthn.getCredentials", {"authenticatorId": self.id})["credentials"]

    def replace(self, credential: dict[str, Any], **changes: Any) -> None:
        """Put a copy in a credential's place."""
        one = {"authenticatorId": self.id, "credentialId": credential["credentialId"]}
        self.session.send("WebAuthn.removeCredential", one)
        self.session.send("WebAuthn.addCredential", {"authenticatorId": self.id, "credential": credential | changes})


def local(server: Server) -> str:
    """The server by a name: an IP address is no domain that a passkey could belong to."""
    return server.url.replace("127.0.0.1", "localhost")


def sign_up_with_passkey(page: Page, server: Server, email: str) -> None:
    page.goto(f"{local(server)}/auth/sign-up?next=/notes")
    page.get_by_label("E-mail").fill(email)
    page.get_by_role("button", name="Use a passkey instead").click()
    page.get_by_label("Code").fill(code_in(newest_mail(server, email)))
    page.wait_for_url("**/notes")


def sign_up_with_password(page: Page, server: Server, email: str) -> None:
    page.goto(f"{local(server)}/auth/sign-up?next=/notes")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Continue").click()
    page.get_by_label("Code").fill(code_in(newest_mail(server, email)))
    page.wait_for_url("**/notes")


def sign_out(page: Page, server: Server) -> None:
    page.goto(f"{local(server)}/auth/account")
    page.get_by_role("banner").get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/signed-out")


def test_a_person_signs_up_and_in_with_a_passkey_and_no_password(server: Server, new_page: NewPage):
    """A resident credential with user verification; no password is ever typed."""
    page = new_page()
    device = Device(page)
    sign_up_with_passkey(page, server, "pia@example.org")
    made = device.credentials()
    assert [(one["isResidentCredential"], one["rpId"]) for one in made] == [(True, "localhost")]
    page.goto(f"{local(server)}/auth/account#factors")
    expect(page.get_by_role("button", name="Add a passkey")).to_be_visible()
    assert violations(page) == []
    screenshot(page, "account")
    sign_out(page, server)
    device.session.send("WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": device.id, "enabled": False})
    page.goto(f"{local(server)}/auth/sign-in?next=/notes")
    button = page.get_by_role("button", name="Sign in with a passkey")
    expect(button).to_be_visible()
    assert violations(page) == []
    screenshot(page, "sign-in")
    device.session.send("WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": device.id, "enabled": True})
    button.click()
    page.wait_for_url("**/notes")


def test_the_field_for_the_name_offers_the_passkey(server: Server, new_page: NewPage):
    """Conditional mediation: the page asks as it opens, and who picks the passkey is in."""
    page = new_page()
    Device(page)
    sign_up_with_passkey(page, server, "auto@example.org")
    sign_out(page, server)
    page.goto(f"{local(server)}/auth/sign-in?next=/notes")
    page.wait_for_url("**/notes")


def test_a_security_key_is_asked_for_beside_the_password(server: Server, new_page: NewPage):
    """A credential that is not resident and does not verify its user."""
    page = new_page()
    device = Device(page, transport="usb", hasResidentKey=False, hasUserVerification=False, isUserVerified=False)
    sign_up_with_password(page, server, "kim@example.org")
    page.goto(f"{local(server)}/auth/account")
    page.get_by_role("button", name="Add a security key").click()
    expect(page.get_by_role("status")).to_contain_text("Your passkey is ready")
    assert [one["isResidentCredential"] for one in device.credentials()] == [False]
    # A passkey verifies its user: this device can't be one.
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text(re.compile("did not work|already"))
    page.get_by_role("button", name="Make new recovery codes").click()
    codes = page.get_by_role("main").get_by_role("listitem").all_inner_texts()
    assert len(codes) == 10
    sign_out(page, server)
    page.goto(f"{local(server)}/auth/sign-in?next=/notes")
    page.get_by_label(re.compile("E-mail")).fill("kim@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/second-factor?**")
    assert violations(page) == []
    screenshot(page, "second-factor")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/notes")
    sign_out(page, server)
    without = new_page(java_script_enabled=False)
    without.goto(f"{local(server)}/auth/sign-in?next=/notes")
    without.get_by_label(re.compile("E-mail")).fill("kim@example.org")
    without.get_by_label("Password", exact=True).fill(PASSWORD)
    without.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()
    without.get_by_text("I have lost my second factor").click()
    without.get_by_label("Recovery code").fill(codes[0])
    without.get_by_role("button", name="Continue").click()
    without.wait_for_url("**/notes")


def test_a_copied_passkey_is_refused_and_marked(server: Server, new_page: NewPage):
    """Clone detection: the count of a copy stands still, while the other's has risen."""
    page = new_page()
    device = Device(page)
    sign_up_with_passkey(page, server, "klon@example.org")
    copy = device.credentials()[0]
    device.replace(copy, signCount=50)
    sign_out(page, server)
    page.goto(f"{local(server)}/auth/sign-in?next=/notes")
    page.wait_for_url("**/notes")
    sign_out(page, server)
    device.replace(copy, signCount=1)  # the field for the name may offer it too: neither of two uses may count on
    page.goto(f"{local(server)}/auth/sign-in?next=/auth/account")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("did not work")
    device.replace(copy, signCount=100)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/auth/account")
    expect(page.get_by_text("May have been copied")).to_be_visible()


def test_a_device_that_can_not_verify_its_user_makes_no_account(server: Server, new_page: NewPage):
    """The options ask for user verification, and the person is told that it did not work."""
    page = new_page()
    Device(page, hasUserVerification=False, isUserVerified=False)
    page.goto(f"{local(server)}/auth/sign-up")
    page.get_by_label("E-mail").fill("uwe@example.org")
    page.get_by_role("button", name="Use a passkey instead").click()
    expect(page.get_by_role("alert")).to_contain_text("did not work", timeout=20_000)
