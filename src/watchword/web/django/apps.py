"""The Django app: what a project gets by its line in `INSTALLED_APPS`."""

from functools import partial

from django.apps import AppConfig, apps
from django.conf import settings
from django.contrib.auth.signals import user_logged_out
from django.core.checks import Tags, register
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import got_request_exception
from django.http import HttpRequest

from watchword.foundation.errors import ConfigurationError
from watchword.web.django.answer import remember_error
from watchword.web.django.configuration import Configuration
from watchword.web.django.people import AUTH, sign_out
from watchword.web.endpoints import remember

MIDDLEWARE = "watchword.web.django.middleware.WatchwordMiddleware"
BACKEND = "watchword.web.django.backend.WatchwordBackend"


class WatchwordConfig(AppConfig):
    """Puts the middleware around all others, and Watchword in the place of Django's own sign-in."""

    name = "watchword.web.django"
    label = "watchword"
    verbose_name = "Watchword"

    def ready(self) -> None:
        """Set what the project has not set itself, and have the start checked."""
        # Not before: these look for Django's models.
        from watchword.web.django.checks import check_project
        from watchword.web.django.routes import endpoints

        if MIDDLEWARE not in settings.MIDDLEWARE:
            settings.MIDDLEWARE = [MIDDLEWARE, *settings.MIDDLEWARE]
        if apps.is_installed("django.contrib.auth") and not settings.is_overridden("AUTHENTICATION_BACKENDS"):
            settings.AUTHENTICATION_BACKENDS = [BACKEND]
        if not settings.is_overridden("LOGIN_URL"):
            settings.LOGIN_URL = _sign_in_page()
        setattr(HttpRequest, "auth", AUTH)  # noqa: B010 - for type checkers there is no such attribute
        user_logged_out.connect(sign_out, dispatch_uid="watchword")
        got_request_exception.connect(remember_error, dispatch_uid="watchword")
        register(check_project, Tags.urls)
        find, auth = partial(endpoints, Configuration.of_settings), lambda: Configuration.of_settings().auth
        remember(WSGIHandler, find, auth)
        remember(ASGIHandler, find, auth)


def _sign_in_page() -> str:
    try:
        prefix = Configuration.of_settings().auth.edge.settings.prefix
    except ConfigurationError:
        prefix = "/auth"  # check_project says what is wrong
    return f"{prefix}/sign-in"
