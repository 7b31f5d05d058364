"""Every page in a real browser: axe finds nothing, nothing overflows, the content security policy is kept."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route

from tests.pages.samples import MESSAGES, SAMPLES
from tests.support.chromium import screenshot
from watchword.foundation.settings import Brand, Settings
from watchword.http.response import Response
from watchword.pages.render import Renderer, mail_response

pytestmark = pytest.mark.browser
SITE = "http://watchword.test"
SIZES = {"desktop": {"width": 1280, "height": 860}, "phone": {"width": 375, "height": 740}}


def serve(renderer: Renderer, language: str = "en") -> Callable[[Route], None]:
    """Return a handler that answers a browser with the sample pages, by name, and what they load."""

    def answer(path: str) -> Response | None:
        if path.startswith("/auth/static/"):
            return renderer.static.response(path.removeprefix("/auth/static/"))
        if path.startswith("/auth/dev/mailbox/"):
            return next((mail_response(mail.html) for mail in MESSAGES if path.endswith(f"/{mail.id}")), None)
        sample = SAMPLES.get(path.removeprefix("/"))
        return renderer.render(sample.page, language, denied=sample.denied) if sample else None

    def handle(route: Route) -> None:
        response = answer(urlsplit(route.request.url).path) or Response(404)
        route.fulfill(status=response.status, headers=dict(response.headers), body=response.body)

    return handle


def show(page: Page, name: str, *, language: str = "en", colour: str = "#3b5bdb") -> None:
    page.route("**/*", serve(Renderer(Settings(brand=Brand("Acme", colour=colour))), language))
    page.goto(f"{SITE}/{name}")


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


def overflow(page: Page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize(
    ("size", "scheme"),
    [
        ("desktop", "light"),
        ("phone", "dark"),
        pytest.param("desktop", "dark", marks=pytest.mark.all),
        pytest.param("phone", "light", marks=pytest.mark.all),
    ],
)
def test_axe_finds_nothing_on_any_page(new_page: Callable[..., Page], size: str, scheme: str):
    page = new_page(viewport=SIZES[size], color_scheme=scheme)
    found: dict[str, list[str]] = {}
    for name in SAMPLES:
        show(page, name)
        screenshot(page, name)
        found[name] = violations(page)
    assert {name: problems for name, problems in found.items() if problems} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("colour", ["#000000", "#ffd43b"])
def test_axe_finds_nothing_whatever_the_brands_colour(new_page: Callable[..., Page], colour: str, scheme: str):
    page = new_page(color_scheme=scheme)
    for name in ("sign_in-wrong", "confirm_code", "account", "mailbox"):
        show(page, name, colour=colour)
        assert violations(page) == []


@pytest.mark.parametrize("language", ["en", "de"])
def test_no_page_is_wider_than_a_small_phone(new_page: Callable[..., Page], language: str):
    page = new_page(viewport={"width": 320, "height": 600})
    for name in SAMPLES:
        show(page, name, language=language)
        assert (name, overflow(page)) == (name, 0)
