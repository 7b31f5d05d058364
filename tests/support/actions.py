"""A small shop of actions, and what its pages do: hand out references, show what was wrong with a form."""

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from tests.support.site import ORIGIN, Answer, Site, Visitor
from watchword import Forbidden, InvalidInput, Redirect, Session, action_errors, action_ref, guard, public, require
from watchword.http.request import Request
from watchword.policy.actions.flash import ActionErrors
from watchword.policy.ledger import Ledger
from watchword.sessions.verify import RequestContext, set_context

ACTIONS = "/auth/actions/"


class UserView(msgspec.Struct):
    """What may leave of a user."""

    id: str
    role: str


class UserRow(UserView, weakref=True):
    """What the app holds of one."""

    password: str = "$argon2id$secret"


def is_owner(session: Session, owner: str) -> bool:
    return session.user.id == owner


@contextmanager
def page_of(site: Site, visitor: Visitor | None) -> Generator[Request]:
    """Stand in a request of this visitor for a page of the app."""
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items()) if visitor else ""
    request = Request("GET", "/", headers=[(b"cookie", cookies.encode())] if cookies else [])
    with ThreadPoolExecutor(1) as executor:
        leave = set_context(RequestContext(request, site.auth.gate, executor, Ledger()))
        try:
            yield request
        finally:
            leave()


@dataclass
class Shop:
    """A site with actions. `ran` tells which have run, with what."""

    site: Site
    ran: list[Any] = field(default_factory=list[Any])
    actions: dict[str, Callable[..., Any]] = field(default_factory=dict[str, Callable[..., Any]])

    def ref(self, visitor: Visitor | None, name: str, /, **bound: Any) -> str:
        """Return the reference that a page holds which this visitor has opened."""
        with page_of(self.site, visitor):
            return action_ref(self.actions[name], **bound)

    def errors(self, visitor: Visitor, name: str) -> ActionErrors:
        """Return what this visitor's next page tells of the form."""
        with page_of(self.site, visitor):
            return action_errors(self.actions[name])

    def call(self, visitor: Visitor, name: str, body: Any = None, /, **bound: Any) -> Answer:
        return visitor.post(ACTIONS + self.ref(visitor, name, **bound), body)

    def user(self, email: str = "ada@example.org", role: str = "user") -> Visitor:
        visitor = self.site.visitor()
        assert visitor.sign_up(email).status == 200
        if role != "user":
            self.site.auth.administration.set_role(email, role)
            assert visitor.sign_in(email).status == 200
        return visitor


def submit(visitor: Visitor, reference: str, referer: str = f"{ORIGIN}/notes?page=2", **fields: str) -> Answer:
    """Send a plain form, as a browser without scripts does."""
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "text/html,*/*;q=0.8"}
    headers |= {"referer": referer} if referer else {}
    return visitor.send("POST", ACTIONS + reference, raw=urlencode(fields).encode(), headers=headers)


def open_shop(site: Site) -> Shop:
    """Declare the actions."""
    shop, auth = Shop(site), site.auth

    @auth.action(guard(role="admin"))
    async def set_role(user_id: str, role: str) -> UserView:
        shop.ran.append((user_id, role))
        return UserRow(user_id, role)

    @auth.action(guard())
    def rename(name: str, loud: bool = False, age: int | None = None) -> str:
        if name == "taken":
            raise InvalidInput(name="a name that nobody has yet")
        shop.ran.append((name, loud, age))
        return name.upper() if loud else name

    @auth.action(guard(when=is_owner))
    def edit(owner: str, text: str) -> None:
        shop.ran.append((owner, text))

    @auth.action(public)
    def contact(message: str) -> Redirect:
        shop.ran.append(message)
        return Redirect("/thanks")

    @auth.action(guard.inside)
    async def forgets() -> str:
        return "hidden"

    @auth.action(guard.inside)
    async def swallows() -> str:
        with suppress(Forbidden):
            await require(role="admin")
        return "hidden"

    @auth.action(guard.inside)
    async def decides() -> str:
        session = await require()
        return session.user.name

    @auth.action(guard(), limit="2/minute")
    def limited() -> None:
        shop.ran.append("limited")

    @auth.action(guard())
    def breaks(message: str) -> None:
        shop.ran.append("breaks")
        raise RuntimeError(message)

    @auth.action(guard())
    def lies() -> UserView:
        return "no user"  # type: ignore[return-value]

    named = (set_role, rename, edit, contact, forgets, swallows, decides, limited, breaks, lies)
    shop.actions = {action.__name__: action for action in named}
    return shop


@pytest.fixture
def shop(site: Site) -> Shop:
    """The shop on each kind of database."""
    return open_shop(site)


@pytest.fixture
def sqlite_shop(sqlite_site: Site) -> Shop:
    """The shop on SQLite, for what no database changes."""
    return open_shop(sqlite_site)
