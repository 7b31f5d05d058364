"""The rules of the apps, and what their handlers share."""

import os
from typing import Any

from tests.support.contest import make_auth
from tests.support.served import STORE
from watchword import Auth, Session, guard
from watchword.policy.guard import Guard


def fail(session: Session) -> bool:
    raise ValueError("the guard's own code fails")


def answer_one(session: Session) -> Any:
    return 1


def owns(session: Session, user_id: str) -> bool:
    return session.user.id == user_id


ADMIN = guard(role="admin")
WRITER = guard(permission="notes:write")
RULES: dict[str, Guard] = {
    "/signed-in": guard(),
    "/admin": ADMIN,
    "/permission": WRITER,
    "/any": guard(any_of=[ADMIN, WRITER]),
    "/all": guard(all_of=[ADMIN, WRITER]),
    "/organization": guard(organization=True),
    "/assurance": guard(assurance="aal2"),
    "/fresh": guard(fresh="10m"),
    "/raises": guard(when=fail),
    "/truthy": guard(when=answer_one),
}
"""The guards whose handlers answer `in`, by path."""
OWN = guard(when=owns)
PREFIXES = {"/prefix": guard(role="admin")}

written: list[str] = []
"""What was posted to `/async/write` and `/sync/write`; `GET /written` tells how much that is."""


def served_auth() -> Auth:
    """Return the `Auth` on the database that the environment names."""
    return make_auth(os.environ[STORE])
