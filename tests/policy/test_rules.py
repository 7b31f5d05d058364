"""What a guard asks of a session: every part by itself, and together."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.support.site import Site
from watchword import Forbidden, NotFound, Session, StepUpRequired, Unauthenticated, guard, require, require_sync
from watchword.foundation.clock import to_datetime
from watchword.foundation.errors import AccessError, ConfigurationError
from watchword.http.request import Request
from watchword.identity.users import User
from watchword.policy.decide import GuardError, decide, decide_sync
from watchword.policy.guard import Guard
from watchword.policy.ledger import Ledger
from watchword.sessions.verify import RequestContext, set_context

ADA = User(id="usr_ada", email="ada@example.org", name="Ada", user_name=None, role="editor")


@pytest.fixture
def session(sqlite_site: Site) -> Session:
    now = to_datetime(sqlite_site.clock.now())
    return Session(
        id="ses_1",
        user=ADA,
        factors=("password",),
        authenticated_at=now,
        created_at=now,
        last_used_at=now,
        expires_at=now + timedelta(days=1),
        permissions=("notes:*", "users:read"),
    )


def outcome(
    site: Site, rule: Guard, session: Session | None, parameters: Mapping[str, str] | None = None
) -> type[AccessError] | None:
    """Return what the rule raises in async code and in code that is not: the same."""
    found: list[Any] = []
    for judge in (lambda: asyncio.run(decide(rule)), lambda: decide_sync(rule)):
        request, ledger = Request("GET", "/"), Ledger()
        request.parameters = dict(parameters or {})
        site.auth.gate.pretend(request, session)
        with ThreadPoolExecutor(1) as executor:
            leave = set_context(RequestContext(request, site.auth.gate, executor, ledger))
            try:
                judge()
                found.append(None)
            except AccessError as error:
                found.append(type(error))
            finally:
                leave()
        assert ledger.refused == (found[-1] is not None)
        assert ledger.allowed == (found[-1] is None)
    assert found[0] == found[1]
    return found[0]


ADMIN, EDITOR, WRITER = guard(role="admin"), guard(role="editor"), guard(permission="notes:write")
CASES: list[tuple[Guard, Any]] = [
    (guard(), None),
    (EDITOR, None),
    (ADMIN, Forbidden),
    (WRITER, None),
    (guard(permission="users:read"), None),
    (guard(permission="users:write"), Forbidden),
    (guard(permission="notesXwrite"), Forbidden),
    (guard(any_of=[ADMIN, WRITER]), None),
    (guard(any_of=[ADMIN, guard(permission="users:write")]), Forbidden),
    (guard(all_of=[EDITOR, WRITER]), None),
    (guard(all_of=[ADMIN, WRITER]), Forbidden),
    (guard(role="editor", any_of=[ADMIN]), Forbidden),
    (guard(any_of=[guard(all_of=[EDITOR, WRITER]), ADMIN]), None),
    (guard(assurance="aal1"), None),
    (guard(assurance="aal2"), StepUpRequired),
    (guard(role="admin", assurance="aal2"), Forbidden),
    (guard(any_of=[ADMIN, guard(assurance="aal2")]), StepUpRequired),
    (guard(organization=True), Forbidden),
    (guard(organization="org_1"), Forbidden),
    (guard(when=lambda session: session.user.name == "Ada"), None),
    (guard(when=lambda session: session.user.name == "Bob"), Forbidden),
    (guard(any_of=[ADMIN, guard(when=lambda session: True)]), None),
    (guard(role="admin", when=lambda session: True), Forbidden),
]


@pytest.mark.parametrize(("rule", "refusal"), CASES, ids=[rule.description for rule, _ in CASES])
def test_a_rule_means_the_same_in_async_code_and_in_other_code(
    sqlite_site: Site, session: Session, rule: Guard, refusal: Any
):
    assert outcome(sqlite_site, rule, session) is refusal
    assert outcome(sqlite_site, rule, None) is Unauthenticated


def test_an_organization_is_any_one_or_this_one_or_the_one_in_the_path(sqlite_site: Site, session: Session):
    member = msgspec.structs.replace(session, organization="org_1")
    for organization in (True, "org_1", "{organization}"):
        assert outcome(sqlite_site, guard(organization=organization), member, {"organization": "org_1"}) is None
    assert outcome(sqlite_site, guard(organization="org_2"), member) is Forbidden
    assert outcome(sqlite_site, guard(organization="{organization}"), member, {"organization": "org_2"}) is Forbidden


def test_a_sign_in_is_fresh_for_as_long_as_it_says(sqlite_site: Site, session: Session):
    rule = guard(fresh="10m")
    sqlite_site.clock.advance(10 * 60_000 - 1)
    assert outcome(sqlite_site, rule, session) is None
    sqlite_site.clock.advance(1)
    assert outcome(sqlite_site, rule, session) is StepUpRequired


def test_a_step_up_says_what_it_must_reach(sqlite_site: Site, session: Session):
    sqlite_site.clock.advance(600_000)
    refusal = guard(assurance="aal2", fresh="10m").refusal(session, sqlite_site.clock.now)
    assert refusal is not None
    assert refusal.extra == {"acr_values": "aal2", "max_age": 600}


def test_a_when_gets_the_parameters_of_the_route_as_the_types_it_declares(sqlite_site: Site, session: Session):
    seen: list[object] = []

    def owns(session: Session, note_id: int, other: str) -> bool:
        seen.append((note_id, other))
        return note_id == 7

    rule = guard(when=owns)
    assert rule.parameters == {"note_id", "other"}
    assert outcome(sqlite_site, rule, session, {"note_id": "7", "other": "8"}) is None
    assert seen == [(7, "8"), (7, "8")]
    assert outcome(sqlite_site, rule, session, {"note_id": "8", "other": "8"}) is Forbidden
    assert outcome(sqlite_site, rule, session, {"note_id": "seven", "other": "8"}) is NotFound


def test_an_async_when_is_awaited(sqlite_site: Site, session: Session):
    async def owns(session: Session, note_id: int) -> bool:
        await asyncio.sleep(0)
        return note_id == 7

    async def ask(note_id: str) -> Session:
        return await asked(sqlite_site, session, guard(when=owns), note_id)

    assert asyncio.run(ask("7")) is session
    with pytest.raises(Forbidden):
        asyncio.run(ask("8"))


async def asked(site: Site, session: Session, rule: Guard, note_id: str) -> Session:
    request = Request("GET", "/")
    request.parameters = {"note_id": note_id}
    site.auth.gate.pretend(request, session)
    with ThreadPoolExecutor(1) as executor:
        leave = set_context(RequestContext(request, site.auth.gate, executor, Ledger()))
        try:
            return await decide(rule)
        finally:
            leave()


@pytest.mark.parametrize("answer", [1, "yes", None, [True], object()])
def test_a_when_that_answers_neither_true_nor_false_lets_nobody_in(sqlite_site: Site, session: Session, answer: Any):
    with pytest.raises(GuardError, match="True or False"):
        outcome(sqlite_site, guard(when=lambda session: answer), session)


def test_an_exception_in_a_when_refuses(sqlite_site: Site, session: Session):
    request, ledger = Request("GET", "/"), Ledger()
    sqlite_site.auth.gate.pretend(request, session)
    with ThreadPoolExecutor(1) as executor:
        leave = set_context(RequestContext(request, sqlite_site.auth.gate, executor, ledger))
        with pytest.raises(ZeroDivisionError):
            decide_sync(guard(when=lambda session: 1 / 0 > 0))
        leave()
    assert (ledger.allowed, ledger.refused) == (False, True)


def test_a_when_may_say_that_there_is_no_such_thing(sqlite_site: Site, session: Session):
    def owns(session: Session) -> bool:
        raise NotFound

    assert outcome(sqlite_site, guard(when=owns), session) is NotFound


def test_a_parameter_that_the_route_has_not_is_named(sqlite_site: Site, session: Session):
    with pytest.raises(GuardError, match="'note_id', and the route has id"):
        outcome(sqlite_site, guard(when=lambda session, note_id: True), session, {"id": "7"})


def test_an_async_when_on_a_handler_that_is_not_async_is_refused(sqlite_site: Site, session: Session):
    async def owns(session: Session) -> bool:
        return True

    request = Request("GET", "/")
    sqlite_site.auth.gate.pretend(request, session)
    with ThreadPoolExecutor(1) as executor:
        leave = set_context(RequestContext(request, sqlite_site.auth.gate, executor, Ledger()))
        with pytest.raises(GuardError, match="async"):
            decide_sync(guard(when=owns))
        leave()


def test_what_makes_no_rule_is_refused_when_it_is_written():
    with pytest.raises(ConfigurationError):
        guard(fresh="soon")
    with pytest.raises(GuardError):
        guard(assurance="strong")  # type: ignore[arg-type]
    with pytest.raises(GuardError):
        guard(any_of=["admin"])  # type: ignore[list-item]
    with pytest.raises(GuardError):
        guard(when=True)  # type: ignore[arg-type]


def test_require_takes_what_a_guard_takes(sqlite_site: Site, session: Session):
    request = Request("GET", "/")
    sqlite_site.auth.gate.pretend(request, session)
    with ThreadPoolExecutor(1) as executor:
        leave = set_context(RequestContext(request, sqlite_site.auth.gate, executor, Ledger()))
        assert require_sync(permission="notes:write", fresh="10m") is session
        with pytest.raises(StepUpRequired):
            asyncio.run(require(assurance="aal3"))
        leave()


def test_a_rule_says_itself_in_a_few_words():
    rule = guard(
        role="editor",
        any_of=[ADMIN, guard(permission="notes:write")],
        organization="{org}",
        assurance="aal2",
        fresh="10m",
    )
    assert rule.description == (
        "role editor, organization {org}, (role admin or permission notes:write), aal2, fresh 600 s"
    )
