"""What the client's tests share: a real server with the pages of the client on it, and people with accounts there."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.journeys.test_pages import code_in, newest_mail
from tests.support.client_site import PAGES, STORE, make_auth
from tests.support.server import Server, free_port, running
from watchword import Auth

PASSWORD = "analytical engine no. 1"


@dataclass
class Site:
    """The site under test: where it answers, and its accounts as an administrator reaches them."""

    server: Server
    auth: Auth
    pages: Path

    @property
    def url(self) -> str:
        """By a name: an IP address is no domain that a passkey could belong to."""
        return self.server.url.replace("127.0.0.1", "localhost")

    def code_for(self, address: str) -> str:
        return code_in(newest_mail(self.server, address))

    def account(self, email: str, role: Any = "user", name: str = "Ada") -> str:
        """Make an account and return its id."""
        user = self.auth.administration.create(email=email, password=PASSWORD, name=name, role=role)
        return user.id  # pyright: ignore[reportAttributeAccessIssue]

    def visitor(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, trust_env=False, headers={"origin": self.url})


def write_page(folder: Path, name: str, script: str, root: str = '<div id="root"></div>') -> None:
    """Write a page that runs this script."""
    page = f'<!doctype html><html lang="en"><title>{name}</title><link rel="stylesheet" href="styles.css"><link rel="icon" href="data:,">{root}'
    (folder / f"{name}.html").write_text(f'{page}<script type="module" src="{script}.js"></script>')


@pytest.fixture(scope="session")
def client_site(client_package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with the pages in tests/clients/pages, bundled."""
    folder = tmp_path_factory.mktemp("client")
    for script in (client_package / "bundled").glob("*.js"):
        shutil.copy(script, folder)
        write_page(folder, script.stem, script.stem)
    shutil.copy(client_package / "dist/react/styles.css", folder)
    store = f"sqlite:///{folder}/accounts.sqlite3"
    environment = {STORE: store, PAGES: str(folder), "NO_PROXY": "*"}
    port = free_port()
    target = "tests.support.client_site:create()"
    with running(target, folder / "log", environment=environment, port=port) as server:
        auth = make_auth(store)
        yield Site(server, auth, folder)
        auth.stop()
