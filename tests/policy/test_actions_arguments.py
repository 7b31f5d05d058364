"""What goes into an action: its types, strictly, from JSON or a form; hostile input is refused, and soon."""

import time
from typing import Any

import msgspec
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.actions import ACTIONS, Shop, submit
from tests.support.site import Site
from watchword import ConfigurationError, Secret, guard, public
from watchword.foundation.errors import Denied
from watchword.http.request import Request
from watchword.policy.actions.arguments import Arguments

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

HOSTILE = [
    b'{"__proto__": {"role": "admin"}}',
    b'{"name": {"$ne": null}}',
    b'{"name": ["Ada"]}',
    b'{"name": {"__class__": "Secret"}}',
    b'{"py/object": "os.system"}',
    b"\x80\x04\x95cos\nsystem\n.",
    b"[" * 60_000,
    b'{"name":' * 8_000,
    b'{"name":"a",' * 5_000,
    b'"' + b"\\" * 60_000,
    b"9" * 60_000,
    b'{"age": 1e' + b"9" * 1000 + b', "name": "Ada"}',
    b'{"age": ' + b"9" * 60_000 + b', "name": "Ada"}',
    b'{"name": "Ada", "name": "Bob"}',
    b'{"name": "\\u0000"}',
    b'{"name": "\\ud800"}',
    b'{"name": NaN}',
    b'{"name": "' + b"a" * 70_000 + b'"}',
    b"{" + b",".join(b'"f%d":1' % number for number in range(6_000)) + b"}",
    b"",
    b"null",
    b"[]",
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_a011_a_hostile_payload_to_an_action_is_only_ever_refused_and_soon(sqlite_shop: Shop, body: bytes) -> None:
    user = sqlite_shop.user()
    reference = sqlite_shop.ref(user, "rename")
    for kind in (JSON, FORM, "text/plain", "multipart/form-data; boundary=x"):
        start = time.process_time()
        answer = user.send("POST", ACTIONS + reference, raw=body, headers={"content-type": kind})
        assert 400 <= answer.status < 500, answer.text
        assert len(answer.text) < 10_000
        assert time.process_time() - start < 1
    assert sqlite_shop.ran == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("&".join(f"f{number}=1" for number in range(60)), None),
        ("name[first]=Ada&name[last]=L", "name[first]"),
        ("a" + "[b]" * 30 + "=1&name=Ada", "a" + "[b]" * 30),
        ("name=Ada&name=Bob", "name"),
        ("name=Ada&role=admin", "role"),
        ("name=%ff", None),
        ("name=%zz", None),
    ],
)
def test_a_form_with_fields_too_many_too_deep_or_twice_is_refused(
    sqlite_shop: Shop, body: str, field: str | None
) -> None:
    user = sqlite_shop.user()
    headers = {"content-type": FORM}
    answer = user.send("POST", ACTIONS + sqlite_shop.ref(user, "rename"), raw=body.encode(), headers=headers)
    assert answer.status in (400, 422)
    if field:
        assert field in [one["field"] for one in answer.json["fields"]]
    assert sqlite_shop.ran == []


@pytest.mark.parametrize("field", ["role", "email_verified", "emailVerified", "password", "user_id", "self", "return"])
def test_a016_an_action_takes_no_field_that_it_does_not_declare(sqlite_shop: Shop, field: str) -> None:
    user = sqlite_shop.user()
    reference = sqlite_shop.ref(user, "rename")
    expected = [{"field": field, "expected": "nothing: there is no such field"}]
    for answer in (
        user.post(ACTIONS + reference, {"name": "Ada", field: "x"}),
        user.send("POST", ACTIONS + reference, raw=f"name=Ada&{field}=x".encode(), headers={"content-type": FORM}),
    ):
        assert answer.status == 422
        assert answer.json["fields"] == expected
    assert sqlite_shop.ran == []


@pytest.mark.parametrize("name", ["Ada", ["Ada", "Bob"], [{"name": "Ada"}, {"name": "Bob"}]])
def test_a021_one_call_runs_one_action_once(sqlite_shop: Shop, name: Any) -> None:
    """There is no batch: what holds several operations is one argument of the wrong type, or no argument at all."""
    user = sqlite_shop.user()
    reference = sqlite_shop.ref(user, "rename")
    for body in ({"name": name, "calls": []}, [{"name": "Ada"}], {"actions": [reference]}, {"name": [name]}):
        assert user.post(ACTIONS + reference, body).status == 422
    assert user.post(f"{ACTIONS}{reference},{reference}", {"name": "Ada"}).status == 404
    assert user.post(f"{ACTIONS}{reference}/{reference}", {"name": "Ada"}).status == 404
    assert sqlite_shop.ran == []


def test_json_is_taken_as_it_is_and_a_forms_texts_become_what_the_types_say(sqlite_shop: Shop) -> None:
    user = sqlite_shop.user()
    reference = sqlite_shop.ref(user, "rename")
    assert user.post(ACTIONS + reference, {"name": "Ada", "age": "36"}).status == 422
    assert user.post(ACTIONS + reference, {"name": "Ada", "loud": 1}).status == 422
    assert submit(user, reference, name="Ada", age="36", loud="on").status == 303
    assert submit(user, reference, name="Bob", age="", loud="false").status == 303
    assert sqlite_shop.ran == [("Ada", True, 36), ("Bob", False, None)]


def test_every_wrong_field_is_named_at_once(sqlite_shop: Shop) -> None:
    user = sqlite_shop.user()
    answer = sqlite_shop.call(user, "rename", {"loud": "x", "age": "y", "z": 1})
    assert [(one["field"], one["expected"]) for one in answer.json["fields"]] == [
        ("z", "nothing: there is no such field"),
        ("name", "a value: the field is required"),
        ("loud", "true or false"),
        ("age", "an integer or null"),
    ]


class Address(pydantic.BaseModel):
    city: str
    number: int = pydantic.Field(alias="no")


class Profile(pydantic.BaseModel):
    name: str
    addresses: list[Address] = []


class Point(msgspec.Struct, forbid_unknown_fields=True):
    x: int


def test_a_pydantic_model_is_an_argument_strict_and_without_fields_of_its_own(sqlite_site: Site) -> None:
    got: list[Profile] = []

    @sqlite_site.auth.action(guard())
    def save(profile: Profile, point: Point | None = None) -> None:
        got.append(profile)

    shop = Shop(sqlite_site, actions={"save": save})
    user = shop.user()
    body = {"name": "Ada", "addresses": [{"city": "London", "no": 12}]}
    assert shop.call(user, "save", {"profile": body}).status == 200
    assert shop.call(user, "save", {}, profile=Profile.model_validate(body)).status == 200
    assert got == [Profile.model_validate(body)] * 2
    for wrong, field in (
        ({"profile": {**body, "role": "admin"}}, "profile.role"),
        (
            {"profile": {"name": "Ada", "addresses": [{"city": "London", "no": 12, "admin": 1}]}},
            "profile.addresses[0].admin",
        ),
        ({"profile": {"name": "Ada", "addresses": [{"city": "London", "no": "12"}]}}, "profile.addresses[0].no"),
        ({"profile": {"name": 5}}, "profile.name"),
        ({"profile": "x"}, "profile"),
        ({"profile": body, "point": {"x": 1, "y": 2}}, "point.y"),
    ):
        answer = shop.call(user, "save", wrong)
        assert answer.status == 422
        assert [one["field"] for one in answer.json["fields"]] == [field]
    assert len(got) == 2


def test_a_secret_argument_arrives_as_a_secret(sqlite_site: Site) -> None:
    got: list[Secret] = []

    @sqlite_site.auth.action(public)
    def keep(word: Secret) -> None:
        got.append(word)

    shop = Shop(sqlite_site, actions={"keep": keep})
    visitor = sqlite_site.visitor()
    assert shop.call(visitor, "keep", {"word": 5}).status == 422
    assert shop.call(visitor, "keep", {"word": "open sesame"}).status == 200
    assert got[0].matches("open sesame")


class Loose(msgspec.Struct):
    x: int


class Wrapped(pydantic.RootModel[int]):
    pass


def loose(thing: Loose) -> None: ...
def untyped(thing) -> None: ...
def several(*things: int) -> None: ...
def by_place(thing: int, /) -> None: ...
def rooted(thing: Wrapped) -> None: ...
def of_a_class(thing: Site) -> None: ...
def unknown_name(thing: "Nowhere") -> None: ...  # type: ignore[name-defined] # noqa: F821


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (loose, "forbid_unknown_fields=True"),
        (untyped, "thing: str"),
        (several, "can't be given by name"),
        (by_place, "can't be given by name"),
        (rooted, "RootModel"),
        (of_a_class, "forbid_unknown_fields=True"),
        (unknown_name, "Nowhere"),
    ],
)
def test_an_action_whose_arguments_are_not_plain_does_not_start(sqlite_site: Site, function: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as refused:
        sqlite_site.auth.action(guard())(function)
    assert f"test_actions_arguments.py:{function.__code__.co_firstlineno}" in str(refused.value)


def take(name: str, count: int, tags: list[str], ratio: float | None = None, on: bool = False) -> None: ...


ARGUMENTS = Arguments("take", take)
VALUES = st.fixed_dictionaries(
    {
        "name": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50),
        "count": st.integers(-(2**60), 2**60),
        "tags": st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))),
    },
    optional={"ratio": st.none() | st.floats(allow_nan=False, allow_infinity=False), "on": st.booleans()},
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES, st.data())
def test_what_is_sent_and_what_is_bound_arrive_together_as_they_were(
    values: dict[str, Any], data: st.DataObject
) -> None:
    names = data.draw(st.sets(st.sampled_from(sorted(values))))
    bound = {name: values[name] for name in names}
    packed = ARGUMENTS.bind(bound)
    body = msgspec.json.encode({name: value for name, value in values.items() if name not in names})
    request = Request("POST", "/", headers=[(b"content-type", JSON.encode())], body=body)
    assert ARGUMENTS.read(request, ARGUMENTS.unbind(tuple(bound), packed)) == {"ratio": None, "on": False, **values}


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(ANYTHING)
def test_whatever_else_is_sent_is_refused(value: Any) -> None:
    try:
        body = msgspec.json.encode(value)
    except (UnicodeEncodeError, OverflowError):
        return
    request = Request("POST", "/", headers=[(b"content-type", JSON.encode())], body=body)
    assert isinstance(ARGUMENTS.read(request, {}), Denied)
