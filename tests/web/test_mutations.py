"""No mistake in a handler lets out what nobody decided about, or what is tainted."""

import sys
from collections import Counter
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from tests.attacks.apps import App, Line, Reply, page
from tests.attacks.flask_app import WSGIApp
from tests.support.site import Site
from tests.web.mutations import LEAK, TAINTED, Mutant, appearances, mutants
from watchword import ConfigurationError, taint_unique_value

FRAMEWORKS = ["fastapi", "starlette", "litestar", "django", "flask"]
PATHS = {"home": "/", "me": "/me", "admin": "/admin", "person": "/people/{user}", "add_note": "/notes?text=x",
         "greeting": "/greeting", "leak": "/sub/leak"}  # fmt: skip
Call = Callable[[str, str, list[Line]], Reply]


def load(source: str, name: str) -> Any:
    """Return the module of this text."""
    module = sys.modules[name] = ModuleType(name)  # Litestar looks for the module of a handler
    exec(compile(source, name, "exec"), module.__dict__)
    return module


def asgi(site: Site, source: str) -> Call:
    """Start the mutant; return what calls it."""
    made = App(site, load(source, "mutant").create(site.auth))
    started = made.start()
    if started["type"] != "lifespan.startup.complete":
        raise ConfigurationError(started["message"])
    return lambda method, path, lines: made.call(method, path, *lines)


def litestar(site: Site, source: str) -> Call:
    """Start the mutant; a rule that stands above the route's own decorator stops its import."""
    try:
        return asgi(site, source)
    except TypeError as error:
        assert "under the route's own" in str(error)
        raise ConfigurationError(str(error)) from error


def django(site: Site, source: str) -> Call:
    """Start the mutant in the Django project of the tests, whose settings are there already; return what calls it."""
    from tests.support.django_project import Again

    module = load(source, "mutant")
    module.settings = Again(module)
    made = App(site, module.create(site.auth))
    return lambda method, path, lines: made.call(method, path, *lines)


def flask(site: Site, source: str) -> Call:
    """Start the mutant; an undeclared route stops its first request, since Flask has no moment before that."""
    made = WSGIApp(site, load(source, "mutant").create(site.auth))
    return lambda method, path, lines: made.call(method, path, *lines)


STARTERS: dict[str, Callable[[Site, str], Call]] = {
    "fastapi": asgi,
    "starlette": asgi,
    "litestar": litestar,
    "django": django,
    "flask": flask,
}


def visitors(site: Site) -> tuple[dict[str, list[Line]], str]:
    """Return the header lines of each visitor, and the id of the one who is a user."""
    made = App(site)
    user = made.token()
    user_id = site.auth.administration.find("ada@example.org")
    assert user_id is not None
    return {"nobody": page(), "user": page(user), "admin": page(made.token("root@example.org", "admin"))}, user_id.id


def leaks(mutant: Mutant, call: Call, lines: dict[str, list[Line]], user_id: str) -> list[str]:
    """Return whom the mutant told what it must not."""
    method = "POST" if mutant.handler == "add_note" else "GET"
    path = PATHS[mutant.handler].format(user=user_id)
    found: list[str] = []
    for visitor, headers in lines.items():
        reply = call(method, path, headers)
        sent = reply.body + repr(reply.lines).encode()
        if any(form in sent for form in appearances(TAINTED)):
            found.append(f"{visitor} gets the tainted value")
        is_for_them = mutant.right == "as before" and visitor in ALLOWED[mutant.handler]
        if LEAK.encode() in sent and not is_for_them:
            found.append(f"{visitor} gets what nobody decided about")
    return found


ALLOWED = {
    "home": {"nobody", "user", "admin"},
    "me": {"user", "admin"},
    "admin": {"admin"},
    "person": {"user", "admin"},
    "add_note": set[str](),
    "greeting": set[str](),
    "leak": set[str](),
}
"""Whom each handler of the examples lets in; those that decide inside let in nobody before they have decided."""


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("every", [10, pytest.param(1, marks=pytest.mark.all)])
def test_no_mutant_of_an_example_lets_out_what_it_must_not(
    framework: str, every: int, sqlite_site: Site, capsys: pytest.CaptureFixture[str]
):
    # A tenth of them in the short run: of each framework another one.
    first = FRAMEWORKS.index(framework) % every
    lines, user_id = visitors(sqlite_site)
    taint_unique_value("Do not send the key to the browser", Mutant, TAINTED)
    outcomes: Counter[str] = Counter()
    wrong: list[str] = []
    for mutant in list(mutants(framework))[first::every]:
        try:
            call = STARTERS[framework](sqlite_site, mutant.source)
        except ConfigurationError:
            outcomes["refused at start"] += 1
            continue
        found = leaks(mutant, call, lines, user_id)
        outcomes["leaked" if found else "held"] += 1
        wrong += [f"{mutant.framework} {mutant.handler}, {mutant.mistake}: {one}" for one in found]
    with capsys.disabled():
        print(f"\n{framework}: {sum(outcomes.values())} mutants, {dict(outcomes)}")
    assert wrong == []
