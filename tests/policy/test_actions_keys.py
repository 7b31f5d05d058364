"""Idempotency keys: a call that is sent again runs once."""

import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import pytest
from sqlalchemy import text

from tests.support.actions import ACTIONS, Shop, submit
from tests.support.site import Answer, Visitor
from watchword import guard, require_sync
from watchword.policy.actions.keys import KEPT

KEY = "8e03978e-40d5-43e8-bc93-6894a57f9324"


def call(visitor: Visitor, reference: str, body: Any, key: str = f'"{KEY}"') -> Answer:
    return visitor.post(ACTIONS + reference, body, idempotency_key=key)


def test_a_call_sent_again_with_its_key_runs_once_and_is_answered_alike(shop: Shop) -> None:
    user = shop.user()
    reference = shop.ref(user, "rename")
    first, again = (call(user, reference, {"name": "Ada"}) for _ in range(2))
    assert (first.status, first.text, first.response.headers) == (200, '"Ada"', again.response.headers)
    assert (again.status, again.text) == (first.status, first.text)
    assert call(user, shop.ref(user, "rename"), {"name": "Ada"}, KEY).text == '"Ada"'
    assert shop.ran == [("Ada", False, None)]


def test_a_key_with_another_body_or_other_bound_arguments_is_refused(shop: Shop) -> None:
    user = shop.user()
    assert call(user, shop.ref(user, "rename"), {"name": "Ada"}).status == 200
    assert call(user, shop.ref(user, "rename"), {"name": "Bob"}).code == "idempotency_key_reused"
    assert call(user, shop.ref(user, "rename", loud=True), {"name": "Ada"}).status == 422
    assert shop.ran == [("Ada", False, None)]


def test_a_key_is_of_one_session_and_one_action(shop: Shop) -> None:
    one, two = shop.user(), shop.user("grace@example.org")
    assert call(one, shop.ref(one, "rename"), {"name": "Ada"}).text == '"Ada"'
    assert call(two, shop.ref(two, "rename"), {"name": "Ada"}).text == '"Ada"'
    assert call(one, shop.ref(one, "limited"), {}).text == "null"
    assert len(shop.ran) == 3
    strangers = [shop.site.visitor(), shop.site.visitor()]
    assert [call(visitor, shop.ref(visitor, "contact"), {"message": "x"}).status for visitor in strangers] == [200, 200]
    assert len(shop.ran) == 5


def test_a_key_is_forgotten_after_a_day_and_swept(shop: Shop) -> None:
    user = shop.user()
    assert call(user, shop.ref(user, "rename"), {"name": "Ada"}).status == 200
    shop.site.clock.advance(KEPT)
    user.sign_in()
    assert call(user, shop.ref(user, "rename"), {"name": "Bob"}).status == 200
    shop.site.auth._upkeep.run_once()
    assert shop.site.count("action_keys") == 1
    shop.site.clock.advance(KEPT)
    shop.site.auth._upkeep.run_once()
    assert shop.site.count("action_keys") == 0


@pytest.mark.parametrize(
    "key", ["", '""', '"a', 'a"', '"é"', "a b", '"' + "a" * 201 + '"', '"a", "b"', '"a";x=1', "\x7f"]
)
def test_a_key_that_is_none_is_refused_before_anything_runs(sqlite_shop: Shop, key: str) -> None:
    user = sqlite_shop.user()
    assert call(user, sqlite_shop.ref(user, "rename"), {"name": "Ada"}, key).code == "idempotency_key_invalid"
    assert sqlite_shop.ran == []


def test_what_never_ran_takes_no_key(shop: Shop) -> None:
    user = shop.user()
    assert call(user, shop.ref(user, "set_role", user_id="u"), {"role": "admin"}).status == 403
    assert call(user, shop.ref(user, "rename"), {"nmae": "Ada"}).status == 422
    mine, theirs = user.user["id"], "usr_other"
    assert call(user, shop.ref(user, "edit"), {"owner": theirs, "text": "x"}).status == 403
    assert shop.site.count("action_keys") == 0
    assert call(user, shop.ref(user, "edit"), {"owner": mine, "text": "x"}).status == 200


def test_what_ran_and_failed_does_not_run_again(shop: Shop) -> None:
    user = shop.user()
    for _ in range(2):
        assert call(user, shop.ref(user, "breaks"), {"message": "x"}).code == "internal_error"
        assert call(user, shop.ref(user, "rename"), {"name": "taken"}).json["fields"] == [
            {"field": "name", "expected": "a name that nobody has yet"}
        ]
        assert call(user, shop.ref(user, "forgets"), {}).code == "response_withheld"
    assert shop.ran == ["breaks"]


def test_of_calls_at_once_with_one_key_one_runs(shop: Shop) -> None:
    ran, may_end = [], threading.Event()

    @shop.site.auth.action(guard.inside)
    def pay(amount: int) -> int:
        require_sync()
        ran.append(amount)
        assert may_end.wait(60)
        return amount

    shop.actions["pay"] = pay
    user = shop.user()
    reference = shop.ref(user, "pay")
    with ThreadPoolExecutor(8) as threads:
        ended = as_completed([threads.submit(call, user, reference, {"amount": 5}) for _ in range(8)])
        refused = [next(ended).result() for _ in range(7)]
        may_end.set()
        assert next(ended).result().text == "5"
    assert {answer.code for answer in refused} == {"idempotency_key_running"}
    assert ran == [5]
    assert call(user, reference, {"amount": 5}).text == "5"


def test_a_key_whose_process_died_in_the_middle_stays_taken(shop: Shop) -> None:
    user = shop.user()
    reference = shop.ref(user, "rename")
    assert call(user, reference, {"name": "Ada"}).status == 200
    with shop.site.auth.store.engine.begin() as connection:
        connection.execute(text("UPDATE action_keys SET sealed = NULL"))
    assert call(user, reference, {"name": "Ada"}).code == "idempotency_key_running"
    assert len(shop.ran) == 1


def test_a_kept_answer_is_sealed_and_good_for_its_own_row_alone(shop: Shop) -> None:
    user = shop.user()
    reference = shop.ref(user, "rename")
    for key, name in (("one", "Ada Lovelace"), ("two", "Grace Hopper")):
        assert call(user, reference, {"name": name}, key).status == 200
    with shop.site.auth.store.engine.begin() as connection:
        rows = connection.execute(text("SELECT key, sealed FROM action_keys")).all()
        assert not any(b"Lovelace" in bytes(row.sealed) for row in rows)
        connection.execute(text("UPDATE action_keys SET sealed = :sealed"), {"sealed": rows[0].sealed})
    answers = {
        call(user, reference, {"name": name}, key).status
        for key, name in (("one", "Ada Lovelace"), ("two", "Grace Hopper"))
    }
    assert answers == {200, 409}
    assert len(shop.ran) == 2


def test_no_key_opens_an_answer_after_the_sign_out(shop: Shop) -> None:
    user = shop.user()
    reference = shop.ref(user, "rename")
    assert call(user, reference, {"name": "Ada"}).status == 200
    user.post("/auth/sign-out")
    assert call(user, reference, {"name": "Ada"}).status == 401


def test_a_form_without_a_key_runs_each_time(sqlite_shop: Shop) -> None:
    user = sqlite_shop.user()
    reference = sqlite_shop.ref(user, "rename")
    assert [submit(user, reference, name="Ada").status for _ in range(2)] == [303, 303]
    assert len(sqlite_shop.ran) == 2
