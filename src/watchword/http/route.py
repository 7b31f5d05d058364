"""A route is a value: everything about one call of the HTTP API, on one screen. All else is derived from the table."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol, final

from watchword.foundation.errors import Code, Denied
from watchword.http.request import Request
from watchword.http.response import Response

Handler = Callable[[Request, Any], "Response | Denied | Awaiting"]
"""Takes the request and its decoded input (`None` where the route takes none)."""


@final
@dataclass(frozen=True, slots=True)
class Awaiting:
    """An answer that the app's own coroutine gives.

    It runs on the event loop that serves the request, where the app's async clients live, and holds no thread.
    """

    run: Callable[[], Coroutine[Any, Any, "Response | Denied"]]


class RouteGuard(Protocol):
    """Who may call a route: a value the route carries. The kernel calls it before the handler."""

    @property
    def description(self) -> str:
        """Say the rule in a few words, for `watchword routes` and OpenAPI."""
        ...

    @property
    def codes(self) -> tuple[Code, ...]:
        """What it refuses with; nothing where everyone may call."""
        ...

    def check(self, request: Request) -> Denied | None:
        """Return the refusal, or `None` when the caller may go on."""
        ...


@final
@dataclass(frozen=True, slots=True)
class OpenToAll:
    """The guard of a route that is public on purpose."""

    description: str = "public"
    codes: tuple[Code, ...] = ()

    def check(self, request: Request) -> Denied | None:  # noqa: ARG002 - the protocol's shape
        """Let everyone in."""
        return None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One call of the HTTP API.

    Attributes:
        method: `GET`, `POST`, `PATCH` or `DELETE`.
        path: under the mount point, with parameters in braces: `/sessions/{id}`.
        name: operation id in OpenAPI, snake_case.
        summary: one line for people.
        guard: who may call it.
        handler: what it does.
        input: msgspec Struct of the JSON body (unknown fields are refused), or `None` for no body.
        output: Struct of the success answer, or `None` where it is no JSON.
        status: status of a success.
        more_statuses: further success statuses with their Structs (202 pending beside 200 complete).
        codes: codes this route can refuse with, beside those that every route can.
        limit: name of the limit of calls from one address, or `None` where the handler takes its own.
        hashes_password: whether it may spend a core on Argon2: run in the bounded pool for such work.
        form: a hosted page's route: takes and gives HTML forms instead of JSON, and is not in OpenAPI.
        cross_site: whether other sites' pages may call it: its handler reads no cookie and changes nothing.
        runs_app: whether it runs the app's own code: it reads its input itself, as JSON or as a form, is refused by a
            page where a browser asked for one, and has threads apart from Watchword's.
    """

    method: str
    path: str
    name: str
    summary: str
    guard: RouteGuard
    handler: Handler
    input: type[Any] | None = None
    output: type[Any] | None = None
    status: int = 200
    more_statuses: dict[int, type[Any]] = field(default_factory=dict[int, type[Any]])
    codes: tuple[Code, ...] = ()
    limit: str | None = None
    hashes_password: bool = False
    form: bool = False
    cross_site: bool = False
    runs_app: bool = False
