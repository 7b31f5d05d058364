"""The query string."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from watchword.foundation.errors import Denied
from watchword.http.query import check_query
from watchword.http.request import Request


def _checked(query: str) -> Denied | None:
    return check_query(Request("GET", "/auth/x", query=query))


@pytest.mark.parametrize("query", ["", "a=1", "a=1&b=", "flag", "name=Zo%C3%AB+M", "a=1&"])
def test_a_sound_query_passes(query: str):
    assert _checked(query) is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("a=1&a=2", "a"),
        ("token=x%00", "token"),
        ("token=%ff", "query"),
        ("token=%ED%A0%80", "query"),
        ("token=%zz", "query"),
        ("token=%4", "query"),
        ("token=é", "query"),
        ("&".join(f"p{number}=" for number in range(101)), "query"),
    ],
)
def test_a_query_with_two_readings_is_refused_by_field(query: str, field: str):
    denied = _checked(query)

    assert isinstance(denied, Denied)
    assert field == denied.fields[0].field


@given(some.text())
def test_no_query_string_raises(query: str):
    assert isinstance(_checked(query), Denied | None)
