"""What is tainted does not leave a Django project: in bodies, headers, cookies, streams and packed bodies."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.test import AsyncClient, Client
from django.urls import path

from tests.attacks.wire import events
from tests.support.django_project import MIDDLEWARE, project
from tests.support.site import Site
from watchword import public, taint_object_reference, taint_unique_value, untaint
from watchword.web.answer import WithheldError

KEY = "sk_live_4f9a77c2b1e80d6653"
WHY = "Do not send the payment key to the browser"
GZIP = "django.middleware.gzip.GZipMiddleware"


class Row:
    """What must not be returned."""


ROW = Row()


@pytest.fixture(autouse=True)
def tainted() -> Iterator[None]:
    taint_unique_value(WHY, Row, KEY)
    yield
    untaint(KEY)


@public
def body(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"nested": [{"key": f"x{KEY}y"}], "more": "word " * 200})


@public
def header(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in", headers={"x-debug": f"/?a={KEY}"})


@public
def cookie(request: HttpRequest) -> HttpResponse:
    response = HttpResponse("in")
    response.set_cookie("debug", KEY)
    return response


@public
def harmless(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"asked": request.headers.get("accept-encoding"), "more": "word " * 200})


@public
def unreadable(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"\x8b\x00\x80", headers={"content-encoding": "br"})


@public
def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(iter(["begin ", KEY[:7], f"{KEY[7:]} end"]))


@public
async def stream_asynchronously(request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[str]:
        for part in ("begin ", KEY[:7], f"{KEY[7:]} end"):
            yield part

    return StreamingHttpResponse(parts())


@public
def at_once(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(iter([KEY, " end"]))


URLS = [
    path("body", body),
    path("header", header),
    path("cookie", cookie),
    path("harmless", harmless),
    path("unreadable", unreadable),
    path("stream", stream),
    path("stream-async", stream_asynchronously),
    path("at-once", at_once),
]


@pytest.fixture
def client(sqlite_site: Site) -> Iterator[Client]:
    """A browser; what a view raises is answered, not raised."""
    with project(sqlite_site, *URLS, MIDDLEWARE=[MIDDLEWARE[0], GZIP]):
        yield Client(raise_request_exception=False)


@pytest.mark.parametrize(
    ("path_", "coding"),
    [("/body", ""), ("/body", "gzip"), ("/header", ""), ("/cookie", ""), ("/at-once", "")],
)
def test_a020_a_key_is_withheld_wherever_it_is(client: Client, sqlite_site: Site, path_: str, coding: str) -> None:
    answer = client.get(path_, headers={"accept-encoding": coding})
    assert (answer.status_code, answer.json()["code"]) == (500, "response_withheld")
    assert WHY in answer.json()["detail"]
    assert KEY not in f"{answer.content}{answer.headers}{answer.cookies}"
    assert events(sqlite_site, "response_withheld") == 1


def test_what_is_harmless_leaves_packed_in_a_way_that_can_be_searched(client: Client) -> None:
    answer = client.get("/harmless", headers={"accept-encoding": "gzip, br, zstd"})
    assert answer["content-encoding"] == "gzip"
    assert b'"asked": "gzip"' in gzip.decompress(answer.content)
    assert client.get("/unreadable").status_code == 500


def test_a020_a_key_in_pieces_is_cut_off_before_its_end(client: Client, sqlite_site: Site) -> None:
    async def read(path_: str) -> bytes:
        response: Any = await AsyncClient().get(path_)
        read = b""
        with pytest.raises(WithheldError):
            async for part in response:
                read += part
        return read

    for path_ in ("/stream", "/stream-async"):
        assert asyncio.run(read(path_)) == b"begin "
    for headers in ({}, {"accept-encoding": "gzip"}):
        parts = b""
        with pytest.raises(WithheldError):
            for part in client.get("/stream", headers=headers):
                parts += part
        assert KEY.encode() not in (zlib.decompressobj(31).decompress(parts) if headers else parts)
    assert events(sqlite_site, "response_withheld") == 4


def test_a020_an_object_that_must_not_be_returned_is_withheld(sqlite_site: Site) -> None:
    taint_object_reference("Pass a RowView instead", ROW)

    @public
    def whole(request: HttpRequest) -> Any:
        return {"row": ROW}

    with project(sqlite_site, path("whole", public(lambda request: HttpResponse(str(whole(request)))))):
        answer = Client(raise_request_exception=False).get("/whole")
    assert answer.status_code == 500
    assert "Pass a RowView instead" in answer.json()["detail"]
