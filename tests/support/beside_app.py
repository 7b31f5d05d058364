"""An app beside a server, as a real server runs it under test: FastAPI, one guarded route, an action."""

import os

from fastapi import FastAPI

from watchword import Auth, guard, public
from watchword.web.fastapi import Session, protect

SERVER = "BESIDE_SERVER"
"""The environment variable that names the server."""


def create() -> FastAPI:
    """Return the app of one worker."""
    auth = Auth(server=os.environ[SERVER])
    app = FastAPI()

    @app.get("/me")
    def me(session: Session) -> dict[str, str]:
        return {"email": session.user.email}

    @app.get("/strong")
    @guard(assurance="aal2")
    def strong() -> str:
        return "strong"

    @app.get("/state")
    @public
    def state() -> dict[str, object]:
        beside = auth.beside
        assert beside
        keeper = beside.sessions.keeper
        return {"trusted": keeper.mark() is not None, "listens": keeper.listens, "hits": auth.gate.memory.hits}

    protect(app, auth)
    return app
