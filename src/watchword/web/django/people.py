"""The person behind a request, as Django knows them: `request.user`, `request.auser()` and `request.auth`."""

from functools import partial
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from watchword.foundation.errors import Forbidden
from watchword.http.request import Request
from watchword.sessions.session import Session
from watchword.sessions.verify import (
    RequestContext,
    current_context,
    read_session,
    read_session_sync,
    verify_session_sync,
)

COOKIES: Final = "django_cookies"
"""What a request remembers: `Set-Cookie` values that its answer takes along."""
_USER: Final = "django_user"


def introduce(request: HttpRequest, context: RequestContext) -> None:
    """Give the request its user: the one of Watchword's session, whatever Django's own session says.

    To read it decides nothing: templates and error pages do that of themselves.
    """
    given: Any = request
    # Django's AuthenticationMiddleware, wherever it stands, hands on what it finds there.
    given.user = given._cached_user = given._acached_user = SimpleLazyObject(partial(_user, context))  # noqa: SLF001
    given.auser = _auser


def introduce_again(request: HttpRequest) -> None:
    """Do so once more at the view: what stands on the way there may have set another user."""
    given: Any = request
    given.user = given._cached_user  # noqa: SLF001
    given.auser = _auser


def user_of(session: Session) -> Any:
    """Return the row of the project's user model for a session's user; whom it calls inactive is nobody."""
    from django.contrib.auth.models import AnonymousUser

    from watchword.web.django.backend import row_of

    memo: dict[str, Any] = current_context().request.memo
    if _USER not in memo:
        row = row_of(session.user)
        memo[_USER] = row if row.is_active else AnonymousUser()
    return memo[_USER]


def _user(context: RequestContext) -> Any:
    from django.contrib.auth.models import AnonymousUser

    session = read_session_sync(context)
    return AnonymousUser() if session is None else user_of(session)


async def _auser() -> Any:
    from django.contrib.auth.models import AnonymousUser

    session = await read_session(current_context())
    return AnonymousUser() if session is None else await sync_to_async(user_of)(session)


def _auth(request: Any) -> Any:
    given = request.__dict__
    return given["auth"] if "auth" in given else verify_session_sync()


def _set_auth(request: Any, value: Any) -> None:
    request.__dict__["auth"] = value


AUTH: Final = property(_auth, _set_auth, doc="The live session of this request, or `None`; looked up once.")
"""`request.auth`. Django REST framework sets its own on the request."""


def sign_out(**_: Any) -> None:
    """End Watchword's session where Django's own `logout()` was called, in the admin for example.

    Raises:
        Forbidden: another site has asked for it.
    """
    context = current_context()
    from watchword.web.django.configuration import Configuration

    edge = Configuration.of_settings().auth.edge
    asked = context.request
    request = Request(
        "POST", f"{edge.settings.prefix}/sign-out", headers=asked.headers, scheme=asked.scheme, peer=asked.peer
    )
    answer = edge.kernel.handle(request)
    if answer.status >= 400:
        raise Forbidden("To sign out, post from a page of this site.")
    asked.memo[COOKIES] = [value for name, value in answer.headers if name == "set-cookie"]
    context.gate.pretend(asked, None)
