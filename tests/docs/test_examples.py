"""What the docs print runs as printed."""

import ast
import asyncio
import importlib.util
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support.asgi import AppClient, app_client
from tests.support.sources import ROOT
from watchword.foundation.environment import from_document, settings_of
from watchword.foundation.errors import ConfigurationError
from watchword.limits.declared import effective_rates

JSON = {"accept": "application/json"}
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")))


def blocks(page: str, language: str) -> list[str]:
    """The blocks of code of a page in that language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to start in, as a newcomer has it."""
    monkeypatch.chdir(tmp_path)
    for name in ("MODE", "STORE", "SECRET", "BASE_URL"):
        monkeypatch.delenv(f"WATCHWORD_{name}", raising=False)
    yield tmp_path


def run(folder: Path, code: str) -> ModuleType:
    """Run the code as `main.py` in the folder."""
    path = folder / "main.py"
    path.write_text(code)
    specification = importlib.util.spec_from_file_location("main", path)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules["main"] = module  # Litestar looks for the module of a handler
    specification.loader.exec_module(module)
    return module


def sign_up(client: AppClient) -> None:
    person = {"email": "ada@example.org", "password": "analytical engine no. 1"}
    pending = client.post("/auth/sign-up/password", json=person).json()
    mail = client.get("/auth/dev/mailbox", headers=JSON).json()["messages"][0]
    code = re.search(r"\b\d{8}\b", mail["text"])
    assert code
    done = client.post("/auth/attempt/email_code", json={"attempt": pending["attempt"], "code": code[0]})
    assert done.json()["status"] == "complete"


@pytest.mark.parametrize("page", ["README.md", "docs/quickstart.md"])
def test_the_first_example_leads_from_an_empty_folder_to_a_guarded_page(page: str, empty_folder: Path):
    main = run(empty_folder, blocks(page, "python")[0])
    with app_client(main.app) as client:
        assert client.get("/").status_code == 401
        led = client.get("/", headers={"accept": "text/html"})
        assert (led.status_code, led.headers["location"]) == (303, "/auth/sign-in?next=%2F")
        sign_up(client)
        assert client.get("/").json() == {"hello": "ada@example.org"}


def test_the_first_example_has_ten_lines_and_is_the_same_in_readme_and_quickstart():
    (readme,) = blocks("README.md", "python")
    assert blocks("docs/quickstart.md", "python")[0] == readme
    assert len([line for line in readme.splitlines() if line.strip()]) <= 10


def test_an_undeclared_route_stops_the_start_with_the_message_in_the_quickstart(empty_folder: Path):
    first, undeclared, _ = blocks("docs/quickstart.md", "python")
    main = run(empty_folder, f"{first}\n\n{undeclared}")

    async def receive() -> dict[str, Any]:
        return {"type": "lifespan.startup"}

    async def send(_: Any) -> None:
        pass

    with pytest.raises(ConfigurationError) as refused:
        asyncio.run(main.app({"type": "lifespan", "state": {}}, receive, send))
    assert str(refused.value) == blocks("docs/quickstart.md", "text")[0].strip()


def test_the_declared_routes_of_the_quickstart_do_what_they_say(empty_folder: Path):
    first, _, declared = blocks("docs/quickstart.md", "python")
    main = run(empty_folder, f"{first}\n\n{declared}")
    with app_client(main.app) as client:
        assert client.get("/about").json() == "About us"
        assert client.get("/admin").status_code == 401
        sign_up(client)
        assert client.get("/admin").status_code == 403


def test_the_guards_of_the_guide_do_what_they_say(empty_folder: Path):
    main = run(empty_folder, blocks("docs/guides/guards.md", "python")[0])
    with app_client(main.app) as client:
        assert client.get("/").json() == "Hello"
        assert [client.get(path).status_code for path in ("/notes", "/admin", "/report")] == [401] * 3
        assert client.delete("/notes/1").status_code == 401
        sign_up(client)
        assert [client.get(path).status_code for path in ("/notes", "/admin", "/report")] == [200, 403, 403]
        assert client.delete("/notes/1").status_code == 200
        assert client.delete("/notes/1", headers={"origin": "https://evil.example"}).status_code == 403


def test_the_litestar_app_of_the_guide_does_what_it_says(empty_folder: Path):
    main = run(empty_folder, blocks("docs/guides/litestar.md", "python")[0])
    with app_client(main.app) as client:
        guarded = ("/notes", "/report", "/accounts", "/letters", "/inner/report")
        assert client.get("/").text == "Hello"
        assert [client.get(path).status_code for path in guarded] == [401] * 5
        sign_up(client)
        assert [client.get(path).status_code for path in guarded] == [200, 403, 403, 200, 403]


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_python_parses_and_names_what_there_is(page: str):
    for block in blocks(page, "python"):
        tree = compile(block, page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("watchword"):
                module = importlib.import_module(node.module or "")
                assert [name.name for name in node.names if not hasattr(module, name.name)] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_settings_file_in_the_docs_is_one(page: str):
    for block in blocks(page, "toml"):
        settings = settings_of(from_document(tomllib.loads(block)))
        assert effective_rates(settings.limits)
