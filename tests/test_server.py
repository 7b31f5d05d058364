"""The server of its own, asked in this process."""

import asyncio

import pytest

from tests.support.asgi import app_client
from watchword import Auth, ConfigurationError
from watchword.server import create, site


@pytest.fixture
def client(tmp_path):
    auth = Auth(store=f"sqlite:///{tmp_path}/watchword.sqlite3", environ={})
    with app_client(site(auth)) as client:
        yield client


def test_the_first_page_leads_to_the_account(client):
    answer = client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/auth/account")


@pytest.mark.parametrize("path", ["/nothing", "/auth/nothing", "/authx", "/robots.txt"])
def test_what_is_not_there_is_a_404_problem(client, path):
    answer = client.get(path, headers={"accept": "application/json"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"


def test_nothing_is_posted_to_the_first_page(client):
    assert client.post("/").status_code == 404


def test_the_api_is_there(client):
    assert client.get("/auth/health").json() == {"status": "ok"}
    assert client.get("/auth/session").json() == {"session": None}


def test_the_end_of_the_server_stops_what_runs_in_the_background(tmp_path):
    auth = Auth(store=f"sqlite:///{tmp_path}/watchword.sqlite3", environ={})
    with app_client(site(auth)) as client:
        client.get("/auth/health")
        mail = auth._delivery._thread
        assert mail is not None
        assert mail.is_alive()
    assert not mail.is_alive()


def test_the_settings_come_from_the_file_that_the_environment_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.toml").write_text(f"store = 'sqlite:///{tmp_path}/own.sqlite3'")
    monkeypatch.setenv("WATCHWORD_CONFIG", str(tmp_path / "own.toml"))
    with app_client(create()) as client:
        assert client.get("/auth/health").status_code == 200
    assert (tmp_path / "own.sqlite3").exists()


def test_a_file_that_is_not_there_stops_the_start(monkeypatch):
    monkeypatch.setenv("WATCHWORD_CONFIG", "/nowhere/watchword.toml")
    with pytest.raises(ConfigurationError, match=r"/nowhere/watchword\.toml"):
        create()


def test_a_websocket_is_refused(tmp_path):
    app = site(Auth(store=f"sqlite:///{tmp_path}/watchword.sqlite3", environ={}))
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    scope = {"type": "websocket", "path": "/", "headers": [], "scheme": "ws", "query_string": b"", "client": None}
    asyncio.run(app(scope, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]
