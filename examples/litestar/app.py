"""Watchword in Litestar: one app with every kind of rule. `uvicorn examples.litestar.app:create --factory`."""

from litestar import Litestar, get, post
from litestar.params import FromPath, FromQuery

from watchword import Auth, guard, public, require, verify_session
from watchword.web.litestar import Session, Watchword

PEOPLE = {"usr_ada": "Ada Lovelace", "usr_bob": "Charles Babbage"}
NOTES: list[tuple[str, str]] = []


@get("/")
@public
async def home() -> dict[str, str]:
    return {"hello": "world"}


@get("/me")
async def me(session: Session) -> dict[str, str]:
    return {"email": session.user.email}


@get("/admin", sync_to_thread=False)
@guard(role="admin")
def admin() -> dict[str, str]:
    return PEOPLE


@get("/people/{user_id:str}")
@guard(any_of=[guard(role="admin"), guard(when=lambda session, user_id: session.user.id == user_id)])
async def person(user_id: FromPath[str]) -> dict[str, str]:
    return {"name": PEOPLE.get(user_id, "somebody")}


@post("/notes", status_code=200)
@guard.inside
async def add_note(text: FromQuery[str]) -> dict[str, int]:
    session = await require(fresh="1 day")
    NOTES.append((session.user.id, text))
    return {"notes": len(NOTES)}


@get("/greeting")
@guard.inside
async def greeting() -> dict[str, str]:
    session = await verify_session()
    return {"hello": session.user.email if session else "stranger"}


def create(auth: Auth | None = None) -> Litestar:
    """Return the app, on its own `Auth` unless one is given."""
    routes = [home, me, admin, person, add_note, greeting]
    return Litestar(route_handlers=routes, plugins=[Watchword(auth or Auth())])
