"""The app in Flask."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from flask import Blueprint, Flask, Response, request, stream_with_context
from flask.views import MethodView

from tests.web.apps.rules import ADMIN, OWN, PREFIXES, RULES, served_auth, written
from tests.web.cases import SECRET
from watchword import Auth, Forbidden, guard, public, require, require_sync, verify_session, verify_session_sync
from watchword.web.flask import Watchword

KINDS = ("async", "sync")
INTERFACE = "wsgi"


def create() -> Flask:
    return make_app(served_auth())


def make_app(auth: Auth) -> Flask:
    app = Flask(__name__)
    Watchword(app, auth, guards=PREFIXES)
    app.register_blueprint(async_routes(), url_prefix="/async")
    app.register_blueprint(sync_routes(), url_prefix="/sync")

    @app.get("/written")
    @public
    def count() -> str:
        return str(len(written))

    router = Blueprint("router", __name__)
    router.before_request(guard(role="admin"))

    @router.get("/one")
    def one() -> str:
        return "in"

    app.register_blueprint(router, url_prefix="/router")
    app.add_url_rule("/prefix/one", "prefixed", one)
    app.add_url_rule("/class/admin", view_func=Whole.as_view("whole"))
    return app


@ADMIN
class Whole(MethodView):
    def get(self) -> str:
        return "in"


def async_routes() -> Blueprint:
    router = Blueprint("async", __name__)
    for path, rule in RULES.items():

        @rule
        async def guarded() -> str:
            return "in"

        router.add_url_rule(path, path.strip("/"), guarded)

    @router.get("/public")
    @public
    async def open_to_all() -> str:
        return "in"

    @router.get("/own/<user_id>")
    @OWN
    async def own(user_id: str) -> str:
        return "in"

    @router.get("/inside")
    @guard.inside
    async def inside() -> str:
        await require(role="admin")
        return "in"

    @router.get("/looks")
    @guard.inside
    async def looks() -> Any:
        session = await verify_session()
        if session is None:
            return "", 401
        return "in" if session.user.role == "admin" else ("", 403)

    @router.get("/forgets")
    @guard.inside
    async def forgets() -> str:
        return SECRET

    @router.get("/early")
    @guard.inside
    async def early() -> str:
        if SECRET:
            return SECRET
        await require()
        return "in"

    @router.get("/swallows")
    @guard.inside
    async def swallows() -> str:
        with suppress(Forbidden):
            await require(role="admin")
        return SECRET

    @router.get("/stream")
    @guard()
    async def stream() -> Response:
        return Response(parts())

    @router.get("/stream-forgets")
    @guard.inside
    async def stream_forgets() -> Response:
        return Response(iter([SECRET]))

    @router.post("/write")
    @guard()
    async def write() -> str:
        written.append(request.get_data(as_text=True))
        return "in"

    return router


def sync_routes() -> Blueprint:
    router = Blueprint("sync", __name__)
    for path, rule in RULES.items():

        @rule
        def guarded() -> str:
            return "in"

        router.add_url_rule(path, path.strip("/"), guarded)

    @router.get("/public")
    @public
    def open_to_all() -> str:
        return "in"

    @router.get("/own/<user_id>")
    @OWN
    def own(user_id: str) -> str:
        return "in"

    @router.get("/inside")
    @guard.inside
    def inside() -> str:
        require_sync(role="admin")
        return "in"

    @router.get("/looks")
    @guard.inside
    def looks() -> Any:
        session = verify_session_sync()
        if session is None:
            return "", 401
        return "in" if session.user.role == "admin" else ("", 403)

    @router.get("/forgets")
    @guard.inside
    def forgets() -> str:
        return SECRET

    @router.get("/early")
    @guard.inside
    def early() -> str:
        if SECRET:
            return SECRET
        require_sync()
        return "in"

    @router.get("/swallows")
    @guard.inside
    def swallows() -> str:
        with suppress(Forbidden):
            require_sync(role="admin")
        return SECRET

    @router.get("/stream")
    @guard()
    def stream() -> Response:
        return Response(stream_with_context(parts()))

    @router.get("/stream-forgets")
    @guard.inside
    def stream_forgets() -> Response:
        return Response(iter([SECRET]))

    @router.post("/write")
    @guard()
    def write() -> str:
        written.append(request.get_data(as_text=True))
        return "in"

    return router


def parts() -> Iterator[str]:
    yield "one "
    yield "two "
