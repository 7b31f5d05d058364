"""A request as Watchword reads it: raw bytes in, nothing trusted, everything parsed only when asked for."""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import final
from urllib.parse import parse_qsl

import msgspec

from watchword.http.cookies import parse_cookies

RawHeaders = Sequence[tuple[bytes, bytes]]
LookUp = Callable[[str], list[str]]
"""Returns the values of the header lines of a name, in order."""


@final
class Request(msgspec.Struct, eq=False, dict=True):
    """One HTTP request, the same for every web adapter, ASGI or WSGI.

    Attributes:
        method: upper-case method.
        path: decoded path, without the place where the app is mounted.
        query: raw query string, without `?`.
        headers: raw header lines in order; names in lower case, as ASGI gives them. Or what looks a name up, in WSGI.
        scheme: `http` or `https`, as the connection (or a declared proxy) says.
        peer: address of the connection's other end, or `None` (unix socket).
        body: whole body; adapters refuse more than 64 KiB before they get here.
        client: the caller's address, as far as it can be trusted; set by the kernel from peer and declared proxies.
        parameters: path parameters, set by the kernel when a route matched.
        memo: what rooms remember for the length of this request, for example the verified session.
    """

    method: str
    path: str
    query: str = ""
    headers: RawHeaders | LookUp = ()
    scheme: str = "http"
    peer: str | None = None
    body: bytes = b""
    client: str | None = None
    parameters: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    memo: dict[str, object] = msgspec.field(default_factory=dict[str, object])

    @property
    def address(self) -> str:
        """The caller's address; empty where the connection has none."""
        return (self.peer if self.client is None else self.client) or ""

    def header(self, name: str) -> str | None:
        """Return the value of a header that may stand once, or `None` where it is absent or stands more than once."""
        values = self.header_values(name)
        return values[0] if len(values) == 1 else None

    def header_values(self, name: str) -> list[str]:
        """Return the values of all header lines of that name, in order."""
        if callable(self.headers):
            return self.headers(name)
        return self._values_by_name.get(name.lower(), []).copy()

    def lines(self, *names: str) -> Iterable[tuple[bytes, bytes]]:
        """Return the raw header lines, at least those of these names."""
        if callable(self.headers):
            return [(name.encode(), value.encode("latin-1")) for name in names for value in self.headers(name)]
        return self.headers

    @cached_property
    def _values_by_name(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, value in self.lines():
            found.setdefault(name.lower().decode("latin-1"), []).append(value.decode("latin-1"))
        return found

    @cached_property
    def cookies(self) -> dict[str, list[str]]:
        """Every cookie by its exact name, with all the values sent: a name sent twice is for its reader to refuse."""
        return parse_cookies(self.header_values("cookie"))

    def cookie(self, name: str) -> str | None:
        """Return the cookie's value, or `None` where it is absent or was sent more than once (A29)."""
        values = self.cookies.get(name, [])
        return values[0] if len(values) == 1 else None

    @cached_property
    def query_parameters(self) -> list[tuple[str, str]]:
        """Query parameters in order, percent-decoded; at most 100."""
        try:
            return parse_qsl(self.query, keep_blank_values=True, max_num_fields=100)
        except ValueError:
            return []

    def query_parameter(self, name: str) -> str | None:
        """Return the parameter's value, or `None` where it is absent or stands more than once."""
        values = [value for key, value in self.query_parameters if key == name]
        return values[0] if len(values) == 1 else None
