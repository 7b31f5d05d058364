"""Actions in a real Chromium: a plain form, with and without scripts, and a call by a script."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.server import Server, running
from tests.support.shop_app import RUNS, SECRETS, STORE
from tests.support.site import EMAIL, PASSWORD, SECRET, make_site
from watchword.foundation.clock import ManualClock

pytestmark = pytest.mark.browser
NewPage = Callable[..., Page]


@pytest.fixture(scope="module")
def running_shop(migrated_sqlite_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The shop with one customer."""
    folder = tmp_path_factory.mktemp("shop")
    url = f"sqlite:///{shutil.copy(migrated_sqlite_file, folder / 'watchword.sqlite3')}"
    site = make_site(url, ManualClock())
    assert site.visitor().sign_up().status == 200
    site.auth.stop()
    environment = {STORE: url, SECRETS: SECRET, RUNS: str(folder / "runs"), "NO_PROXY": "*"}
    (folder / "runs").touch()
    with running("tests.support.shop_app:create()", folder / "log", environment=environment) as server:
        yield server


@pytest.fixture
def server(running_shop: Server) -> Server:
    """The shop, where nothing ran yet."""
    (running_shop.log.parent / "runs").write_text("")
    return running_shop


def ran(server: Server) -> list[str]:
    return (server.log.parent / "runs").read_text().splitlines()


def sign_in(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{server.url}/")


@pytest.mark.parametrize("java_script", [True, False], ids=["with-java-script", "without-java-script"])
def test_a_form_is_refused_shown_again_with_what_was_entered_and_then_done(
    server: Server, new_page: NewPage, java_script: bool
) -> None:
    page = new_page(java_script_enabled=java_script)
    sign_in(page, server)
    page.get_by_label("Name").fill("nobody & <co>")
    page.get_by_label("Count").fill("many")
    page.get_by_label("Password").fill("hunter2")
    page.get_by_role("button", name="Order").click()
    expect(page).to_have_url(f"{server.url}/")
    expect(page.locator("#count-error")).to_have_text("an integer")
    expect(page.get_by_label("Name")).to_have_value("nobody & <co>")
    expect(page.get_by_label("Count")).to_have_value("many")
    expect(page.get_by_label("Password")).to_have_value("")
    page.get_by_label("Count").fill("2")
    page.get_by_label("Name").fill("nobody")
    page.get_by_role("button", name="Order").click()
    expect(page.locator("#name-error")).to_have_text("the name of somebody")
    expect(page.locator("#count-error")).to_have_text("")
    assert ran(server) == []
    page.get_by_label("Name").fill("Ada")
    page.get_by_role("button", name="Order").click()
    expect(page.locator("#name-error")).to_have_text("")
    page.get_by_label("Name").fill("Ada")
    page.get_by_label("Count").fill("3")
    page.get_by_label("Gift").check()
    page.get_by_role("button", name="Order").click()
    expect(page).to_have_url(f"{server.url}/?ordered=yes")
    assert ran(server) == ["order Ada 2 False", "order Ada 3 True"]


def test_a_button_needs_no_field_and_a_script_gets_json(server: Server, page: Page) -> None:
    sign_in(page, server)
    page.get_by_role("button", name="Remove all").click()
    expect(page).to_have_url(f"{server.url}/")
    page.get_by_role("button", name="By script").click()
    expect(page.locator("output")).to_contain_text('200 {"total":3')
    removed, summed = ran(server)
    assert removed.startswith("remove usr_")
    assert summed == "total [1, 2]"


def test_a_form_left_open_until_after_the_sign_out_leads_to_sign_in_and_back(server: Server, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, server)
    other = page.context.new_page()
    other.goto(f"{server.url}/auth/account")
    other.get_by_role("button", name="Sign out", exact=True).first.click()
    other.wait_for_url("**/signed-out")
    page.get_by_label("Name").fill("Ada")
    page.get_by_label("Count").fill("2")
    page.get_by_role("button", name="Order").click()
    page.wait_for_url("**/auth/sign-in?next=%2F")
    assert ran(server) == []
