"""The app in Django, served by WSGI."""

from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application

from tests.web.apps.django import KINDS, configure

__all__ = ["INTERFACE", "KINDS", "create"]
INTERFACE = "wsgi"


def create() -> WSGIHandler:
    configure()
    return get_wsgi_application()
