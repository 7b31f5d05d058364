"""Watchword in FastAPI: one app with every kind of rule. `uvicorn examples.fastapi.app:create --factory`."""

from fastapi import FastAPI

from watchword import Auth, guard, public, require, verify_session
from watchword.web.fastapi import Session, protect

PEOPLE = {"usr_ada": "Ada Lovelace", "usr_bob": "Charles Babbage"}
NOTES: list[tuple[str, str]] = []


def create(auth: Auth | None = None) -> FastAPI:
    """Return the app, on its own `Auth` unless one is given."""
    app = FastAPI()
    protect(app, auth or Auth())

    @app.get("/")
    @public
    def home() -> dict[str, str]:
        return {"hello": "world"}

    @app.get("/me")
    def me(session: Session) -> dict[str, str]:
        return {"email": session.user.email}

    @app.get("/admin")
    @guard(role="admin")
    def admin() -> dict[str, str]:
        return PEOPLE

    @app.get("/people/{user_id}")
    @guard(any_of=[guard(role="admin"), guard(when=lambda session, user_id: session.user.id == user_id)])
    def person(user_id: str) -> dict[str, str]:
        return {"name": PEOPLE.get(user_id, "somebody")}

    @app.post("/notes")
    @guard.inside
    async def add_note(text: str) -> dict[str, int]:
        session = await require(fresh="1 day")
        NOTES.append((session.user.id, text))
        return {"notes": len(NOTES)}

    @app.get("/greeting")
    @guard.inside
    async def greeting() -> dict[str, str]:
        session = await verify_session()
        return {"hello": session.user.email if session else "stranger"}

    return app
