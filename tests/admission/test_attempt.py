"""An attempt: bound to its browser, over after an hour, completed once."""

import msgspec
import pytest
from sqlalchemy import select, update

from watchword.admission import attempt as attempts
from watchword.admission import challenge
from watchword.admission.attempt import LIFETIME, Attempt, Plan
from watchword.admission.tables import attempts as rows
from watchword.foundation.clock import HOUR, ManualClock
from watchword.foundation.secrets import Secret
from watchword.identity.email_address import EmailAddress
from watchword.identity.users import create_user
from watchword.storage.store import Store
from watchword.tokens.keyring import Keyring

HERE, ELSEWHERE = b"h" * 32, b"e" * 32
PLAN = Plan(email="Ada@example.org", email_key="ada@example.org", language="en", password="$argon2id$…")


@pytest.fixture
def keyring() -> Keyring:
    return Keyring([Secret("k" * 32)])


@pytest.fixture
def attempt(store: Store, keyring: Keyring) -> Attempt:
    """An attempt begun here."""
    with store.write() as tx:
        return attempts.begin(tx, keyring, HERE, purpose="sign_up", plan=PLAN)


def load(store: Store, keyring: Keyring, attempt_id: str, browser: bytes = HERE) -> Attempt | None:
    with store.read() as tx:
        return attempts.load(tx, keyring, browser, attempt_id)


def test_it_comes_back_whole_in_the_browser_that_began_it(store: Store, keyring: Keyring, attempt: Attempt):
    found = load(store, keyring, attempt.id)
    assert found == attempt
    assert found.plan.address == EmailAddress("Ada@example.org", "ada@example.org")


@pytest.mark.parametrize("browser", [ELSEWHERE, b"", HERE[:31]])
def test_it_is_not_there_in_another_browser(store: Store, keyring: Keyring, attempt: Attempt, browser: bytes):
    assert load(store, keyring, attempt.id, browser) is None


def test_it_is_over_after_an_hour(store: Store, clock: ManualClock, keyring: Keyring, attempt: Attempt):
    assert LIFETIME == HOUR
    clock.advance(LIFETIME - 1)
    assert load(store, keyring, attempt.id) == attempt
    clock.advance(1)
    assert load(store, keyring, attempt.id) is None


def test_one_caller_completes_it_and_nothing_of_the_plan_is_left(store: Store, keyring: Keyring, attempt: Attempt):
    with store.write() as tx:
        assert [attempts.complete(tx, attempt) for _ in range(3)] == [True, False, False]
    assert load(store, keyring, attempt.id) is None
    with store.read() as tx:
        assert tx.execute(select(rows.c.sealed)).scalar_one() == b""


def test_what_is_stored_tells_neither_the_address_nor_the_hash(store: Store, attempt: Attempt):
    with store.read() as tx:
        sealed = tx.execute(select(rows.c.sealed)).scalar_one()
    assert b"example.org" not in sealed
    assert b"argon2" not in sealed
    assert msgspec.msgpack.encode(PLAN) not in sealed


def test_a_plan_that_was_altered_or_sealed_with_another_secret_is_none(
    store: Store, keyring: Keyring, attempt: Attempt
):
    assert load(store, Keyring([Secret("x" * 32)]), attempt.id) is None
    with store.write() as tx:
        tx.execute(update(rows).values(sealed=keyring.seal("mail", msgspec.msgpack.encode(PLAN))))
    assert load(store, keyring, attempt.id) is None


def test_what_a_user_has_under_way_is_cancelled_and_of_nobody_else(store: Store, keyring: Keyring, attempt: Attempt):
    address = EmailAddress("eva@example.org", "eva@example.org")
    with store.write() as tx:
        user = create_user(tx, email=address, name="Eva")
        assert user
        mine = attempts.begin(tx, keyring, HERE, purpose="email_change", plan=PLAN, user_id=user.id)
        reset = challenge.issue_link(tx, "reset", user.id, HOUR)
    with store.write() as tx:
        attempts.cancel_all(tx, user.id)
        assert challenge.peek_link(tx, "reset", reset.reveal()) is None
    assert load(store, keyring, mine.id) is None
    assert load(store, keyring, attempt.id) == attempt


def test_what_is_over_is_swept_away(store: Store, clock: ManualClock, keyring: Keyring, attempt: Attempt):
    with store.write() as tx:
        challenge.issue(tx, keyring, attempt.id)
        attempts.sweep(tx)
    assert load(store, keyring, attempt.id) == attempt
    clock.advance(LIFETIME)
    with store.write() as tx:
        attempts.sweep(tx)
        assert tx.execute(select(rows)).all() == []
