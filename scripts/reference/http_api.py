"""The page of the HTTP API: each route of the table with an example of what goes in and what comes out."""

import json
import tempfile
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec

from scripts.reference.markdown import GENERATED, code
from watchword import Auth, OAuth
from watchword.auth import INSTALLED
from watchword.http.route import Route

HEAD: Final = """\
# HTTP API

All calls are under `/auth`. Bodies are JSON in UTF-8, at most 64 KiB; a field that a call does not take is refused.
The contract as OpenAPI 3.1 is at `GET /auth/openapi.json`.

- **Sessions.** A call that signs someone in answers 200 with `status: "complete"` and sets the session cookie, or 202
  with `status: "pending"`, an `attempt` and what comes `next`. A browser sends the cookie by itself; other programs
  send the cookie's value as `Authorization: Bearer wws_…`. Send one of the two, not both.
- **Browser cookie.** An attempt goes on only where it began. A program keeps the cookie `__Host-watchword-browser`
  (`watchword-browser` in development) and sends it with the next step.
- **Origin.** A call that changes something must come from a page of the site: see
  [behind a proxy](../guides/proxy.md) and [decisions](../security/decisions.md).
- **Refusals** are [problem documents](problems.md). Named at each call are its own. Every call can also be refused
  with `host_not_allowed`, `input_invalid`, `rate_limited`, `internal_error`, `unavailable`; one that takes a body with
  `malformed_json`, `body_too_large`, `unsupported_media_type`; one that changes something with `origin_not_allowed`;
  one that hashes a password with `busy`.

"""

SAMPLES: Final[Mapping[str, Any]] = {
    "address": "192.0.2.1",
    "attempt": "att_3k7q2m5xw4f6z2j5c7n4p2r6ta",
    "allAcceptedCredentialIds": "yW1lk2pqKf8…",
    "code": "48213975",
    "codes": "q4zd-x7mp-3kfa-w2hn",
    "origins": "https://example.org",
    "qr": "data:image/svg+xml;utf8,…",
    "rpId": "example.org",
    "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "uri": "otpauth://totp/Example:ada%40example.org?secret=JBSW…&issuer=Example",
    "userId": "3q2-7wEbXs0…",
    "current": "analytical engine no. 1",
    "email": "ada@example.org",
    "factors": "password",
    "html": "<!doctype html>…",
    "id": "ses_b6y4d2kq7s5v3n6m4x2w5z7ja3",
    "identifier": "ada@example.org",
    "impersonator": None,
    "name": "Ada Lovelace",
    "new": "difference engine no. 2",
    "organization": None,
    "password": "analytical engine no. 1",
    "permissions": "notes:write",
    "roles": "org:member",
    "source": "watchword",
    "role": "user",
    "status": "ok",
    "subject": "Your code for Example",
    "text": "Confirm your e-mail address …",
    "to": "a…@example.org",
    "token": "65uwxauarmfqkozrjiywtltuub4dysyksagbmcpbjlqpgsh5gjha",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "user_name": "ada",
}
"""What stands in an example for a text field of that name."""

PATHS: Final[Mapping[str, Any]] = {
    "user.id": "usr_m4x2w5z7ja3b6y4d2kq7s5v3n6",
    "next.method": "email_code",
    "sign_in_with_password.next.method": "totp",
    "reset_password.next.method": "totp",
    "step_up.next.method": "passkey",
    "passkeys.name": "Phone of Ada",
    "passkeys.id": "psk_w5z7ja3b6y4d2kq7s5v3n6m4x2",
    "rename_passkey.name": "Phone of Ada",
    "attempt_totp.code": "482139",
    "confirm_totp.code": "482139",
    "attempt_recovery_code.code": "q4zd-x7mp-3kfa-w2hn",
    "change_email.email": "ada.new@example.org",
    "reset_password.password": "difference engine no. 2",
    "forgot_password.next.method": "password_reset",
    "messages.to": "ada@example.org",
    "providers.name": "google",
    "providers.title": "Google",
    "identities.id": "idn_w5z7ja3b6y4d2kq7s5v3n6m4x2",
    "identities.provider": "google",
    "identities.title": "Google",
    "identities.label": "ada@example.org",
    "sign_in_oauth.url": "https://accounts.google.com/o/oauth2/v2/auth?…",
    "link_oauth.url": "https://accounts.google.com/o/oauth2/v2/auth?…",
    "sign_in_oauth_nonce.nonce": "att_j5vtd2kq7s5v3n6m4x2w5z7ja3",
    "sign_in_oauth_token.nonce": "att_j5vtd2kq7s5v3n6m4x2w5z7ja3",
    "sign_in_oauth_token.id_token": "eyJhbGciOiJSUzI1NiIs…",
    "sign_in_oauth.next": "/notes",
    "link_oauth.next": "/notes",
    "step_up_oauth.next": "/notes",
    "step_up_oauth.url": "https://accounts.google.com/o/oauth2/v2/auth?…",
}
"""The same for fields whose name alone does not tell; the longest path that fits counts."""

FREE: Final[Mapping[str, Any]] = {
    "run_action": {"id": "usr_m4x2w5z7ja3b6y4d2kq7s5v3n6", "role": "admin"},
    "openapi": {"openapi": "3.1.0", "info": {"title": "Example", "version": "1"}, "paths": {"…": {}}},
    "export_account": {
        "user": {"id": "usr_m4x2w5z7ja3b6y4d2kq7s5v3n6", "email": "ada@example.org", "name": "Ada Lovelace"},
        "created_at": "2026-11-02T09:30:00Z",
        "language": "en",
        "identifiers": [{"kind": "email", "text": "ada@example.org", "verified_at": "2026-11-02T09:30:00Z"}],
        "sessions": [{"id": "ses_b6y4d2kq7s5v3n6m4x2w5z7ja3", "address": "192.0.2.1"}],
        "events": [{"event": "signed_up", "at": 1793611800000, "address": "192.0.2.1"}],
    },
}
"""Answers whose fields no type declares, cut short."""

OBJECTS: Final[Mapping[str, Any]] = {
    "public_key": {"challenge": "wyRvSeAU_Ik8Y4jXE9Qnwg…", "rpId": "example.org", "…": "…"},
    "credential": {"id": "yW1lk2pq…", "type": "public-key", "response": {"clientDataJSON": "eyJ0eXBl…", "…": "…"}},
}
"""Objects whose members the browser knows, cut short."""

MOMENT: Final = "2026-11-02T09:30:00Z"
EXPIRY: Final = "2026-12-02T09:30:00Z"


def http_api_page() -> str:
    """Return the page."""
    return GENERATED + HEAD + "".join(_section(route) for route in _routes())


def _routes() -> list[Route]:
    with tempfile.TemporaryDirectory() as folder:
        google = OAuth("google", client_id="…", client_secret="…")
        auth = Auth(store=f"sqlite:///{folder}/watchword.sqlite3", methods=[*INSTALLED, google], environ={})
        auth.stop()
        # Those of apps beside the server are one program's own: its two halves are of one version.
        return [route for route in auth.routes if not route.form and not route.path.startswith("/service/")]


def _section(route: Route) -> str:
    """Return what there is to say about one call."""
    only = " In development only." if "/dev/" in route.path else ""
    text = f"## {route.method} /auth{route.path}\n\n{route.summary}. Who may call: {route.guard.description}.{only}\n\n"
    if route.input is not None:
        text += "Request:\n\n" + _json(_example(route.input, route.name, ()))
    for status, output in sorted({route.status: route.output, **route.more_statuses}.items()):
        text += f"Answer {status} {HTTPStatus(status).phrase}:\n\n"
        text += _json(FREE[route.name] if route.name in FREE else _example(output, route.name, ()))
    codes = [*route.codes, *route.guard.codes]
    if codes:
        text += "Refusals: " + ", ".join(f"`{code.name}`" for code in codes) + ".\n\n"
    return text


def _example(kind: Any, route: str, path: tuple[str, ...]) -> Any:
    """Return a value of the type, its texts taken from the samples."""
    return _of(msgspec.inspect.type_info(kind), route, path)


def _of(info: msgspec.inspect.Type, route: str, path: tuple[str, ...]) -> Any:
    match info:
        case msgspec.inspect.StructType():
            return {field.encode_name: _of(field.type, route, (*path, field.encode_name)) for field in info.fields}
        case msgspec.inspect.ListType() | msgspec.inspect.VarTupleType():
            return [_of(info.item_type, route, path)]
        case msgspec.inspect.UnionType():
            return _of(info.types[0], route, path)
        case msgspec.inspect.LiteralType():
            return "cookie" if path[-1] == "kind" else info.values[0]
        case msgspec.inspect.DateTimeType():
            return EXPIRY if path[-1] == "expires_at" else MOMENT
        case msgspec.inspect.BoolType():
            return True
        case msgspec.inspect.IntType():
            return 1
        case msgspec.inspect.StrType():
            return _text(route, path)
        case msgspec.inspect.DictType():
            return OBJECTS[path[-1]]
        case _:
            raise TypeError(f"{route}: no example for {info} at {'.'.join(path)}: give one in FREE")


def _text(route: str, path: tuple[str, ...]) -> str | None:
    full = (route, *path)
    named = (PATHS.get(".".join(full[start:])) for start in range(len(full)))
    return next((text for text in named if text is not None), None) or SAMPLES[path[-1]]


def _json(value: Any) -> str:
    return code(json.dumps(value, indent=2, ensure_ascii=False), "json")
