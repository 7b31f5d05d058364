"""Cookies on the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from watchword.http.cookies import clear_cookie, parse_cookies, set_cookie
from watchword.http.request import Request


def _request(*lines: bytes) -> Request:
    return Request("GET", "/", headers=[(b"cookie", line) for line in lines])


def test_a_cookie_is_read_by_its_exact_name():
    request = _request(b"a=1; __Host-watchword=wws_x=y;b=2")

    assert request.cookie("__Host-watchword") == "wws_x=y"
    assert request.cookie("__host-watchword") is None


@pytest.mark.parametrize("lines", [(b"sid=1; sid=2",), (b"sid=1", b"sid=1"), (b"sid=1; sid=",)])
def test_a029_two_cookies_of_one_name_give_none(lines: tuple[bytes, ...]):
    assert _request(*lines).cookie("sid") is None


@pytest.mark.parametrize(
    "line",
    [
        b"=__Host-sid=x",
        "\u2000__Host-sid=x".encode(),
        b"\xa0__Host-sid=x",
        b"\x0b__Host-sid=x",
        b"__Host-sid\x00=x",
        b"__Host-sid =x",
        b"__host-sid=x",
        b"%5F_Host-sid=x",
        b'"__Host-sid"=x',
        b"__Host-sid",
    ],
)
def test_a029_a_name_that_only_looks_like_the_prefixed_one_is_another(line: bytes):
    assert _request(line).cookie("__Host-sid") is None


def test_a030_300_cookies_and_a_header_of_64_kib_are_read_in_one_pass():
    request = _request(b"; ".join(b"c%d=%s" % (number, b"x" * 210) for number in range(300)) + b"; sid=1")

    assert request.cookie("sid") == "1"
    assert len(request.cookies) == 301


def test_a_session_cookie_is_http_only_host_only_and_lax():
    line = set_cookie("__Host-watchword", "x", max_age=500 * 24 * 3600, secure=True)

    assert line == "__Host-watchword=x; Path=/; HttpOnly; SameSite=Lax; Max-Age=34560000; Secure"
    assert clear_cookie("sid", secure=False) == "sid=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"


@given(some.lists(some.binary()))
def test_no_cookie_header_raises(lines: list[bytes]):
    assert isinstance(parse_cookies(line.decode("latin-1") for line in lines), dict)
