"""The ledger: what counts as a decision, and what it means for the answer."""

import asyncio
import threading

import pytest

from watchword.policy.ledger import Decision, Ledger


def test_without_a_decision_no_answer_leaves():
    ledger = Ledger()
    assert [ledger.verdict(status) for status in (200, 204, 302, 404, 500)] == ["undecided"] * 5


def test_one_that_lets_through_lets_any_answer_leave():
    ledger = Ledger()
    ledger.note("role admin", "ses_1", allowed=True)
    assert [ledger.verdict(status) for status in (200, 302, 404, 500)] == [None] * 4


def test_a_refusal_is_final_and_leaves_only_as_a_refusal():
    ledger = Ledger()
    ledger.note("signed in", "ses_1", allowed=True)
    ledger.note("role admin", "ses_1", allowed=False)
    ledger.note("signed in", "ses_1", allowed=True)
    assert [ledger.verdict(status) for status in (200, 500)] == ["refused", "refused"]
    assert [ledger.verdict(status) for status in (303, 401, 403, 404)] == [None] * 4


def test_it_tells_who_was_judged_by_what_and_on_what():
    ledger = Ledger()
    ledger.enter("shop.orders")
    ledger.note("role admin", "ses_1", allowed=False)
    assert ledger.decisions == (Decision("role admin", "ses_1", "shop.orders", allowed=False),)


def test_a_look_at_the_session_counts_in_the_handler():
    ledger = Ledger()
    ledger.enter("shop.orders")
    ledger.looked("ses_1")
    assert ledger.verdict(200) is None


def test_a_look_before_the_handler_does_not_count():
    ledger = Ledger()
    ledger.looked("ses_1")
    ledger.enter("shop.orders")
    assert ledger.verdict(200) == "undecided"


def test_a_look_in_another_task_does_not_count():
    async def handler() -> Ledger:
        ledger = Ledger()
        ledger.enter("shop.orders")

        async def elsewhere() -> None:
            ledger.looked("ses_1")

        await asyncio.create_task(elsewhere())
        return ledger

    assert asyncio.run(handler()).verdict(200) == "undecided"


def test_a_look_in_a_thread_that_a_synchronous_handler_runs_in_counts():
    ledger = Ledger()

    def handler() -> None:
        ledger.enter("shop.orders")
        ledger.looked(None)

    thread = threading.Thread(target=handler)
    thread.start()
    thread.join()
    assert ledger.verdict(200) is None


def test_what_let_a_handler_in_lets_in_nothing_that_it_calls():
    ledger = Ledger()
    ledger.rule = "a rule"
    ledger.enter("shop.orders")
    assert ledger.rule is None


@pytest.mark.parametrize("handler", ["", "shop.orders"])
def test_it_is_untouched_until_a_handler_begins(handler: str):
    ledger = Ledger()
    ledger.handler = handler
    assert ledger.is_untouched
    ledger.enter("shop.orders")
    assert not ledger.is_untouched
