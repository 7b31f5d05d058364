"""What the guide to Flask prints runs as printed."""

from pathlib import Path
from types import ModuleType
from wsgiref.util import setup_testing_defaults

import pytest
from flask import Flask

from tests.docs.test_examples import blocks, run
from tests.support.flask import browser

PAGE = "docs/guides/flask.md"


@pytest.fixture
def printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[ModuleType]:
    """Its apps, each begun in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("MODE", "STORE", "SECRET", "BASE_URL"):
        monkeypatch.delenv(f"WATCHWORD_{name}", raising=False)
    first, factory, _, plain = blocks(PAGE, "python")
    return [run(tmp_path, code) for code in (first, factory, plain)]


def test_the_apps_of_the_flask_guide_do_what_they_say(printed: list[ModuleType]) -> None:
    main, factory, plain = printed
    client = browser(main.app)
    assert client.get("/").text == "Hello"
    assert [client.get(path).status_code for path in ("/notes", "/admin")] == [401, 401]
    assert client.delete("/notes/1").status_code == 401
    made = factory.create_app()
    assert isinstance(made, Flask)
    assert browser(made).get("/auth/health").status_code == 200
    environ: dict[str, object] = {}
    setup_testing_defaults(environ)
    statuses: list[str] = []
    plain.application(environ, lambda status, _: statuses.append(status))
    assert statuses == ["401 Unauthorized"]
