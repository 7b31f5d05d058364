"""Sample pages in a browser, and what to look for in them."""

from collections.abc import Callable
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route

from tests.pages.samples import MESSAGES, SAMPLES
from watchword.foundation.settings import Brand, Settings
from watchword.http.response import Response
from watchword.pages.render import Renderer, mail_response

SITE = "http://watchword.test"
AXE = Axe().axe_script


def show_samples(page: Page, language: str = "en", colour: str = "#3b5bdb") -> None:
    """Let this browser find the sample pages by name at `SITE`, and axe in each."""
    page.route("**/*", serve(Renderer(Settings(brand=Brand("Acme", colour=colour))), language))
    page.add_init_script(AXE)


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


def violations(page: Page, *rules: str) -> list[str]:
    """Return what axe finds on a page, by all its rules or by these alone."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE)
    options = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
    found = page.evaluate("options => axe.run(options).then(results => results.violations)", options)
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


def overflow(page: Page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
