"""Rate limits: how many units there are, when they come back, and what a clock may do to them."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from watchword.foundation.clock import DAY, HOUR, MINUTE, SECOND
from watchword.foundation.secrets import Secret
from watchword.limits.limiter import CLOCK_TOLERANCE, RATE_LIMITED, Limiter
from watchword.limits.tables import limits
from watchword.tokens.keyring import Keyring

KEYRING = Keyring([Secret("a secret of thirty-two characters")])


@pytest.fixture
def limiter():
    return Limiter(KEYRING, {"sign_in_account": "10/10m"})


def take(store, limiter, subject="ann@example.org"):
    with store.write(durable=False) as tx:
        return limiter.take(tx, "sign_in_account", subject)


def granted(store, limiter, tries=30):
    return [take(store, limiter) for _ in range(tries)].count(None)


def test_cb150_ten_tries_are_granted_and_the_next_is_refused_with_its_wait(store, limiter):
    for _ in range(10):
        assert take(store, limiter) is None
    denied = take(store, limiter)
    assert denied is not None
    assert denied.code is RATE_LIMITED
    assert denied.code.status == 429
    assert denied.retry_after == 60


def test_waiting_as_long_as_told_is_enough_and_a_moment_less_is_not(store, limiter, clock):
    granted(store, limiter)
    clock.advance(500)
    denied = take(store, limiter)
    assert denied.retry_after == 60
    clock.advance(MINUTE - 501)
    assert take(store, limiter).retry_after == 1
    clock.advance(1)
    assert take(store, limiter) is None
    assert take(store, limiter) is not None


def test_cb151_units_come_back_one_by_one(store, limiter, clock):
    granted(store, limiter)
    clock.advance(3 * MINUTE)
    assert granted(store, limiter) == 3
    clock.advance(HOUR)
    assert granted(store, limiter) == 10


def test_refused_tries_do_not_lengthen_the_wait(store, limiter, clock):
    granted(store, limiter, 100)
    clock.advance(MINUTE)
    assert take(store, limiter) is None


def test_each_subject_and_each_limit_has_its_own_counter(store, limiter):
    granted(store, limiter)
    assert take(store, limiter, "bob@example.org") is None
    with store.write() as tx:
        assert limiter.take(tx, "sign_in_device", "ann@example.org") is None


def test_a_unit_given_back_can_be_taken_again(store, limiter):
    granted(store, limiter)
    with store.write() as tx:
        limiter.give_back(tx, "sign_in_account", "ann@example.org")
    assert granted(store, limiter) == 1


def test_giving_back_never_gives_more_than_all(store, limiter):
    take(store, limiter)
    for _ in range(5):
        with store.write() as tx:
            limiter.give_back(tx, "sign_in_account", "ann@example.org")
            limiter.give_back(tx, "sign_in_account", "nobody@example.org")
    assert granted(store, limiter) == 10


def test_a_cleared_counter_is_full(store, limiter):
    granted(store, limiter)
    with store.write() as tx:
        limiter.clear(tx, "sign_in_account", "ann@example.org")
    assert granted(store, limiter) == 10


def test_a088_of_200_guesses_at_once_exactly_ten_are_granted(store, limiter):
    together = threading.Barrier(16)

    def guess(number):
        if number < 16:
            together.wait()
        return take(store, limiter)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(guess, range(200)))
    assert answers.count(None) == 10


def test_a154_a_clock_set_back_by_a_day_shuts_nobody_out_for_longer_than_using_all_units(store, limiter, clock):
    take(store, limiter)
    clock.advance(-DAY)
    assert take(store, limiter).retry_after <= 61
    clock.advance(61 * SECOND)
    assert take(store, limiter) is None


def test_a154_a_clock_set_back_again_and_again_gives_no_try(store, limiter, clock):
    assert granted(store, limiter) == 10
    for _ in range(20):
        clock.advance(-HOUR)
        assert take(store, limiter) is not None


def test_a154_a_server_30_seconds_behind_gives_no_try_and_takes_none_away(store, limiter, clock):
    assert granted(store, limiter) == 10
    clock.advance(-30 * SECOND)
    assert granted(store, limiter) == 0
    clock.advance(30 * SECOND + MINUTE - 1)
    assert granted(store, limiter) == 0
    clock.advance(1)
    assert granted(store, limiter) == 1


def test_sweeping_removes_only_full_counters(store, limiter, clock):
    take(store, limiter, "soon full")
    for _ in range(10):
        take(store, limiter)
    clock.advance(MINUTE + CLOCK_TOLERANCE)
    with store.write() as tx:
        assert limiter.sweep(tx) == 0
    clock.advance(1)
    with store.write() as tx:
        assert limiter.sweep(tx) == 1
    assert granted(store, limiter) == 2


def test_the_table_tells_no_subject(store, limiter):
    take(store, limiter)
    with store.read() as tx:
        (row,) = tx.execute(select(limits)).all()
    assert len(row.key) == 32
    assert b"ann" not in row.key


def test_an_unknown_name_is_a_defect(store, limiter):
    with pytest.raises(KeyError), store.write() as tx:
        limiter.take(tx, "no_such_limit", "x")
