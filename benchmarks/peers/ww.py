"""Watchword for the shared comparison: copy this to `apps/ww.py` there. See benchmarks/README.md.

One account signs in from one address, so the limits of an address and of the whole service are raised, nothing else.
WW=sync: the synchronous check. WW=noguard: no guarded route. WW=pg: on the PostgreSQL database that WW_STORE names.
"""

import os
import sys
from typing import Any

from argon2 import low_level
from fastapi import FastAPI

from watchword import Auth, guard, public, verify_session, verify_session_sync
from watchword.identity.email_address import EmailAddress, parse_email_address
from watchword.identity.users import account_by_email, create_user
from watchword.methods.password import hashing
from watchword.policy.ledger import Ledger
from watchword.sessions.verify import RequestContext, set_context
from watchword.web.asgi import request_of
from watchword.web.fastapi import Session, protect

from .common import DB, EMAIL, PASSWORD, ROLE, SECRET, asgi_scope, jbody

WHICH = os.environ.get("WW", "")
STORE = os.environ["WW_STORE"] if WHICH == "pg" else f"sqlite:///{DB}"
RAISED = {"sign_in_address": "1000/second", "sign_in_global": "1000/second"}
auth = Auth(store=STORE, secret=SECRET, limits=RAISED, environ={})
# Looked up at each call, so that the comparison, which wraps it later, sees the time in the hash.
hashing.verify_secret = lambda *given: low_level.verify_secret(*given)  # noqa: PLW0108
app = FastAPI(openapi_url=None)
protect(app, auth)

if WHICH == "noguard":

    @app.get("/me")
    @public
    async def open_me() -> dict[str, str]:
        return {}

else:

    @app.get("/me")
    @guard(role="admin")
    async def me(session: Session) -> dict[str, str]:
        return {"id": session.user.id, "email": session.user.email, "role": session.user.role}


async def startup() -> None:
    """Make the tables and the one account."""
    auth.prepare_store()
    email = parse_email_address(EMAIL)
    assert isinstance(email, EmailAddress)
    hashed = auth.password.steps.hash_new("password", PASSWORD, ())
    assert isinstance(hashed, str)
    with auth.store.write() as tx:
        if account_by_email(tx, email.key) is None:
            create_user(tx, email=email, name="", role=ROLE, password=hashed)


KIND, ASYNC = "asgi", WHICH != "sync"
_ORIGIN = [(b"origin", b"http://127.0.0.1:8000")]
LOGIN = (
    "/auth/sign-in/password",
    [(b"content-type", b"application/json"), *_ORIGIN],
    jbody({"identifier": EMAIL, "password": PASSWORD}),
)
LOGOUT = ("/auth/sign-out", _ORIGIN, b"")
OK = (200, 204)
# By the documented way: what SQL deletes from outside is seen half a minute later at most, see docs/guides/sessions.md.
REVOKE_SQL = None
REVOKE_CMD = [sys.executable, "-c", "from watchword.cli import main; main()", "users", "end-sessions", EMAIL]
REVOKE_ENVIRONMENT = {"WATCHWORD_STORE": STORE, "WATCHWORD_SECRET": SECRET}


def _context(scope: dict[str, Any]) -> RequestContext:
    return RequestContext(request_of(scope), auth.gate, auth.edge.light, Ledger())


def make_check(headers: list[tuple[bytes, bytes]]):
    """Return the check from raw headers to the role, through the public `verify_session()`, as a fresh request."""
    scope = asgi_scope(headers=headers)

    async def check() -> str:
        leave = set_context(_context(scope))
        session = await verify_session()
        leave()
        assert session is not None
        return session.user.role

    def check_sync() -> str:
        leave = set_context(_context(scope))
        session = verify_session_sync()
        leave()
        assert session is not None
        return session.user.role

    return check if ASYNC else check_sync
