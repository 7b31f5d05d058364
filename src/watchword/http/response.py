"""A response as Watchword makes it: status, headers, bytes."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, final

import msgspec

_encoder = msgspec.json.Encoder()


@final
@dataclass(slots=True)
class Response:
    """One HTTP response. `headers` are text pairs in order; several lines of one name are allowed (`Set-Cookie`).

    `stream` gives more of the body as time passes, where the server is async; elsewhere the answer ends with `body`.
    """

    status: int = 200
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    stream: Callable[[], AsyncIterator[bytes]] | None = None

    def header(self, name: str) -> str | None:
        """Return the first header of that name, whatever its case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def json_response(value: Any, status: int = 200, cookies: tuple[str, ...] = ()) -> Response:
    """Return a JSON response; `cookies` are complete `Set-Cookie` values."""
    headers = [("content-type", "application/json"), *(("set-cookie", line) for line in cookies)]
    return Response(status, _encoder.encode(value), headers)


def redirect(location: str, cookies: tuple[str, ...] = ()) -> Response:
    """Return a 303 to a place that the caller has already checked to be ours."""
    return Response(303, b"", [("location", location), *(("set-cookie", line) for line in cookies)])
