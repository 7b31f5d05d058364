"""Responses."""

from watchword.http.response import json_response, redirect


def test_a_json_response_carries_its_cookies_as_lines_of_their_own():
    response = json_response({"a": 1}, 202, cookies=("x=1", "y=2"))

    assert (response.status, response.body) == (202, b'{"a":1}')
    assert [value for name, value in response.headers if name == "set-cookie"] == ["x=1", "y=2"]


def test_a_redirect_is_a_303():
    assert (redirect("/account").status, redirect("/account").header("Location")) == (303, "/account")
