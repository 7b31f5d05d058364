"""An ASGI app, asked in this process as a browser asks: with cookies kept, and an Origin."""

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx

Result = TypeVar("Result")
ORIGIN = "http://localhost:8000"


class AppClient:
    """One browser of one app. Each call is a whole request; redirects are not followed."""

    def __init__(self, runner: asyncio.Runner, app: Any) -> None:
        self._runner = runner
        self._app = app
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN)

    def another(self) -> "AppClient":
        """Return another browser of the same app."""
        return AppClient(self._runner, self._app)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.run(self.request_async(method, path, **options))

    async def request_async(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request while others are under way; by `run()`."""
        headers = {"origin": ORIGIN, **options.pop("headers", {})}
        return await self._client.request(method, path, headers=headers, **options)

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run this on the event loop that the app runs on."""
        return self._runner.run(coroutine)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.request("DELETE", path, **options)


@contextmanager
def app_client(app: Any) -> Generator[AppClient]:
    """Start the app as a server does (lifespan), give a browser for it, and stop it."""
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def begin() -> asyncio.Task[None]:
        task = asyncio.create_task(app({"type": "lifespan", "state": {}}, incoming.get, outgoing.put))
        await incoming.put({"type": "lifespan.startup"})
        started = await outgoing.get()
        assert started["type"] == "lifespan.startup.complete", started
        return task

    async def end(task: asyncio.Task[None]) -> None:
        await incoming.put({"type": "lifespan.shutdown"})
        await task

    with asyncio.Runner() as runner:
        task = runner.run(begin())
        yield AppClient(runner, app)
        runner.run(end(task))
