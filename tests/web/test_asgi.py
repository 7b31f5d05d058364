"""The ASGI middleware: bodies, mail workers, and servers that behave oddly."""

import asyncio
import threading
from typing import Any

from tests.support.asgi import app_client
from tests.support.site import HOST, Site
from watchword.http.body import MAXIMUM_BODY
from watchword.web.asgi import WatchwordMiddleware, request_of


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """Be an app with nothing in it."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def protected(site: Site) -> WatchwordMiddleware:
    return WatchwordMiddleware(nothing, site.auth.edge, check=lambda: None)


def test_a_body_without_end_is_refused_one_byte_past_the_limit(sqlite_site: Site) -> None:
    taken = 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1024
        return {"type": "http.request", "body": b"x" * 1024, "more_body": True}

    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/auth/sign-in/password",
        "query_string": b"",
        "headers": [(b"host", HOST.encode()), (b"content-type", b"application/json")],
        "scheme": "http",
        "client": ("192.0.2.1", 1),
    }
    asyncio.run(protected(sqlite_site)(scope, receive, send))
    assert sent[0]["status"] == 413
    assert taken <= MAXIMUM_BODY + 2048


def test_workers_start_with_the_server_and_stop_with_it(sqlite_site: Site) -> None:
    before = set(threading.enumerate())

    def workers() -> set[str]:
        return {thread.name for thread in threading.enumerate() if thread not in before and thread.is_alive()}

    app = protected(sqlite_site)
    for _ in range(2):
        with app_client(app) as client:
            assert client.get("/auth/health").status_code == 200
            assert {"watchword-outbox", "watchword-upkeep"} <= workers()
        assert "watchword-outbox" not in workers()


def test_a_failing_start_is_told_to_the_server(sqlite_site: Site) -> None:
    def refuse() -> None:
        raise RuntimeError("not like this")

    app = WatchwordMiddleware(nothing, sqlite_site.auth.edge, check=refuse)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        sent.append(message)

    outcome = asyncio.run(_gathered(app, receive, send))
    assert isinstance(outcome, RuntimeError)
    assert sent == [{"type": "lifespan.startup.failed", "message": "not like this"}]


async def _gathered(app: Any, receive: Any, send: Any) -> Any:
    return (await asyncio.gather(app({"type": "lifespan"}, receive, send), return_exceptions=True))[0]


def test_the_mount_point_of_an_outer_app_is_not_part_of_the_path() -> None:
    scope = {"type": "http", "method": "GET", "path": "/app/auth/session", "root_path": "/app", "headers": []}
    assert request_of(scope).path == "/auth/session"


def test_head_is_answered_without_a_body(sqlite_site: Site) -> None:
    with app_client(protected(sqlite_site)) as client:
        answer = client.request("HEAD", "/auth/sign-in")
        assert (answer.status_code, answer.content) == (200, b"")
