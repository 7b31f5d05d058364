"""The people of a Django project: rows of its user model, its admin, its own ways to sign in and out."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth import authenticate, get_user_model, login, logout
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client
from django.urls import include, path

from tests.support.django_project import MIDDLEWARE, project, signed_in
from tests.support.site import EMAIL, ORIGIN, Site
from watchword import guard, public
from watchword.web.django.testing import sign_in

PAGE = {"accept": "text/html", "host": "localhost:8000", "origin": ORIGIN}
User: Any = get_user_model()


@public
def who(request: Any) -> HttpResponse:
    user = request.user
    return HttpResponse(f"{user.get_username()} {user.is_authenticated} {user.is_staff} {user.is_superuser}")


@public
async def who_asynchronously(request: Any) -> HttpResponse:
    return HttpResponse((await request.auser()).email if (await request.auser()).is_authenticated else "nobody")


@public
def log_in(request: HttpRequest) -> HttpResponse:
    found = authenticate(request, username="eve", password="difference engine")
    login(request, found or User.objects.get(username="eve"), "watchword.web.django.backend.WatchwordBackend")
    return HttpResponse("found" if found else "not found")


@public
def log_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponse(str(request.user.is_authenticated))


@guard()
def members(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


def seeing(get_response: Any) -> Any:
    """A middleware that looks at the user on the way to the view."""

    def middleware(request: Any) -> Any:
        response = get_response(request)
        response["x-user"] = str(request.seen)
        return response

    def look(request: Any) -> Any:
        request.seen = request.user.is_authenticated
        return middleware(request)

    return look


URLS = [
    path("who", who),
    path("who-async", who_asynchronously),
    path("log-in", log_in),
    path("log-out", log_out),
    path("members", members),
    path("accounts/", include("django.contrib.auth.urls")),
    path("admin/", admin.site.urls),
]


@pytest.fixture
def client(sqlite_site: Site) -> Iterator[Client]:
    """A browser; what a view raises is answered, not raised."""
    with project(sqlite_site, *URLS, WATCHWORD_PUBLIC=["/accounts/*"]):
        yield Client(raise_request_exception=False)


def test_a_user_gets_a_row_of_djangos_at_first_use(client: Client, sqlite_site: Site) -> None:
    assert client.get("/who").content == b" False False False"
    signed_in(client, sqlite_site)
    user = sqlite_site.auth.administration.find(EMAIL)
    assert user
    assert client.get("/who").content.decode() == f"{user.id} True False False"
    row = User.objects.get()
    assert (row.username, row.email, row.first_name, row.is_active) == (user.id, EMAIL, "Ada", True)
    assert not row.has_usable_password()
    client.get("/who")
    assert User.objects.count() == 1


def test_an_asynchronous_view_waits_for_its_user(client: Client) -> None:
    async def visit() -> list[bytes]:
        browser = AsyncClient()
        nobody = await browser.get("/who-async")
        sign_in(browser)
        return [nobody.content, (await browser.get("/who-async")).content]

    assert asyncio.run(visit()) == [b"nobody", b"ada@example.org"]


def test_the_role_admin_makes_staff_of_a_user_and_its_loss_takes_that_away(client: Client, sqlite_site: Site) -> None:
    signed_in(client, sqlite_site, role="admin")
    assert client.get("/who").content.endswith(b" True True True")
    assert client.get("/admin/").status_code == 200
    sqlite_site.auth.administration.set_role(EMAIL, "user")
    signed_in_again(client)
    assert client.get("/who").content.endswith(b" True False False")
    assert client.get("/admin/").status_code == 403
    assert not User.objects.get().is_superuser


def signed_in_again(client: Client) -> None:
    from tests.support.site import PASSWORD

    body = {"identifier": EMAIL, "password": PASSWORD}
    answer = client.post("/auth/sign-in/password", body, "application/json", headers=PAGE)
    assert answer.status_code == 200, answer.content


def test_whom_django_calls_inactive_is_nobody_to_django(client: Client) -> None:
    sign_in(client)
    client.get("/who")
    User.objects.update(is_active=False)
    sign_in(client, email="bob@example.org")
    assert b" True " in client.get("/who").content
    client = Client()
    session = sign_in(client)
    User.objects.create(username=session.user.id, is_active=False)
    assert client.get("/who").content == b" False False False"


def test_the_admin_is_for_admins_and_leads_to_watchwords_sign_in(client: Client, sqlite_site: Site) -> None:
    for path_ in ("/admin/", "/admin/auth/user/", "/admin/login/", "/admin/jsi18n/", "/admin/no-such-page"):
        answer = client.get(path_, headers=PAGE)
        assert (answer.status_code, answer["location"].partition("?")[0]) == (303, "/auth/sign-in"), path_
    sign_in(client)
    assert client.get("/admin/auth/user/", headers=PAGE).status_code == 403
    sign_in(client, email="grace@example.org", role="admin")
    page = client.get("/admin/auth/user/", headers=PAGE)
    assert page.status_code == 200
    assert "grace@example.org" in page.content.decode()
    assert client.get("/admin/login/", headers=PAGE)["location"] == "/admin/"


def test_a017_a_password_of_djangos_opens_nothing(client: Client) -> None:
    User.objects.create_superuser("eve", "eve@example.org", "difference engine")
    form = {"username": "eve", "password": "difference engine"}
    for path_ in ("/admin/login/?next=/admin/", "/accounts/login/"):
        client.post(path_, form, headers={"host": "localhost:8000"})
        assert client.get("/members").status_code == 401
        assert client.get("/admin/").status_code == 401
    assert client.get("/log-in").content == b"not found"
    assert client.get("/members").status_code == 401
    assert client.get("/who").content == b" False False False"
    client.force_login(User.objects.get())
    assert client.get("/members").status_code == 401
    assert client.get("/who").content == b" False False False"


def test_a_middleware_sees_watchwords_user_before_and_after_djangos_own(client: Client, sqlite_site: Site) -> None:
    User.objects.create_superuser("eve", "eve@example.org", "difference engine")
    for order in ([*MIDDLEWARE, f"{__name__}.seeing"], [MIDDLEWARE[0], f"{__name__}.seeing", *MIDDLEWARE[1:]]):
        with project(sqlite_site, *URLS, WATCHWORD_PUBLIC=["/accounts/*"], MIDDLEWARE=order):
            browser = Client()
            User.objects.create_superuser("eve2", "eve@example.org", "difference engine")
            browser.force_login(User.objects.get(username="eve2"))
            assert browser.get("/who")["x-user"] == "False"
            sign_in(browser)
            assert browser.get("/who")["x-user"] == "True"


def test_djangos_logout_ends_watchwords_session(client: Client, sqlite_site: Site) -> None:
    signed_in(client, sqlite_site, role="admin")
    token = client.cookies["watchword"].value
    answer = client.post("/admin/logout/", headers=PAGE)
    assert answer.status_code == 200
    assert answer.cookies["watchword"].value == ""
    client.cookies["watchword"] = token
    assert client.get("/members").status_code == 401


def test_another_site_can_not_sign_the_visitor_out(client: Client, sqlite_site: Site) -> None:
    signed_in(client, sqlite_site)
    foreign = {"host": "localhost:8000", "sec-fetch-site": "cross-site"}
    assert client.get("/log-out", headers=foreign).status_code == 403
    assert client.get("/members").status_code == 200
    assert (
        client.get("/log-out", headers={"host": "localhost:8000", "sec-fetch-site": "same-origin"}).content == b"False"
    )
    assert client.get("/members").status_code == 401
