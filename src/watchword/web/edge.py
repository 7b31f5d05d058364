"""What every web adapter works with: the kernel, the gate, and threads for work that must not stop an event loop."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, final

from watchword.foundation.errors import BUSY, Denied
from watchword.foundation.settings import Settings
from watchword.http.kernel import Kernel
from watchword.http.request import Request
from watchword.http.response import Response
from watchword.http.route import Awaiting
from watchword.policy.actions.actions import Actions
from watchword.policy.withheld import Withheld
from watchword.sessions.gate import Gate

Made = TypeVar("Made")
LIGHT_THREADS = 8
APP_THREADS = 32
"""For actions that are not async: however slow they are, session checks have threads of their own."""
HASHING_THREADS = 12
"""More than hash at once: while some hash, others read and write the database before and after."""
MAXIMUM_WAITING = 256
"""Requests that wait for a hashing thread; one more is answered 503 at once (A85)."""


@final
@dataclass(slots=True)
class Edge:
    """One `Auth`, as adapters see it.

    Requests that hash passwords have threads of their own, in bounded number, so that a flood of sign-ins leaves
    session checks and the app alone. A request hops to a thread once, never twice.

    Attributes:
        settings: of this Watchword.
        kernel: runs Watchword's own routes.
        gate: reads sessions.
        refuse: turns a refusal of the app's own routes into a response.
        withhold: records an answer that does not leave, and returns what takes its place.
        on_start: what `Auth` does before the first request: migrations in development, the mail worker.
        on_stop: what it does when the server stops.
    """

    settings: Settings
    kernel: Kernel
    gate: Gate
    refuse: Callable[[Request, Denied], Response]
    withhold: Callable[[Request, Withheld], Response]
    on_start: Callable[[], None]
    on_stop: Callable[[], None]
    light: ThreadPoolExecutor = field(init=False)
    _app: ThreadPoolExecutor = field(init=False)
    _hashing: ThreadPoolExecutor = field(init=False)
    _waiting: int = field(init=False, default=0)
    _started: bool = field(init=False, default=False)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.light = ThreadPoolExecutor(LIGHT_THREADS, "watchword")
        self._app = ThreadPoolExecutor(APP_THREADS, "watchword-action")
        self._hashing = ThreadPoolExecutor(HASHING_THREADS, "watchword-sign-in")

    def start(self) -> None:
        """Get ready, once in this process, whoever calls first."""
        if self._started:
            return
        with self._lock:
            if not self._started:
                self.on_start()
                self._started = True

    def stop(self) -> None:
        """Stop the workers; the next `start()` gets ready again."""
        with self._lock:
            if self._started:
                self.on_stop()
                self._started = False

    def owns(self, path: str) -> bool:
        """Tell whether the path is one of Watchword's own."""
        prefix = self.settings.prefix
        return path.startswith(prefix) and (len(path) == len(prefix) or path[len(prefix)] == "/")

    async def handle(self, request: Request) -> Response:
        """Run one of Watchword's own routes on a worker thread, and an async action on this event loop."""
        loop = asyncio.get_running_loop()
        route = self.kernel.route_for(request)
        if route is not None and route.runs_app:
            return await self._run_app(loop, request)
        if route is None or not route.hashes_password:
            return await loop.run_in_executor(self.light, _in_context(self.kernel.handle, request))
        if self._waiting >= MAXIMUM_WAITING:
            return self.refuse(request, Denied(BUSY, retry_after=5))
        self._waiting += 1
        try:
            return await loop.run_in_executor(self._hashing, _in_context(self.kernel.handle, request))
        finally:
            self._waiting -= 1

    async def _run_app(self, loop: asyncio.AbstractEventLoop, request: Request) -> Response:
        begun = await loop.run_in_executor(self._app, _in_context(self.kernel.begin, request))
        if not isinstance(begun, Awaiting):
            return begun
        answer = await self.kernel.run(request, begun)
        if isinstance(answer, Denied):
            return await loop.run_in_executor(self.light, self.kernel.finish, request, answer)
        return self.kernel.finish(request, answer)


def _in_context(call: Callable[[Request], Made], request: Request) -> Callable[[], Made]:
    """Return the call for a thread, which then sees the span that is open around the request."""
    context = contextvars.copy_context()
    return lambda: context.run(call, request)


class Protected(Protocol):
    """What adapters need of an `Auth`."""

    @property
    def edge(self) -> Edge:
        """The edge of this `Auth`."""
        ...

    @property
    def actions(self) -> Actions:
        """The actions of this `Auth`."""
        ...
