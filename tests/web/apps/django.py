"""The app in Django, served by ASGI; `tests/web/apps/django_wsgi.py` serves it by WSGI."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import include, path
from django.views import View

from tests.web.apps.rules import ADMIN, OWN, PREFIXES, RULES, served_auth, written
from tests.web.cases import SECRET
from watchword import Forbidden, guard, public, require, require_sync, verify_session, verify_session_sync
from watchword.web.django import guarded

KINDS = ("async", "sync")
INTERFACE = "asgi"


def create() -> ASGIHandler:
    configure()
    return get_asgi_application()


def configure() -> None:
    settings.configure(
        SECRET_KEY="of the tests",
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "watchword.web.django"],
        ROOT_URLCONF=__name__,
        TIME_ZONE="UTC",
        LOGGING_CONFIG=None,
        WATCHWORD=served_auth(),
        WATCHWORD_GUARDS=PREFIXES,
    )
    django.setup()


def answer(text: str, status: int = 200) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain")


def async_guarded() -> Any:
    async def guarded(request: HttpRequest) -> HttpResponse:
        return answer("in")

    return guarded


async def async_own(request: HttpRequest, user_id: str) -> HttpResponse:
    return answer("in")


async def async_write(request: HttpRequest) -> HttpResponse:
    written.append(request.body.decode())
    return answer("in")


@public
async def async_public(request: HttpRequest) -> HttpResponse:
    return answer("in")


@guard.inside
async def async_inside(request: HttpRequest) -> HttpResponse:
    await require(role="admin")
    return answer("in")


@guard.inside
async def async_looks(request: HttpRequest) -> HttpResponse:
    session = await verify_session()
    if session is None:
        return answer("", 401)
    return answer("in") if session.user.role == "admin" else answer("", 403)


@guard.inside
async def async_forgets(request: HttpRequest) -> HttpResponse:
    return answer(SECRET)


@guard.inside
async def async_early(request: HttpRequest) -> HttpResponse:
    if request.path:
        return answer(SECRET)
    await require()
    return answer("in")


@guard.inside
async def async_swallows(request: HttpRequest) -> HttpResponse:
    with suppress(Forbidden):
        await require(role="admin")
    return answer(SECRET)


@guard()
async def async_stream(request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[str]:
        yield "one "
        yield "two "

    return StreamingHttpResponse(parts())


@guard.inside
async def async_stream_forgets(request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[str]:
        yield SECRET

    return StreamingHttpResponse(parts())


def sync_guarded() -> Any:
    def guarded(request: HttpRequest) -> HttpResponse:
        return answer("in")

    return guarded


def sync_own(request: HttpRequest, user_id: str) -> HttpResponse:
    return answer("in")


def sync_write(request: HttpRequest) -> HttpResponse:
    written.append("sync")
    return answer("in")


@public
def sync_public(request: HttpRequest) -> HttpResponse:
    return answer("in")


@guard.inside
def sync_inside(request: HttpRequest) -> HttpResponse:
    require_sync(role="admin")
    return answer("in")


@guard.inside
def sync_looks(request: HttpRequest) -> HttpResponse:
    session = verify_session_sync()
    if session is None:
        return answer("", 401)
    return answer("in") if session.user.role == "admin" else answer("", 403)


@guard.inside
def sync_forgets(request: HttpRequest) -> HttpResponse:
    return answer(SECRET)


@guard.inside
def sync_early(request: HttpRequest) -> HttpResponse:
    if request.path:
        return answer(SECRET)
    require_sync()
    return answer("in")


@guard.inside
def sync_swallows(request: HttpRequest) -> HttpResponse:
    with suppress(Forbidden):
        require_sync(role="admin")
    return answer(SECRET)


@guard()
def sync_stream(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[str]:
        yield "one "
        yield "two "

    return StreamingHttpResponse(parts())


@guard.inside
def sync_stream_forgets(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[str]:
        yield SECRET

    return StreamingHttpResponse(parts())


@public
def count(request: HttpRequest) -> HttpResponse:
    return answer(str(len(written)))


@ADMIN
class Whole(View):
    async def get(self, request: HttpRequest) -> HttpResponse:
        return answer("in")


def one(request: HttpRequest) -> HttpResponse:
    return answer("in")


def paths(
    others: dict[str, Any], guarded: Callable[[], Any], own: Callable[..., Any], write: Callable[..., Any]
) -> Any:
    return include(
        [
            *(path(route[1:], rule(guarded())) for route, rule in RULES.items()),
            *(path(route, view) for route, view in others.items()),
            path("own/<str:user_id>", OWN(own)),
            path("write", guard()(write)),
        ]
    )


ASYNC = {
    "public": async_public,
    "inside": async_inside,
    "looks": async_looks,
    "forgets": async_forgets,
    "early": async_early,
    "swallows": async_swallows,
    "stream": async_stream,
    "stream-forgets": async_stream_forgets,
}
SYNC = {
    "public": sync_public,
    "inside": sync_inside,
    "looks": sync_looks,
    "forgets": sync_forgets,
    "early": sync_early,
    "swallows": sync_swallows,
    "stream": sync_stream,
    "stream-forgets": sync_stream_forgets,
}
urlpatterns = [
    path("async/", paths(ASYNC, async_guarded, async_own, async_write)),
    path("sync/", paths(SYNC, sync_guarded, sync_own, sync_write)),
    path("written", count),
    path("class/admin", Whole.as_view()),
    path("router/", guarded(include([path("one", one)]), ADMIN)),
    path("prefix/", include([path("one", one)])),
]
