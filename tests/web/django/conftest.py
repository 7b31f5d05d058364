"""Django has its settings before a test's module imports anything of it."""

from tests.support import django_project

__all__ = ["django_project"]
