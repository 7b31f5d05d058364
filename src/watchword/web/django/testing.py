"""Signed-in visitors for the tests of a Django project."""

from typing import Any

from watchword.foundation.clock import DAY, to_datetime
from watchword.foundation.ids import new_id
from watchword.identity.users import User
from watchword.sessions.session import Session
from watchword.web.django.configuration import Configuration
from watchword.web.django.request import PRETENDED


def sign_in(client: Any, *, email: str = "ada@example.org", name: str = "Ada", role: str = "user") -> Session:
    """Sign somebody in for all that this test client calls, as `force_login()` does for Django's own sign-in.

    Nothing is written to Watchword's database. In production mode it has no effect.

    Args:
        client: Django's `Client` or `AsyncClient`, or one of Django REST framework.
        email: the user's address.
        name: what they are called.
        role: their role, with what the settings permit it.
    """
    edge = Configuration.of_settings().auth.edge
    now = edge.gate.clock.now()
    session = Session(
        id=new_id("ses"),
        user=User(id=new_id("usr"), email=email, name=name, user_name=None, role=role),
        permissions=edge.settings.all_roles.get(role, ()),
        factors=("password",),
        authenticated_at=to_datetime(now),
        created_at=to_datetime(now),
        last_used_at=to_datetime(now),
        expires_at=to_datetime(now + DAY),
    )
    handle = client.handler

    def signed_in(environ: dict[str, Any]) -> Any:
        return handle({PRETENDED: session} | environ)

    client.handler = signed_in
    return session
