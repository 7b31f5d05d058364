"""Watchword in Starlette: one app with every kind of rule. `uvicorn examples.starlette.app:create --factory`."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from watchword import Auth, guard, public, require, verify_session
from watchword.web.starlette import protect

PEOPLE = {"usr_ada": "Ada Lovelace", "usr_bob": "Charles Babbage"}
NOTES: list[tuple[str, str]] = []


@public
async def home(request: Request) -> JSONResponse:
    return JSONResponse({"hello": "world"})


@guard.inside
async def me(request: Request) -> JSONResponse:
    session = await require()
    return JSONResponse({"email": session.user.email})


@guard(role="admin")
async def admin(request: Request) -> JSONResponse:
    return JSONResponse(PEOPLE)


@guard(any_of=[guard(role="admin"), guard(when=lambda session, user_id: session.user.id == user_id)])
async def person(request: Request) -> JSONResponse:
    return JSONResponse({"name": PEOPLE.get(request.path_params["user_id"], "somebody")})


@guard.inside
async def add_note(request: Request) -> JSONResponse:
    session = await require(fresh="1 day")
    NOTES.append((session.user.id, request.query_params.get("text", "")))
    return JSONResponse({"notes": len(NOTES)})


@guard.inside
async def greeting(request: Request) -> JSONResponse:
    session = await verify_session()
    return JSONResponse({"hello": session.user.email if session else "stranger"})


def create(auth: Auth | None = None) -> Starlette:
    """Return the app, on its own `Auth` unless one is given."""
    routes = [Route("/", home), Route("/me", me), Route("/admin", admin), Route("/people/{user_id}", person)]
    routes += [Route("/notes", add_note, methods=["POST"]), Route("/greeting", greeting)]
    app = Starlette(routes=routes)
    protect(app, auth or Auth())
    return app
