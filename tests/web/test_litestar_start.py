"""Which routes of a Litestar app stop its start: its own, a plugin's, static files, sockets, mounted apps."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar, Router, WebSocket, asgi, get, post, websocket
from litestar.config.app import AppConfig
from litestar.params import FromPath
from litestar.plugins import InitPlugin
from litestar.static_files import create_static_files_router
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.support.asgi import AppClient, app_client
from tests.support.site import Site
from watchword import ConfigurationError, guard, public
from watchword.web import starlette
from watchword.web.endpoints import endpoints_of
from watchword.web.litestar import OptionalSession, Session, Watchword


@get("/")
@public
async def home(session: OptionalSession) -> str:
    return session.user.name if session else "nobody"


@get("/me")
async def me(session: Session) -> str:
    return session.user.email


def make_app(site: Site, *handlers: Any, **options: Any) -> Litestar:
    return Litestar(route_handlers=[*handlers], plugins=[Watchword(site.auth, **options)])


def refusal(app: Litestar) -> str:
    with pytest.raises(AssertionError) as failed, app_client(app):
        pass
    message = failed.value.args[0]
    return message if isinstance(message, str) else message["message"]


@get("/forgotten")
async def forgotten() -> str:
    return "oops"


def test_an_app_with_open_routes_does_not_start_and_lists_each_with_file_and_line(sqlite_site: Site) -> None:
    @websocket("/socket")
    async def socket(socket: WebSocket[Any, Any, Any]) -> None:
        await socket.close()

    @asgi("/mounted", is_mount=True, copy_scope=True)
    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("oops")(scope, receive, send)

    @post("/deep")
    async def deep() -> str:
        return "oops"

    class Brings(InitPlugin):
        def on_app_init(self, app_config: AppConfig) -> AppConfig:
            app_config.route_handlers.append(get("/brought")(forgotten.fn))
            return app_config

    files = create_static_files_router("/files", directories=["tests"])
    routes = [home, forgotten, socket, mounted, Router("/inner", route_handlers=[deep]), files]
    report = refusal(Litestar(route_handlers=routes, plugins=[Watchword(sqlite_site.auth), Brings()]))
    assert "7 route(s)" in report
    for path in ("/forgotten", "/socket", "/mounted", "/inner/deep", "/files/{file_path}", "/brought"):
        assert path in report
    line = forgotten.fn.__code__.co_firstlineno
    assert f"tests/web/test_litestar_start.py:{line}" in report
    assert 'Watchword(auth, public=["/their/path"])' in report


def test_without_a_lifespan_the_first_request_finds_the_open_route(sqlite_site: Site) -> None:
    """A server that runs no start-up events protects as much."""
    with asyncio.Runner() as runner, pytest.raises(ConfigurationError, match="/forgotten"):
        AppClient(runner, make_app(sqlite_site, forgotten)).get("/forgotten")


def test_a_route_that_is_added_while_the_app_runs_is_held_to_the_same(sqlite_site: Site) -> None:
    app = make_app(sqlite_site, home)
    with app_client(app) as client:
        app.register(forgotten)
        app.register(me)
        assert client.get("/forgotten").status_code == 500
        assert client.get("/me").status_code == 401


def test_static_files_are_open_where_they_are_named_and_guarded_by_their_prefix(
    sqlite_site: Site, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("a file")
    open_files = create_static_files_router("/open", directories=[tmp_path], html_mode=True, name="open")
    closed_files = create_static_files_router("/closed", directories=[tmp_path], name="closed")
    app = make_app(sqlite_site, open_files, closed_files, public=["/open"], guards={"/closed": guard()})
    with app_client(app) as client:
        assert client.get("/open/a.txt").text == "a file"
        assert client.request("HEAD", "/open/a.txt").status_code == 200
        assert client.get("/open/no-such-file").status_code == 404
        assert client.get("/closed/a.txt").status_code == 401
        assert client.get("/closed/no-such-file").status_code == 401


def test_an_app_that_is_mounted_keeps_its_own_rules(sqlite_site: Site) -> None:
    @guard()
    async def guarded(request: Any) -> PlainTextResponse:
        return PlainTextResponse("in")

    inner = Starlette(routes=[Route("/guarded/", guarded)])
    starlette.protect(inner, sqlite_site.auth)
    sub = make_app(sqlite_site, home, me)
    mounts = [asgi("/inner", is_mount=True, copy_scope=True)(inner), asgi("/sub", is_mount=True, copy_scope=True)(sub)]
    app = make_app(sqlite_site, *mounts)
    listed = {endpoint.path: endpoint.rule and endpoint.rule.description for endpoint in endpoints_of(app) or ()}
    assert listed["/inner"] == "the app that is mounted here decides"
    assert (listed["/inner/guarded/"], listed["/sub/me"], listed["/sub/"]) == ("signed in", "signed in", "public")
    with app_client(app) as client:
        assert client.get("/sub/").text == "nobody"
        paths = ("/inner/guarded", "/sub/me", "/inner/nothing", "/sub/nothing")
        assert [client.get(path).status_code for path in paths] == [401, 401, 404, 404]


def test_a_guard_that_asks_about_what_its_path_does_not_have_stops_the_start(sqlite_site: Site) -> None:
    def owns(session: Any, note_id: int) -> bool:
        return bool(note_id)

    @get("/notes/{id:int}")
    @guard(when=owns)
    async def note(id: FromPath[int]) -> None: ...

    @get("/books/{note_id:int}")
    @guard(when=owns)
    async def book(note_id: FromPath[int]) -> None: ...

    told = refusal(make_app(sqlite_site, note, book))
    assert "1 guard(s) ask about what their route does not have" in told
    assert "asks for note_id; the path has id" in told
