"""The site that is measured: FastAPI, `protect`, one SQLite file (or `WATCHWORD_BENCHMARK_STORE`), default settings.

Only the limits of sign-ins from one address and of all sign-ins are raised, since every request comes from here.
"""

import asyncio
import contextlib
import json
import os
import tempfile
import time
from typing import Any

from fastapi import FastAPI

from watchword import Auth, Password, guard, public
from watchword.identity.email_address import EmailAddress, parse_email_address
from watchword.identity.users import create_user
from watchword.methods.password.hashing import Figures
from watchword.web.fastapi import Session, protect

SECRET = "a secret of the benchmarks, forty letters"
PASSWORD = "correct horse battery staple"
USERS = 64
RAISED = {"sign_in_address": "1000/second", "sign_in_global": "1000/second"}
CHEAP = Figures(memory=64, iterations=1)
"""A hash that costs nothing, where everything but the hash is measured."""
HOST = "127.0.0.1:8000"


def make_auth(store: str, figures: Figures | None = None) -> Auth:
    """Return an `Auth` on this store, migrated."""
    auth = Auth(store=store, secret=SECRET, password=Password(figures=figures or Figures()), limits=RAISED, environ={})
    auth.prepare_store()
    return auth


def add_users(auth: Auth, count: int = USERS) -> None:
    """Make accounts whose addresses are `address(0)` and so on, all with the one password."""
    hashed = auth.password.steps.hash_new("password", PASSWORD, ())
    assert isinstance(hashed, str), hashed
    with auth.store.write() as tx:
        for number in range(count):
            email = parse_email_address(address(number))
            assert isinstance(email, EmailAddress)
            create_user(tx, email=email, name=f"User {number}", password=hashed)


def address(number: int) -> str:
    return f"user{number}@example.org"


def make_app(auth: Auth) -> FastAPI:
    """Return an app with a guarded page, an open one, and a ticker that notes how long its event loop stands still."""
    app = FastAPI()
    protect(app, auth)
    gaps: list[float] = []

    @app.get("/me")
    @guard()
    async def me(session: Session) -> dict[str, str]:
        return {"id": session.user.id, "email": session.user.email, "role": session.user.role}

    @app.get("/open")
    @public
    async def nothing() -> dict[str, str]:
        return {}

    @app.get("/ticks")
    @public
    async def ticks() -> list[float]:
        """Return by how many milliseconds each tick since the last call came late; the first call starts it."""
        if not hasattr(app.state, "ticker"):
            app.state.ticker = asyncio.create_task(tick(gaps))
        late = gaps.copy()
        gaps.clear()
        return late

    return app


async def tick(gaps: list[float]) -> None:
    last = time.perf_counter()
    while True:
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        gaps.append((now - last) * 1000 - 1)
        last = now


class Caller:
    """Calls an ASGI app in this process, without a socket."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def call(self, method: str, path: str, body: Any = None, cookie: str = "") -> tuple[int, bytes, list[str]]:
        """Return status, body and `Set-Cookie` values."""
        data = b"" if body is None else json.dumps(body).encode()
        headers = [(b"host", HOST.encode()), (b"user-agent", b"benchmark")]
        if body is not None:
            headers += [(b"content-type", b"application/json"), (b"origin", b"http://" + HOST.encode())]
        if cookie:
            headers.append((b"cookie", cookie.encode()))
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
            "raw_path": path.encode(), "root_path": "", "scheme": "http", "query_string": b"", "headers": headers,
            "client": ("127.0.0.1", 4000), "server": ("127.0.0.1", 8000), "state": {},
        }  # fmt: skip
        messages: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": data, "more_body": False}

        async def send(message: Any) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        cookies = [value.decode() for name, value in messages[0]["headers"] if name == b"set-cookie"]
        return messages[0]["status"], b"".join(message.get("body", b"") for message in messages[1:]), cookies

    async def sign_in(self, number: int = 0) -> str:
        """Sign in and return the session cookie."""
        body = {"identifier": address(number), "password": PASSWORD}
        status, answer, cookies = await self.call("POST", "/auth/sign-in/password", body)
        assert status == 200, answer
        return cookies[0].split(";")[0]


@contextlib.contextmanager
def sqlite_site(figures: Figures | None = None):
    """Give an `Auth` with users on a fresh SQLite file."""
    with tempfile.TemporaryDirectory(prefix="watchword-benchmark-") as directory:
        auth = make_auth(f"sqlite:///{directory}/watchword.sqlite3", figures)
        add_users(auth)
        yield auth
        auth.stop()


def served() -> FastAPI:
    """Return the app for a real server, on the store that the environment names: its users are there already."""
    return make_app(make_auth(os.environ["WATCHWORD_BENCHMARK_STORE"]))
