"""Django projects behind Watchword's middleware: what each visitor is answered, by WSGI and by ASGI."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.http import Http404, HttpRequest, HttpResponse
from django.test import AsyncClient, Client
from django.urls import include, path, re_path
from django.views.decorators.cache import cache_page
from django.views.decorators.http import require_POST
from msgspec import UNSET

from tests.support.django_project import MIDDLEWARE, project, signed_in, statuses
from tests.support.site import ORIGIN, Site
from watchword import Forbidden, guard, public, require, require_sync, verify_session
from watchword.web.django import guarded
from watchword.web.django.testing import sign_in


def answers(text: str = "in") -> Callable[..., HttpResponse]:
    def view(request: HttpRequest, **_: Any) -> HttpResponse:
        return HttpResponse(text)

    return view


@public
def home(request: Any) -> HttpResponse:
    return HttpResponse(request.auth.user.name if request.auth else "nobody")


@guard(when=lambda session, number: number == 7)
def seven(request: HttpRequest, number: int) -> HttpResponse:
    return HttpResponse(str(number))


@guard.inside
def inside(request: HttpRequest) -> HttpResponse:
    return HttpResponse(require_sync().user.email)


@guard()
async def asynchronous(request: Any) -> HttpResponse:
    user = await request.auser()
    return HttpResponse(f"{user.email} {request.auth.user.email}")


def once_more(view: Any) -> Any:
    return lambda request: view(request)


SITE = [
    path("", home),
    path("me", guard()(answers())),
    path("admins", guard(role="admin")(answers())),
    path("number/<int:number>", seven),
    path("inside", inside),
    path("async", asynchronous),
    path("cached", cache_page(60)(guard()(answers("kept")))),
    path("below/", guarded(include([path("one", answers())]), guard(role="admin"))),
    path("write", guard()(answers("written"))),
    re_path(r"^year/(?P<year>\d{4})/$", guard()(answers())),
]
GUARDED = ["/me", "/admins", "/number/7", "/inside", "/async", "/cached", "/below/one", "/year/2026/"]


@pytest.fixture
def client(sqlite_site: Site) -> Iterator[Client]:
    """A browser; what a view raises is answered, not raised."""
    with project(sqlite_site, *SITE):
        yield Client(raise_request_exception=False)


def test_nobody_gets_in_and_is_told_how(client: Client) -> None:
    for path_ in GUARDED:
        answer = client.get(path_)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), path_
        assert "Bearer" in answer["www-authenticate"]


def test_whoever_is_signed_in_reaches_what_is_theirs_and_no_more(client: Client, sqlite_site: Site) -> None:
    signed_in(client, sqlite_site)
    assert statuses(client, GUARDED) == [200, 403, 200, 200, 200, 200, 403, 200]
    assert client.get("/number/8").status_code == 403
    assert client.get("/").content == b"Ada"


def test_an_asynchronous_project_answers_the_same(client: Client, sqlite_site: Site) -> None:
    async def visit() -> tuple[list[int], list[int], bytes]:
        browser = AsyncClient(raise_request_exception=False)
        before = [(await browser.get(path_)).status_code for path_ in GUARDED]
        sign_in(browser)
        after = [(await browser.get(path_)).status_code for path_ in GUARDED]
        return before, after, (await browser.get("/async")).content

    before, after, told = asyncio.run(visit())
    assert before == [401] * len(GUARDED)
    assert after == [200, 403, 200, 200, 200, 200, 403, 200]
    assert told == b"ada@example.org ada@example.org"


def test_watchwords_own_pages_and_calls_are_served(client: Client, sqlite_site: Site) -> None:
    assert client.get("/auth/session").json() == {"session": None}
    assert "Sign in" in client.get("/auth/sign-in", headers={"accept": "text/html"}).content.decode()
    signed_in(client, sqlite_site)
    assert client.get("/auth/session").json()["session"]["user"]["name"] == "Ada"
    assert client.post("/auth/sign-out", headers={"origin": "http://testserver"}).status_code == 200
    assert client.get("/me").status_code == 401


def test_a_browser_that_wants_a_page_is_led_to_sign_in_and_back(client: Client) -> None:
    answer = client.get("/me?tab=2", headers={"accept": "text/html"})
    assert (answer.status_code, answer["location"]) == (303, "/auth/sign-in?next=%2Fme%3Ftab%3D2")


def test_a031_an_answer_that_depends_on_who_asks_stays_out_of_shared_caches(client: Client, sqlite_site: Site) -> None:
    assert "Cookie" in client.get("/")["vary"]
    signed_in(client, sqlite_site)
    answer = client.get("/")
    assert (answer["cache-control"], answer["vary"]) == ("no-store", "Cookie, Authorization")


def test_a043_another_sites_form_can_not_use_the_visitors_cookie(client: Client, sqlite_site: Site) -> None:
    signed_in(client, sqlite_site)
    for origin in ("https://evil.example", "null", "http://localhost:8001"):
        assert client.post("/write", headers={"origin": origin, "host": "localhost:8000"}).status_code == 403
    assert client.post("/write", headers={"origin": ORIGIN, "host": "localhost:8000"}).content == b"written"


def test_djangos_own_check_of_forms_holds_beside_the_one_of_origins(client: Client, sqlite_site: Site) -> None:
    browser = Client(enforce_csrf_checks=True)
    signed_in(browser, sqlite_site)
    page = {"origin": ORIGIN, "host": "localhost:8000"}
    assert browser.post("/write", headers=page).status_code == 403
    browser.cookies["csrftoken"] = token = "a" * 32
    assert browser.post("/write", {"csrfmiddlewaretoken": token}, headers=page).content == b"written"
    foreign = {**page, "origin": "https://evil.example"}
    assert browser.post("/write", {"csrfmiddlewaretoken": token}, headers=foreign).status_code == 403


def test_the_middleware_stands_outside_where_the_project_has_not_listed_it(client: Client) -> None:
    from django.conf import settings

    assert MIDDLEWARE == settings.MIDDLEWARE


def test_a_synchronous_middleware_between_changes_nothing(client: Client, sqlite_site: Site) -> None:
    async def visit() -> list[int]:
        browser = AsyncClient(raise_request_exception=False)
        sign_in(browser)
        return [(await browser.get(path_)).status_code for path_ in (*GUARDED, "/")]

    with project(sqlite_site, *SITE, MIDDLEWARE=[MIDDLEWARE[0], f"{__name__}.once_more", *MIDDLEWARE[1:]]):
        assert asyncio.run(visit()) == [200, 403, 200, 200, 200, 200, 403, 200, 200]


# What leaves, and what does not.


@guard.inside
def forgets(request: HttpRequest) -> HttpResponse:
    return HttpResponse("secret")


@guard.inside
def fails(request: HttpRequest) -> HttpResponse:
    secret = "secret"
    raise ValueError(secret)


@guard.inside
def not_there(request: HttpRequest) -> HttpResponse:
    raise Http404("secret")


@guard.inside
def swallows(request: HttpRequest) -> HttpResponse:
    try:
        require_sync(role="admin")
    except Forbidden:
        return HttpResponse("secret")
    return HttpResponse("in")


@guard.inside
async def looks_in_a_task(request: HttpRequest) -> HttpResponse:
    await asyncio.create_task(verify_session())
    return HttpResponse("secret")


@guard.inside
async def late(request: HttpRequest) -> HttpResponse:
    await require(role="admin")
    return HttpResponse("in")


UNDECIDED = [
    path("forgets", forgets),
    path("fails", fails),
    path("not-there", not_there),
    path("task", looks_in_a_task),
    path("cached", cache_page(60)(forgets)),
]


@pytest.mark.parametrize("debug", [True, False])
def test_what_nobody_decided_is_withheld_even_from_the_page_that_explains_errors(
    client: Client, sqlite_site: Site, debug: bool
) -> None:
    with project(sqlite_site, *UNDECIDED, DEBUG=debug):
        for one in UNDECIDED:
            answer = client.get(f"/{one.pattern}")
            assert answer.status_code == 500
            assert answer.json()["code"] == "response_withheld"
            assert "secret" not in answer.content.decode()
            assert "test_middleware.py:" in answer.json()["detail"]


def test_an_answer_after_a_refusal_is_withheld(client: Client, sqlite_site: Site) -> None:
    with project(sqlite_site, path("swallows", swallows), path("late", late)):
        signed_in(client, sqlite_site)
        assert client.get("/swallows").status_code == 500
        assert client.get("/late").json()["code"] == "forbidden"


def test_what_django_refuses_by_itself_leaves(client: Client, sqlite_site: Site) -> None:
    with project(sqlite_site, path("write", require_POST(forgets)), path("slash/", forgets), DEBUG=True):
        assert client.get("/no-such-path").status_code == 404
        assert client.get("/write").status_code == 405
        assert client.get("/slash").status_code == 301
        assert client.options("/no-such-path").status_code == 404
        assert Client(enforce_csrf_checks=True).post("/write").status_code == 403


def answering(get_response: Any) -> Any:
    """A middleware that answers by itself, as WhiteNoise does."""
    return lambda request: HttpResponse("file") if request.path.startswith("/files/") else get_response(request)


def test_what_a_middleware_answers_leaves_where_the_settings_say_so(client: Client, sqlite_site: Site) -> None:
    middleware = [MIDDLEWARE[0], f"{__name__}.answering"]
    with project(sqlite_site, MIDDLEWARE=middleware):
        assert client.get("/files/a.css").status_code == 500
    with project(sqlite_site, MIDDLEWARE=middleware, WATCHWORD_PUBLIC=["/files/*"]):
        assert Client().get("/files/a.css").content == b"file"


def requiring(get_response: Any) -> Any:
    """A middleware for sites that nobody sees who is not signed in."""

    def middleware(request: Any) -> Any:
        require_sync()
        return get_response(request)

    return middleware


def test_a_refusal_that_a_middleware_raises_is_answered_as_one(client: Client, sqlite_site: Site) -> None:
    async def visit() -> int:
        return (await AsyncClient(raise_request_exception=False).get("/")).status_code

    with project(sqlite_site, *SITE, MIDDLEWARE=[MIDDLEWARE[0], f"{__name__}.requiring"]):
        browser = Client(raise_request_exception=False)
        assert browser.get("/").json()["code"] == "unauthenticated"
        assert asyncio.run(visit()) == 401
        sign_in(browser)
        assert browser.get("/").content == b"Ada"


def test_a_database_that_can_not_answer_lets_nobody_in(client: Client, sqlite_site: Site, monkeypatch: Any) -> None:
    from watchword.foundation.errors import StoreUnavailableError

    def unavailable(*_: Any) -> None:
        raise StoreUnavailableError

    signed_in(client, sqlite_site)
    monkeypatch.setattr(type(sqlite_site.auth.gate), "verify", unavailable)
    monkeypatch.setattr(type(sqlite_site.auth.gate), "verify_remembered", lambda *_: UNSET)
    answer = client.get("/me")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


def test_the_session_of_a_test_counts_for_nothing_in_production(
    client: Client, sqlite_site: Site, monkeypatch: Any
) -> None:
    sign_in(client)
    assert client.get("/me").status_code == 200
    monkeypatch.setattr(type(sqlite_site.auth.settings), "is_production", True)
    assert client.get("/me").status_code == 401


def test_a_urlconf_that_a_middleware_chooses_is_held_to_the_same(client: Client, sqlite_site: Site) -> None:
    with project(sqlite_site, *SITE, MIDDLEWARE=[MIDDLEWARE[0], f"{__name__}.another_urlconf"]):
        assert statuses(client, ["/me", "/open", "/declared"]) == [404, 500, 200]


def another_urlconf(get_response: Any) -> Any:
    def middleware(request: Any) -> Any:
        request.urlconf = OTHER
        return get_response(request)

    return middleware


OTHER = (path("open", answers()), path("declared", public(answers())))
