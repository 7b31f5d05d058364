"""The same small app does the same in each framework."""

from importlib import import_module
from pathlib import Path

import pytest

from tests.attacks.apps import App, page
from tests.attacks.flask_app import WSGIApp
from tests.support.site import Site

APPS = {"fastapi": App, "flask": WSGIApp, "litestar": App, "starlette": App}
EXAMPLES = Path(__file__).parents[2] / "examples"
MOST_LINES = 60


@pytest.mark.parametrize("framework", APPS)
def test_the_example_answers_each_visitor_as_it_says(framework: str, sqlite_site: Site):
    made = APPS[framework](sqlite_site, import_module(f"examples.{framework}.app").create(sqlite_site.auth))
    nobody, user, admin = page(), page(made.token()), page(made.token("root@example.org", "admin"))
    ada = sqlite_site.auth.administration.find("ada@example.org")
    assert ada is not None
    visitors = (nobody, user, admin)

    def statuses(path: str, method: str = "GET") -> list[int]:
        return [made.call(method, path, *lines).status for lines in visitors]

    assert statuses("/") == [200, 200, 200]
    assert statuses("/me") == [401, 200, 200]
    assert statuses("/admin") == [401, 403, 200]
    assert statuses(f"/people/{ada.id}") == [401, 200, 200]
    assert statuses("/people/usr_other") == [401, 403, 200]
    assert statuses("/notes?text=x", "POST") == [401, 200, 200]
    assert made.call("GET", "/me", *user).json == {"email": "ada@example.org"}
    assert made.call("GET", "/greeting", *nobody).json == {"hello": "stranger"}
    assert made.call("GET", "/greeting", *user).json == {"hello": "ada@example.org"}
    sqlite_site.clock.advance(24 * 60 * 60 * 1000)
    late = made.call("POST", "/notes?text=x", *user)
    assert (late.status, late.json["code"]) == (401, "insufficient_user_authentication")


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/app.py")), ids=lambda path: path.parent.name)
def test_an_example_is_short_enough_to_read(path: Path):
    if path.parent.name != "notes":
        assert len(path.read_text().splitlines()) <= MOST_LINES
