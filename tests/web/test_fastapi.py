"""Watchword in a FastAPI app."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from starlette.responses import PlainTextResponse
from starlette.staticfiles import StaticFiles

from tests.support.asgi import AppClient, app_client
from tests.support.site import EMAIL, PASSWORD, SECRET, Site
from watchword import Auth, ConfigurationError, guard, public, require
from watchword.foundation.clock import SystemClock
from watchword.tokens.sealed import passwords_of, seal
from watchword.vendors.iron_session.trust import IronSession
from watchword.web.fastapi import OptionalSession, Session, protect


def make_app(site: Site) -> FastAPI:
    app = FastAPI()
    protect(app, site.auth)

    @app.get("/")
    @public
    async def home(session: OptionalSession) -> str:
        return session.user.name if session else "nobody"

    @app.get("/me")
    async def me(session: Session) -> str:
        return session.user.email

    @app.get("/admin/{number}")
    @guard(role="admin")
    async def admin(number: int) -> int:
        return number

    @app.get("/sync")
    @guard()
    def sync() -> str:
        return "sync"

    @app.get("/inside")
    @guard.inside
    async def inside() -> str:
        return (await require()).id

    @app.get("/dependency")
    async def dependency(session: Annotated[Session, Depends(guard(role="admin"))]) -> str:
        return session.user.role

    below = APIRouter(prefix="/below", dependencies=[Depends(guard())])

    @below.get("/one")
    async def one() -> int:
        return 1

    app.include_router(below)
    above = APIRouter()

    @above.get("/two")
    async def two() -> int:
        return 2

    app.include_router(above, prefix="/above", dependencies=[Depends(guard(role="admin"))])
    return app


@pytest.fixture
def client(sqlite_site: Site) -> Iterator[AppClient]:
    with app_client(make_app(sqlite_site)) as client:
        sqlite_site.auth.administration.create(email=EMAIL, password=PASSWORD, name="Ada")
        yield client


def sign_in(client: AppClient) -> None:
    body = {"identifier": EMAIL, "password": PASSWORD}
    assert client.post("/auth/sign-in/password", json=body).status_code == 200


GUARDED = ["/me", "/admin/1", "/sync", "/inside", "/dependency", "/below/one", "/above/two", "/docs", "/openapi.json"]


@pytest.mark.parametrize("path", GUARDED)
def test_nobody_gets_in_and_is_told_how(client: AppClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthenticated"
    assert "Bearer" in answer.headers["www-authenticate"]


def test_whoever_is_signed_in_reaches_what_is_theirs_and_no_more(client: AppClient) -> None:
    sign_in(client)
    statuses = {path: client.get(path).status_code for path in GUARDED}
    forbidden = {"/admin/1", "/dependency", "/above/two", "/docs", "/openapi.json"}
    assert {path: 403 if path in forbidden else 200 for path in GUARDED} == statuses


def test_the_session_is_a_typed_parameter(client: AppClient) -> None:
    assert client.get("/").json() == "nobody"
    sign_in(client)
    assert client.get("/").json() == "Ada"
    assert client.get("/me").json() == EMAIL


def test_nobody_learns_from_a_wrong_input_what_a_right_one_would_be(client: AppClient) -> None:
    """The guard comes before the input is read: 401, then 403, and 422 only for those who may."""
    assert client.get("/admin/seven").status_code == 401
    sign_in(client)
    assert client.get("/admin/seven").status_code == 403


def test_a_browser_that_wants_a_page_is_led_to_sign_in_and_back(client: AppClient) -> None:
    answer = client.get("/me?tab=2", headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/auth/sign-in?next=%2Fme%3Ftab%3D2")


def test_a031_an_answer_that_depends_on_who_asks_stays_out_of_shared_caches(client: AppClient) -> None:
    assert "Cookie" in client.get("/").headers["vary"]
    sign_in(client)
    answer = client.get("/")
    assert (answer.headers["cache-control"], answer.headers["vary"]) == ("no-store", "Cookie, Authorization")


def test_generated_documentation_opens_when_it_is_named(sqlite_site: Site) -> None:
    app = FastAPI()
    protect(app, sqlite_site.auth, public=["/docs", "/openapi.json"])
    with app_client(app) as client:
        assert client.get("/openapi.json").status_code == 200
        assert client.get("/redoc").status_code == 401


def refusal(app: FastAPI) -> str:
    with pytest.raises(AssertionError) as failed, app_client(app):
        pass
    message = failed.value.args[0]
    return message if isinstance(message, str) else message["message"]


def test_an_app_with_open_routes_does_not_start_and_lists_each_with_file_and_line(sqlite_site: Site) -> None:
    app = make_app(sqlite_site)
    inner = APIRouter(prefix="/inner")

    @app.get("/forgotten")
    async def forgotten() -> str:
        return "oops"

    @app.websocket("/socket")
    async def socket(websocket: WebSocket) -> None:
        await websocket.close()

    @inner.post("/deep")
    async def deep() -> str:
        return "oops"

    app.include_router(inner)
    app.mount("/files", StaticFiles(directory="tests"))
    app.add_route("/plain", lambda _request: PlainTextResponse("oops"))
    report = refusal(app)
    assert "5 route(s)" in report
    for path in ("/forgotten", "/socket", "/inner/deep", "/files", "/plain"):
        assert path in report
    line = forgotten.__code__.co_firstlineno
    assert f"tests/web/test_fastapi.py:{line}" in report
    assert "@guard()" in report


def test_without_a_lifespan_the_first_request_finds_the_open_route(sqlite_site: Site) -> None:
    """A server that runs no start-up events protects as much."""
    import asyncio

    app = FastAPI()
    protect(app, sqlite_site.auth)

    @app.get("/forgotten")
    async def forgotten() -> str:
        return "oops"

    with asyncio.Runner() as runner, pytest.raises(ConfigurationError, match="/forgotten"):
        AppClient(runner, app).get("/forgotten")


def test_a043_another_sites_form_can_not_use_the_visitors_cookie(sqlite_site: Site) -> None:
    app = FastAPI()
    protect(app, sqlite_site.auth)
    done: list[str] = []

    @app.post("/transfer")
    async def transfer(session: Session) -> str:
        done.append(session.id)
        return "done"

    with app_client(app) as client:
        sqlite_site.auth.administration.create(email=EMAIL, password=PASSWORD)
        sign_in(client)
        for origin in ("https://evil.example", "null", "http://localhost:8001"):
            assert client.post("/transfer", headers={"origin": origin}).status_code == 403
        assert done == []
        assert client.post("/transfer").status_code == 200


def test_a043_another_sites_form_can_not_use_a_trusted_systems_cookie_either(tmp_path: Path) -> None:
    trust = IronSession(cookie_name="shop", password=SECRET)
    auth = Auth(store=f"sqlite:///{tmp_path}/w.sqlite3", secret=SECRET, trust=[trust], environ={})
    app = FastAPI()
    protect(app, auth)
    done: list[str] = []

    @app.post("/transfer")
    async def transfer(session: Session) -> str:
        done.append(session.user.id)
        return "done"

    sealed = seal({"user": {"id": "42"}}, passwords_of(SECRET), now=SystemClock().now())
    with app_client(app) as client:
        cookie = {"cookie": f"shop={sealed}"}
        for origin in ("https://evil.example", "null", "http://localhost:8001"):
            assert client.post("/transfer", headers={"origin": origin, **cookie}).status_code == 403
        assert done == []
        assert client.post("/transfer", headers=cookie).status_code == 200
        assert done == ["42"]


def test_a_guard_that_asks_about_what_its_path_does_not_have_stops_the_start(sqlite_site: Site) -> None:
    app = FastAPI()

    def owns(session: Any, note_id: int) -> bool:
        return bool(note_id)

    inner = APIRouter(prefix="/orgs/{org}")

    @app.get("/notes/{id}")
    @guard(when=owns)
    async def note(id: int) -> None: ...

    @inner.get("/notes/{note_id:int}")
    @guard(all_of=[guard(organization="{org}"), guard(when=owns)])
    async def of_organization(org: str, note_id: int) -> None: ...

    tenant = FastAPI(openapi_url=None)

    @tenant.get("/notes")
    @guard(organization="{tenant}")
    async def of_tenant() -> None: ...

    app.include_router(inner)
    app.host("{tenant}.example.org", tenant)
    protect(app, sqlite_site.auth)
    with pytest.raises(AssertionError) as refused, app_client(app):
        pass
    assert "1 guard(s) ask about what their route does not have" in str(refused.value)
    assert "asks for note_id; the path has id" in str(refused.value)
    assert "test_fastapi.py:" in str(refused.value)
