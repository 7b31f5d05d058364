"""Signing in with another service, in a real Chromium, with a real provider and a real server."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from tests.pages.test_accessibility import violations
from tests.support.chromium import screenshot
from tests.support.provider import CLIENT_SECRET, RealProvider, clients, running_provider
from tests.support.server import Server, free_port, running

pytestmark = pytest.mark.browser
NewPage = Callable[..., Page]


@dataclass
class World:
    """The site, and the provider that it trusts."""

    site: str
    provider: RealProvider
    server: Server


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Both, each a process of its own."""
    folder: Path = tmp_path_factory.mktemp("oauth")
    port = free_port()
    site = f"http://localhost:{port}"
    with running_provider(folder, clients(site)) as provider:
        environment = {
            "PROVIDER_ISSUER": provider.issuer,
            "PROVIDER_CERTIFICATE": str(folder / "certificate.pem"),
            "PROVIDER_CLIENT_SECRET": CLIENT_SECRET,
            "APP_STORE": f"sqlite:///{folder}/app.sqlite3",
            "WATCHWORD_SECRET": "test-secret-of-more-than-thirty-two-characters",
        }
        target = "tests.journeys.oauth_app:make()"
        with running(target, folder / "log", environment=environment, port=port) as server:
            yield World(site, provider, server)


def agree(page: Page) -> None:
    """Agree at the provider."""
    page.get_by_role("button", name="Let them in").click()


def test_a_person_signs_in_with_another_service_and_keeps_the_last_way_in(world: World, new_page: NewPage):
    """From the guarded page to the provider and back to it; the account page shows the account there."""
    world.provider.person("journey", "ada@example.org")
    page = new_page(ignore_https_errors=True)
    page.goto(f"{world.site}/auth/sign-in?next=/me")
    assert violations(page) == []
    screenshot(page, "sign-in")
    page.get_by_role("button", name="Continue with Acme").click()
    agree(page)
    page.wait_for_url("**/me")
    expect(page.locator("body")).to_contain_text("ada@example.org")
    page.goto(f"{world.site}/auth/account")
    row = page.get_by_role("listitem").filter(has_text="Acme")
    expect(row).to_contain_text("ada@example.org")
    assert violations(page) == []
    screenshot(page, "account")
    page.get_by_role("button", name="Remove Acme").click()
    expect(page.get_by_role("main")).to_contain_text("Without this you could not sign in any more")
    page.goto(f"{world.site}/auth/account")
    page.get_by_role("button", name="Link Posting").click()
    # One account there opens one here: the second way to the same provider finds it linked already.
    agree_or_not = page.get_by_role("button", name="Let them in")
    page.wait_for_url(re.compile("interaction|notice=identity_linked"))
    if agree_or_not.is_visible():
        agree(page)
    page.wait_for_url("**/account?notice=identity_linked*")
    expect(page.get_by_role("status")).to_contain_text("The account is linked")


def test_an_answer_by_form_reaches_the_browser_that_began(world: World, new_page: NewPage):
    """The provider's page posts it from another site, without cookies; it is led on, and they come along."""
    world.provider.person("journey-form", "form@example.org")
    page = new_page(ignore_https_errors=True)
    posted: list[Request] = []
    page.on("request", lambda one: posted.append(one) if one.method == "POST" and "callback" in one.url else None)
    page.goto(f"{world.site}/auth/sign-up?next=/me")
    page.get_by_role("button", name="Continue with Posting").click()
    agree(page)
    page.wait_for_url("**/me")
    expect(page.locator("body")).to_contain_text("form@example.org")
    assert [request.all_headers().get("cookie") for request in posted] == [None]


def test_without_a_script_the_way_there_and_back_is_the_same(world: World, new_page: NewPage):
    """The page on the way refreshes itself."""
    world.provider.person("journey-plain", "plain@example.org")
    page = new_page(ignore_https_errors=True, java_script_enabled=False)
    page.goto(f"{world.site}/me")
    page.wait_for_url("**/sign-in?next=*")
    page.get_by_role("button", name="Continue with Acme").click()
    agree(page)
    page.wait_for_url("**/me")
    expect(page.locator("body")).to_contain_text("plain@example.org")
