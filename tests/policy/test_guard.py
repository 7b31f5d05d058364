"""Guards by themselves: what they let through, and what they say of a handler."""

import asyncio
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.support.site import Site, Visitor
from watchword import Forbidden, Unauthenticated, guard, public, require, require_sync, verify_session
from watchword.http.request import Request
from watchword.policy.guard import Guard
from watchword.policy.ledger import Ledger
from watchword.policy.marking import INSIDE, MARK, PUBLIC
from watchword.sessions.verify import NoRequestError, RequestContext, set_context


@contextmanager
def request_of(site: Site, visitor: Visitor | None) -> Generator[None]:
    """Stand in a request of this visitor, as an adapter makes it."""
    headers = [(b"cookie", f"watchword={visitor.cookies['watchword']}".encode())] if visitor else []
    with ThreadPoolExecutor(1) as executor:
        leave = set_context(RequestContext(Request("GET", "/", headers=headers), site.auth.gate, executor, Ledger()))
        try:
            yield
        finally:
            leave()


@pytest.fixture
def user(sqlite_site: Site) -> Visitor:
    visitor = sqlite_site.visitor()
    visitor.sign_up()
    return visitor


@pytest.fixture
def admin(sqlite_site: Site) -> Visitor:
    visitor = sqlite_site.visitor()
    visitor.sign_up("admin@example.org")
    sqlite_site.auth.administration.set_role("admin@example.org", "admin")
    visitor.sign_in("admin@example.org")
    return visitor


@guard(role="admin")
async def for_admins() -> str:
    return "secret"


@guard(role="admin")
def for_admins_sync() -> str:
    return "secret"


CALLS: list[Callable[[], object]] = [
    lambda: asyncio.run(for_admins()),
    for_admins_sync,
    lambda: asyncio.run(require(role="admin")),
    lambda: require_sync(role="admin"),
    lambda: guard(role="admin")() is None,
]
NAMES = ["async handler", "sync handler", "require", "require_sync", "dependency"]


@pytest.mark.parametrize("call", CALLS, ids=NAMES)
def test_nobody_gets_401_a_user_403_and_an_admin_in(
    sqlite_site: Site, user: Visitor, admin: Visitor, call: Callable[[], object]
) -> None:
    with request_of(sqlite_site, None), pytest.raises(Unauthenticated):
        call()
    with request_of(sqlite_site, user), pytest.raises(Forbidden):
        call()
    with request_of(sqlite_site, admin):
        assert call()


def test_a_guarded_handler_keeps_its_name_and_says_its_rule() -> None:
    assert for_admins.__name__ == "for_admins"
    assert isinstance(getattr(for_admins, MARK), Guard)
    assert getattr(for_admins, MARK).description == "role admin"


def test_public_and_inside_only_say_so() -> None:
    def handler() -> None: ...

    assert PUBLIC is getattr(public(handler), MARK)
    assert INSIDE is getattr(guard.inside(handler), MARK)


def test_outside_a_request_the_message_says_what_to_do() -> None:
    with pytest.raises(NoRequestError, match=r"protect\(app, auth\)"):
        asyncio.run(verify_session())
