"""An app beside a server, in one process with it: its calls go to the server's kernel, without a network."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tests.support.site import Site, Visitor
from watchword import Auth
from watchword.beside.client import Reply, ServerClient
from watchword.beside.lease import ServerBoard
from watchword.foundation.clock import ManualClock
from watchword.http.request import Request
from watchword.sessions.session import Session
from watchword.storage.lease import Lease

SERVER = "http://localhost:8000"


class Clock(ManualClock):
    """A clock during whose pauses the app does something."""

    meanwhile: Callable[[], None] = staticmethod(lambda: None)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.meanwhile()


@dataclass
class Beside:
    """An app, whose lease is kept by hand.

    `calls` are the paths that it has called. `cut` is what stands in the way: raised in place of a call.
    """

    auth: Auth
    site: Site
    calls: list[str] = field(default_factory=list[str])
    cut: Exception | None = None
    changes: Callable[[str, bytes], bytes] = lambda path, body: body

    @property
    def client(self) -> ServerClient:
        assert self.auth.beside
        return self.auth.beside.client

    @property
    def keeper(self) -> Any:
        assert self.auth.beside
        return self.auth.beside.sessions.keeper

    def take(self) -> None:
        """Take a lease and renew it, so that it is trusted."""
        self.keeper.lease = Lease(self.site.clock)
        self.keeper.lease.take(ServerBoard(self.client), listens=True)
        self.renew()

    def renew(self) -> None:
        self.keeper.lease.renew(ServerBoard(self.client))

    def ask(self, visitor: Visitor) -> Session | None:
        """The session of somebody who is signed in at the server, as the app sees it."""
        cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
        return self.auth.gate.verify(Request("GET", "/", headers=[(b"cookie", cookies.encode())]))

    def get(self, path: str, visitor: Visitor | None = None, **headers: str) -> Any:
        lines = {"host": "localhost:8001", "accept": "text/html"} | {k.replace("_", "-"): v for k, v in headers.items()}
        if visitor:
            lines["cookie"] = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
        path, _, query = path.partition("?")
        encoded = [(name.encode(), value.encode()) for name, value in lines.items()]
        return self.auth.edge.kernel.handle(Request("GET", path, query=query, headers=encoded))

    def post(self, path: str, body: msgspec.Struct) -> Reply:
        if self.cut is not None:
            raise self.cut
        self.calls.append(path)
        headers = {"host": "localhost:8000", "content-type": "application/json", **self.client.headers}
        lines = [(str(name).encode(), str(value).encode()) for name, value in headers.items()]
        sent = Request("POST", f"/auth/service/{path}", headers=lines, body=msgspec.json.encode(body))
        response = self.site.auth.edge.kernel.handle(sent)
        wait = response.header("retry-after")
        return Reply(response.status, self.changes(path, response.body), int(wait) if wait else None)


def key_of(site: Site, name: str = "shop") -> str:
    """A new key of an app."""
    made = site.auth.service.keys.create(name)
    assert not hasattr(made, "code"), made
    return made.reveal()  # type: ignore[union-attr]


def make_beside(site: Site, key: str | list[str] | None = None, **options: Any) -> Beside:
    """An app beside this site."""
    key = key or key_of(site)
    beside = Beside(Auth(server=SERVER, key=key, clock=site.clock, environ={}, **options), site)
    beside.client.post = beside.post  # type: ignore[method-assign]
    return beside
