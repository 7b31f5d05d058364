"""What comes out of an action: the fields that its return type declares, whatever the function gave."""

import dataclasses
from typing import Any, TypedDict

import msgspec
import pydantic
import pytest

from tests.attacks.wire import events
from tests.support.actions import Shop, UserRow, UserView, submit
from tests.support.site import Site
from watchword import (
    ConfigurationError,
    InvalidInput,
    Redirect,
    Secret,
    guard,
    public,
    taint_object_reference,
    taint_unique_value,
)
from watchword.policy.actions.results import Result, ResultError

HASH = "$argon2id$secret"


@dataclasses.dataclass
class Plain:
    id: str


@dataclasses.dataclass
class Wide(Plain):
    password: str = HASH


class Typed(TypedDict):
    id: str


class Model(pydantic.BaseModel):
    id: str
    hidden: str = pydantic.Field(default=HASH, exclude=True)


class WideModel(Model):
    password: str = HASH


class OpenModel(pydantic.BaseModel, extra="allow"):
    id: str


class Holder(msgspec.Struct):
    user: UserView
    models: list[Model] = []


class ModelHolder(pydantic.BaseModel):
    model: Model


class Row:
    """As an ORM has them."""

    id = "usr_1"
    role = "user"
    password = HASH
    model = WideModel(id="usr_1")
    user = UserRow("usr_1", "user")
    models = (WideModel(id="usr_1"),)


USER = UserRow("usr_1", "user")
GIVEN = [
    (UserView, USER),
    (UserView, Row()),
    (UserView, {"id": "usr_1", "role": "user", "password": HASH}),
    (UserView | None, USER),
    (UserView | Redirect, USER),
    (list[UserView], [USER, Row()]),
    (dict[str, UserView], {"a": USER}),
    (tuple[UserView, int], (USER, 1)),
    (Holder, Holder(USER, [WideModel(id="usr_1")])),
    (Holder, Row()),
    (Plain, Wide("usr_1")),
    (Plain, Row()),
    (list[Plain], [Wide("usr_1")]),
    (Typed, {"id": "usr_1", "password": HASH}),
    (Model, WideModel(id="usr_1")),
    (Model, Row()),
    (Model | None, WideModel(id="usr_1")),
    (list[Model], [WideModel(id="usr_1")]),
    (ModelHolder, ModelHolder(model=WideModel(id="usr_1"))),
    (ModelHolder, Row()),
    (OpenModel, OpenModel(id="usr_1", password=HASH)),  # type: ignore[call-arg]
]


def result_of(kind: Any) -> Result:
    def function() -> None: ...

    function.__annotations__["return"] = kind
    return Result(function)


@pytest.mark.parametrize(("kind", "value"), GIVEN, ids=range(len(GIVEN)))
def test_a020_only_the_declared_fields_of_what_an_action_returns_leave(kind: Any, value: object) -> None:
    sent = result_of(kind).encode(value)
    assert b"usr_1" in sent
    assert b"password" not in sent
    assert b"argon2" not in sent


ASTRAY = UserView(UserRow("usr_1", "user"), "user")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value", [ASTRAY, "no user", None, 5, [], {}, {"id": 1, "role": "user"}, object(), Redirect("/x")]
)
def test_what_is_not_what_is_declared_is_a_defect_that_tells_nothing_of_the_value(value: object) -> None:
    with pytest.raises(ResultError, match=r"^what the action returned is not what its return type declares$"):
        result_of(UserView).encode(value)


def test_a020_a_secret_in_an_open_dict_stops_the_answer(sqlite_site: Site) -> None:
    @sqlite_site.auth.action(public)
    def tell() -> dict[str, Any]:
        return {"key": Secret("open sesame"), "row": Row()}

    answer = Shop(sqlite_site, actions={"tell": tell}).call(sqlite_site.visitor(), "tell")
    assert answer.code == "internal_error"
    assert "sesame" not in answer.text


def test_a020_a_tainted_object_or_value_that_an_action_returns_is_withheld(shop: Shop) -> None:
    row, key = UserRow("usr_1", "user"), "q7Zk2mX9vB4nL8pR5tY1"
    holder = Holder(row)
    taint_object_reference("Return a UserView instead", row)
    taint_unique_value("Keep the key of the mail service here", row, key)

    @shop.site.auth.action(guard())
    def give(what: str) -> dict[str, Any] | Redirect:
        if what == "invalid":
            raise InvalidInput(what=key)
        if what == "redirect":
            return Redirect(f"/notes?key={key}")
        return {"row": holder} if what == "row" else {"key": key}

    @shop.site.auth.action(guard())
    async def later(key: str) -> UserView:
        return UserView("usr_1", key)

    shop.actions |= {"give": give, "later": later}
    user = shop.user()
    for what in ("row", "key", "invalid", "redirect"):
        answer = shop.call(user, "give", {"what": what})
        assert (answer.status, answer.code) == (500, "response_withheld"), what
        assert key not in answer.text
        assert ("UserView" if what == "row" else "mail service") in answer.json["detail"]
    assert shop.call(user, "later", {"key": key}).code == "response_withheld"
    assert submit(user, shop.ref(user, "give"), what="redirect").status == 500
    assert events(shop.site, "response_withheld") == 6


def test_a_defect_of_an_action_is_500_and_its_text_is_in_no_log(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    user = shop.user()
    answer = shop.call(user, "breaks", {"message": "what the caller sent"})
    assert (answer.status, answer.code) == (500, "internal_error")
    assert shop.call(user, "lies").code == "internal_error"
    assert "tests/support/actions.py" in caplog.text
    assert "what the caller sent" not in caplog.text + answer.text


def no_type(): ...
def anything() -> Any: ...
def an_object() -> object: ...
def a_row() -> Row: ...
def rows() -> list[Row]: ...
def a_secret() -> Secret: ...
def raw() -> msgspec.Raw: ...
def not_there() -> "Nowhere": ...  # type: ignore[name-defined] # noqa: F821


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (no_type, "no return type"),
        (anything, "limits nothing"),
        (an_object, "limits nothing|names no fields"),
        (a_row, "names no fields"),
        (rows, "names no fields"),
        (a_secret, "names no fields"),
        (raw, "not known"),
        (not_there, "Nowhere"),
    ],
)
def test_an_action_that_does_not_say_what_leaves_does_not_start(sqlite_site: Site, function: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as refused:
        sqlite_site.auth.action(guard())(function)
    assert f"test_actions_results.py:{function.__code__.co_firstlineno}" in str(refused.value)


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "https:evil", "", "x", "/a/../b", "/%2f%2fe"]
)
def test_a047_a_redirect_leads_nowhere_but_to_this_site(path: str) -> None:
    with pytest.raises(ValueError, match="a path of this site"):
        Redirect(path)
    assert Redirect("/notes?page=2").path == "/notes?page=2"
