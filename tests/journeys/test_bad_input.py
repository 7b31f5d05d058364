"""What bad input gets, on every route: a refusal that names the field, nothing changed, nothing leaked."""

import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin

import msgspec
import pytest
from sqlalchemy import func, select

from tests.support.site import EMAIL, PASSWORD, Answer, Site, Visitor
from watchword.http.origin import SAFE_METHODS
from watchword.http.route import Route
from watchword.storage.metadata import metadata

CANARY = "canary-4b1d-must-not-come-back"
JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
NOT_COUNTED = {"limits", "audit_events", "audit_heads"}
"""What a refused call may write: that it was tried."""


@dataclass
class Bad:
    """One bad request: how it differs from a good one, and the statuses that may answer it."""

    statuses: set[int]
    method: str | None = None
    query: str = ""
    raw: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    fields: set[str] = field(default_factory=set)


def body_fields(route: Route) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(route.input) if route.input else ()


def good_body(route: Route) -> dict[str, Any]:
    """Return a body of the right shape, which leads to nothing by itself."""
    return {info.encode_name: good_value(info.type) for info in body_fields(route)}


def good_value(kind: Any) -> Any:
    if is_object(kind):
        return {"id": CANARY}
    return get_args(kind)[0] if get_origin(kind) is Literal else CANARY


def is_object(kind: Any) -> bool:
    return get_origin(kind) is dict


def takes_json(route: Route) -> bool:
    return route.input is not None


def takes_form(route: Route) -> bool:
    return route.form and route.method not in SAFE_METHODS


def path_of(route: Route) -> str:
    filled = {"{id}": "ses_x", "{token}": "x", "{file}": "x.css", "{reference}": "x"}
    return "/auth" + functools.reduce(lambda path, name: path.replace(name, filled[name]), filled, route.path)


def json_bodies(route: Route) -> Iterator[Bad]:
    if not takes_json(route):
        return
    good = json.dumps(good_body(route)).encode()
    for raw in (b"", b"{", b'{"a":', b"\xff\xfe", b"{} {}", b"// no", b"{'a': 1}", good[:-1]):
        yield Bad({400}, raw=raw, headers=JSON)
    for raw in (b"[" * 40 + b"]" * 40, b'{"a":' * 10_000, b'{"a":' * 33 + b"1" + b"}" * 33):
        yield Bad({400}, raw=raw, headers=JSON)
    for raw in (b"null", b"[]", b'"text"', b"1", b"true", b"NaN", b"1e999", b"[" + good + b"]"):
        yield Bad({400, 422}, raw=raw, headers=JSON)
    yield Bad({413}, raw=b'{"a": "' + b"x" * 65_536 + b'"}', headers=JSON)
    for kind in ("text/plain", "TEXT/PLAIN", "application/x-www-form-urlencoded", "application/json; charset=latin-1"):
        yield Bad({415}, raw=good, headers={"content-type": kind})
    yield Bad({415}, raw=good)


def json_fields(route: Route) -> Iterator[Bad]:
    if route.path.startswith("/service/"):
        return  # bytes, numbers and ids: tests/beside/test_bad_calls.py
    for info in body_fields(route):
        name = info.encode_name
        for value in (1, 1.5, True, [], [CANARY], *(() if is_object(info.type) else ({}, {"$ne": CANARY}))):
            yield json_bad(route, name, value)
        if info.required:
            yield json_bad(route, name, None)
            without = {key: value for key, value in good_body(route).items() if key != name}
            yield Bad({422}, raw=json.dumps(without).encode(), headers=JSON, fields={name})
        for text in (f"{CANARY}\0", f"\ud800{CANARY}", f"{CANARY}\udfff"):
            yield json_bad(route, name, text)
        twice = json.dumps(good_body(route))[:-1] + f', "{name}": "{CANARY}"}}'
        yield Bad({422}, raw=twice.encode(), headers=JSON, fields={name})
    if takes_json(route):
        raw = json.dumps({**good_body(route), f"<b>{CANARY}</b>": 1}).encode()
        yield Bad({422}, raw=raw, headers=JSON, fields={"?"})
        for name in ("is_admin", "role", "user_id", "__proto__", "verified_at"):
            raw = json.dumps({**good_body(route), name: CANARY}).encode()
            yield Bad({422}, raw=raw, headers=JSON, fields={name})


def json_bad(route: Route, name: str, value: object) -> Bad:
    raw = json.dumps({**good_body(route), name: value}).encode()
    return Bad({422}, raw=raw, headers=JSON, fields={name})


def form_bodies(route: Route) -> Iterator[Bad]:
    if not takes_form(route):
        return
    good = b"email=x&password=" + CANARY.encode()
    for kind in ("text/plain", "application/json", "multipart/form-data; boundary=x"):
        yield Bad({415}, raw=good, headers={"content-type": kind})
    yield Bad({415}, raw=good)
    yield Bad({413}, raw=b"email=" + b"x" * 65_536, headers=FORM)
    for raw in (b"email=%zz", b"email=%", b"email=%ff", b"\xff=1", b"&".join(b"a%d=1" % n for n in range(51))):
        yield Bad({400}, raw=raw, headers=FORM)
    for raw in (b"email=a&email=b", b"password=%00", b"a%00=1", b"password=%ed%a0%80"):
        yield Bad({400, 422}, raw=raw, headers=FORM)


def methods(route: Route) -> Iterator[Bad]:
    for method in ("PUT", "TRACE", "CONNECT", "BREW"):
        yield Bad({405}, method=method)
    if takes_json(route):
        raw = json.dumps(good_body(route)).encode()
        yield Bad({405}, method="PUT", raw=raw, headers={**JSON, "x-http-method-override": "POST"})


def origins(route: Route) -> Iterator[Bad]:
    if route.method in SAFE_METHODS:
        return
    raw = json.dumps(good_body(route)).encode() if takes_json(route) else b""
    headers = JSON if takes_json(route) else FORM
    for origin in (
        "null",
        "https://evil.example",
        "http://localhost:8001",
        "http://evil.localhost:8000",
        "",
        "http://",
    ):
        yield Bad({403}, raw=raw, headers={**headers, "origin": origin})
    for site in ("cross-site", "same-site", "x"):
        yield Bad({403}, raw=raw, headers={**headers, "sec-fetch-site": site})
    yield Bad({400}, raw=raw, headers={**headers, "host": "evil.example"})
    yield Bad({400}, raw=raw, headers={**headers, "host": "localhost:8000, evil.example"})


def queries(_: Route) -> Iterator[Bad]:
    for query in (
        "a=1&a=2",
        "a=%zz",
        "a=%ff",
        "a=%00",
        "a=%ed%a0%80",
        "a=\xe9",
        "&".join(f"a{n}=1" for n in range(101)),
    ):
        yield Bad({422}, query=query)


TABLE: list[Callable[[Route], Iterator[Bad]]] = [json_bodies, json_fields, form_bodies, methods, origins, queries]


def counts(site: Site) -> dict[str, int]:
    """Return how many rows each table has."""
    tables = [table for table in metadata.sorted_tables if table.name not in NOT_COUNTED]
    with site.auth.store.read() as tx:
        return {table.name: tx.execute(select(func.count()).select_from(table)).scalar_one() for table in tables}


def send(visitor: Visitor, route: Route, bad: Bad) -> Answer:
    path = path_of(route) + (f"?{bad.query}" if bad.query else "")
    raw, headers = bad.raw, bad.headers
    if raw is None and takes_json(route):
        raw, headers = json.dumps(good_body(route)).encode(), {**JSON, **headers}
    elif raw is None and takes_form(route):
        raw, headers = b"", {**FORM, **headers}
    return visitor.send(bad.method or route.method, path, raw=raw, headers=headers)


def complaint(route: Route, bad: Bad, answer: Answer) -> str | None:
    """Return what is wrong with the answer, or `None`."""
    headers = dict(answer.response.headers)
    if answer.status not in bad.statuses:
        return f"status {answer.status}"
    if answer.cookies:
        return "a cookie"
    if CANARY in answer.text:
        return "it echoes what was sent"
    if answer.status == 405 and route.method not in headers.get("allow", ""):
        return "405 without Allow"
    if route.form:
        return None
    if headers["content-type"] != "application/problem+json" or not {"title", "status", "code"} <= set(answer.json):
        return "no problem document"
    named = {entry["field"] for entry in answer.json.get("fields", ())}
    return None if bad.fields <= named else f"names {named} instead of {bad.fields}"


@pytest.mark.parametrize("kind", TABLE, ids=lambda kind: kind.__name__)
def test_bad_input_is_refused_by_every_route_and_changes_nothing(
    sqlite_site: Site, kind: Callable[[Route], Iterator[Bad]]
):
    """Each route of the table, signed in, so that the guard does not answer in place of the check."""
    visitor = sqlite_site.visitor()
    assert visitor.sign_up().status == 200
    cookies, before = dict(visitor.cookies), counts(sqlite_site)
    found, tried = [], 0
    for route in sqlite_site.auth.routes:
        for bad in kind(route):
            tried += 1
            what = complaint(route, bad, send(visitor, route, bad))
            if what:
                found.append((route.method, route.path, what, (bad.raw or bad.query)[:80], bad.headers))
            visitor.cookies = dict(cookies)
    assert tried > 20
    assert found == []
    assert counts(sqlite_site) == before
    assert visitor.user["email"] == EMAIL


NO_ADDRESSES = [
    "", " ", "@", "ada", "ada@", "@example.org", "ada@example", "ada@@example.org", "ada@exa mple.org",
    " ada@example.org", "ada@example.org ", "ada@example.org\n", "ada@example.org\r\nBcc: eva@example.org",
    "a@x.example,b@x.example", "<ada@example.org>", "Ada <ada@example.org>", '"ada"@example.org', "ada@[192.0.2.1]",
    "ada@192.0.2.1", "ada@example.org@evil.example", "ada\u200b@example.org", "\u0430da@example.org", "ada＠example.org",
    "ada@ｅxample.org", ".ada@example.org", "ada.@example.org", "a..da@example.org", "ada@-example.org",
    "ada@example..org", f"{'a' * 65}@example.org", f"ada@{'a' * 64}.org", f"ada@{'a.' * 126}org", "a" * 10_000,
    "=?utf-8?q?ada?=@example.org ", "ada%40evil.example@", "ada@example.org;eva@example.org",
]  # fmt: skip


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_an_address_that_is_none_is_refused_by_every_call_that_takes_one(sqlite_site: Site, address: str):
    """CB-093 to CB-098; A58, A59, A60, A62."""
    visitor = sqlite_site.visitor()
    visitor.sign_up()
    before = counts(sqlite_site)
    calls = {
        "/auth/sign-up/password": {"email": address, "password": PASSWORD},
        "/auth/password/forgot": {"email": address},
        "/auth/user/email": {"email": address, "password": PASSWORD},
    }
    for path, body in calls.items():
        refused = visitor.post(path, body)
        assert (refused.status, [entry["field"] for entry in refused.json["fields"]]) == (422, ["email"]), path
    assert visitor.sign_in(address).status == 401
    assert counts(sqlite_site) == before


def altered(token: str) -> Iterator[str]:
    """Yield the token cut at each place, and with each character in turn changed, in case and in value."""
    for place in range(len(token)):
        yield token[:place]
        other = "b" if token[place] != "b" else "c"
        yield token[:place] + other + token[place + 1 :]
        if token[place].isalpha():
            yield token[:place] + token[place].swapcase() + token[place + 1 :]
        yield token[:place] + "=" + token[place:]
    for more in ("=", " ", "a", "%00", "é"):
        yield token + more
        yield more + token


def test_a_session_token_altered_at_any_byte_is_no_session(sqlite_site: Site):
    visitor = sqlite_site.visitor()
    visitor.sign_up()
    token = visitor.cookies["watchword"]
    for text in altered(token):
        other = sqlite_site.visitor()
        other.cookies = {"watchword": text}
        assert other.get("/auth/session").json == {"session": None} or text.strip() == token, text
        assert sqlite_site.visitor().get("/auth/sessions", authorization=f"Bearer {text}").status in (401, 200)
        bearer = sqlite_site.visitor().get("/auth/session", authorization=f"Bearer {text}")
        assert bearer.json == {"session": None} or text.strip() == token, text
    assert visitor.user["email"] == EMAIL


def test_a_link_or_attempt_altered_at_any_byte_leads_nowhere(sqlite_site: Site):
    visitor = sqlite_site.visitor()
    visitor.sign_up()
    visitor.post("/auth/password/forgot", {"email": EMAIL})
    token = sqlite_site.link_for(EMAIL).rpartition("/")[2]
    newcomer = sqlite_site.visitor()
    body = {"email": "eva@example.org", "password": PASSWORD}
    attempt = newcomer.post("/auth/sign-up/password", body).json["attempt"]
    link = sqlite_site.link_for("eva@example.org").rpartition("/")[2]
    code = sqlite_site.code_for("eva@example.org")
    before = counts(sqlite_site)
    for text in altered(token):
        assert visitor.post("/auth/password/reset", {"token": text, "password": PASSWORD + "!"}).status == 410, text
    for text in altered(link):
        assert newcomer.post("/auth/attempt/email_link", {"token": text}).status == 410, text
    for text in altered(attempt):
        assert newcomer.post("/auth/attempt/email_code", {"attempt": text, "code": code}).status == 410, text
    assert counts(sqlite_site) == before
    assert newcomer.post("/auth/attempt/email_code", {"attempt": attempt, "code": code}).status == 200


@pytest.mark.parametrize(
    "cookies",
    [
        "watchword=" + "x" * 8_192,
        "watchword-browser=" + "a" * 8_192,
        "; ".join(f"c{number}=x" for number in range(1_500)),
        ";" * 8_192,
        "=" * 8_192,
        "watchword=\xff\xfe; watchword-browser=\xff",
        "watchword",
        "watchword=; watchword-browser=",
    ],
    ids=["session", "browser", "many", "semicolons", "equals", "bytes", "no value", "empty"],
)
def test_cookies_of_8_kib_and_broken_ones_are_like_none(sqlite_site: Site, cookies: str):
    found = []
    for route in sqlite_site.auth.routes:
        if takes_form(route) or takes_json(route):
            continue
        plain = sqlite_site.visitor().send(route.method, path_of(route))
        strange = sqlite_site.visitor().send(route.method, path_of(route), headers={"cookie": cookies})
        if strange.status != plain.status or strange.status >= 500:
            found.append((route.method, route.path, plain.status, strange.status))
    assert found == []
    body = {"identifier": EMAIL, "password": PASSWORD}
    sqlite_site.visitor().sign_up()
    visitor = sqlite_site.visitor()
    assert visitor.send("POST", "/auth/sign-in/password", body=body, headers={"cookie": cookies}).status == 200


def test_two_session_cookies_are_no_session(sqlite_site: Site):
    """A29: nobody can say which was meant, even where both are the same."""
    visitor = sqlite_site.visitor()
    visitor.sign_up()
    token = visitor.cookies["watchword"]
    for cookies in (
        f"watchword={token}; watchword={token}",
        f"watchword=x; watchword={token}",
        f"watchword={token}; watchword=",
    ):
        answer = sqlite_site.visitor().get("/auth/session", cookie=cookies)
        assert answer.json == {"session": None}
        assert sqlite_site.visitor().get("/auth/sessions", cookie=cookies).status == 401
