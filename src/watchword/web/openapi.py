"""What an app's own OpenAPI document tells of its guards: security schemes, and the refusals they answer."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from watchword.policy.guard import Guard
from watchword.policy.marking import PUBLIC
from watchword.web.endpoints import Endpoint

_BEARER: Final[dict[str, Any]] = {"type": "http", "scheme": "bearer", "description": "A session's token."}
_REQUIREMENT: Final[list[dict[str, list[str]]]] = [{"watchwordCookie": []}, {"watchwordBearer": []}]
_REFUSALS: Final = {
    "401": "Nobody is signed in, or the sign-in is too weak or too old (RFC 9470).",
    "403": "The session has not the right.",
}


def describe_security(app: Any, find: Callable[[], Sequence[Endpoint]], *, cookie: str) -> None:
    """Make the app's generated OpenAPI document name who may call each route.

    Args:
        app: a FastAPI app; its `openapi()` is wrapped.
        find: lists the app's routes.
        cookie: name of the session cookie.
    """
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        if "watchwordCookie" not in document.setdefault("components", {}).setdefault("securitySchemes", {}):
            add_security(document, find(), cookie=cookie)
        return document

    app.openapi = openapi


def add_security(document: dict[str, Any], found: Sequence[Endpoint], *, cookie: str) -> None:
    """Add the security schemes to an OpenAPI document, and to each guarded operation what it needs."""
    schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes["watchwordCookie"] = {
        "type": "apiKey",
        "in": "cookie",
        "name": cookie,
        "description": "The session cookie.",
    }
    schemes["watchwordBearer"] = _BEARER
    rules = {endpoint.path: endpoint.rule for endpoint in found if endpoint.rule is not PUBLIC}
    for path, operations in document.get("paths", {}).items():
        rule = rules.get(path)
        if rule is None:
            continue
        for method, operation in operations.items():
            if method == "parameters":
                continue
            operation.setdefault("security", _REQUIREMENT)
            note = f"Who may call: {rule.description}."
            operation["description"] = "\n\n".join(filter(None, (operation.get("description"), note)))
            refusals = (
                _REFUSALS if isinstance(rule, Guard) and rule.description != "signed in" else {"401": _REFUSALS["401"]}
            )
            for status, text in refusals.items():
                operation.setdefault("responses", {}).setdefault(status, {"description": text})
