"""The calls about the service itself, and that the contract says what the calls do."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.support.site import EMAIL, GENEROUS, PASSWORD, Answer, Site, Visitor, make_site
from watchword.foundation.clock import ManualClock
from watchword.foundation.errors import StoreUnavailableError

Document = dict[str, Any]
NEW_PASSWORD = "difference engine no. 2"


def contract(site: Site) -> Document:
    answer = site.visitor().get("/auth/openapi.json")
    assert answer.status == 200
    return answer.json


def operations(document: Document) -> dict[tuple[str, str], Document]:
    """Return each operation of the contract by method and path."""
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_the_service_lives_where_its_database_answers(site: Site):
    answer = site.visitor().get("/auth/health")
    assert (answer.status, answer.json) == (200, {"status": "ok"})


def test_it_says_503_where_the_database_does_not_answer(sqlite_site: Site, monkeypatch: pytest.MonkeyPatch):
    def gone(*_: object, **__: object) -> None:
        raise StoreUnavailableError("gone")

    monkeypatch.setattr(type(sqlite_site.auth.store), "read", gone)
    answer = sqlite_site.visitor().get("/auth/health")
    assert (answer.status, answer.code, answer.response.header("retry-after")) == (503, "unavailable", "2")


def test_the_contract_is_valid(sqlite_site: Site):
    document = contract(sqlite_site)
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] == "Watchword"


def test_the_contract_lists_every_call_and_no_page(sqlite_site: Site):
    public = (route for route in sqlite_site.auth.routes if not route.path.startswith("/service/"))
    mounted = {(route.method, f"/auth{route.path}"): route for route in public}
    calls = {place for place, route in mounted.items() if not route.form}
    assert set(operations(contract(sqlite_site))) == calls - {("GET", "/auth/dev/mailbox")}


def test_the_contract_is_the_table_of_the_design(sqlite_site: Site):
    """DESIGN, HTTP API: these paths are promised; renaming one breaks every client."""
    promised = {
        ("POST", "/auth/sign-up/password"): {"202"},
        ("POST", "/auth/sign-in/password"): {"200", "202"},
        ("POST", "/auth/attempt/email_code"): {"200", "202"},
        ("POST", "/auth/attempt/email_link"): {"200", "202"},
        ("POST", "/auth/attempt/email_code/send"): {"202"},
        ("GET", "/auth/session"): {"200"},
        ("POST", "/auth/sign-out"): {"200"},
        ("GET", "/auth/sessions"): {"200"},
        ("DELETE", "/auth/sessions/{id}"): {"200"},
        ("DELETE", "/auth/sessions"): {"200"},
        ("POST", "/auth/password/forgot"): {"202"},
        ("POST", "/auth/password/reset"): {"200", "202"},
        ("POST", "/auth/password/change"): {"200"},
        ("GET", "/auth/health"): {"200"},
        ("GET", "/auth/openapi.json"): {"200"},
    }
    found = operations(contract(sqlite_site))
    successes = {place: {status for status in found[place]["responses"] if status < "300"} for place in promised}
    assert successes == promised


@pytest.fixture
def strict_site(store_url: str, clock: ManualClock):
    """A site whose limits are reached soon."""
    limits = dict.fromkeys(GENEROUS, "2/h") | {"code_account": "2/h", "reset_account": "2/h"}
    site = make_site(store_url, clock, limits={**limits, "account_change": "3/h"})
    yield site
    site.auth.stop()


Story = Callable[[Site], list[tuple[str, str, Answer]]]


def told(method: str, path: str, *answers: Answer) -> list[tuple[str, str, Answer]]:
    return [(method, path, answer) for answer in answers]


def sign_ups(site: Site) -> list[tuple[str, str, Answer]]:
    visitor, path, code = site.visitor(), "/auth/sign-up/password", "/auth/attempt/email_code"
    good = visitor.post(path, {"email": EMAIL, "password": PASSWORD})
    attempt = good.json["attempt"]
    wrong = visitor.post(code, {"attempt": attempt, "code": "1"})
    right = visitor.post(code, {"attempt": attempt, "code": site.code_for(EMAIL)})
    others = [visitor.post(path, {"email": EMAIL, "password": PASSWORD}) for _ in range(3)]
    more = [visitor.post(code, {"attempt": "att_none", "code": "1"}) for _ in range(3)]
    links = [visitor.post("/auth/attempt/email_link", {"token": "x"}) for _ in range(3)]
    sent = [visitor.post(f"{code}/send", {"attempt": answer.json.get("attempt", "")}) for answer in others]
    return [
        *told("POST", path, good, *others, visitor.post(path, {"email": "x", "password": "y"})),
        *told("POST", code, wrong, right, *more),
        *told("POST", "/auth/attempt/email_link", *links),
        *told("POST", f"{code}/send", *sent),
    ]


def sign_ins(site: Site) -> list[tuple[str, str, Answer]]:
    site.auth.administration.create(email=EMAIL, password=PASSWORD)
    visitor = site.visitor()
    answers = [visitor.sign_in(password=password) for password in ("wrong password", PASSWORD, PASSWORD)]
    return told("POST", "/auth/sign-in/password", *answers, visitor.post("/auth/sign-in/password", {"x": 1}))


def resets(site: Site) -> list[tuple[str, str, Answer]]:
    site.auth.administration.create(email=EMAIL, password=PASSWORD)
    visitor, forgot, reset = site.visitor(), "/auth/password/forgot", "/auth/password/reset"
    asked = [visitor.post(forgot, {"email": EMAIL}) for _ in range(3)]
    token = site.link_for(EMAIL).rpartition("/")[2]
    done = [visitor.post(reset, {"token": token, "password": NEW_PASSWORD}) for _ in range(3)]
    return [*told("POST", forgot, *asked, visitor.post(forgot, {"email": ""})), *told("POST", reset, *done)]


def accounts(site: Site) -> list[tuple[str, str, Answer]]:
    site.auth.administration.create(email=EMAIL, password=PASSWORD, role="admin")
    visitor = site.visitor()
    visitor.sign_in()
    session_id = visitor.get("/auth/session").json["session"]["id"]
    stranger = site.visitor()
    wrong, change = {"current": "wrong password", "new": NEW_PASSWORD}, "/auth/password/change"
    moved = {"email": "new@example.org", "password": PASSWORD}
    return [
        *told("GET", "/auth/sessions", visitor.get("/auth/sessions"), stranger.get("/auth/sessions")),
        *told("PATCH", "/auth/user", visitor.send("PATCH", "/auth/user", body={"user_name": "a b"})),
        *told("PATCH", "/auth/user", visitor.send("PATCH", "/auth/user", body={"name": "Ada"})),
        *told("GET", "/auth/user/export", visitor.get("/auth/user/export")),
        *told("POST", "/auth/user/email", visitor.post("/auth/user/email", moved)),
        *told("POST", "/auth/user/delete", visitor.post("/auth/user/delete", {"password": PASSWORD})),
        *told("POST", change, visitor.post(change, wrong), visitor.post(change, wrong)),
        *told("POST", "/auth/user/email", visitor.post("/auth/user/email", moved)),
        *told("POST", "/auth/user/delete", visitor.post("/auth/user/delete", {"password": PASSWORD})),
        *told("DELETE", "/auth/sessions", visitor.delete("/auth/sessions")),
        *told("DELETE", "/auth/sessions/{id}", visitor.delete("/auth/sessions/ses_none")),
        *told("DELETE", "/auth/sessions/{id}", visitor.delete(f"/auth/sessions/{session_id}")),
        *told("POST", "/auth/sign-out", visitor.post("/auth/sign-out")),
    ]


@pytest.mark.parametrize("story", [sign_ups, sign_ins, resets, accounts])
def test_every_answer_is_one_that_the_contract_names(strict_site: Site, story: Story):
    """Each status, and each code of a refusal, stands at its operation: 429 among them."""
    found = operations(contract(strict_site))
    answers = story(strict_site)
    missing = [
        (method, path, answer.status, answer.json.get("code"))
        for method, path, answer in answers
        if not _named(found[method, path], answer)
    ]
    assert missing == []
    assert 429 in {answer.status for _, _, answer in answers}, "the story went as far as the limits"


def _named(operation: Document, answer: Answer) -> bool:
    response = operation["responses"].get(str(answer.status))
    if response is None or answer.status < 300:
        return response is not None
    schema = response["content"]["application/problem+json"]["schema"]
    return answer.code in schema["allOf"][1]["properties"]["code"]["enum"]


def test_every_description_says_who_may_call(sqlite_site: Site):
    for place, operation in operations(contract(sqlite_site)).items():
        needs_session = bool(operation["security"])
        assert operation["summary"], place
        assert re.match(r"Who may call: .+\.", operation["description"]), place
        assert needs_session == ("401" in operation["responses"] and "unauthenticated" in str(operation)), place


def test_a_visitor_of_a_health_check_gets_no_cookie(sqlite_site: Site):
    visitor = Visitor(sqlite_site)
    visitor.get("/auth/health")
    visitor.get("/auth/openapi.json")
    assert visitor.cookies == {}
