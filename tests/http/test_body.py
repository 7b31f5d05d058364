"""Reading bodies: JSON and forms."""

import json
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from watchword.foundation.errors import INPUT_INVALID, Denied
from watchword.http.body import (
    BODY_TOO_LARGE,
    MALFORMED_FORM,
    MALFORMED_JSON,
    MAXIMUM_BODY,
    UNSUPPORTED_MEDIA_TYPE,
    Input,
    read_form,
    read_json,
)
from watchword.http.request import Request

FORM = "application/x-www-form-urlencoded"


class Place(Input):
    city: str


class Person(Input):
    email: str
    age: int | None = None
    height: float = 0.0
    tags: list[str] = msgspec.field(default_factory=list[str])
    place: Place | None = None
    colour: Literal["red", "blue"] = "red"
    code: Annotated[str, msgspec.Meta(min_length=2, pattern="^[a-z,]+$")] = "ab"
    scores: dict[str, int] = msgspec.field(default_factory=dict[str, int])


def _request(body: bytes, content_type: str | None = "application/json") -> Request:
    headers = [] if content_type is None else [(b"content-type", content_type.encode())]
    return Request("POST", "/auth/x", headers=headers, body=body)


def _json(body: str | bytes) -> Person | Denied:
    return read_json(_request(body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body), Person)


def _form(body: bytes, content_type: str | None = FORM) -> dict[str, str] | Denied:
    return read_form(_request(body, content_type))


def _refused(answer: object) -> Denied:
    assert isinstance(answer, Denied)
    return answer


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON", "application/json; charset=utf-8", 'application/json ;charset="UTF-8"'],
)
def test_json_in_utf_8_is_read(content_type: str):
    person = read_json(_request('{"email": "Zoë", "tags": ["🙂"]}'.encode(), content_type), Person)

    assert Person(email="Zoë", tags=["🙂"]) == person


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "TEXT/PLAIN",
        "application/json+x",
        "text/plain; application/json",
        "application/json; charset=utf-16",
        "application/json, text/plain",
        FORM,
    ],
)
def test_a042_json_under_another_content_type_is_refused_with_415(content_type: str | None):
    denied = _refused(read_json(_request(b'{"email": "a"}', content_type), Person))

    assert UNSUPPORTED_MEDIA_TYPE is denied.code
    assert denied.headers == (("accept", "application/json"),)


def test_a042_two_content_types_are_refused():
    headers = [(b"content-type", b"application/json"), (b"content-type", b"text/plain")]

    denied = _refused(read_json(Request("POST", "/", headers=headers, body=b'{"email": "a"}'), Person))

    assert UNSUPPORTED_MEDIA_TYPE is denied.code


def test_a_body_over_64_kib_is_refused_and_one_of_64_kib_is_read():
    exact = b'{"email": "' + b"a" * (MAXIMUM_BODY - 13) + b'"}'

    assert len(exact) == MAXIMUM_BODY
    assert isinstance(_json(exact), Person)
    assert BODY_TOO_LARGE is _refused(_json(exact + b" ")).code
    assert BODY_TOO_LARGE is _refused(_form(b"a" * (MAXIMUM_BODY + 1))).code


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"email": "a"',
        b'{"email": "a",}',
        b"{'email': 'a'}",
        b'{"email": "a"} x',
        b'{"email": "\xff"}',
        b'\xef\xbb\xbf{"email": "a"}',
        b'{"email": "a\nb"}',
        b'{"email": "a", "age": ' + b"9" * 5000 + b"}",
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"email": ' + b"[" * 33 + b"]" * 33 + b"}",
    ],
)
def test_what_is_not_json_or_too_deep_is_refused_with_400(body: bytes):
    assert MALFORMED_JSON is _refused(_json(body)).code


def test_brackets_inside_strings_are_not_depth():
    assert Person(email='[[["' * 100) == _json(json.dumps({"email": '[[["' * 100}))


@pytest.mark.parametrize(
    ("body", "field", "expected"),
    [
        ('{"email": 1}', "email", "a string"),
        ('{"email": null}', "email", "a string"),
        ("{}", "email", "a value: the field is required"),
        ('{"email": "a", "role": "admin"}', "role", "nothing: there is no such field"),
        ('{"email": "a", "<b>": 1}', "?", "nothing: there is no such field"),
        ('{"email": "a", "age": "1"}', "age", "an integer or null"),
        ('{"email": "a", "age": 1.5}', "age", "an integer or null"),
        ('{"email": "a", "age": true}', "age", "an integer or null"),
        ('{"email": "a", "tags": ["x", 1]}', "tags[1]", "a string"),
        ('{"email": "a", "place": {}}', "place.city", "a value: the field is required"),
        ('{"email": "a", "place": {"city": "x", "zip": 1}}', "place.zip", "nothing: there is no such field"),
        ('{"email": "a", "colour": "green"}', "colour", "a value of the schema"),
        ('{"email": "a", "code": "a"}', "code", "a string of length >= 2"),
        ('{"email": "a", "code": "A,B"}', "code", "a string matching regex '^[a-z,]+$'"),
        ('{"email": "a", "scores": {"x": "y"}}', "scores[...]", "an integer"),
        ('{"email": "a", "email": "b"}', "email", "given once"),
        ('{"email": "a", "place": {"city": "x", "city": "x"}}', "city", "given once"),
        ('{"email": "a", "height": NaN}', "height", "a finite number"),
        ('{"email": "a", "height": -Infinity}', "height", "a finite number"),
        ('{"email": "a", "height": 1e999}', "height", "a finite number"),
        ("[]", "body", "an object"),
        ('"text"', "body", "an object"),
        ("null", "body", "an object"),
    ],
)
def test_other_json_than_expected_is_refused_with_422_and_the_field(body: str, field: str, expected: str):
    denied = _refused(_json(body))

    assert INPUT_INVALID is denied.code
    assert [(field, expected)] == [(error.field, error.expected) for error in denied.fields]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (r'{"email": "a\u0000b"}', "email"),
        (r'{"email": "\ud800"}', "email"),
        (r'{"email": "\udc00\ud800"}', "email"),
        (r'{"email": "a", "tags": ["ok", "\u0000"]}', "tags[1]"),
        (r'{"email": "a", "\u0000": 1}', "?"),
        (r'{"email": "a", "place": {"city": "\udfff"}}', "place.city"),
    ],
)
def test_nul_and_lone_surrogates_are_refused_wherever_they_stand(body: str, field: str):
    denied = _refused(_json(body))

    assert INPUT_INVALID is denied.code
    assert field == denied.fields[0].field


@pytest.mark.parametrize("field", ["email", "age", "height", "tags", "place", "colour", "code", "scores", "unknown"])
@pytest.mark.parametrize("value", ["canary-4711 <x>", ["canary-4711"], {"canary-4711 <x>": "canary-4711"}])
def test_a149_a_refusal_never_repeats_what_was_sent(field: str, value: Any):
    answer = _json(json.dumps({"email": "a"} | {field: value}))

    assert "canary-4711 <x>" not in str(answer) or isinstance(answer, Person)
    assert not isinstance(answer, Denied) or "4711" not in str(answer)


def test_a016_a_field_that_the_call_does_not_take_is_refused_not_dropped():
    assert _refused(_json('{"email": "a", "email_verified": true}')).fields[0].field == "email_verified"


@example(b'"\\')
@example(b'{"email":"' + b'\\"' * 30_000)
@given(some.binary(max_size=200) | some.text(alphabet='{}[]":,\\ue1Nn-\0', max_size=80).map(str.encode))
def test_no_body_makes_the_json_reader_raise(body: bytes):
    assert isinstance(_json(body), Person | Denied)


_VALUES = some.recursive(
    some.none() | some.booleans() | some.floats() | some.integers() | some.text(),
    lambda below: some.lists(below, max_size=3) | some.dictionaries(some.text(), below, max_size=3),
    max_leaves=8,
)


@given(some.dictionaries(some.sampled_from([*Person.__struct_fields__, "x"]) | some.text(), _VALUES))
def test_any_json_is_read_or_refused(value: Any):
    assert isinstance(_json(json.dumps(value)), Person | Denied)


def test_a_form_is_read():
    assert _form(b"email=a%40example.org&name=Zo%C3%AB+M%0D%0A&empty=") == {
        "email": "a@example.org",
        "name": "Zoë M\r\n",
        "empty": "",
    }


def test_a_form_without_fields_needs_no_content_type():
    assert _form(b"", None) == {}
    assert _form(b"") == {}


@pytest.mark.parametrize("content_type", [None, "text/plain", "multipart/form-data; boundary=x", "application/json"])
def test_a_form_under_another_content_type_is_refused_with_415(content_type: str | None):
    denied = _refused(_form(b"a=1", content_type))

    assert UNSUPPORTED_MEDIA_TYPE is denied.code
    assert denied.headers == (("accept", FORM),)


@pytest.mark.parametrize(
    "body",
    [
        b"a=%zz",
        b"a=%",
        b"a=%ff",
        b"a=%ED%A0%80",
        b"a=\xc3\xab",
        b"a=\xff",
        b"a",
        b"a=1&",
        b"&".join(b"f%d=" % number for number in range(51)),
    ],
)
def test_what_is_no_form_is_refused_with_400(body: bytes):
    assert MALFORMED_FORM is _refused(_form(body)).code


@pytest.mark.parametrize(("body", "field"), [(b"a=1&b=2&a=1", "a"), (b"a=%00", "a"), (b"a%00=1", "?")])
def test_a_form_field_given_twice_or_with_nul_is_refused_by_name(body: bytes, field: str):
    denied = _refused(_form(body))

    assert INPUT_INVALID is denied.code
    assert field == denied.fields[0].field


@given(some.binary(max_size=200) | some.text(alphabet="a=&%0f+;\0", max_size=80).map(str.encode))
def test_no_body_makes_the_form_reader_raise(body: bytes):
    assert isinstance(_form(body), dict | Denied)
