"""`sealed_session()` in Starlette, FastAPI, Flask and Django: one cookie with typed data."""

import time
from collections.abc import Callable
from http.cookies import SimpleCookie

import msgspec
import pytest
from django.http import HttpResponse
from fastapi import Response as FastAPIResponse
from flask import Response as FlaskResponse
from starlette.responses import PlainTextResponse

from tests.support.node import Node
from watchword.foundation.clock import SECOND, ManualClock
from watchword.foundation.errors import ConfigurationError
from watchword.web.sealed import CookieResponse, SealedSessionError, sealed_session

PASSWORD = "a-password-of-at-least-32-characters"


class Cart(msgspec.Struct):
    items: list[str] = msgspec.field(default_factory=list)
    total: float = 0


def starlette_cookies(response: PlainTextResponse) -> list[str]:
    return response.headers.getlist("set-cookie")


def django_cookies(response: HttpResponse) -> list[str]:
    return [morsel.OutputString() for morsel in response.cookies.values()]


FRAMEWORKS: dict[str, tuple[Callable[[], CookieResponse], Callable[..., list[str]]]] = {
    "starlette": (lambda: PlainTextResponse("ok"), starlette_cookies),
    "fastapi": (lambda: FastAPIResponse("ok"), starlette_cookies),
    "flask": (lambda: FlaskResponse("ok"), lambda response: response.headers.getlist("Set-Cookie")),
    "django": (lambda: HttpResponse("ok"), django_cookies),
}


@pytest.fixture(scope="module", autouse=True)
def django_settings() -> None:
    from django.conf import settings

    if not settings.configured:
        settings.configure()


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_data_saved_in_one_answer_is_there_in_the_next_request(framework: str):
    """And gone after `destroy()`; the cookie is HttpOnly, Secure, SameSite=Lax."""
    make, cookies = FRAMEWORKS[framework]
    carts = sealed_session(Cart, cookie_name="cart", password=PASSWORD, clock=ManualClock())
    cart = carts.open({})
    assert (cart.is_new, cart.data) == (True, Cart())
    cart.data.items.append("book")
    cart.save(response := make())
    (line,) = cookies(response)
    for attribute in ("HttpOnly", "Secure", "SameSite=lax", "Path=/", f"Max-Age={14 * 24 * 3600 - 60}"):
        assert attribute.lower() in line.lower()
    sent = {name: morsel.value for name, morsel in SimpleCookie(line).items()}
    again = carts.open(sent)
    assert (again.is_new, again.data) == (False, Cart(items=["book"]))
    again.destroy(response := make())
    (line,) = cookies(response)
    assert "max-age=0" in line.lower()
    assert carts.open({"cart": SimpleCookie(line)["cart"].value}).is_new


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_data_too_large_for_a_cookie_is_told_before_the_browser_drops_it(framework: str):
    """4,096 bytes with name and attributes; what is saved without a complaint is no larger."""
    make, cookies = FRAMEWORKS[framework]
    notes = sealed_session(dict, cookie_name="notes", password=PASSWORD)
    note = notes.open({})
    lengths = []
    for length in range(2_000, 4_000, 16):
        note.data["text"] = "x" * length
        try:
            note.save(response := make())
        except SealedSessionError as error:
            assert "browsers drop more than 4096" in str(error)
            break
        lengths.append(len(cookies(response)[0]))
    else:
        pytest.fail("nothing was too large")
    assert 3_800 < max(lengths) <= 4_096


def test_a_cookie_with_other_data_than_the_type_gives_a_new_session():
    """So a change of the type needs no change of the password."""
    sealed = sealed_session(dict, cookie_name="cart", password=PASSWORD)
    box = sealed.open({})
    box.data["total"] = "much"
    box.save(response := PlainTextResponse())
    value = SimpleCookie(starlette_cookies(response)[0])["cart"].value
    assert sealed.open({"cart": value}).data == {"total": "much"}
    assert sealed_session(Cart, cookie_name="cart", password=PASSWORD).open({"cart": value}).is_new


def test_a_session_that_has_ended_is_a_new_one():
    """Sixty seconds after its time to live, as iron-session has it."""
    clock = ManualClock()
    carts = sealed_session(Cart, cookie_name="cart", password=PASSWORD, ttl=100, clock=clock)
    carts.open({}).save(response := PlainTextResponse())
    cookies = {"cart": SimpleCookie(starlette_cookies(response)[0])["cart"].value}
    clock.advance(159 * SECOND)
    assert not carts.open(cookies).is_new
    clock.advance(SECOND)
    assert carts.open(cookies).is_new


def test_a_destroyed_session_is_not_saved_again():
    """To save it would sign the person in again."""
    cart = sealed_session(Cart, cookie_name="cart", password=PASSWORD).open({})
    cart.destroy(PlainTextResponse())
    with pytest.raises(SealedSessionError):
        cart.save(PlainTextResponse())


def test_settings_that_protect_nothing_are_refused():
    """A short password, a negative time to live."""
    with pytest.raises(ConfigurationError):
        sealed_session(Cart, cookie_name="cart", password="short")
    with pytest.raises(ConfigurationError):
        sealed_session(Cart, cookie_name="cart", password=PASSWORD, ttl=-1)


def test_the_cookie_is_iron_session_s_own(node: Node):
    """A front end with iron-session reads it, and what that writes is read here."""
    carts = sealed_session(Cart, cookie_name="cart", password=PASSWORD)
    cart = carts.open({})
    cart.data.total = 9.5
    cart.save(response := PlainTextResponse())
    value = SimpleCookie(starlette_cookies(response)[0])["cart"].value
    now = time.time_ns() // 1_000_000
    assert node("iron_calls", "unseal", 8, value, {"password": PASSWORD}, now) == {"items": [], "total": 9.5}
    theirs = node("iron_calls", "seal", 8, {"items": ["pen"]}, {"password": PASSWORD}, now)
    assert carts.open({"cart": theirs}).data == Cart(items=["pen"])
