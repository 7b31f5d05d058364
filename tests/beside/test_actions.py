"""Actions of an app beside a server: sealed by its own key, counted and run once by the server."""

import json
from typing import Any

import httpcore
import msgspec
import pytest

from tests.support.beside import Beside, key_of, make_beside
from tests.support.site import Site, Visitor
from watchword import action_ref, guard
from watchword.beside.client import Reply
from watchword.http.request import Request
from watchword.policy.ledger import Ledger
from watchword.sessions.verify import RequestContext, set_context


def declare(app: Beside, limit: str = "2/minute") -> tuple[Any, list[str]]:
    ran: list[str] = []

    @app.auth.action(guard(), limit=limit)
    def order(thing: str) -> str:
        ran.append(thing)
        return thing

    return order, ran


def reference(app: Beside, action: Any, visitor: Visitor) -> str:
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    request = Request("GET", "/", headers=[(b"cookie", cookies.encode())])
    leave = set_context(RequestContext(request, app.auth.gate, app.auth.edge.light, Ledger()))
    try:
        return action_ref(action)
    finally:
        leave()


def run(app: Beside, visitor: Visitor, sealed: str, thing: str, key: str = "") -> tuple[int, Any]:
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    lines = {"host": "localhost:8001", "origin": "http://localhost:8001", "cookie": cookies}
    lines |= {"content-type": "application/json", **({"idempotency-key": key} if key else {})}
    headers = [(name.encode(), value.encode()) for name, value in lines.items()]
    sent = Request("POST", f"/auth/actions/{sealed}", headers=headers, body=json.dumps({"thing": thing}).encode())
    answer = app.auth.edge.kernel.handle(sent)
    return answer.status, json.loads(answer.body)


def test_an_action_runs_for_the_session_of_the_server(app: Beside, ada: Visitor):
    """The same guard, the same reference."""
    order, ran = declare(app)
    assert run(app, ada, reference(app, order, ada), "tea") == (200, "tea")
    assert ran == ["tea"]


def test_its_limit_is_counted_by_the_server_for_all_processes_of_the_app(app: Beside, server: Site, ada: Visitor):
    """Two processes, one counter; another app of the same name for its action has a counter of its own."""
    key = key_of(server)
    first, second, other = (
        make_beside(server, key),
        make_beside(server, key),
        make_beside(server, key_of(server, "other")),
    )
    order, _ = declare(first)
    declare(second)
    sealed = reference(first, order, ada)
    assert run(first, ada, sealed, "1")[0] == 200
    assert run(second, ada, sealed, "2")[0] == 200
    status, problem = run(first, ada, sealed, "3")
    assert (status, problem["code"]) == (429, "rate_limited")
    own, _ = declare(other)
    assert run(other, ada, reference(other, own, ada), "1")[0] == 200


def test_a_call_that_is_sent_again_runs_once_on_whichever_process(server: Site, ada: Visitor):
    """The answer is kept by the server, sealed: it can't read it."""
    key = key_of(server)
    first, second = make_beside(server, key), make_beside(server, key)
    order, ran = declare(first, "20/minute")
    _, ran_there = declare(second, "20/minute")
    sealed = reference(first, order, ada)
    seen: list[bytes] = []
    first.changes = lambda _path, body: seen.append(body) or body
    assert run(first, ada, sealed, "canary-7431", "once") == (200, "canary-7431")
    assert run(second, ada, sealed, "canary-7431", "once") == (200, "canary-7431")
    assert (ran, ran_there) == (["canary-7431"], [])
    assert run(second, ada, sealed, "other", "once")[1]["code"] == "idempotency_key_reused"
    from sqlalchemy import text

    with server.auth.store.read() as tx:
        rows = tx.execute(text("SELECT * FROM action_keys")).all()
    assert b"canary" not in repr(rows).encode()
    assert not any(b"canary" in body for body in seen)


def test_a_reference_sealed_under_the_former_key_still_opens(server: Site, ada: Visitor):
    """While a key is replaced, pages that are open keep working; without it they do not."""
    old, new = key_of(server), key_of(server)
    before, after, alone = make_beside(server, old), make_beside(server, [new, old]), make_beside(server, new)
    order, _ = declare(before)
    for one in (after, alone):
        declare(one)
    sealed = reference(before, order, ada)
    assert run(after, ada, sealed, "tea")[0] == 200
    assert run(alone, ada, sealed, "tea")[1]["code"] == "action_reference_invalid"


@pytest.mark.parametrize("answer", [None, 404, 422])
def test_an_action_whose_limit_no_server_counts_does_not_run(app: Beside, ada: Visitor, answer: int | None):
    """503: a limit that can't be counted lets nobody through."""
    order, ran = declare(app)
    sealed = reference(app, order, ada)

    def post(path: str, body: msgspec.Struct) -> Reply:
        if path != "limit":
            return Beside.post(app, path, body)
        if answer is None:
            raise httpcore.ConnectError("gone")
        return Reply(answer, b"{}", None)

    app.client.post = post
    assert run(app, ada, sealed, "tea")[0] == 503
    assert ran == []


@pytest.mark.parametrize("path", ["session", "lease/look", "limit", "action-key", "greeting", "events"])
def test_the_servers_calls_for_apps_are_for_holders_of_a_key(server: Site, path: str):
    """Neither a visitor's session nor nothing at all opens them."""
    ada = server.visitor()
    ada.sign_up()
    ask = ada.get if path == "events" else ada.post
    for headers in ({}, {"authorization": "Bearer wwk_" + "a" * 78}, {"authorization": "Basic d3drX2E6"}):
        answer = ask(f"/auth/service/{path}", **headers)
        assert (answer.status, answer.code) in ((401, "service_key_invalid"), (422, "input_invalid"))
