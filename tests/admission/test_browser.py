"""One browser: its secret cookie, and the memory of who has signed in there."""

import pytest
from sqlalchemy import func, select

from watchword.admission.browser import REMEMBERED, Browser, forget_devices, sweep_devices
from watchword.admission.tables import devices
from watchword.foundation.clock import DAY, ManualClock
from watchword.foundation.encodings import base32_encode
from watchword.foundation.secrets import Secret
from watchword.http.request import Request
from watchword.identity.email_address import EmailAddress
from watchword.identity.users import create_user
from watchword.sessions.cookie import Cookies
from watchword.storage.store import Store

COOKIES = Cookies(secure=True)
NAME = "__Host-watchword-browser"
SECRET = base32_encode(b"s" * 32)


def browser(*values: str) -> Browser:
    """Return the browser that sends these browser cookies."""
    headers = [(b"cookie", f"{NAME}={value}".encode()) for value in values]
    return Browser(Request("GET", "/auth/session", headers=headers), COOKIES)


@pytest.fixture
def user_id(store: Store) -> str:
    with store.write() as tx:
        user = create_user(tx, email=EmailAddress("ada@example.org", "ada@example.org"), name="Ada")
    assert user
    return user.id


def knows(store: Store, found: Browser, user_id: str) -> bool:
    with store.read() as tx:
        return found.knows(tx, user_id)


def remember(store: Store, found: Browser, user_id: str) -> None:
    with store.write() as tx:
        found.remember(tx, user_id)


def test_the_secret_in_the_cookie_is_the_browser_and_only_its_hash_is_stored(store: Store, user_id: str):
    known = browser(SECRET)
    remember(store, known, user_id)
    assert (known.is_new, known.hash) == (False, Secret(SECRET).digest())
    with store.read() as tx:
        assert tx.execute(select(devices.c.browser_hash)).scalar_one() == known.hash


@pytest.mark.parametrize(
    "values",
    [(), ("",), ("x",), (SECRET[:-1],), (SECRET + "a",), (SECRET.upper(),), (SECRET, SECRET), (base32_encode(b"s"),)],
)
def test_a_cookie_that_is_none_of_ours_or_stands_twice_is_a_new_browser(values: tuple[str, ...]):
    found, other = browser(*values), browser(*values)
    assert (found.is_new, other.is_new) == (True, True)
    assert len({found.hash, other.hash, Secret(SECRET).digest()}) == 3


def test_a_new_browser_gets_a_secret_of_256_bits_for_a_year(store: Store):
    (line,) = browser().set_cookie()
    name, _, rest = line.partition("=")
    assert name == NAME
    assert len(rest.partition(";")[0]) == 52
    assert f"Max-Age={365 * 24 * 3600}" in line
    (again,) = browser(SECRET).set_cookie()
    assert again.startswith(f"{NAME}={SECRET};"), "a known one keeps its secret"


def test_only_who_signed_in_here_is_known_here(store: Store, user_id: str):
    here, elsewhere = browser(SECRET), browser(base32_encode(b"e" * 32))
    assert not knows(store, here, user_id)
    remember(store, here, user_id)
    assert knows(store, here, user_id)
    assert not knows(store, elsewhere, user_id)
    assert not knows(store, here, "usr_other")
    assert not knows(store, here, "")


def test_a_browser_without_its_cookie_is_known_to_nobody(store: Store, user_id: str):
    found = browser()
    remember(store, found, user_id)
    assert not knows(store, found, user_id)


def test_signing_in_here_again_adds_no_row(store: Store, user_id: str):
    for _ in range(3):
        remember(store, browser(SECRET), user_id)
    with store.read() as tx:
        assert tx.execute(select(func.count()).select_from(devices)).scalar_one() == 1


def test_all_browsers_of_a_user_are_forgotten_at_once(store: Store, user_id: str):
    remember(store, browser(SECRET), user_id)
    with store.write() as tx:
        forget_devices(tx, user_id)
    assert not knows(store, browser(SECRET), user_id)


def test_a_browser_is_forgotten_when_it_was_not_used_for_a_year(store: Store, clock: ManualClock, user_id: str):
    remember(store, browser(SECRET), user_id)
    clock.advance(REMEMBERED - DAY)
    remember(store, browser(SECRET), user_id)
    clock.advance(2 * DAY)
    with store.write() as tx:
        sweep_devices(tx)
    assert knows(store, browser(SECRET), user_id)
    clock.advance(REMEMBERED)
    with store.write() as tx:
        sweep_devices(tx)
    assert not knows(store, browser(SECRET), user_id)
