"""Views that say in Django's ways who may call them, and views of Django REST framework."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.decorators import login_required, permission_required, user_passes_test
from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import cache_page
from rest_framework.decorators import api_view
from rest_framework.permissions import IsAdminUser, IsAuthenticated
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from tests.support.django_project import project, statuses
from tests.support.site import Site
from watchword import guard, public, require_sync
from watchword.web.django import GuardMixin
from watchword.web.django.testing import sign_in


class In(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("in")


@guard(role="admin")
class Decorated(In):
    pass


@method_decorator(guard(role="admin"), name="dispatch")
class ByMethodDecorator(In):
    pass


class Mixed(GuardMixin, In):
    guard = guard(role="admin")


class AsynchronousMixed(GuardMixin, View):
    guard = guard(role="admin")

    async def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("in")


class MixedOpen(Mixed):
    guard = public


class MixedInside(GuardMixin, View):
    guard = guard.inside

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(require_sync(role="admin") and "in")


class MixedForgets(GuardMixin, In):
    guard = guard.inside


class EachMethod(View):
    @public
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("in")

    @guard(role="admin")
    def post(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("in")


class RequiringLogin(LoginRequiredMixin, In):
    pass


class RequiringPermission(PermissionRequiredMixin, In):
    permission_required = "auth.add_user"


@method_decorator(login_required, name="dispatch")
class LoginByMethodDecorator(In):
    pass


def view(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


async def asynchronous(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


async def is_staff(user: Any) -> bool:
    return user.is_staff


ADMINS = [
    path("decorated", Decorated.as_view()),
    path("by-method-decorator", ByMethodDecorator.as_view()),
    path("mixed", Mixed.as_view()),
    path("mixed-async", AsynchronousMixed.as_view()),
    path("mixed-inside", MixedInside.as_view()),
    path("permission", permission_required("auth.add_user")(view)),
    path("permission-mixin", RequiringPermission.as_view()),
    path("test", user_passes_test(lambda user: user.is_superuser)(view)),
    path("async-test", user_passes_test(is_staff)(asynchronous)),
    path("cached-test", cache_page(60)(user_passes_test(lambda user: user.is_superuser)(view))),
]
SIGNED_IN = [
    path("login", login_required(view)),
    path("login-async", login_required(asynchronous)),
    path("login-mixin", RequiringLogin.as_view()),
    path("login-by-method-decorator", LoginByMethodDecorator.as_view()),
]
OPEN = [path("open", MixedOpen.as_view()), path("each", EachMethod.as_view())]


@pytest.fixture
def client(sqlite_site: Site) -> Iterator[Client]:
    """A browser; what a view raises is answered, not raised."""
    with project(sqlite_site, *ADMINS, *SIGNED_IN, *OPEN, path("forgets", MixedForgets.as_view())):
        yield Client(raise_request_exception=False)


def paths(urls: list[Any]) -> list[str]:
    return [f"/{one.pattern}" for one in urls]


def test_each_way_of_djangos_lets_in_whom_it_says(client: Client) -> None:
    admins, signed_in, open_ = paths(ADMINS), paths(SIGNED_IN), paths(OPEN)
    nobody = statuses(client, [*admins, *signed_in, *open_])
    assert nobody == [401] * len(admins + signed_in) + [200] * len(open_)
    sign_in(client, role="admin")
    assert statuses(client, [*admins, *signed_in, *open_]) == [200] * len(admins + signed_in + open_)
    sign_in(client, email="bob@example.org")
    assert statuses(client, admins) == [403] * len(admins)
    assert statuses(client, signed_in) == [200] * len(signed_in)


def test_django_leads_away_whom_it_does_not_let_in_even_where_the_view_decides(
    client: Client, sqlite_site: Site
) -> None:
    inside = guard.inside(view)
    with project(sqlite_site, path("inside", permission_required("auth.add_user")(inside))):
        browser = Client(raise_request_exception=False)
        assert browser.get("/inside").status_code == 401
        sign_in(browser)
        assert browser.get("/inside").status_code == 403


def test_methods_of_one_class_have_rules_of_their_own(client: Client) -> None:
    assert client.post("/each").status_code == 401
    assert client.head("/each").status_code == 200
    assert client.put("/each").status_code == 405
    assert client.options("/each")["allow"] == "GET, POST, HEAD, OPTIONS"
    sign_in(client)
    assert client.post("/each").status_code == 403
    sign_in(client, role="admin")
    assert client.post("/each").content == b"in"


def test_a_class_that_decides_inside_is_held_to_it(client: Client) -> None:
    answer = client.get("/forgets")
    assert answer.json()["code"] == "response_withheld"
    assert "test_declared.MixedForgets (tests/web/django/test_declared.py:" in answer.json()["detail"]


class Api(GuardMixin, APIView):
    guard = guard(role="admin")

    def get(self, request: Any) -> Response:
        return Response({"user": request.user.email, "session": request.auth.id})


class ByPermission(APIView):
    permission_classes = (IsAuthenticated,)

    def get(self, request: Any) -> Response:
        return Response({"user": request.user.email})


class ForAdmins(ByPermission):
    permission_classes = (IsAdminUser,)


@guard(role="admin")
class DecoratedApi(ByPermission):
    permission_classes = ()


class Notes(ViewSet):
    @public
    def list(self, request: Any) -> Response:
        return Response([request.auth is None])

    @guard(role="admin")
    def create(self, request: Any) -> Response:
        return Response({"by": request.user.email})

    @guard(when=lambda session, pk: session.user.id == pk)
    def retrieve(self, request: Any, pk: str) -> Response:
        return Response(pk)


@api_view(["GET", "POST"])
@guard()
def function(request: Any) -> Response:
    return Response(request.user.email)


@guard(role="admin")
@api_view(["GET"])
def outside(request: Any) -> Response:
    return Response(request.user.email)


ROUTER = SimpleRouter()
ROUTER.register("notes", Notes, basename="note")
REST = [
    path("api", Api.as_view()),
    path("decorated", DecoratedApi.as_view()),
    path("for-admins", ForAdmins.as_view()),
    path("outside", outside),
    path("by-permission", ByPermission.as_view()),
    path("function", function),
    path("", include(ROUTER.urls)),
]


@pytest.fixture
def rest(sqlite_site: Site) -> Iterator[Client]:
    with project(sqlite_site, *REST):
        yield Client(raise_request_exception=False)


def test_views_of_django_rest_framework_keep_to_their_guards(rest: Client) -> None:
    urls = paths(REST[:-1])
    assert statuses(rest, urls) == [401] * 6
    assert all("Bearer" in rest.get(url)["www-authenticate"] for url in urls)
    sign_in(rest)
    assert statuses(rest, urls) == [403, 403, 403, 403, 200, 200]
    session = sign_in(rest, email="grace@example.org", role="admin")
    assert statuses(rest, urls) == [200] * 6
    assert rest.get("/api").json() == {"user": "grace@example.org", "session": session.id}


def test_the_actions_of_a_viewset_have_rules_of_their_own(rest: Client) -> None:
    assert rest.get("/notes/").json() == [True]
    assert rest.post("/notes/").status_code == 401
    assert rest.get("/notes/1/").status_code == 401
    session = sign_in(rest)
    assert rest.post("/notes/").status_code == 403
    assert rest.get("/notes/1/").status_code == 403
    assert rest.get(f"/notes/{session.user.id}/").json() == session.user.id
    sign_in(rest, email="grace@example.org", role="admin")
    assert rest.post("/notes/").json() == {"by": "grace@example.org"}


def test_what_a_view_is_django_rest_framework_tells_the_signed_in_alone(rest: Client) -> None:
    assert rest.options("/notes/").status_code == 401
    sign_in(rest)
    assert rest.options("/notes/").status_code == 200
