"""The calls about the service itself: its contract, whether it lives, and in development the mail it sent."""

from functools import partial
from typing import Any

import msgspec

from watchword.admission.services import Services
from watchword.http.openapi import openapi_document
from watchword.http.request import Request
from watchword.http.response import Response, json_response
from watchword.http.route import OpenToAll, Route


class HealthAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The service answers, and so does its database."""

    status: str = "ok"


def service_routes(services: Services, api: tuple[Route, ...]) -> tuple[Route, ...]:
    """Return the routes; the contract describes `api` and these."""
    public = OpenToAll()
    health = Route(
        method="GET",
        path="/health",
        name="health",
        summary="Whether the service and its database answer",
        guard=public,
        handler=partial(_health, services),
        output=HealthAnswer,
    )
    contract = Route(
        method="GET",
        path="/openapi.json",
        name="openapi",
        summary="This contract",
        guard=public,
        handler=lambda _request, _input: Response(200, document(), [("content-type", "application/json")]),
        output=dict[str, Any],
    )
    routes = (*api, health, contract)
    made: list[bytes] = []

    def document() -> bytes:
        if not made:
            title = services.settings.brand.name
            made.append(
                msgspec.json.encode(openapi_document(routes, title=title, version="1", prefix=services.settings.prefix))
            )
        return made[0]

    return (health, contract)


def _health(services: Services, _request: Request, _input: None) -> Response:
    with services.store.read():
        return json_response(HealthAnswer())
