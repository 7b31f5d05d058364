"""Problem documents (RFC 9457): how a refusal looks on the wire."""

from typing import Final

import msgspec

from watchword.foundation.errors import STEP_UP_REQUIRED, Code, Denied
from watchword.http.response import Response

PROBLEM_TYPES: Final = "https://watchword.dev/problems/"
"""Where every `type` starts; the code's name follows. It is a name first, so it never changes."""
_STEP_UP_PARAMETERS = ("acr_values", "max_age")

METHOD_NOT_ALLOWED: Final = Code(
    "method_not_allowed", 405, "This path does not take that method", "Use a method that the `Allow` header names."
)
INTERNAL_ERROR: Final = Code(
    "internal_error", 500, "Something broke on our side", "Try again later; the server's log says what happened."
)


def problem_response(denied: Denied) -> Response:
    """Return the refusal as `application/problem+json`, with the headers that its status asks for.

    Members: `type`, `title`, `status`, `detail` (RFC 9457, section 3.1), then `code`, `fix`, `fields` with what each
    field was expected to be, and the refusal's own members; these can add to the document, not replace a member.
    Empty ones are left out.
    """
    code = denied.code
    document: dict[str, object] = {
        "type": PROBLEM_TYPES + code.name,
        "title": code.title,
        "status": code.status,
        "detail": denied.detail,
        "code": code.name,
        "fix": code.fix,
        "fields": [{"field": entry.field, "expected": entry.expected} for entry in denied.fields],
    }
    document = {name: value for name, value in document.items() if value not in ("", [])}
    body = msgspec.json.encode({**denied.extra, **document})
    headers = [
        ("content-type", "application/problem+json"),
        ("cache-control", "no-store"),
        *refusal_headers(denied),
    ]
    return Response(code.status, body, headers)


def refusal_headers(denied: Denied) -> list[tuple[str, str]]:
    """Return the headers a refusal carries whatever its body is: its own, `Retry-After` and `WWW-Authenticate`."""
    headers = list(denied.headers)
    if denied.retry_after is not None:
        headers.append(("retry-after", str(max(denied.retry_after, 1))))
    if denied.code.status == 401 and not any(name.lower() == "www-authenticate" for name, _ in headers):
        headers.append(("www-authenticate", _challenge(denied)))
    return headers


def _challenge(denied: Denied) -> str:
    """Return the challenge of a 401 (RFC 9110, section 15.5.2), with what the step-up must reach (RFC 9470, section 3)."""
    parameters = {"realm": "watchword"}
    if denied.code is STEP_UP_REQUIRED:
        parameters["error"] = STEP_UP_REQUIRED.name
        parameters["error_description"] = STEP_UP_REQUIRED.title
        parameters |= {name: str(denied.extra[name]) for name in _STEP_UP_PARAMETERS if name in denied.extra}
    return "Bearer " + ", ".join(f"{name}={_quoted(value)}" for name, value in parameters.items())


def _quoted(value: str) -> str:
    """Return a quoted-string (RFC 9110, section 5.6.4)."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
