"""A request as it is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from watchword.http.request import Request


def test_a_header_that_stands_twice_is_absent():
    request = Request("GET", "/", headers=[(b"X-One", b"1"), (b"x-two", b"a"), (b"x-two", b"b")])

    assert request.header("x-one") == "1"
    assert request.header("x-two") is None
    assert request.header_values("X-Two") == ["a", "b"]


@pytest.mark.parametrize(("query", "expected"), [("t=a%20b", "a b"), ("t=1&t=2", None), ("x=1", None), ("t", "")])
def test_a_query_parameter_is_read_where_it_stands_once(query: str, expected: str | None):
    assert expected == Request("GET", "/", query=query).query_parameter("t")


@given(some.text(), some.binary())
def test_no_query_or_header_raises(query: str, value: bytes):
    request = Request("GET", "/", query=query, headers=[(b"x", value)])

    assert isinstance(request.query_parameters, list)
    assert isinstance(request.header("x"), str)
