"""What an app's own OpenAPI document tells of its guards: security schemes, and the refusals they answer."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from watchword.policy.guard import Guard
from watchword.policy.marking import PUBLIC
from watchword.web.endpoints import Endpoint, Rule

REQUIREMENT: Final[list[dict[str, list[str]]]] = [{"watchwordCookie": []}, {"watchwordBearer": []}]
"""What a guarded operation asks for: the one or the other."""
_REFUSALS: Final[dict[str, str]] = {
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
    document.setdefault("components", {}).setdefault("securitySchemes", {}).update(schemes(cookie))
    rules = {endpoint.path: endpoint.rule for endpoint in found if endpoint.rule is not PUBLIC}
    for path, operations in document.get("paths", {}).items():
        rule = rules.get(path)
        if rule is None:
            continue
        for method, operation in operations.items():
            if method == "parameters":
                continue
            operation.setdefault("security", REQUIREMENT)
            operation["description"] = described(operation.get("description"), rule)
            for status, text in refusals(rule).items():
                operation.setdefault("responses", {}).setdefault(status, {"description": text})


def schemes(cookie: str) -> dict[str, dict[str, str]]:
    """Return the security schemes, by name; `cookie` is the name of the session cookie."""
    return {
        "watchwordCookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": cookie,
            "description": "The session cookie.",
        },
        "watchwordBearer": {"type": "http", "scheme": "bearer", "description": "A session's token."},
    }


def described(description: str | None, rule: Rule) -> str:
    """Return an operation's description, and who may call it."""
    return "\n\n".join(filter(None, (description, f"Who may call: {rule.description}.")))


def refusals(rule: Rule) -> dict[str, str]:
    """Return the refusals that the rule may answer with, by status."""
    is_for_some = isinstance(rule, Guard) and rule.description != "signed in"
    return _REFUSALS if is_for_some else {"401": _REFUSALS["401"]}
