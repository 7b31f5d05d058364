"""What it costs to run an action over a plain route of the kernel that takes and gives the same.

Both have the session at hand, so that the database's time is not in the figures. The pairs are interleaved; the plain
route against itself shows what the machine does to them.

Run: uv run python -m benchmarks.actions [pairs]
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

import msgspec

from benchmarks.site import HOST, Caller, make_app, sqlite_site
from watchword import Auth, action_ref, guard
from watchword.foundation.settings import Settings
from watchword.http.body import Input
from watchword.http.kernel import Kernel
from watchword.http.request import Request
from watchword.http.response import Response, json_response
from watchword.http.route import Route
from watchword.policy.ledger import Ledger
from watchword.policy.signed_in import SignedIn
from watchword.sessions.session import Session
from watchword.sessions.verify import RequestContext, set_context

CALLS = 20
BODY = b'{"role":"admin"}'


class RoleInput(Input, frozen=True, kw_only=True):
    role: str


class UserView(msgspec.Struct, frozen=True):
    id: str
    role: str


class Bench:
    """An `Auth` whose kernel has a plain route beside its own, two actions, and a session."""

    def __init__(self, auth: Auth, cookie: str) -> None:
        self.auth = auth
        self.headers = [
            (b"host", HOST.encode()),
            (b"origin", b"http://" + HOST.encode()),
            (b"content-type", b"application/json"),
            (b"cookie", cookie.encode()),
        ]
        found = auth.gate.verify(Request("GET", "/", headers=self.headers))
        assert found is not None
        self.session: Session = found
        auth.edge.kernel = self._kernel(auth.settings)

        @auth.action(guard())
        def plainly(user_id: str, role: str) -> UserView:
            return UserView(user_id, role)

        @auth.action(guard())
        async def awaited(user_id: str, role: str) -> UserView:
            return UserView(user_id, role)

        leave = set_context(RequestContext(self.request("/"), auth.gate, auth.edge.light, Ledger()))
        self.sync, self.async_ = (f"/auth/actions/{action_ref(one, user_id='usr_1')}" for one in (plainly, awaited))
        leave()

    def _kernel(self, settings: Settings) -> Kernel:
        guarded = SignedIn(self.auth.gate)

        def handler(request: Request, body: RoleInput) -> Response:
            guarded.session(request)
            return json_response(UserView(request.parameters["id"], body.role))

        route = Route(
            method="POST",
            path="/plain/{id}",
            name="plain",
            summary="Plain",
            guard=guarded,
            handler=handler,
            input=RoleInput,
            output=UserView,
        )
        own: Any = self.auth.edge.kernel
        return Kernel(
            (*self.auth.routes, route),
            settings,
            take_limit=own._take_limit,
            render_problem=own._render_problem,
            note_refusal=own._note_refusal,
        )

    def request(self, path: str) -> Request:
        request = Request("POST", path, headers=self.headers, peer="127.0.0.1", body=BODY)
        self.auth.gate.pretend(request, self.session)
        return request

    def in_thread(self, path: str) -> float:
        """Return microseconds of processor time a call of the kernel, as a worker thread makes it."""
        handle = self.auth.edge.kernel.handle
        requests = [self.request(path) for _ in range(CALLS)]
        begin = time.process_time()
        answers = [handle(request) for request in requests]
        taken = time.process_time() - begin
        assert all(answer.body == b'{"id":"usr_1","role":"admin"}' for answer in answers), answers[0].body
        return taken / CALLS * 1e6

    async def on_the_loop(self, path: str) -> float:
        """Return microseconds of processor time a call as an async adapter makes it: a hop to a thread, and for an async action back."""
        handle: Callable[[Request], Awaitable[Response]] = self.auth.edge.handle
        requests = [self.request(path) for _ in range(CALLS)]
        begin = time.process_time()
        answers = [await handle(request) for request in requests]
        taken = time.process_time() - begin
        assert all(answer.status == 200 for answer in answers)
        return taken / CALLS * 1e6


def show(what: str, plain: list[float], again: list[float], action: list[float]) -> None:
    more = median(two - one for one, two in zip(plain, action, strict=True))
    control = median(two - one for one, two in zip(plain, again, strict=True))
    print(
        f"{what}: plain route {median(plain):.1f} µs, action {median(action):.1f} µs: "
        f"{more:+.1f} µs (the plain route against itself {control:+.1f} µs)"
    )


async def main(pairs: int = 400) -> None:
    with sqlite_site() as auth:
        bench = Bench(auth, await Caller(make_app(auth)).sign_in())
        plain = "/auth/plain/usr_1"
        rounds = [[bench.in_thread(path) for path in (plain, plain, bench.sync)] for _ in range(pairs)]
        show("in a thread, a sync action", *map(list, zip(*rounds, strict=True)))
        rounds = [[await bench.on_the_loop(path) for path in (plain, plain, bench.sync)] for _ in range(pairs)]
        show("through the event loop, a sync action", *map(list, zip(*rounds, strict=True)))
        rounds = [[await bench.on_the_loop(path) for path in (plain, plain, bench.async_)] for _ in range(pairs)]
        show("through the event loop, an async action", *map(list, zip(*rounds, strict=True)))


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:2])))
