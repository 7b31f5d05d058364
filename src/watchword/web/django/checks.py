"""What stops the start of a Django project: as system checks, and before the first request where none were run."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import Error
from django.utils.module_loading import import_string

from watchword.foundation.errors import ConfigurationError
from watchword.web.django.configuration import Configuration
from watchword.web.django.routes import endpoints
from watchword.web.endpoints import missing_parameters, refuse_unsafe

_FIX = "Put @guard(), @guard(role=…), @guard.inside or @public on the view, or its path into WATCHWORD_PUBLIC."


def check_project(**_: Any) -> list[Error]:
    """Return every fault of the settings and each view that is open by mistake or has a guard that can't be answered (`watchword.E001` to `E005`)."""
    return list(_check_settings()) or list(_check_views())


def _check_views() -> Iterator[Error]:
    for endpoint in endpoints(Configuration.of_settings):
        view = f"{endpoint.methods} {endpoint.path} ({endpoint.handler})"
        if endpoint.rule is None:
            yield Error(f"{view} is neither guarded nor public.", hint=_FIX, obj=endpoint.where, id="watchword.E001")
        elif missing := missing_parameters(endpoint):
            yield Error(
                f"The guard of {view} {missing}.",
                hint="Name the parameter as the path does, or decide inside the view, under @guard.inside.",
                obj=endpoint.where,
                id="watchword.E005",
            )


def refuse_project() -> None:
    """Stop the start for what `check_project` finds: a server that loads the project runs no system checks.

    Raises:
        ConfigurationError: lists all of it.
    """
    wrong = [f"{error.id}: {error.msg} {error.hint or ''}".strip() for error in _check_settings()]
    if wrong:
        raise ConfigurationError("\n".join(wrong))
    refuse_unsafe(endpoints(Configuration.of_settings), public='WATCHWORD_PUBLIC = ["/their/path", "/static/*"]')


def _check_settings() -> Iterator[Error]:
    try:
        Configuration.of_settings()
    except ConfigurationError as error:
        yield Error(str(error), id="watchword.E002")
    if apps.is_installed("django.contrib.auth"):
        yield from _check_backends()
        yield from _check_user_model()


def _check_backends() -> Iterator[Error]:
    from django.contrib.auth.backends import ModelBackend

    from watchword.web.django.backend import WatchwordBackend

    for path in settings.AUTHENTICATION_BACKENDS:
        backend = import_string(path)
        if issubclass(backend, ModelBackend) and backend is not WatchwordBackend:
            yield Error(
                f"AUTHENTICATION_BACKENDS has {path}: Django's own sign-in would be a second way in.",
                hint=f"Put {WatchwordBackend.__module__}.WatchwordBackend in its place.",
                id="watchword.E003",
            )


def _check_user_model() -> Iterator[Error]:
    from django.contrib.auth import get_user_model

    from watchword.web.django.backend import FIELD, id_field

    model = get_user_model()
    if id_field(model) is None:
        yield Error(
            f"{model.__name__} has no field for the id of Watchword's user.",
            hint=f"Give it one: {FIELD} = models.CharField(max_length=64, unique=True, null=True, editable=False)",
            obj=model,
            id="watchword.E004",
        )
