"""How a function becomes an action: with a rule, or not at all."""

from typing import Any

import pytest

from tests.support.actions import Shop
from tests.support.site import Site
from watchword import ConfigurationError, guard, public
from watchword.policy.guard import Guard
from watchword.policy.marking import INSIDE, PUBLIC, rule_of


def act(user_id: str) -> None: ...
async def act_later(user_id: str) -> None: ...
def yields(user_id: str) -> Any:
    yield user_id


async def asks(session: object, user_id: str) -> bool:
    return True


@pytest.mark.parametrize("rule", [None, guard, "admin", True, lambda session: True, Guard])
def test_an_action_without_a_rule_does_not_start(sqlite_site: Site, rule: Any) -> None:
    with pytest.raises(ConfigurationError, match="no rule") as refused:
        sqlite_site.auth.action(rule)(act)
    assert f"test_actions_declaration.py:{act.__code__.co_firstlineno}" in str(refused.value)
    assert "@auth.action(guard())" in str(refused.value)


def test_the_decorator_without_brackets_says_what_to_write(sqlite_site: Site) -> None:
    with pytest.raises(ConfigurationError, match="no rule"):
        sqlite_site.auth.action(act)(act)


@pytest.mark.parametrize(("rule", "kept"), [(public, PUBLIC), (guard.inside, INSIDE)])
def test_public_and_inside_are_rules_that_are_said_on_purpose(sqlite_site: Site, rule: Any, kept: object) -> None:
    assert rule_of(sqlite_site.auth.action(rule)(act)) is kept


@pytest.mark.parametrize("function", [yields, act.__call__, len, object(), Site])
def test_only_a_function_that_returns_can_be_an_action(sqlite_site: Site, function: Any) -> None:
    with pytest.raises(ConfigurationError, match="can't be an action"):
        sqlite_site.auth.action(guard())(function)


def test_two_actions_of_one_name_do_not_start(sqlite_site: Site) -> None:
    sqlite_site.auth.action(guard())(act)
    with pytest.raises(ConfigurationError, match="two actions are called"):
        sqlite_site.auth.action(guard())(act)


def test_a_guard_that_asks_for_what_the_action_has_not_does_not_start(sqlite_site: Site) -> None:
    with pytest.raises(ConfigurationError, match="asks for 'owner', and it takes user_id"):
        sqlite_site.auth.action(guard(any_of=[guard(when=lambda session, owner: True)]))(act)
    with pytest.raises(ConfigurationError, match="async asks"):
        sqlite_site.auth.action(guard(all_of=[guard(when=asks)]))(act)
    assert sqlite_site.auth.action(guard(all_of=[guard(when=asks)]))(act_later)


def test_a_limit_that_is_none_does_not_start(sqlite_site: Site) -> None:
    with pytest.raises(ConfigurationError, match="10/minute"):
        sqlite_site.auth.action(guard(), limit="often")(act)


def test_a_limit_counts_the_calls_of_one_account_over_all_its_sessions(shop: Shop) -> None:
    user, other, again = shop.user(), shop.user("grace@example.org"), shop.site.visitor("192.0.2.9")
    again.sign_in()
    assert [shop.call(visitor, "limited").status for visitor in (user, again, user, again, other)] == [
        200,
        200,
        429,
        429,
        200,
    ]
    assert shop.call(user, "limited").response.header("retry-after") is not None
    shop.site.clock.advance(60_000)
    assert shop.call(user, "limited").status == 200


def test_an_action_that_is_called_in_the_app_asks_its_rule_too(shop: Shop) -> None:
    from tests.support.actions import page_of
    from watchword import Forbidden, Unauthenticated

    with page_of(shop.site, None), pytest.raises(Unauthenticated):
        shop.actions["rename"](name="Ada")
    with page_of(shop.site, shop.user()), pytest.raises(Forbidden):
        shop.actions["edit"](owner="usr_other", text="x")
    assert shop.ran == []
