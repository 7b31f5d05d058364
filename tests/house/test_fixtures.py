"""What the other tests stand on: fresh databases of both kinds, a server to run apps, a real Chromium."""

from collections.abc import Callable
from pathlib import Path

import httpx
import psycopg
import pytest
from playwright.sync_api import Page
from sqlalchemy import text

from tests.support.chromium import screenshot
from tests.support.postgres import PostgreSQL
from tests.support.server import running
from watchword.storage.store import Store

HELLO = "tests.house.hello:app"


@pytest.mark.parametrize("turn", ["first", "second"])
def test_each_test_gets_a_database_of_its_own(store: Store, turn: str):
    with store.write() as tx:
        tx.execute(text("CREATE TABLE left_behind (id INTEGER)"))
    assert store.is_current()


def test_a_database_is_emptied_for_the_next_test_unless_its_tables_were_changed(
    postgresql: PostgreSQL, postgresql_url: str
):
    name = postgresql_url.partition("@/")[2].partition("?")[0]
    assert postgresql.empty_database(name)
    with psycopg.connect(postgresql_url) as connection:
        connection.execute("CREATE TABLE left_behind (id INTEGER)")
    assert not postgresql.empty_database(name)


def test_the_server_of_the_tests_is_postgresql_18(postgresql: PostgreSQL):
    with psycopg.connect(postgresql.url("postgres")) as connection:
        assert connection.info.server_version // 10_000 == 18


def test_a_stopped_postgresql_comes_back_with_its_data():
    server = PostgreSQL.temporary()
    url = server.create_database("kept")
    server.stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    server.start()
    psycopg.connect(url).close()
    server.remove()
    assert not server.directory.exists()


def test_an_app_is_served_until_it_is_killed(tmp_path: Path):
    with running(HELLO, tmp_path / "log", workers=2) as server:
        assert httpx.get(server.url).text == "<title>hello</title>"
        server.kill()
        with pytest.raises(httpx.TransportError):
            httpx.get(server.url)


def test_an_app_that_does_not_start_says_why(tmp_path: Path):
    with (
        pytest.raises(RuntimeError, match="missing_app"),
        running("tests.house.hello:missing_app", tmp_path / "log"),
    ):
        pass


@pytest.mark.browser
def test_a_real_chromium_draws_pages_and_keeps_a_picture(page: Page):
    page.set_content("<title>hello</title>")
    assert page.title() == "hello"
    assert screenshot(page, "hello").stat().st_size > 0


@pytest.mark.browser
def test_two_pages_are_two_browsers_with_cookies_of_their_own(new_page: Callable[..., Page], tmp_path: Path):
    with running(HELLO, tmp_path / "log") as server:
        one, other = new_page(), new_page(java_script_enabled=False)
        for page in (one, other):
            page.goto(server.url)
        one.context.add_cookies([{"name": "mine", "value": "1", "url": server.url}])
        assert other.context.cookies() == []
