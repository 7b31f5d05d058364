"""The OpenAPI document."""

from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator

from watchword.foundation.errors import FORBIDDEN, UNAUTHENTICATED, Denied
from watchword.http.body import Input
from watchword.http.openapi import openapi_document
from watchword.http.request import Request
from watchword.http.response import Response
from watchword.http.route import OpenToAll, Route


class Credentials(Input):
    email: str
    password: str


class Session(Input):
    id: str


class Complete(Input):
    session: Session


class Pending(Input):
    attempt: str


class SignedIn:
    description = "signed in"
    codes = (UNAUTHENTICATED, FORBIDDEN)

    def check(self, request: Request) -> Denied | None:
        return None


def _answer(_request: Request, _input: Any) -> Response:
    return Response()


ROUTES = (
    Route(
        method="POST",
        path="/sign-in/password",
        name="sign_in_password",
        summary="Sign in",
        guard=OpenToAll(),
        handler=_answer,
        input=Credentials,
        output=Complete,
        more_statuses={202: Pending},
        codes=(FORBIDDEN,),
    ),
    Route(
        method="DELETE",
        path="/sessions/{id}",
        name="end_session",
        summary="End one",
        guard=SignedIn(),
        handler=_answer,
        status=204,
    ),
    Route(method="GET", path="/page", name="page", summary="", guard=OpenToAll(), handler=_answer, form=True),
)


def _document(**more: Any) -> dict[str, Any]:
    return openapi_document(ROUTES, title="Watchword", version="1", prefix="/auth", **more)


def test_the_document_is_valid_openapi_3_1():
    OpenAPIV31SpecValidator(_document(server_url="https://example.org")).validate()
    assert _document(server_url="https://example.org")["servers"] == [{"url": "https://example.org"}]
    assert "servers" not in _document()


def test_an_empty_table_is_valid_too():
    OpenAPIV31SpecValidator(openapi_document([], title="x", version="1", prefix="/auth")).validate()


def test_every_json_route_is_there_and_no_page():
    assert {"/auth/sign-in/password": {"post"}, "/auth/sessions/{id}": {"delete"}} == {
        path: set(operations) for path, operations in _document()["paths"].items()
    }


def test_an_operation_tells_its_input_and_each_success():
    operation = _document()["paths"]["/auth/sign-in/password"]["post"]

    assert operation["operationId"] == "sign_in_password"
    assert operation["tags"] == ["sign-in"]
    assert operation["security"] == []
    assert operation["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/Credentials"
    }
    for status, name in (("200", "Complete"), ("202", "Pending")):
        schema = operation["responses"][status]["content"]["application/json"]["schema"]
        assert {"$ref": f"#/components/schemas/{name}"} == schema
    assert {"Credentials", "Complete", "Pending", "Session", "Problem"} == set(_document()["components"]["schemas"])


def test_an_operation_lists_the_codes_of_each_refusal():
    responses = _document()["paths"]["/auth/sign-in/password"]["post"]["responses"]

    def codes(status: str) -> list[str]:
        schema = responses[status]["content"]["application/problem+json"]["schema"]
        return schema["allOf"][1]["properties"]["code"]["enum"]

    assert codes("403") == ["forbidden", "origin_not_allowed"]
    assert codes("400") == ["host_not_allowed", "malformed_json"]
    assert {"200", "202", "400", "403", "413", "415", "422", "500", "503"} == set(responses)


def test_a_guarded_operation_names_its_credentials_and_parameters():
    operation = _document()["paths"]["/auth/sessions/{id}"]["delete"]

    assert operation["security"] == [{"cookie": []}, {"bearer": []}]
    assert operation["parameters"] == [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]
    assert operation["responses"]["204"] == {"description": "No Content"}
    assert {"401", "403"} <= set(operation["responses"])
