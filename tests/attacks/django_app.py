"""The small app of the attacks, in Django: by ASGI, and by WSGI behind a bridge that calls it byte for byte."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from asgiref.wsgi import WsgiToAsgi
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from tests.attacks.apps import App
from tests.support import django_project
from tests.support.site import Site
from watchword import guard, public, require, require_sync, verify_session, verify_session_sync


def make_app(kind: str, site: Site) -> App:
    """Return the app; `kind` is `django` or `django_wsgi`. The project's settings are its own until the next is made."""
    django_project.migrate()
    made = App(site)
    is_async = kind == "django"
    settings.WATCHWORD = site.auth
    settings.ROOT_URLCONF = tuple(urls(made, asynchronous(made) if is_async else synchronous(made)))
    made.app = get_asgi_application() if is_async else WsgiToAsgi(get_wsgi_application())
    return made


def urls(made: App, views: dict[str, Any]) -> Iterator[Any]:
    @public
    def home(request: HttpRequest) -> HttpResponse:
        return JsonResponse({"path": request.path})

    @public
    def old(request: HttpRequest) -> HttpResponse:
        response = HttpResponseRedirect("/new")
        response.status_code = 303
        return response

    @guard()
    def read(request: HttpRequest, id: str) -> HttpResponse:
        return JsonResponse({"note": id})

    @guard()
    def write(request: HttpRequest) -> HttpResponse:
        made.written.append(request.body.decode())
        return JsonResponse({})

    @guard(role="admin")
    def admin(request: HttpRequest) -> HttpResponse:
        made.written.append("admin")
        return JsonResponse({"admin": True})

    yield path("", require_http_methods(["GET"])(home))
    yield path("greeting", views["greeting"])
    yield path("old", csrf_exempt(old))
    yield path("notes/<str:id>", require_http_methods(["GET"])(read))
    # Without Django's own check of forms, so that the check of origins is what refuses.
    yield path("notes", csrf_exempt(require_http_methods(["POST"])(write)))
    yield path("admin", csrf_exempt(require_http_methods(["GET", "POST"])(admin)))
    yield path("deputy", views["deputy"])
    yield path("stream", views["stream"])
    yield path("below/", include([path("secret", admin)]))


def asynchronous(made: App) -> dict[str, Any]:
    @public
    async def greeting(request: HttpRequest) -> HttpResponse:
        session = await verify_session()
        return cached(JsonResponse({"user": session and session.user.email}))

    @guard.inside
    async def deputy(request: HttpRequest) -> HttpResponse:
        return JsonResponse({"admin": (await require(role="admin")).user.id})

    @guard()
    async def stream(request: HttpRequest) -> StreamingHttpResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"one "
            made.between()
            yield b"two "

        return StreamingHttpResponse(parts())

    return {"greeting": greeting, "deputy": deputy, "stream": stream}


def synchronous(made: App) -> dict[str, Any]:
    @public
    def greeting(request: HttpRequest) -> HttpResponse:
        session = verify_session_sync()
        return cached(JsonResponse({"user": session and session.user.email}))

    @guard.inside
    def deputy(request: HttpRequest) -> HttpResponse:
        return JsonResponse({"admin": require_sync(role="admin").user.id})

    @guard()
    def stream(request: HttpRequest) -> StreamingHttpResponse:
        def parts() -> Iterator[bytes]:
            yield b"one "
            made.between()
            yield b"two "

        return StreamingHttpResponse(parts())

    return {"greeting": greeting, "deputy": deputy, "stream": stream}


def cached(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "public, max-age=60"
    return response
