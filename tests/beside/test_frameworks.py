"""Every kind of adapter takes an app beside a server for what it is: a gate, guards, and a way to sign in."""

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.beside import SERVER, Beside, make_beside
from tests.support.site import Site, Visitor
from watchword import guard, require_sync
from watchword.beside.client import ServerUnavailableError

BROWSER = {"accept": "text/html", "host": "localhost:8001"}


@pytest.fixture
def app(server: Site) -> Iterator[Beside]:
    """An app that its framework starts; no stream of events comes."""
    beside = make_beside(server)

    @contextlib.contextmanager
    def cut() -> Iterator[Any]:
        raise ServerUnavailableError("no network here")
        yield

    beside.client.events = cut
    yield beside
    beside.auth.stop()


def starlette(app: Beside) -> Any:
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    from watchword.web.starlette import protect

    @guard()
    async def me(_request: Any) -> PlainTextResponse:
        from watchword import require

        return PlainTextResponse((await require()).user.email)

    made = Starlette(routes=[Route("/me", me)])
    protect(made, app.auth)
    return made


def litestar(app: Beside) -> Any:
    from litestar import Litestar, get

    from watchword.web.litestar import Watchword

    @get("/me", guards=[guard()], sync_to_thread=True)
    def me() -> str:
        return require_sync().user.email

    return Litestar([me], plugins=[Watchword(app.auth)])


def flask(app: Beside) -> Any:
    from flask import Flask

    from watchword.web.flask import Watchword

    made = Flask(__name__)

    @made.get("/me")
    @guard()
    def me() -> str:
        return require_sync().user.email

    Watchword(made, app.auth)
    return made


def visit(made: Any, cookies: str = "") -> tuple[int, str, str]:
    """Ask for `/me` as a browser does: the status, where it is led, and what it reads."""
    headers = BROWSER | ({"cookie": cookies} if cookies else {})
    if hasattr(made, "test_client"):
        answer = made.test_client(use_cookies=False).get("/me", headers=headers)
        return answer.status_code, answer.headers.get("location", ""), answer.get_data(as_text=True)
    import asyncio

    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(made)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8001") as client:
            return await client.get("/me", headers=headers)

    answer = asyncio.run(go())
    return answer.status_code, answer.headers.get("location", ""), answer.text


@pytest.mark.parametrize("framework", [starlette, litestar, flask])
def test_a_guarded_route_leads_to_the_server_and_knows_who_comes_back(app: Beside, ada: Visitor, framework: Any):
    """FastAPI does so in a process of its own, beside a real server."""
    made = framework(app)
    status, location, _ = visit(made)
    assert (status, location) == (303, f"{SERVER}/auth/sign-in?next=http%3A%2F%2Flocalhost%3A8001%2Fme")
    cookies = "; ".join(f"{name}={value}" for name, value in ada.cookies.items())
    status, _, text = visit(made, cookies)
    assert status == 200
    assert "ada@example.org" in text
    ada.post("/auth/sign-out")
    assert visit(made, cookies)[0] == 303
