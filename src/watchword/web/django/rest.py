"""Watchword in Django REST framework: `DEFAULT_AUTHENTICATION_CLASSES = ["watchword.web.django.rest.WatchwordAuthentication"]`."""

from typing import Any

from rest_framework.authentication import BaseAuthentication

from watchword.sessions.verify import verify_session_sync
from watchword.web.django.people import user_of


class WatchwordAuthentication(BaseAuthentication):
    """Gives a view of Django REST framework `request.user` and, as `request.auth`, the `Session`.

    Who may call the view its guard has decided before. What its own permissions refuse is 401 without a session, and
    403 with one.
    """

    def authenticate(self, request: Any) -> tuple[Any, Any] | None:  # noqa: ARG002
        """Return the user and the session, or `None` where nobody is signed in."""
        session = verify_session_sync()
        return None if session is None else (user_of(session), session)

    def authenticate_header(self, request: Any) -> Any:  # noqa: ARG002
        """Return the challenge of a 401."""
        return "Bearer"
