"""A real Chromium for tests: the machine's own, driven by Playwright. What it saw is kept in test-output/<test>/."""

import os
import re
import shutil
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, WebError, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
OUTPUT = Path(__file__).parents[2] / "test-output"
TRACED = bool(os.environ.get("WATCHWORD_TRACE"))
FAILED = pytest.StashKey[bool]()

# The sandbox refuses to run as root. The rest keeps Chromium from calling its maker's hosts.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str | None:
    """Return the path of the machine's Chromium (`WATCHWORD_CHROMIUM` overrides it), or `None` where there is none."""
    if chosen := os.environ.get("WATCHWORD_CHROMIUM"):
        return chosen
    return next((path for program in PROGRAMS if (path := shutil.which(program))), None)


def screenshot(page: Page, name: str) -> Path:
    """Keep a picture of the whole page as test-output/<test>/<name>.png, and return its path."""
    path = output_directory(os.environ["PYTEST_CURRENT_TEST"]) / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    return path


def output_directory(test: str) -> Path:
    """Return the directory of a test's output, by its node id: `tests/a/test_b.py::test_c[d]` gives `a-test_b-test_c-d`."""
    name = test.removeprefix("tests/").rsplit(" (", 1)[0].replace(".py::", "-")
    directory = OUTPUT / re.sub(r"[^\w.]+", "-", name).strip("-")
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note on the test whether it failed, for the fixtures that end after it."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for the tests of one module: Playwright's event loop must be gone where the next ones run their own."""
    executable = find_chromium()
    if executable is None:
        pytest.fail(f"found none of {', '.join(PROGRAMS)}: run scripts/test, or set WATCHWORD_CHROMIUM to its path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Open a page in a browser profile of its own: `new_page(java_script_enabled=False)`, as many as a test needs.

    Takes the options of Playwright's `new_context`. Of a test that fails, pictures are kept, and with
    `WATCHWORD_TRACE=1` a trace of each step, which costs a third of the time. A script error or a breach of the content
    security policy fails the test.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(**options: Any) -> Page:
        context = browser.new_context(**options)
        context.set_default_timeout(10_000)
        if TRACED:
            context.tracing.start(screenshots=True, snapshots=True)
        context.on("weberror", lambda error: complaints.append(_script_error(error)))
        context.on("console", lambda message: complaints.extend(_policy_breaches(message)))
        contexts.append(context)
        return context.new_page()

    yield open_page

    failed = request.node.stash.get(FAILED, False) or bool(complaints)
    for number, context in enumerate(contexts, start=1):
        _close(context, output_directory(request.node.nodeid) / f"failure-{number}" if failed else None)
    assert complaints == []


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """One page in a fresh browser profile."""
    return new_page()


def _script_error(error: WebError) -> str:
    return f"script error: {error.error}"


def _policy_breaches(message: ConsoleMessage) -> list[str]:
    return [message.text] if "Content Security Policy" in message.text else []


def _close(context: BrowserContext, keep: Path | None) -> None:
    """Close a profile; where `keep` is given, leave its last pictures there, and its trace."""
    if keep:
        for number, page in enumerate(context.pages, start=1):
            page.screenshot(path=keep / f"page-{number}.png", full_page=True)
    if TRACED:
        context.tracing.stop(path=keep / "trace.zip" if keep else None)
    context.close()


if __name__ == "__main__":
    sys.exit(print(find_chromium()) if find_chromium() else 1)
