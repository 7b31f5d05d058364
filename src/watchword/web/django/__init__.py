"""Watchword in a Django project: `"watchword.web.django"` in `INSTALLED_APPS`, and `WATCHWORD = Auth(…)`."""

from watchword.web.django.mixins import GuardMixin
from watchword.web.django.urls import guarded

__all__ = ["GuardMixin", "guarded"]
