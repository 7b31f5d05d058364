"""The Python server behind examples/next: `uvicorn examples.next.backend:create --factory`."""

from fastapi import FastAPI

from watchword import Auth, guard
from watchword.web.fastapi import Session, protect

SITE = "http://localhost:3000"
"""Where browsers are: the Next.js server, which hands `/auth` on."""


def is_themselves(session: Session, user_id: str) -> bool:
    return session.user.id == user_id


def create(auth: Auth | None = None) -> FastAPI:
    """Return the app, on its own `Auth` unless one is given."""
    app = FastAPI()
    protect(app, auth or Auth(base_url=SITE))

    @app.get("/api/user/{user_id}")
    @guard(when=is_themselves)
    def person(session: Session, user_id: str) -> dict[str, str]:
        return {"greeting": f"Hello {session.user.name or session.user.email}"}

    return app
