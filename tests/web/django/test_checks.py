"""What keeps a Django project from starting."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.decorators import login_not_required, login_required
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.views import LoginView
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path
from django.views import View
from django.views.generic import TemplateView
from django.views.static import serve
from rest_framework.routers import DefaultRouter
from rest_framework.viewsets import ViewSet

from tests.support.django_project import MIDDLEWARE, project
from tests.support.site import Site
from watchword import ConfigurationError, guard, public
from watchword.web.django.configuration import Configuration
from watchword.web.django.routes import endpoints
from watchword.web.endpoints import endpoints_of


def forgotten(request: HttpRequest) -> HttpResponse:
    return HttpResponse("oops")


def for_everyone(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


class Forgotten(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("oops")


class Half(View):
    @guard()
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("in")

    def post(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("oops")


class Set(ViewSet):
    def list(self, request: Any) -> Any: ...


@pytest.fixture(autouse=True)
def site(sqlite_site: Site) -> Iterator[Site]:
    with project(sqlite_site):
        yield sqlite_site


def report() -> list[Any]:
    return [error for error in run_checks() if (error.id or "").startswith("watchword.")]


def test_views_that_are_open_by_mistake_are_errors_each_with_file_and_line(site: Site) -> None:
    router = DefaultRouter()
    router.register("set", Set, basename="set")
    urls = [
        path("view", forgotten),
        path("below/", include([path("class", Forgotten.as_view())])),
        path("half", Half.as_view()),
        path("page", TemplateView.as_view(template_name="x")),
        re_path(r"^media/(?P<path>.*)$", serve),
        path("api/", include(router.urls)),
    ]
    with project(site, *urls):
        errors = report()
        assert {error.id for error in errors} == {"watchword.E001"}
        told = [f"{error.msg} {error.obj}" for error in errors]
        for line, what in (
            (forgotten.__code__.co_firstlineno, "ANY /view (tests.web.django.test_checks.forgotten)"),
            (Forgotten.get.__code__.co_firstlineno - 1, "ANY /below/class (tests.web.django.test_checks.Forgotten)"),
            (Half.get.__wrapped__.__code__.co_firstlineno - 1, "POST /half (tests.web.django.test_checks.Half)"),  # type: ignore[attr-defined]
        ):
            assert any(what in text and f"tests/web/django/test_checks.py:{line}" in text for text in told), what
        for what in ("/page", "/media/<path>", "/api/set/", "/api/"):
            assert any(f" {what} " in text for text in told), what
        assert not any("GET /half" in text for text in told)


def test_commands_that_check_the_project_stop_with_the_report(site: Site) -> None:
    with project(site, path("view", forgotten)), pytest.raises(SystemCheckError, match="E001"):
        call_command("check")


def test_a_server_that_runs_no_checks_does_not_start_either(site: Site) -> None:
    with project(site, path("view", forgotten), path("class", Forgotten.as_view())):
        with pytest.raises(ConfigurationError) as refused:
            get_wsgi_application()
        assert "2 route(s)" in str(refused.value)
        assert f"tests/web/django/test_checks.py:{forgotten.__code__.co_firstlineno}" in str(refused.value)
        assert 'WATCHWORD_PUBLIC = ["/their/path", "/static/*"]' in str(refused.value)


def test_what_the_settings_declare_is_not_open(site: Site) -> None:
    urls = [path("view", forgotten), re_path(r"^media/(?P<path>.*)$", serve), path("staff/view", forgotten)]
    options = {"WATCHWORD_PUBLIC": ["/view", "/media/*"], "WATCHWORD_GUARDS": {"/staff": guard(role="admin")}}
    with project(site, *urls, **options):
        assert report() == []
        rules = {one.path: one.rule.description for one in endpoints(Configuration.of_settings) if one.rule}
        assert rules == {"/view": "public", "/media/<path>": "public", "/staff/view": "role admin"}


def test_what_django_declares_is_understood(site: Site) -> None:
    urls = [
        path("login-required", login_required(forgotten)),
        path("login-not-required", login_not_required(for_everyone)),
        path("login", LoginView.as_view()),
        path("own-mark", public(login_required(forgotten))),
    ]
    with project(site, *urls):
        rules = {one.path: one.rule.description for one in endpoints(Configuration.of_settings) if one.rule}
    assert rules == {
        "/login-required": "signed in",
        "/login-not-required": "public",
        "/login": "public",
        "/own-mark": "public",
    }


def test_a_project_that_requires_login_everywhere_has_no_open_view(site: Site) -> None:
    router = DefaultRouter()
    router.register("set", Set, basename="set")
    required = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    with project(site, path("view", forgotten), path("api/", include(router.urls)), MIDDLEWARE=[*MIDDLEWARE, required]):
        rules = {one.path: one.rule and one.rule.description for one in endpoints(Configuration.of_settings)}
        assert rules["/view"] == "signed in"
        # Django's middleware lets all of Django REST framework pass.
        assert rules["/api/set/"] is None


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("WATCHWORD", None, "WATCHWORD = Auth"),
        ("WATCHWORD", "tests.nowhere.auth", "can't be imported"),
        ("WATCHWORD_PUBLIC", "/view", "list of paths"),
        ("WATCHWORD_PUBLIC", ["view"], "list of paths"),
        ("WATCHWORD_GUARDS", {"/staff": "admin"}, "guards by URL prefix"),
    ],
)
def test_settings_that_are_none_are_named(site: Site, name: str, value: Any, told: str) -> None:
    from django.test import override_settings

    with override_settings(**{name: value}):
        assert [error.id for error in report()] == ["watchword.E002"]
        with pytest.raises(ConfigurationError, match=told):
            get_wsgi_application()


def test_the_settings_may_name_the_auth_or_what_makes_it(site: Site) -> None:
    from django.test import override_settings

    for given in (lambda: site.auth, f"{__name__}.made"):
        globals()["made"] = site.auth
        with override_settings(WATCHWORD=given):
            assert Configuration.of_settings().auth is site.auth


def test_a017_djangos_own_sign_in_is_no_second_way(site: Site) -> None:
    with project(site, AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.ModelBackend"]):
        assert [error.id for error in report()] == ["watchword.E003"]
        with pytest.raises(ConfigurationError, match="second way in"):
            get_wsgi_application()


def test_a_user_model_without_a_place_for_the_id_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.contrib.auth import get_user_model

    model: type[AbstractBaseUser] = get_user_model()
    monkeypatch.setattr(model, "USERNAME_FIELD", "email")
    assert [error.id for error in report()] == ["watchword.E004"]


def test_the_routes_of_a_project_are_listed_for_the_command(site: Site) -> None:
    with project(site, path("view", guard(role="admin")(forgotten))):
        found = endpoints_of(get_wsgi_application())
        assert found is not None
        assert [(one.methods, one.path, one.rule and one.rule.description) for one in found] == [
            ("ANY", "/view", "role admin")
        ]


def test_a_guard_that_asks_about_what_its_path_does_not_have_stops_the_start(site: Site) -> None:
    def owns(session: Any, note_id: int) -> bool:
        return bool(note_id)

    view = guard(when=owns)(for_everyone)
    with project(site, path("notes/<int:id>", view)), pytest.raises(SystemCheckError, match="asks for note_id"):
        call_command("check")
    given = (
        path("notes/<int:note_id>", view),
        re_path("^n/(?P<note_id>[0-9]+)$", view),
        path("x", view, {"note_id": 1}),
    )
    with project(site, *given):
        call_command("check")
