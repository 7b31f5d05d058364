"""Django, by WSGI: a project whose settings are the default ones of `startproject` for middleware, twice."""

import os
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, JsonResponse
from django.urls import path

from benchmarks.apps.split import wsgi
from benchmarks.guard import taint_some
from benchmarks.site import make_auth
from watchword import guard, public

ANSWER = {"id": "usr_ada", "email": "ada@example.org", "role": "user"}
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]


def bare(request: HttpRequest) -> JsonResponse:
    return JsonResponse(ANSWER)


@guard()
def guarded(request: HttpRequest) -> JsonResponse:
    return JsonResponse(ANSWER)


@public
def open_to_all(request: HttpRequest) -> JsonResponse:
    return JsonResponse(ANSWER)


urlpatterns = [path("", bare), path("me", guarded), path("open", open_to_all)]


def create() -> Any:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        SECRET_KEY="of the benchmark",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "watchword.web.django",
        ],
        LOGGING_CONFIG=None,
        MIDDLEWARE=MIDDLEWARE,
        ROOT_URLCONF=__name__,
        WATCHWORD=make_auth(os.environ["WATCHWORD_BENCHMARK_STORE"]),
        WATCHWORD_PUBLIC=["/"],
    )
    django.setup()
    protected = WSGIHandler()
    settings.MIDDLEWARE = MIDDLEWARE
    taint_some()
    return wsgi(WSGIHandler(), protected)
