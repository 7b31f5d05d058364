"""Actions from a plain HTML form: where the browser is led, and what the form's page is told."""

import pytest

from tests.attacks.wire import COOKIE, FORM, cookie, send, token_of
from tests.support.actions import ACTIONS, Shop, submit
from tests.support.site import ORIGIN, Site
from watchword import Secret, guard, public
from watchword.policy.actions.flash import LIFETIME

FLASH = "watchword-form"


def test_a_form_that_is_done_leads_back_to_where_it_came_from(shop: Shop) -> None:
    user = shop.user()
    done = submit(user, shop.ref(user, "rename"), name="Ada")
    assert (done.status, done.response.header("location"), done.text) == (303, "/notes?page=2", "")
    assert submit(user, shop.ref(user, "rename"), referer="", name="Ada").response.header("location") == "/"


def test_an_action_can_lead_on_to_a_page_of_the_site(shop: Shop) -> None:
    stranger = shop.site.visitor()
    assert submit(stranger, shop.ref(stranger, "contact"), message="x").response.header("location") == "/thanks"
    assert shop.call(stranger, "contact", {"message": "x"}).json == {"redirect": "/thanks"}


REFERERS = [
    "https://evil.example/notes",
    "http://localhost:8000.evil.example/",
    "http://localhost:8000@evil.example/",
    f"{ORIGIN}//evil.example",
    f"{ORIGIN}/\\evil.example",
    f"{ORIGIN}/%2f%2fevil.example",
    f"{ORIGIN}/a/../b",
    f"{ORIGIN}?//evil.example",
    "javascript:alert(1)",
    "/notes",
    "about:client",
]


@pytest.mark.parametrize("referer", REFERERS)
def test_a047_a_hostile_referer_leads_nowhere(sqlite_shop: Shop, referer: str) -> None:
    user = sqlite_shop.user()
    for fields in ({"name": "Ada"}, {"name": "Ada", "age": "x"}):
        answer = submit(user, sqlite_shop.ref(user, "rename"), referer=referer, **fields)
        assert answer.response.header("location") == "/"


@pytest.mark.parametrize("line", [("host", "evil.example"), ("x-forwarded-host", "evil.example")])
def test_a012_a_redirect_of_an_action_names_no_host_of_the_attackers(public_site: Site, line: tuple[str, str]) -> None:
    @public_site.auth.action(public)
    def contact() -> None: ...

    shop = Shop(public_site, actions={"contact": contact})
    reference = shop.ref(None, "contact")
    lines = [line] if line[0] == "host" else [("host", "example.org"), line]
    accept, referer = ("accept", "text/html"), ("referer", "https://example.org/notes")
    origin = ("origin", "https://example.org")
    answer = send(public_site, "POST", ACTIONS + reference, *lines, origin, FORM, accept, referer, host="")
    assert (answer.status, answer.response.header("location")) == (303, "/notes")


def test_a_refused_form_is_led_back_and_its_page_is_told_what_was_wrong(shop: Shop) -> None:
    user = shop.user()
    refused = submit(user, shop.ref(user, "rename"), name="Ada <b>", age="old", extra="x")
    assert (refused.status, refused.response.header("location")) == (303, "/notes?page=2")
    assert "HttpOnly" in refused.cookies[0]
    assert "Ada" not in refused.cookies[0]
    errors = shop.errors(user, "rename")
    assert errors
    assert errors.fields == {"extra": "nothing: there is no such field", "age": "an integer or null"}
    assert errors.values == {"name": "Ada <b>", "age": "old"}
    assert not shop.errors(user, "contact")
    assert shop.ran == []


def test_what_the_action_itself_finds_wrong_is_told_alike(shop: Shop) -> None:
    user = shop.user()
    assert submit(user, shop.ref(user, "rename"), name="taken").status == 303
    assert shop.errors(user, "rename").fields == {"name": "a name that nobody has yet"}
    assert shop.call(user, "rename", {"name": "taken"}).json["fields"] == [
        {"field": "name", "expected": "a name that nobody has yet"}
    ]


def test_a_form_that_is_done_takes_the_errors_away(shop: Shop) -> None:
    user = shop.user()
    submit(user, shop.ref(user, "rename"), name="taken")
    assert submit(user, shop.ref(user, "rename"), name="Ada").status == 303
    assert FLASH not in user.cookies
    assert not shop.errors(user, "rename")


def test_errors_last_for_a_minute_and_for_the_session_that_sent_the_form(shop: Shop) -> None:
    user, other = shop.user(), shop.user("grace@example.org")
    submit(user, shop.ref(user, "rename"), name="taken")
    other.cookies[FLASH] = user.cookies[FLASH]
    assert not shop.errors(other, "rename")
    assert shop.errors(user, "rename")
    shop.site.clock.advance(LIFETIME)
    assert not shop.errors(user, "rename")


@pytest.mark.parametrize("value", ["x", "", "A" * 4000, "é"])
def test_a_cookie_that_is_none_of_ours_tells_of_no_errors(sqlite_shop: Shop, value: str) -> None:
    user = sqlite_shop.user()
    user.cookies[FLASH] = value
    assert not sqlite_shop.errors(user, "rename")


def test_no_password_and_no_secret_is_shown_again(sqlite_site: Site) -> None:
    @sqlite_site.auth.action(public)
    def join(email: str, age: int, new_password: str, pin: str, word: Secret, other: Secret | None = None) -> None: ...

    shop = Shop(sqlite_site, actions={"join": join})
    visitor = sqlite_site.visitor()
    sent = {"email": "ada@example.org", "new_password": "p", "pin": "1", "word": "w", "other": "o", "csrf": "c"}
    assert submit(visitor, shop.ref(visitor, "join"), age="x", **sent).status == 303
    assert shop.errors(visitor, "join").values == {"email": "ada@example.org", "age": "x"}


def test_a_long_form_leaves_a_cookie_that_a_browser_keeps(sqlite_site: Site) -> None:
    @sqlite_site.auth.action(public)
    def write(text: str, age: int) -> None: ...

    shop = Shop(sqlite_site, actions={"write": write})
    visitor = sqlite_site.visitor()
    long = {f"field_{number}" * 9: "x" for number in range(49)}
    for fields in ({"text": "x" * 50_000}, long):
        answer = submit(visitor, shop.ref(visitor, "write"), age="x", **fields)
        assert len(answer.cookies[0]) < 4096
        assert shop.errors(visitor, "write").fields
        assert not shop.errors(visitor, "write").values


def test_a_form_of_somebody_signed_out_leads_to_sign_in_and_back(shop: Shop) -> None:
    user = shop.user()
    reference = shop.ref(user, "rename")
    user.post("/auth/sign-out")
    answer = submit(user, reference, name="Ada")
    assert answer.status == 303
    assert answer.response.header("location") == "/auth/sign-in?next=%2Fnotes%3Fpage%3D2"


def test_other_refusals_of_a_form_are_pages(shop: Shop) -> None:
    user = shop.user()
    for reference, status in ((shop.ref(user, "set_role"), 403), ("A" * 100, 404), (shop.ref(user, "breaks"), 500)):
        fields = {"message": "x"} if status == 500 else {}
        answer = submit(user, reference, **fields)
        assert answer.status == status
        assert answer.response.header("content-type") == "text/html; charset=utf-8"
    foreign = [cookie((COOKIE, token_of(user))), ("origin", "https://evil.example"), ("accept", "text/html"), FORM]
    answer = send(shop.site, "POST", ACTIONS + shop.ref(user, "rename"), *foreign, body=b"name=x")
    assert (answer.status, shop.ran) == (403, ["breaks"])


def test_a_page_that_asks_for_errors_outside_a_form_finds_none(sqlite_site: Site) -> None:
    @sqlite_site.auth.action(guard())
    def act() -> None: ...

    assert not Shop(sqlite_site, actions={"act": act}).errors(sqlite_site.visitor(), "act")
