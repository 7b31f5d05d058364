"""Proving an address: what is sent, to whom, and what the step answers."""

import pytest

from tests.support.site import GENEROUS, HOST, Site, make_site
from watchword.admission import attempt as attempts
from watchword.admission import confirmation
from watchword.admission.attempt import ATTEMPT_EXPIRED, Attempt, Plan
from watchword.admission.browser import Browser
from watchword.admission.challenge import CODE_EXPIRED, CODE_INVALID, CODE_LIFETIME, LINK_INVALID
from watchword.admission.outcome import Complete, NextStep, Pending
from watchword.foundation.clock import ManualClock
from watchword.foundation.encodings import base32_encode
from watchword.foundation.errors import Denied
from watchword.foundation.secrets import Secret
from watchword.http.request import Request
from watchword.limits.limiter import RATE_LIMITED

EMAIL = "ada@example.org"
WRONG = Secret("00000000")


def request(browser: bytes | None = b"a") -> Request:
    """Return a request of this browser, or of one without a cookie."""
    headers = [(b"host", HOST.encode())]
    if browser is not None:
        headers.append((b"cookie", b"watchword-browser=" + base32_encode(browser * 32).encode()))
    return Request("POST", "/auth/attempt/email_code", headers=headers, peer="192.0.2.1")


def begin(site: Site, purpose: str = "sign_up", *, taken: bool = False) -> tuple[Attempt, Pending | Denied]:
    """Begin an attempt and ask for its proof."""
    services, asking = site.auth.services, request()
    plan = Plan(email="Ada@example.org", email_key=EMAIL, language="en", name="Ada", taken=taken)
    with services.store.write() as tx:
        browser = Browser(asking, services.cookies)
        attempt = attempts.begin(tx, services.keyring, browser.hash, purpose=purpose, plan=plan)
        return attempt, confirmation.ask(tx, services, asking, attempt, browser)


def by_code(site: Site, attempt: Attempt, code: Secret, browser: bytes | None = b"a"):
    return confirmation.confirm_by_code(site.auth.services, request(browser), attempt.id, code)


def by_link(site: Site, link: str, browser: bytes | None = b"a"):
    return confirmation.confirm_by_link(site.auth.services, request(browser), link)


def sent_code(site: Site) -> Secret:
    return Secret(site.code_for("Ada@example.org"))


def sent_link(site: Site) -> str:
    return site.link_for("Ada@example.org").removeprefix("/auth/confirm/")


def code_of(outcome: object) -> object:
    assert isinstance(outcome, Denied), outcome
    return outcome.code


def test_code_and_link_go_to_the_address_as_written_and_the_answer_masks_it(site: Site):
    attempt, outcome = begin(site)
    assert isinstance(outcome, Pending)
    assert (outcome.attempt, outcome.next) == (attempt.id, (NextStep(method="email_code", to="A…@example.org"),))
    assert [line.partition("=")[0] for line in outcome.cookies] == ["watchword-browser"]
    assert sent_code(site)
    assert sent_link(site)


def test_a_taken_address_gets_the_same_answer_and_a_mail_without_a_code(site: Site):
    _, free = begin(site)
    first = site.mails()[0]
    site.clock.advance(1)
    attempt, taken = begin(site, taken=True)
    second = site.mails()[0]
    assert isinstance(free, Pending)
    assert isinstance(taken, Pending)
    assert (taken.next, taken.cookies) == (free.next, free.cookies)
    assert "/auth/confirm/" in first.text
    assert "/auth/confirm/" not in second.text
    assert code_of(by_code(site, attempt, WRONG)) is CODE_INVALID


def test_the_purpose_decides_what_the_proof_leads_to(site: Site):
    done: list[tuple[str, str | None]] = []

    def complete(_tx: object, _request: object, attempt: Attempt, proof: object) -> Denied:
        done.append((attempt.purpose, getattr(proof, "address", None)))
        return Denied(ATTEMPT_EXPIRED)

    site.auth.services.completions["other"] = complete
    attempt, _ = begin(site, "other")
    by_code(site, attempt, sent_code(site))
    assert done == [("other", EMAIL)]


def test_the_code_makes_the_account_once(site: Site):
    attempt, _ = begin(site)
    code = sent_code(site)
    assert isinstance(by_code(site, attempt, code), Complete)
    assert code_of(by_code(site, attempt, code)) is ATTEMPT_EXPIRED
    assert code_of(by_link(site, sent_link(site))) is LINK_INVALID
    assert site.count("users") == 1


@pytest.mark.parametrize("browser", [b"b", None])
def test_another_browser_carries_nothing_on_and_uses_no_try_up(site: Site, browser: bytes | None):
    attempt, _ = begin(site)
    code, link = sent_code(site), sent_link(site)
    for _ in range(6):
        assert code_of(by_code(site, attempt, code, browser)) is ATTEMPT_EXPIRED
        assert code_of(by_link(site, link, browser)) is LINK_INVALID
    assert confirmation.attempt_under_way(site.auth.services, request(browser), attempt.id) is None
    assert confirmation.attempt_of_link(site.auth.services, request(browser), link) is None
    assert code_of(confirmation.ask_again(site.auth.services, request(browser), attempt.id)) is ATTEMPT_EXPIRED
    assert isinstance(by_code(site, attempt, code), Complete)


def test_looking_at_an_attempt_or_a_link_uses_nothing_up(site: Site):
    attempt, _ = begin(site)
    link = sent_link(site)
    for _ in range(3):
        assert confirmation.attempt_under_way(site.auth.services, request(), attempt.id) == attempt
        assert confirmation.attempt_of_link(site.auth.services, request(), link) == attempt
    assert isinstance(by_link(site, link), Complete)


def test_an_expired_code_is_answered_with_a_new_one(site: Site):
    attempt, _ = begin(site)
    code = sent_code(site)
    site.clock.advance(CODE_LIFETIME)
    assert code_of(by_code(site, attempt, code)) is CODE_EXPIRED
    assert len(site.mails()) == 2
    assert isinstance(by_code(site, attempt, sent_code(site)), Complete)


def test_where_no_mail_may_leave_an_expired_code_says_so(store_url: str, clock: ManualClock):
    site = make_site(store_url, clock, limits={**GENEROUS, "mail_recipient": "1/h"})
    attempt, _ = begin(site)
    clock.advance(CODE_LIFETIME)
    refused = by_code(site, attempt, WRONG)
    assert code_of(refused) is RATE_LIMITED
    assert len(site.mails()) == 1
    site.auth.stop()


def test_right_codes_use_no_try_of_the_address_up(store_url: str, clock: ManualClock):
    site = make_site(store_url, clock, limits={**GENEROUS, "code_account": "1/h"})
    site.auth.services.completions["other"] = lambda *_: Denied(ATTEMPT_EXPIRED)
    for _ in range(3):
        attempt, _ = begin(site, "other")
        clock.advance(1)
        assert code_of(by_code(site, attempt, sent_code(site))) is ATTEMPT_EXPIRED, "the completion's own answer"
        clock.advance(1)
    attempt, _ = begin(site, "other")
    assert [code_of(by_code(site, attempt, WRONG)) for _ in range(2)] == [CODE_INVALID, RATE_LIMITED]
    site.auth.stop()


def test_what_fails_is_noted(site: Site):
    attempt, _ = begin(site)
    by_code(site, attempt, WRONG)
    with site.auth.store.read() as tx:
        (entry,) = site.auth.services.audit.recent(tx)
    assert (entry.event, entry.details) == ("code_failed", {"attempt": attempt.id, "reason": "wrong"})
