"""Watchword in Django: one project with every kind of rule. `uvicorn examples.django.app:create --factory`."""

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, path

from watchword import Auth, Session, guard, public, require, require_sync, verify_session

PEOPLE = {"usr_ada": "Ada Lovelace", "usr_bob": "Charles Babbage"}
NOTES: list[tuple[str, str]] = []


def is_themselves(session: Session, user_id: str) -> bool:
    return session.user.id == user_id


@public
def home(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"hello": "world"})


@guard.inside
def me(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"email": require_sync().user.email})


@guard(role="admin")
def admin(request: HttpRequest) -> JsonResponse:
    return JsonResponse(PEOPLE)


@guard(any_of=[guard(role="admin"), guard(when=is_themselves)])
async def person(request: HttpRequest, user_id: str) -> JsonResponse:
    return JsonResponse({"name": PEOPLE.get(user_id, "somebody")})


@guard.inside
async def add_note(request: HttpRequest) -> JsonResponse:
    session = await require(fresh="1 day")
    NOTES.append((session.user.id, request.GET.get("text", "")))
    return JsonResponse({"notes": len(NOTES)})


@guard.inside
async def greeting(request: HttpRequest) -> JsonResponse:
    session = await verify_session()
    return JsonResponse({"hello": session.user.email if session else "stranger"})


urlpatterns: list[URLPattern] = [path("", home), path("me", me), path("admin", admin), path("notes", add_note)]
urlpatterns += [path("people/<str:user_id>", person), path("greeting", greeting)]


def create(auth: Auth | None = None) -> ASGIHandler:
    """Return the project, on its own `Auth` unless one is given. Settings of your own are a module, as ever."""
    settings.configure(INSTALLED_APPS=["watchword.web.django"], ROOT_URLCONF=__name__, WATCHWORD=auth or Auth())
    return get_asgi_application()
