"""The table of routes, searched by exact path."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import final

from watchword.foundation.errors import ConfigurationError
from watchword.http.route import Route

PARAMETER = re.compile(r"\{([a-z_]+)\}")
"""A path parameter in a route's path: `{id}`."""
_SEGMENT = r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~-]+"
"""What a parameter may be: one segment of RFC 3986's unreserved letters, and no dot segment."""


@final
@dataclass(frozen=True, slots=True)
class Match:
    """The routes at one path, by method, and the path's parameters."""

    routes: dict[str, Route] = field(default_factory=dict[str, Route])
    parameters: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def allow(self) -> str:
        """The methods that the path takes, for `Allow`."""
        methods = {*self.routes, "OPTIONS"} | ({"HEAD"} if "GET" in self.routes else set[str]())
        return ", ".join(sorted(methods))

    def route(self, method: str) -> Route | None:
        """Return the route for the method; HEAD is served as GET (RFC 9110, section 9.3.2)."""
        return self.routes.get("GET" if method == "HEAD" else method)


@final
class RouteTable:
    """Finds the routes of a path.

    Args:
        routes: all routes of the site.
        prefix: where they are mounted, `/auth`.

    Raises:
        ConfigurationError: two routes share method and path, or a name, or an input would drop unknown fields.
    """

    def __init__(self, routes: Iterable[Route], prefix: str) -> None:
        self._literal: dict[str, dict[str, Route]] = {}
        self._patterns: dict[str, tuple[re.Pattern[str], dict[str, Route]]] = {}
        names: set[str] = set()
        for route in routes:
            if route.name in names:
                raise ConfigurationError(f"two routes are named {route.name!r}: give each a name of its own")
            names.add(route.name)
            _check_input(route)
            by_method = self._place(prefix + route.path)
            if route.method in by_method:
                raise ConfigurationError(
                    f"{route.method} {route.path} is declared twice, by {by_method[route.method].name!r} and "
                    f"{route.name!r}: keep one"
                )
            by_method[route.method] = route

    def find(self, path: str) -> Match | None:
        """Return what stands at exactly this decoded path, or `None`. A path without parameters goes first.

        Nothing is normalised: no doubled slash, no `;`, no dot segment, no slash at the end (A02).
        """
        if path in self._literal:
            return Match(self._literal[path])
        for pattern, by_method in self._patterns.values():
            if match := pattern.fullmatch(path):
                return Match(by_method, match.groupdict())
        return None

    def _place(self, path: str) -> dict[str, Route]:
        """Return the routes by method that are to stand at the path, as declared so far."""
        if "{" not in path:
            return self._literal.setdefault(path, {})
        pieces = PARAMETER.split(path)
        source = "".join(
            f"(?P<{piece}>{_SEGMENT})" if index % 2 else re.escape(piece) for index, piece in enumerate(pieces)
        )
        return self._patterns.setdefault(source, (re.compile(source), {}))[1]


def _check_input(route: Route) -> None:
    configuration = getattr(route.input, "__struct_config__", None)
    if route.input is not None and not getattr(configuration, "forbid_unknown_fields", False):
        raise ConfigurationError(
            f"the input of route {route.name!r} would drop unknown fields: derive it from watchword.http.body.Input"
        )
