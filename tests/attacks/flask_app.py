"""The small app of `apps.py` in Flask, and what calls it as a WSGI server does."""

import io
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.validate import validator

import pytest
from flask import Blueprint, Flask, Response, jsonify, redirect, request, stream_with_context

from tests.attacks.apps import App, Line, Reply
from tests.support.site import HOST, Site
from watchword import guard, public, require_sync, verify_session_sync
from watchword.web.flask import Watchword


class WSGIApp(App):
    """An app behind a strict WSGI server (`wsgiref.validate`)."""

    def call(self, method: str, path: str, *lines: Line, body: bytes = b"") -> Reply:
        """Send one request with these header lines; lines of one name are joined by commas, as servers do."""
        reply = Reply()

        def start_response(status: str, headers: list[Line], exc_info: Any = None) -> Any:
            reply.status, reply.lines = int(status[:3]), [(name.lower(), value) for name, value in headers]
            return lambda _: None

        with suppress(Exception):
            parts = validator(self.app)(environ_of(method, path, *lines, body=body), start_response)
            try:
                for part in parts:
                    reply.body += part
            finally:
                parts.close()  # type: ignore[attr-defined]
        return reply

    def talk(self, path: str, *lines: Line, say: Any = ()) -> list[str]:
        pytest.skip("WSGI has no WebSockets")


def environ_of(method: str, path: str, *lines: Line, body: bytes = b"") -> dict[str, Any]:
    target, _, query = path.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(target).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.66",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in [*lines] if any(name == "host" for name, _ in lines) else [("host", HOST), *lines]:
        key = name.upper().replace("-", "_")
        key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
        value = value.encode().decode("latin-1")
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


def make_flask_app(site: Site) -> App:
    """Return the app of `apps.py`, in Flask."""
    made = WSGIApp(site)
    app = made.app = Flask(__name__, static_folder=None)
    Watchword(app, site.auth)

    @app.get("/")
    @public
    def home() -> Response:
        return jsonify(path=request.path)

    @app.get("/greeting")
    @public
    def greeting() -> Response:
        session = verify_session_sync()
        answer = jsonify(user=session and session.user.email)
        answer.cache_control.public, answer.cache_control.max_age = True, 60
        return answer

    @app.route("/old", methods=["GET", "POST"])
    @public
    def old() -> Any:
        return redirect("/new", 303)

    @app.get("/notes/<id>")
    @guard()
    def read(id: str) -> Response:
        return jsonify(note=id)

    @app.post("/notes")
    @guard()
    def write() -> Response:
        made.written.append(request.get_data(as_text=True))
        return jsonify()

    @app.route("/admin", methods=["GET", "POST"])
    @guard(role="admin")
    def admin() -> Response:
        made.written.append("admin")
        return jsonify(admin=True)

    @app.get("/deputy")
    @guard.inside
    def deputy() -> Response:
        return jsonify(admin=require_sync(role="admin").user.id)

    @app.get("/stream")
    @guard()
    def stream() -> Response:
        def parts() -> Iterator[bytes]:
            yield b"one "
            made.between()
            yield b"two "

        return Response(stream_with_context(parts()))

    below = Blueprint("below", __name__, url_prefix="/below")
    below.add_url_rule("/secret", view_func=admin)
    app.register_blueprint(below)
    return made
