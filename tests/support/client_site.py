"""The site that the JavaScript client's tests run against: pages, an API and an action, beside Watchword's own."""

import os
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse

from tests.support.contest import UNLIMITED
from tests.support.site import CHEAP, SECRET
from watchword import Auth, InvalidInput, Password, SessionTokens, action_ref, guard, public, verify_session
from watchword.web.asgi import ASGIApp, Receive, Scope, Send
from watchword.web.fastapi import Session, protect

STORE, PAGES, BASE = "CLIENT_STORE", "CLIENT_PAGES", "CLIENT_BASE"
"""Environment variables: the database, the folder of the pages, and the address where it is in front."""
AUDIENCE = "next"


def make_auth(store: str, base_url: str | None = None) -> Auth:
    """Return the `Auth` of this site."""
    return Auth(
        store=store,
        secret=SECRET,
        base_url=base_url,
        password=Password(figures=CHEAP),
        features=[SessionTokens(audience=AUDIENCE)],
        limits=UNLIMITED,
        environ={},
    )


def create() -> ASGIApp:
    """Return the app of one worker."""
    auth, app = make_auth(os.environ[STORE], os.environ.get(BASE)), FastAPI()
    protect(app, auth)

    @auth.action(guard())
    def greet(name: str) -> str:
        if name == "nobody":
            raise InvalidInput(name="the name of somebody")
        return f"Hello {name}"

    asked: list[str] = []

    @app.get("/api/asked")
    @public
    def times(path: str) -> int:
        return asked.count(path)

    @app.get("/pages/{name}")
    @public
    def page(name: str) -> FileResponse:
        kind = "text/html" if name.endswith(".html") else "text/javascript" if name.endswith(".js") else "text/css"
        return FileResponse(Path(os.environ[PAGES]) / Path(name).name, media_type=kind)

    @app.get("/api/user/{user_id}")
    @guard.inside
    async def user(user_id: str) -> dict[str, str]:
        session = await verify_session()
        return {
            "greeting": f"Hello {session.user.name}" if session and session.user.id == user_id else "Hello stranger"
        }

    @app.get("/api/admin")
    @guard(role="admin")
    def admin() -> dict[str, str]:
        return {"secret": "for admins"}

    @app.get("/api/reference")
    def reference(session: Session) -> dict[str, str]:
        return {"reference": action_ref(greet), "for": session.user.id}

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append(scope.get("path", ""))
        await app(scope, receive, send)

    return counted
