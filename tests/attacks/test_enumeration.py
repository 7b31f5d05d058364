"""Attacks that tell who has an account: chapter 5. The whole measurement of time is benchmarks/oracle.py."""

import re
import statistics
import time
from collections.abc import Callable

import pytest

from benchmarks import oracle
from tests.attacks.wire import signed_up
from tests.support.site import EMAIL, PASSWORD, Answer, Site, Visitor, make_site
from watchword import Password
from watchword.foundation.clock import ManualClock
from watchword.identity.users import User
from watchword.methods.password.hashing import Figures

UNKNOWN = "abe@example.org"
"""An address without an account that looks like `EMAIL` when masked."""
NEW_PASSWORD = "difference engine no. 2"
Flow = Callable[[Visitor, str], list[Answer]]


def sign_in(visitor: Visitor, who: str) -> list[Answer]:
    return [visitor.sign_in(who, "not the password"), visitor.sign_in(who.partition("@")[0], "not the password")]


def sign_up(visitor: Visitor, who: str) -> list[Answer]:
    return [
        visitor.post("/auth/sign-up/password", {"email": who, "password": NEW_PASSWORD, "name": "Ada"})
        for _ in range(2)
    ]


def forgot(visitor: Visitor, who: str) -> list[Answer]:
    return [visitor.post("/auth/password/forgot", {"email": who}) for _ in range(3)]


def another_code(visitor: Visitor, who: str) -> list[Answer]:
    attempt = sign_up(visitor, who)[0].json["attempt"]
    return [visitor.post("/auth/attempt/email_code/send", {"attempt": attempt}) for _ in range(3)]


def wrong_codes(visitor: Visitor, who: str) -> list[Answer]:
    attempt = sign_up(visitor, who)[0].json["attempt"]
    return [visitor.post("/auth/attempt/email_code", {"attempt": attempt, "code": "0"}) for _ in range(7)]


def pages(visitor: Visitor, who: str) -> list[Answer]:
    answers = [visitor.submit("/auth/sign-in", identifier=who, password="not the password")]
    answers += [visitor.submit("/auth/sign-up", email=who, password=NEW_PASSWORD, name="Ada")]
    attempt = re.search(r"att_\w+", str(answers[-1].response.header("location")))
    assert attempt
    answers += [visitor.get(f"/auth/confirm?attempt={attempt[0]}", accept="text/html")]
    answers += [visitor.submit("/auth/confirm", attempt=attempt[0], code="0") for _ in range(7)]
    answers += [visitor.submit("/auth/confirm/resend", attempt=attempt[0])]
    return [*answers, visitor.submit("/auth/forgot", email=who)]


FLOWS: list[Flow] = [sign_in, sign_up, forgot, another_code, wrong_codes, pages]


@pytest.mark.parametrize("flow", FLOWS)
def test_a077_answers_are_equal_byte_for_byte_for_known_and_unknown_addresses(site: Site, flow: Flow) -> None:
    signed_up(site).send("PATCH", "/auth/user", body={"user_name": "ada"})
    before = site.count("outbox")
    known = [as_sent(answer, EMAIL) for answer in flow(site.visitor(), EMAIL)]
    mails = site.count("outbox") - before
    unknown = [as_sent(answer, UNKNOWN) for answer in flow(site.visitor(), UNKNOWN)]
    assert known == unknown
    assert site.count("outbox") - before == 2 * mails


@pytest.mark.parametrize("flow", [sign_in, forgot])
def test_a077_answers_are_equal_for_a_disabled_account_and_none(site: Site, flow: Flow) -> None:
    signed_up(site)
    site.auth.administration.set_disabled(EMAIL, disabled=True)
    known = [as_sent(answer, EMAIL) for answer in flow(site.visitor(), EMAIL)]
    assert known == [as_sent(answer, UNKNOWN) for answer in flow(site.visitor(), UNKNOWN)]
    assert site.visitor().sign_in().code == "invalid_credentials"


def test_a077_a_reset_tells_of_no_account_whose_link_it_is(site: Site) -> None:
    signed_up(site)
    tokens = ["x", "a" * 52, site.link_for(EMAIL).rpartition("/")[2]]
    answers = [
        site.visitor().post("/auth/password/reset", {"token": token, "password": password})
        for token in tokens
        for password in (NEW_PASSWORD, "ada@example.org", "short")
    ]
    assert len({as_sent(answer, EMAIL) for answer in answers}) == 1


def test_a077_a_browser_that_knows_nobody_and_one_that_knows_others_get_the_same(site: Site) -> None:
    signed_up(site)
    elsewhere = signed_up(site, "grace@example.org")
    elsewhere.post("/auth/sign-out")
    answers = [
        as_sent(who.sign_in(name, "not the password"), name)
        for who in (elsewhere, site.visitor())
        for name in (EMAIL, UNKNOWN)
    ]
    assert len(set(answers)) == 1


def test_a077_a_change_of_address_tells_not_whether_the_new_one_is_taken(site: Site) -> None:
    visitor = signed_up(site, "mallory@example.org")
    signed_up(site)
    answers = []
    for email in (EMAIL, UNKNOWN):
        pending = visitor.post("/auth/user/email", {"email": email, "password": PASSWORD})
        tried = [
            visitor.post("/auth/attempt/email_code", {"attempt": pending.json["attempt"], "code": "0"})
            for _ in range(7)
        ]
        answers.append([as_sent(answer, email) for answer in (pending, *tried)])
    assert answers[0] == answers[1]


LIMITED = {
    "sign_in_account": "3/hour",
    "reset_account": "3/hour",
    "code_account": "3/hour",
    "mail_recipient": "100/hour",
}


@pytest.mark.parametrize("flow", FLOWS)
def test_a078_limits_are_reached_alike_for_known_and_unknown_addresses(
    store_url: str, clock: ManualClock, flow: Flow
) -> None:
    site = make_site(store_url, clock, limits=LIMITED)
    signed_up(site)
    got: list[list[tuple[int, str]]] = []
    for who in (EMAIL, UNKNOWN):
        answers = [answer for _ in range(4) for answer in flow(site.visitor(), who)]
        got.append([(answer.status, as_sent(answer, who).partition("retry-after")[0]) for answer in answers])
    assert got[0] == got[1]
    if flow not in (sign_up, another_code):
        assert 429 in [status for status, _ in got[0]]
    site.auth.stop()


def test_a076_an_unknown_name_costs_a_hash_too(sqlite_url: str, clock: ManualClock) -> None:
    figures = Figures(memory=31_744, iterations=2)
    site = make_site(sqlite_url, clock, password=Password(figures=figures), limits=oracle.UNLIMITED)
    site.auth.administration.create(email=EMAIL, password=PASSWORD)
    site.auth.administration.create(email="grace@example.org", role="user")
    visitor = site.visitor()
    spent: dict[str, list[float]] = {EMAIL: [], UNKNOWN: [], "grace@example.org": [], "nobody": []}
    for _ in range(9):
        for who, times in spent.items():
            start = time.process_time()
            assert visitor.sign_in(who, "not the password").status == 401
            times.append(time.process_time() - start)
    medians = [statistics.median(times) for times in spent.values()]
    assert max(medians) < 1.5 * min(medians)
    site.auth.stop()


def test_a076_a_hash_of_old_cheaper_figures_costs_no_less(sqlite_url: str, clock: ManualClock) -> None:
    old = make_site(sqlite_url, clock, password=Password(figures=Figures(memory=4_096, iterations=1)))
    old.auth.administration.create(email=EMAIL, password=PASSWORD)
    old.auth.stop()
    now = make_site(
        sqlite_url, clock, password=Password(figures=Figures(memory=31_744, iterations=2)), limits=oracle.UNLIMITED
    )
    spent: dict[str, list[float]] = {EMAIL: [], UNKNOWN: []}
    for _ in range(9):
        for who, times in spent.items():
            start = time.process_time()
            assert now.visitor().sign_in(who, "not the password").status == 401
            times.append(time.process_time() - start)
    known, unknown = (statistics.median(times) for times in spent.values())
    assert 1 / 1.5 < known / unknown < 1.5
    now.auth.stop()


@pytest.mark.all
@pytest.mark.parametrize("flow", oracle.FLOWS)
def test_a076_a077_known_and_unknown_addresses_take_the_same_time(store_url: str, flow: str) -> None:
    ratio = oracle.measure(store_url, flow, 2 * oracle.PAIRS)
    assert 0.95 <= ratio <= 1.05


def test_a080_no_answer_and_no_id_tells_how_many_users_there_are(site: Site) -> None:
    visitor = signed_up(site)
    paths = [
        f"/auth{route.path}".replace("{id}", "x").replace("{token}", "x")
        for route in site.auth.routes
        if route.method == "GET" and "/dev/" not in route.path
    ]
    before = [as_sent(site.visitor().get(path), EMAIL) for path in paths]
    mine = [as_sent(visitor.get(path), EMAIL) for path in ("/auth/session", "/auth/openapi.json", "/auth/health")]
    created = [site.auth.administration.create(email=f"person{number}@example.org") for number in range(20)]
    ids = [user.id for user in created if isinstance(user, User)]
    assert len(set(ids)) == 20
    assert len({user_id[4:6] for user_id in ids}) > 10
    assert before == [as_sent(site.visitor().get(path), EMAIL) for path in paths]
    assert mine == [
        as_sent(visitor.get(path), EMAIL) for path in ("/auth/session", "/auth/openapi.json", "/auth/health")
    ]


def as_sent(answer: Answer, who: str) -> str:
    """Return everything that was sent, with the name that was typed and what is random at every call left out."""
    lines = [f"{name}: {value}" for name, value in answer.response.headers]
    text = "\n".join([str(answer.status), *lines, answer.text])
    for random in (r"att_[a-z2-7]{26}", r"\b[a-z2-7]{52}\b"):
        text = re.sub(random, "…", text)
    return text.replace(who, "WHO")
