"""Watchword in Flask: one app with every kind of rule. `flask --app examples.flask.app:create run`."""

from flask import Flask, request

from watchword import Auth, Session, guard, public, require_sync
from watchword.web.flask import Watchword, current_session

PEOPLE = {"usr_ada": "Ada Lovelace", "usr_bob": "Charles Babbage"}
NOTES: list[tuple[str, str]] = []


def is_themselves(session: Session, user_id: str) -> bool:
    return session.user.id == user_id


def create(auth: Auth | None = None) -> Flask:
    """Return the app, on its own `Auth` unless one is given."""
    app = Flask(__name__)
    Watchword(app, auth or Auth())

    @app.get("/")
    @public
    def home() -> dict[str, str]:
        return {"hello": "world"}

    @app.get("/me")
    @guard()
    def me() -> dict[str, str]:
        return {"email": current_session.user.email}

    @app.get("/admin")
    @guard(role="admin")
    def admin() -> dict[str, str]:
        return PEOPLE

    @app.get("/people/<user_id>")
    @guard(any_of=[guard(role="admin"), guard(when=is_themselves)])
    def person(user_id: str) -> dict[str, str]:
        return {"name": PEOPLE.get(user_id, "somebody")}

    @app.post("/notes")
    @guard.inside
    def add_note() -> dict[str, int]:
        session = require_sync(fresh="1 day")
        NOTES.append((session.user.id, request.args.get("text", "")))
        return {"notes": len(NOTES)}

    @app.get("/greeting")
    @guard.inside
    def greeting() -> dict[str, str]:
        return {"hello": current_session.user.email if current_session else "stranger"}

    return app
