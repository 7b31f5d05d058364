"""Streams and files of a Django project: nothing leaves before a decision."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.test import AsyncClient, Client
from django.urls import path

from tests.support.django_project import project, signed_in
from tests.support.site import Site
from watchword import guard, public, require, require_sync
from watchword.foundation.clock import SECOND
from watchword.sessions.gate import RECHECKED
from watchword.web.django.testing import sign_in

between: list[Callable[[], object]] = []


@guard()
def stream(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[str]:
        yield "one "
        for act in between:
            act()
        yield "two "

    return StreamingHttpResponse(parts())


@guard.inside
def decides(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[bytes]:
        yield b""
        require_sync(role="admin")
        yield b"in"

    return StreamingHttpResponse(parts())


@guard.inside
async def decides_asynchronously(request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b""
        await require(role="admin")
        yield b"in"

    return StreamingHttpResponse(parts())


@guard.inside
def fails(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[bytes]:
        secret = b"secret"
        raise ValueError(secret)
        yield secret

    return StreamingHttpResponse(parts())


@guard.inside
def file_forgets(request: HttpRequest) -> FileResponse:
    return FileResponse(Path(__file__).open("rb"))


@public
def file(request: HttpRequest) -> FileResponse:
    return FileResponse(Path(__file__).open("rb"))


@guard.inside
async def events_forget(request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[str]:
        yield "data: secret\n\n"

    return StreamingHttpResponse(parts(), content_type="text/event-stream")


URLS = [
    path("stream", stream),
    path("decides", decides),
    path("decides-async", decides_asynchronously),
    path("fails", fails),
    path("file-forgets", file_forgets),
    path("file", file),
    path("events-forget", events_forget),
]


@pytest.fixture(params=[False, True], ids=["production pages", "debug pages"])
def client(sqlite_site: Site, request: pytest.FixtureRequest) -> Iterator[Client]:
    """A browser; what a view raises is answered, not raised."""
    between.clear()
    with project(sqlite_site, *URLS, DEBUG=request.param):
        yield Client(raise_request_exception=False)


def body(response: Any) -> bytes:
    return b"".join(response) if response.streaming else response.content


async def asked(path_: str, role: str | None = None) -> tuple[int, bytes]:
    browser = AsyncClient(raise_request_exception=False)
    if role:
        sign_in(browser, role=role)
    response = await browser.get(path_)
    content = b"".join([part async for part in response]) if response.streaming else response.content
    return response.status_code, content


@pytest.mark.parametrize("path_", ["/decides", "/decides-async"])
def test_a_stream_may_decide_before_its_first_byte(client: Client, path_: str) -> None:
    assert client.get(path_).status_code == 401
    assert asyncio.run(asked(path_))[0] == 401
    assert asyncio.run(asked(path_, "user"))[0] == 403
    assert asyncio.run(asked(path_, "admin")) == (200, b"in")
    sign_in(client, role="admin")
    assert body(client.get(path_)) == b"in"


@pytest.mark.parametrize("path_", ["/fails", "/file-forgets", "/events-forget"])
def test_of_a_stream_that_nobody_decided_about_no_byte_leaves(client: Client, path_: str) -> None:
    for status, content in ((client.get(path_).status_code, client.get(path_).content), asyncio.run(asked(path_))):
        assert status == 500
        assert b"response_withheld" in content
        assert b"secret" not in content.replace(b"searched for secrets", b"")


def test_a_file_leaves_whole_and_never_past_watchword(client: Client) -> None:
    """A server's own way to send a file would not be seen."""
    whole = Path(__file__).read_bytes()
    assert body(client.get("/file")) == whole
    assert asyncio.run(asked("/file")) == (200, whole)
    given: list[Any] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/file",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8000",
        "wsgi.input": io.BytesIO(),
        "wsgi.url_scheme": "http",
        "wsgi.file_wrapper": lambda *arguments: given.append(arguments),
    }
    answer = get_wsgi_application()(environ, lambda *_: None)
    assert b"".join(answer) == whole
    assert given == []
    answer.close()


def test_a040_a_stream_breaks_off_when_its_session_has_ended(client: Client, sqlite_site: Site) -> None:
    from watchword import Unauthenticated

    signed_in(client, sqlite_site)
    assert body(client.get("/stream")) == b"one two "

    def end() -> None:
        other = Client()
        other.cookies = client.cookies
        assert other.post("/auth/sign-out", headers={"origin": "http://testserver"}).status_code == 200
        sqlite_site.clock.advance(RECHECKED + SECOND)

    between.append(end)
    came: list[bytes] = []
    with pytest.raises(Unauthenticated):
        came.extend(part for part in client.get("/stream"))
    assert came == [b"one "]


def test_an_event_stream_that_somebody_let_in_does_not_wait_for_its_first_event(sqlite_site: Site) -> None:
    async def silent(request: HttpRequest) -> StreamingHttpResponse:
        async def parts() -> AsyncIterator[str]:
            await asyncio.Event().wait()
            yield "never"

        return StreamingHttpResponse(parts(), content_type="text/event-stream")

    async def status() -> int:
        started = asyncio.get_running_loop().create_future()

        async def receive() -> dict[str, Any]:
            if not received:
                received.append(True)
                return {"type": "http.request", "body": b""}
            await started
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                started.set_result(message["status"])

        received: list[bool] = []
        scope = {"type": "http", "method": "GET", "path": "/silent", "headers": [(b"host", b"localhost:8000")]}
        await get_asgi_application()(scope, receive, send)
        return await started

    with project(sqlite_site, path("silent", public(silent))):
        assert asyncio.run(status()) == 200
