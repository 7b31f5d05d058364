"""The contract of the HTTP API as an OpenAPI 3.1 document, derived from the table of routes."""

from collections import defaultdict
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec

from watchword.foundation.errors import (
    BUSY,
    INPUT_INVALID,
    UNAVAILABLE,
    Code,
    declared_codes,
)
from watchword.http.body import BODY_TOO_LARGE, MALFORMED_JSON, UNSUPPORTED_MEDIA_TYPE
from watchword.http.origin import HOST_NOT_ALLOWED, ORIGIN_NOT_ALLOWED, SAFE_METHODS
from watchword.http.problem import INTERNAL_ERROR
from watchword.http.route import Route
from watchword.http.table import PARAMETER

_REFERENCE = "#/components/schemas/{name}"
_EVERY_ROUTE = (HOST_NOT_ALLOWED, INPUT_INVALID, INTERNAL_ERROR, UNAVAILABLE)
_WITH_INPUT = (MALFORMED_JSON, BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE)
_SECURITY: list[dict[str, list[str]]] = [{"cookie": []}, {"bearer": []}]
_SECURITY_SCHEMES = {
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-watchword",
        "description": "The session cookie; `watchword` on plain-http localhost in development.",
    },
    "bearer": {"type": "http", "scheme": "bearer", "description": "A session's token."},
}
_PROBLEM_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "A refusal (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable name of the refusal."},
        "fix": {"type": "string", "description": "What the client's developer can do about it."},
        "fields": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "expected"],
                "properties": {"field": {"type": "string"}, "expected": {"type": "string"}},
            },
        },
    },
}


def openapi_document(
    routes: Iterable[Route], *, title: str, version: str, prefix: str, server_url: str | None = None
) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of all JSON routes; pages (`form` routes) are left out.

    Args:
        routes: the table of routes.
        title: the product's name.
        version: version of the contract.
        prefix: where the routes are mounted, `/auth`.
        server_url: URL of the site, where it is known.
    """
    shown = [route for route in routes if not route.form]
    bodies = {type_ for route in shown for type_ in (route.input, *_successes(route).values()) if type_ is not None}
    ordered = sorted(bodies, key=lambda type_: type_.__name__)
    schemas, components = msgspec.json.schema_components(ordered, ref_template=_REFERENCE)
    schema_of = dict(zip(ordered, schemas, strict=True))
    paths: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for route in shown:
        paths[prefix + route.path][route.method.lower()] = _operation(route, schema_of)
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": dict(paths),
        "components": {
            "schemas": {**components, "Problem": _PROBLEM_SCHEMA},
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }
    return document | ({"servers": [{"url": server_url}]} if server_url else {})


def _operation(route: Route, schema_of: dict[type[Any], Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "description": f"Who may call: {route.guard.description}.",
        "tags": [route.path.split("/")[1]],
        "responses": _responses(route, schema_of),
        "security": _SECURITY if route.guard.codes else [],
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in PARAMETER.findall(route.path)
    ]
    if parameters:
        operation["parameters"] = parameters
    if route.input is not None:
        content = {"application/json": {"schema": schema_of[route.input]}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _successes(route: Route) -> dict[int, type[Any] | None]:
    return {route.status: route.output, **route.more_statuses}


def _responses(route: Route, schema_of: dict[type[Any], Any]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, output in sorted(_successes(route).items()):
        responses[str(status)] = {"description": HTTPStatus(status).phrase}
        if output is not None:
            responses[str(status)]["content"] = {"application/json": {"schema": schema_of[output]}}
    by_status: defaultdict[int, list[Code]] = defaultdict(list)
    for code in _codes(route):
        by_status[code.status].append(code)
    return responses | {str(status): _problem(by_status[status]) for status in sorted(by_status)}


def _codes(route: Route) -> list[Code]:
    """Return every code the route can refuse with, each once: its own and what the kernel adds before the handler."""
    codes = [*route.codes, *_EVERY_ROUTE]
    if route.input is not None:
        codes += _WITH_INPUT
    if route.method not in SAFE_METHODS:
        codes.append(ORIGIN_NOT_ALLOWED)
    codes += route.guard.codes
    if route.hashes_password:
        codes += (BUSY,)
    if route.limit is not None:
        codes += [code for code in declared_codes() if code.status == HTTPStatus.TOO_MANY_REQUESTS]
    return list(dict.fromkeys(codes))


def _problem(codes: list[Code]) -> dict[str, Any]:
    names = sorted(code.name for code in codes)
    schema = {"allOf": [{"$ref": _REFERENCE.format(name="Problem")}, {"properties": {"code": {"enum": names}}}]}
    return {
        "description": "; ".join(f"`{code.name}`: {code.title}" for code in sorted(codes, key=lambda code: code.name)),
        "content": {"application/problem+json": {"schema": schema}},
    }
