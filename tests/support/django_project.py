"""One Django project for all tests of a process: its settings can be made only once. Tests override what they are about."""

import atexit
import shutil
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import Client, override_settings

from tests.support.site import EMAIL, ORIGIN, PASSWORD, Site

MIDDLEWARE = [
    "watchword.web.django.middleware.WatchwordMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]


def configure() -> None:
    """Set Django up with its own apps, an empty URLconf and a database in a file."""
    directory = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    settings.configure(
        SECRET_KEY="of the tests",
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django.contrib.sessions",
            "django.contrib.messages",
            "django.contrib.admin",
            "rest_framework",
            "watchword.web.django",
        ],
        MIDDLEWARE=MIDDLEWARE[1:],
        ROOT_URLCONF=(),
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{directory}/project.sqlite3"}},
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        STATIC_URL="/static/",
        TIME_ZONE="UTC",
        LOGGING_CONFIG=None,
        REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": ["watchword.web.django.rest.WatchwordAuthentication"]},
    )
    django.setup()


@cache
def migrate() -> None:
    """Make the tables of Django's own apps."""
    call_command("migrate", verbosity=0, skip_checks=True)
    connections.close_all()


@contextmanager
def project(site: Site, *urls: Any, **options: Any) -> Generator[None]:
    """Make this the project for a while: the `Auth`, the URL patterns, other settings."""
    migrate()
    with override_settings(WATCHWORD=site.auth, ROOT_URLCONF=urls, **options):
        try:
            yield
        finally:
            from django.contrib.auth import get_user_model

            get_user_model().objects.all().delete()
            connections.close_all()


class Again:
    """Stands for Django's settings in a module that makes them: they are made once, and changed from then on."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def configure(self, *, ROOT_URLCONF: str, INSTALLED_APPS: Sequence[str], **options: Any) -> None:
        """Take these settings; the module has the URL patterns, and the apps are there."""
        for name, value in {**options, "ROOT_URLCONF": tuple(self._module.urlpatterns)}.items():
            setattr(settings, name, value)


def signed_in(client: Client, site: Site, email: str = EMAIL, role: str = "user") -> Client:
    """Sign the client in through the app's own `/auth`, as somebody new."""
    site.auth.administration.create(email=email, password=PASSWORD, name="Ada", role=role)
    body = {"identifier": email, "password": PASSWORD}
    answer = client.post(
        "/auth/sign-in/password", body, "application/json", headers={"origin": ORIGIN, "host": "localhost:8000"}
    )
    assert answer.status_code == 200, answer.content
    return client


def statuses(client: Client, paths: Sequence[str], **headers: str) -> list[int]:
    """Return what each path answers."""
    return [client.get(path, headers=headers).status_code for path in paths]


async def async_statuses(client: Any, paths: Sequence[str]) -> list[int]:
    """Return what each path answers in an asynchronous project."""
    return [(await client.get(path)).status_code for path in paths]


configure()
