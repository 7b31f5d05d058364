"""What the script adds to the pages, and that they do without it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.pages.shown import SITE, show_samples

pytestmark = pytest.mark.browser


def test_a_pasted_code_loses_its_spaces_and_is_sent_at_once(page: Page):
    show_samples(page)
    page.goto(f"{SITE}/confirm_code")
    with page.expect_request(f"{SITE}/auth/confirm") as request:
        page.get_by_label("Code").press_sequentially("3051 8264")
    assert request.value.method == "POST"
    assert "code=30518264" in (request.value.post_data or "")


def test_a_code_that_is_too_short_waits_for_its_owner(page: Page):
    show_samples(page)
    page.goto(f"{SITE}/confirm_code")
    page.get_by_label("Code").fill("12 34-56a7")
    expect(page.get_by_label("Code")).to_have_value("1234567")
    assert page.url == f"{SITE}/confirm_code"


def test_a_password_can_be_shown_and_hidden_again(page: Page):
    show_samples(page)
    page.goto(f"{SITE}/sign_in")
    field = page.get_by_label("Password", exact=True)
    field.fill("correct horse")
    page.get_by_role("button", name="Show: Password").click()
    expect(field).to_have_attribute("type", "text")
    page.get_by_role("button", name="Hide: Password").click()
    expect(field).to_have_attribute("type", "password")


def test_a_problem_has_the_focus_when_its_page_opens(page: Page):
    show_samples(page)
    page.goto(f"{SITE}/sign_up-wrong")
    expect(page.get_by_role("alert")).to_be_focused()
    page.get_by_role("link", name="Enter an e-mail address").click()
    expect(page.get_by_label("E-mail address")).to_be_focused()


def test_the_whole_sign_in_can_be_done_by_keyboard(page: Page):
    show_samples(page)
    page.goto(f"{SITE}/sign_in")
    focused: list[str] = []
    for _ in range(7):
        page.keyboard.press("Tab")
        focused.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
    assert focused == [
        "Skip to content", "identifier", "password", "Show", "Forgot your password?", "Sign in", "Create an account",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["sign_in", "confirm_code", "account"])
def test_without_scripts_there_is_no_button_that_does_nothing(new_page: Callable[..., Page], name: str):
    page = new_page(java_script_enabled=False)
    show_samples(page)
    page.goto(f"{SITE}/{name}")
    assert page.locator("button:not([type=submit])").count() == 0


def test_ending_all_other_sessions_is_asked_for_once_more_without_scripts(new_page: Callable[..., Page]):
    page = new_page(java_script_enabled=False)
    show_samples(page)
    page.goto(f"{SITE}/account")
    yes = page.get_by_role("button", name="Yes, sign them out")
    expect(yes).not_to_be_visible()
    page.get_by_text("Sign out everywhere else").click()
    expect(yes).to_be_visible()
