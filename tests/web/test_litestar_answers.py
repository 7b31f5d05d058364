"""What a Litestar app sends: streams, sockets, cached and compressed answers, its own answers to exceptions."""

import gzip
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar, Request, Response, WebSocket, get, head, post, websocket, websocket_listener
from litestar.background_tasks import BackgroundTask
from litestar.config.compression import CompressionConfig
from litestar.exceptions import NotFoundException
from litestar.handlers import websocket_stream
from litestar.params import FromQuery
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.response import ServerSentEvent, Stream, Template
from litestar.template.config import TemplateConfig

from tests.attacks.apps import App, page
from tests.support.asgi import AppClient, app_client
from tests.support.site import EMAIL, PASSWORD, Site
from watchword import Forbidden, guard, public, require, verify_session
from watchword.web.litestar import OptionalSession, Session, Watchword

SECRET = "what nobody decided about"


def make_app(site: Site, *handlers: Any, **options: Any) -> Litestar:
    return Litestar(route_handlers=[*handlers], plugins=[Watchword(site.auth)], **options)


def signed_in(client: AppClient, site: Site) -> AppClient:
    site.auth.administration.create(email=EMAIL, password=PASSWORD, name="Ada")
    body = {"identifier": EMAIL, "password": PASSWORD}
    assert client.post("/auth/sign-in/password", json=body).status_code == 200
    return client


@get("/forgets")
@guard.inside
async def forgets() -> str:
    return SECRET


@get("/admin", guards=[guard(role="admin")])
async def admin() -> str:
    return "in"


def test_a_stream_that_refuses_before_its_first_bytes_is_a_refusal(sqlite_site: Site) -> None:
    async def refuses() -> AsyncIterator[str]:
        await require(role="admin")
        yield SECRET

    @get("/stream")
    @guard.inside
    async def stream() -> Stream:
        return Stream(refuses())

    @get("/middleware", middleware=[through])
    @guard.inside
    async def below_a_middleware() -> Stream:
        return Stream(refuses())

    with app_client(make_app(sqlite_site, stream, below_a_middleware)) as client:
        assert client.get("/stream").status_code == 401
        signed_in(client, sqlite_site)
        assert [client.get(path).status_code for path in ("/stream", "/middleware")] == [403, 403]


def through(app: Any) -> Any:
    async def middleware(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    return middleware


def test_an_event_stream_a_template_and_a_background_task_work_behind_a_guard(
    sqlite_site: Site, tmp_path: Path
) -> None:
    (tmp_path / "page.html").write_text("<p>{{ name }}</p>")
    done: list[str] = []

    @get("/events", guards=[guard()])
    async def events() -> ServerSentEvent:
        async def parts() -> AsyncIterator[str]:
            yield "one"

        return ServerSentEvent(parts())

    @get("/page")
    async def template(session: Session) -> Template:
        return Template("page.html", context={"name": session.user.name})

    @post("/later", status_code=200)
    @guard()
    async def later() -> Response[str]:
        return Response("soon", background=BackgroundTask(done.append, "done"))

    @head("/head", guards=[guard()])
    async def only_head() -> None: ...

    templates = TemplateConfig(directory=tmp_path, engine=JinjaTemplateEngine)
    app = make_app(sqlite_site, events, template, later, only_head, template_config=templates)
    with app_client(app) as client:
        assert client.request("HEAD", "/head").status_code == 401
        assert client.post("/later").status_code == 401
        assert done == []
        signed_in(client, sqlite_site)
        assert "data: one" in client.get("/events").text
        assert client.get("/page").text == "<p>Ada</p>"
        assert client.post("/later").text == "soon"
        assert done == ["done"]
        assert client.request("HEAD", "/head").status_code == 200


def sockets() -> list[Any]:
    @websocket("/plain")
    @guard()
    async def plain(socket: WebSocket[Any, Any, Any]) -> None:
        await socket.accept()
        await socket.send_text(f"plain {await socket.receive_text()}")

    @websocket_listener("/listener")
    @guard()
    async def listener(data: str) -> str:
        return f"listener {data}"

    @websocket_stream("/stream", listen_for_disconnect=False)
    @guard()
    async def stream() -> AsyncGenerator[str, None]:
        yield "stream hello"

    @websocket("/refuses")
    @guard.inside
    async def refuses(socket: WebSocket[Any, Any, Any]) -> None:
        await socket.accept()
        await socket.send_text(SECRET)

    return [plain, listener, stream, refuses]


@pytest.mark.parametrize("path", ["/plain", "/listener", "/stream"])
def test_a_socket_of_each_kind_opens_for_those_who_are_signed_in(sqlite_site: Site, path: str) -> None:
    made = App(sqlite_site, make_app(sqlite_site, *sockets()))
    assert made.talk(path, *page(), say=["hello"]) == ["close"]
    came = made.talk(path, *page(made.token()), say=["hello"])
    assert came[:2] == ["accept", f"{path[1:]} hello"]


def test_a_socket_that_nobody_decided_about_does_not_open(sqlite_site: Site) -> None:
    made = App(sqlite_site, make_app(sqlite_site, *sockets()))
    assert made.talk("/refuses", *page(made.token()), say=["hello"]) == ["close"]


def test_a_cached_answer_passes_no_guard_and_goes_to_nobody_else(sqlite_site: Site) -> None:
    calls: list[str] = []

    @get("/mine", cache=60)
    async def mine(session: Session) -> str:
        calls.append("mine")
        return session.user.name

    @get("/greeting", cache=60)
    @public
    async def greeting(session: OptionalSession) -> str:
        calls.append("greeting")
        return session.user.name if session else "nobody"

    @get("/news", cache=60)
    @public
    async def news() -> str:
        calls.append("news")
        return "the same for everyone"

    @get("/inside", cache=60)
    @guard.inside
    async def inside() -> str:
        await require(role="admin")
        return "in"

    with app_client(make_app(sqlite_site, mine, greeting, news, inside)) as client:
        signed_in(client, sqlite_site)
        stranger = client.another()
        sqlite_site.auth.administration.create(email="grace@example.org", password=PASSWORD, role="admin")
        grace = client.another()
        grace.post("/auth/sign-in/password", json={"identifier": "grace@example.org", "password": PASSWORD})
        assert (client.get("/mine").text, grace.get("/mine").text) == ("Ada", "")
        assert stranger.get("/mine").status_code == 401
        assert (client.get("/greeting").text, stranger.get("/greeting").text) == ("Ada", "nobody")
        assert {one.get("/news").text for one in (client, grace, stranger)} == {"the same for everyone"}
        assert [one.get("/inside").status_code for one in (grace, client, stranger, grace)] == [200, 403, 401, 200]
        assert calls == ["mine", "mine", "greeting", "greeting", "news"]


def test_compressed_answers_wait_for_a_decision_too(sqlite_site: Site) -> None:
    @get("/long", guards=[guard()])
    async def long() -> str:
        return "long " * 1000

    compression = CompressionConfig(backend="gzip", minimum_size=10)
    with app_client(make_app(sqlite_site, long, forgets, compression_config=compression)) as client:
        signed_in(client, sqlite_site)
        answer = client.get("/long", headers={"accept-encoding": "gzip"})
        assert (answer.headers["content-encoding"], answer.text) == ("gzip", "long " * 1000)
        withheld = client.get("/forgets", headers={"accept-encoding": "gzip"})
        assert withheld.status_code == 500
        assert gzip.compress(SECRET.encode())[10:20] not in withheld.content


def test_what_hooks_add_to_an_answer_is_withheld_with_it(sqlite_site: Site) -> None:
    async def before_send(message: Any, scope: Any) -> None:
        if message["type"] == "http.response.start":
            message.setdefault("headers", []).append((b"x-secret", SECRET.encode()))

    async def after_request(response: Response[Any]) -> Response[Any]:
        response.set_cookie("secret", "value")
        return response

    app = make_app(sqlite_site, forgets, admin, before_send=[before_send], after_request=after_request)
    with app_client(app) as client:
        answer = client.get("/forgets")
        assert answer.status_code == 500
        assert "x-secret" not in answer.headers
        assert "set-cookie" not in answer.headers
        assert "x-secret" not in client.get("/admin").headers


def answers_to(status: int) -> Any:
    def handler(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
        return Response("an answer of the app's own", status_code=status)

    return handler


def broken() -> list[Any]:
    @get("/defect")
    @guard.inside
    async def defect() -> str:
        raise ValueError(SECRET)

    @get("/looks-away")
    @guard.inside
    async def looks_away() -> str:
        raise NotFoundException(SECRET)

    @get("/hides", guards=[guard()])
    async def hides(number: FromQuery[int] = 1) -> str:
        raise NotFoundException("not for you")

    return [admin, defect, looks_away, hides]


def test_litestars_exceptions_leave_where_the_framework_or_who_was_let_in_made_them(sqlite_site: Site) -> None:
    with app_client(make_app(sqlite_site, *broken())) as client:
        signed_in(client, sqlite_site)
        paths = ("/no-such-path", "/hides", "/hides?number=x", "/looks-away", "/defect")
        assert [client.get(path).status_code for path in paths] == [404, 404, 400, 500, 500]
        assert client.post("/hides").status_code == 405
        assert SECRET not in client.get("/looks-away").text


@pytest.mark.parametrize(
    ("exception", "status", "expected"),
    [(Forbidden, 404, 404), (Forbidden, 200, 500), (Exception, 200, 403), (500, 500, 403)],
)
def test_an_app_answers_refusals_in_its_own_way_as_long_as_it_refuses(
    sqlite_site: Site, exception: Any, status: int, expected: int
) -> None:
    with app_client(make_app(sqlite_site, admin, exception_handlers={exception: answers_to(status)})) as client:
        signed_in(client, sqlite_site)
        assert client.get("/admin").status_code == expected


def test_a_catch_all_answer_to_exceptions_lets_nothing_out_undecided(sqlite_site: Site) -> None:
    app = make_app(sqlite_site, *broken(), exception_handlers={Exception: answers_to(200)})
    with app_client(app) as client:
        assert client.get("/defect").status_code == 500
        assert client.get("/looks-away").status_code == 500


def test_a_refusal_after_the_session_was_looked_at_is_the_handlers_own(sqlite_site: Site) -> None:
    @get("/looks")
    @guard.inside
    async def looks() -> Response[str]:
        session = await verify_session()
        return Response("in") if session else Response("no", status_code=403)

    @get("/handed")
    @guard.inside
    async def handed(session: OptionalSession) -> Response[str]:
        return Response("in") if session else Response("no", status_code=403)

    with app_client(make_app(sqlite_site, looks, handed)) as client:
        assert [client.get(path).status_code for path in ("/looks", "/handed")] == [403, 403]
        signed_in(client, sqlite_site)
        assert [client.get(path).text for path in ("/looks", "/handed")] == ["in", "in"]
