"""References: the only address of an action. Cut, altered, moved, replayed, too old: never good for anything."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.attacks.wire import COOKIE, JSON, cookie, events, send, token_of
from tests.support.actions import ACTIONS, Shop, UserRow, open_shop, page_of, submit
from tests.support.site import ORIGIN, SECRET, Site, make_site
from watchword import action_ref, guard
from watchword.foundation.encodings import base64url_decode, base64url_encode
from watchword.foundation.secrets import Secret
from watchword.policy.actions.reference import LIFETIME, LONGEST, ActionError, Reference, seal, unseal
from watchword.sessions.verify import NoRequestError
from watchword.tokens.keyring import Keyring

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
OTHER_SECRET = "another-secret-of-more-than-thirty-two-characters"


def test_a010_a_call_straight_to_an_action_gets_401_without_a_session_and_403_with_the_wrong_role(shop: Shop) -> None:
    user = shop.user()
    reference = shop.ref(user, "set_role", user_id="usr_1")
    assert shop.site.visitor().post(ACTIONS + reference, {"role": "admin"}).status == 401
    assert user.post(ACTIONS + reference, {"role": "admin"}).status == 403
    assert shop.ran == []
    admin = shop.user("grace@example.org", "admin")
    assert shop.call(admin, "set_role", {"role": "admin"}, user_id="usr_1").json == {"id": "usr_1", "role": "admin"}
    assert shop.ran == [("usr_1", "admin")]
    assert events(shop.site, "access_refused") == 1


def test_a010_a_guard_decides_before_the_arguments_of_an_action_are_read(shop: Shop) -> None:
    user = shop.user()
    assert shop.call(user, "set_role", {"nonsense": 1}).status == 403
    assert user.send("POST", ACTIONS + shop.ref(user, "set_role"), raw=b"\xff" * 1000).status == 403


def test_a010_an_action_that_was_never_referred_to_has_no_address(shop: Shop) -> None:
    admin = shop.user(role="admin")
    action = shop.actions["set_role"]
    for guess in ("set_role", action.__qualname__.replace("<", "").replace(">", ""), "a" * 200):
        assert admin.post(ACTIONS + guess, {"user_id": "u", "role": "admin"}).status == 404
    assert shop.ran == []


def test_a_reference_cut_at_any_letter_is_refused(sqlite_shop: Shop) -> None:
    user = sqlite_shop.user()
    reference = sqlite_shop.ref(user, "rename", name="Ada")
    for length in range(1, len(reference)):
        assert user.post(ACTIONS + reference[:length]).code == "action_reference_invalid"
    assert user.post(ACTIONS + reference + "A").code == "action_reference_invalid"
    assert sqlite_shop.ran == []


def test_a_reference_altered_at_any_byte_is_refused(sqlite_shop: Shop) -> None:
    user = sqlite_shop.user()
    sealed = base64url_decode(sqlite_shop.ref(user, "rename", name="Ada"))
    for index in range(len(sealed)):
        altered = bytearray(sealed)
        altered[index] ^= 1
        assert user.post(ACTIONS + base64url_encode(bytes(altered))).code == "action_reference_invalid"
    assert sqlite_shop.ran == []


def test_a_reference_opens_nothing_after_the_sign_out(shop: Shop) -> None:
    user = shop.user()
    reference, token = shop.ref(user, "rename", name="Ada"), token_of(user)
    assert user.post("/auth/sign-out").status == 200
    assert user.post(ACTIONS + reference).status == 401
    assert send(shop.site, "POST", ACTIONS + reference, cookie((COOKIE, token)), ("origin", ORIGIN)).status == 401
    assert user.sign_in().status == 200
    assert user.post(ACTIONS + reference).code == "action_reference_invalid"
    assert shop.ran == []


def test_a014_a_reference_works_for_no_other_session(shop: Shop) -> None:
    victim, attacker = shop.user(), shop.user("mallory@example.org")
    theirs = shop.ref(victim, "rename", name="Ada")
    assert attacker.post(ACTIONS + theirs).status == 404
    assert victim.post(ACTIONS + shop.ref(attacker, "rename", name="Mallory")).status == 404
    second = shop.site.visitor()
    assert second.sign_in().status == 200
    assert second.post(ACTIONS + theirs).status == 404
    assert shop.ran == []
    assert victim.post(ACTIONS + theirs).status == 200


def test_a_reference_made_for_nobody_works_for_nobody_who_is_signed_in(shop: Shop) -> None:
    stranger, user = shop.site.visitor(), shop.user()
    planted = shop.ref(stranger, "contact", message="planted")
    assert user.post(ACTIONS + planted).code == "action_reference_invalid"
    assert shop.ran == []
    assert shop.site.visitor().post(ACTIONS + planted).json == {"redirect": "/thanks"}
    assert shop.ref(stranger, "rename")
    assert stranger.post(ACTIONS + shop.ref(stranger, "rename"), {"name": "x"}).status == 401


def test_a_cookie_that_only_names_a_session_binds_no_reference_to_it(shop: Shop) -> None:
    victim, attacker = shop.user(), shop.site.visitor()
    attacker.cookies[COOKIE] = token_of(victim)[:-20] + "a" * 20
    planted = shop.ref(attacker, "contact", message="planted")
    assert victim.post(ACTIONS + planted).code == "action_reference_invalid"
    assert shop.ran == []


def test_a_reference_ends_after_a_day(shop: Shop) -> None:
    user = shop.user()
    reference = shop.ref(user, "rename", name="Ada")
    shop.site.clock.advance(LIFETIME - 1000)
    assert user.post(ACTIONS + reference).status == 200
    shop.site.clock.advance(1000)
    assert user.post(ACTIONS + reference).code == "action_reference_invalid"


def test_a014_what_is_bound_wins_over_what_is_sent(shop: Shop) -> None:
    user = shop.user()
    mine, theirs = user.user["id"], "usr_victim"
    assert shop.call(user, "edit", {"text": "x"}, owner=mine).status == 200
    assert shop.call(user, "edit", {"owner": theirs, "text": "x"}).status == 403
    answer = shop.call(user, "edit", {"owner": theirs, "text": "x"}, owner=mine)
    assert answer.status == 422
    assert answer.json["fields"] == [{"field": "owner", "expected": "nothing: it is bound already"}]
    assert shop.ran == [(mine, "x")]


def test_the_browser_can_read_nothing_of_a_reference(sqlite_shop: Shop) -> None:
    user = sqlite_shop.user()
    one, two = (sqlite_shop.ref(user, "rename", name="Ada Lovelace") for _ in range(2))
    assert one != two
    for text in (b"rename", b"Ada Lovelace", b"ses_", user.user["id"].encode()):
        assert text not in base64url_decode(one)


def test_a_reference_of_an_unknown_action_looks_like_a_broken_one(sqlite_shop: Shop) -> None:
    user = sqlite_shop.user()
    keyring, session = Keyring([Secret(SECRET)]), session_id(sqlite_shop, user)
    end = sqlite_shop.site.clock.now() + 1000
    gone = seal(keyring, Reference("shop.views.gone", session, end, (), b""))
    changed = seal(keyring, Reference(name_of(sqlite_shop, "rename"), session, end, ("new",), b"\x81\xa3new\xa1x"))
    broken = user.post(ACTIONS + "a" * 100)
    for reference in (gone, changed):
        answer = user.post(ACTIONS + reference)
        assert (answer.status, answer.text, answer.response.headers) == (404, broken.text, broken.response.headers)


def test_something_else_that_is_sealed_is_no_reference(sqlite_shop: Shop) -> None:
    user = sqlite_shop.user()
    refused = submit(user, sqlite_shop.ref(user, "rename"), loud="perhaps")
    flash = user.cookies["watchword-form"]
    assert refused.status == 303
    assert user.post(ACTIONS + flash).status == 404
    user.cookies["watchword-form"] = sqlite_shop.ref(user, "rename")
    assert not sqlite_shop.errors(user, "rename")


def test_an_earlier_secret_still_opens_references_and_a_foreign_one_does_not(site: Site) -> None:
    shop = open_shop(site)
    user = shop.user()
    reference = shop.ref(user, "rename", name="Ada")
    url = site.auth.store.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    for secrets, expected in (((OTHER_SECRET, SECRET), 200), ((OTHER_SECRET,), 404)):
        after = open_shop(make_site(url, site.clock, secret=secrets))
        user.site = after.site
        assert user.post(ACTIONS + reference).status == expected
        if expected == 200:
            newer = after.ref(user, "rename", name="Ada")
        after.site.auth.stop()
    user.site = site
    assert user.post(ACTIONS + newer).status == 404


def test_a043_another_site_runs_no_action_with_the_visitors_cookie(shop: Shop) -> None:
    user = shop.user()
    reference = shop.ref(user, "rename", name="Ada")
    mine = cookie((COOKIE, token_of(user)))
    for line in (("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")):
        assert send(shop.site, "POST", ACTIONS + reference, mine, line, JSON, body=b"{}").status == 403
    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH"):
        assert send(shop.site, method, ACTIONS + reference, mine, ("origin", ORIGIN)).status == 405
    assert shop.ran == []


def test_no_reference_is_written_to_the_log_of_events(shop: Shop) -> None:
    user = shop.user()
    reference = shop.ref(user, "set_role", user_id="u")
    assert user.post(ACTIONS + reference, {"role": "x"}).status == 403
    with shop.site.auth.store.read() as tx:
        rows = tx.execute(__import__("sqlalchemy").text("SELECT details FROM audit_events")).scalars().all()
    assert any("/auth/actions/{reference}" in row for row in rows)
    assert not any(reference in row for row in rows)


def test_a_reference_that_can_not_be_made_says_what_to_write(sqlite_shop: Shop) -> None:
    def no_action() -> None: ...

    with page_of(sqlite_shop.site, None):
        with pytest.raises(ActionError, match="no action"):
            action_ref(no_action)
        with pytest.raises(ActionError, match="no parameter 'nmae'"):
            sqlite_shop.ref(None, "rename", nmae="Ada")
        with pytest.raises(ActionError, match="a string as 'name'"):
            sqlite_shop.ref(None, "rename", name=4)
        with pytest.raises(ActionError, match="can't be written down"):
            sqlite_shop.ref(None, "rename", name=UserRow)
        with pytest.raises(ActionError, match="bind the id"):
            sqlite_shop.ref(None, "rename", name="x" * LONGEST)
    with pytest.raises(NoRequestError):
        action_ref(sqlite_shop.actions["rename"])


def test_a_bound_argument_keeps_its_type_whatever_the_body_is(sqlite_site: Site) -> None:
    got: list[object] = []

    @sqlite_site.auth.action(guard())
    def take(number: int | str, note: str | None = None) -> None:
        got.append((number, note))

    shop = Shop(sqlite_site, actions={"take": take})
    user = shop.user()
    for value in ("5", 5):
        reference = shop.ref(user, "take", number=value, note="null")
        assert user.post(ACTIONS + reference, {}).status == 200
        assert submit(user, reference).status == 303
    assert got == [("5", "null"), ("5", "null"), (5, "null"), (5, "null")]


KEYRING = Keyring([Secret(SECRET)])
REFERENCES = st.builds(
    Reference,
    st.text(min_size=1, max_size=200),
    st.none() | st.text(max_size=40),
    st.integers(1, 2**60),
    st.lists(st.text(max_size=20)).map(tuple),
    st.binary(max_size=500),
)


@given(REFERENCES)
def test_what_is_sealed_comes_out_again_and_only_url_letters_are_used(reference: Reference) -> None:
    sealed = seal(KEYRING, reference)
    assert set(sealed) <= set(ALPHABET)
    assert unseal(KEYRING, sealed, reference.expires_at - 1) == reference
    assert unseal(KEYRING, sealed, reference.expires_at) is None
    assert unseal(Keyring([Secret(OTHER_SECRET)]), sealed, 0) is None
    assert unseal(Keyring([Secret(OTHER_SECRET), Secret(SECRET)]), sealed, 0) == reference


@given(REFERENCES, st.data())
def test_no_other_letters_open_a_reference(reference: Reference, data: st.DataObject) -> None:
    sealed = seal(KEYRING, reference)
    index = data.draw(st.integers(0, len(sealed) - 1))
    kind = data.draw(st.sampled_from(("replace", "remove", "insert", "swap")))
    letter = data.draw(st.sampled_from(ALPHABET + ".~=%"))
    other = {
        "replace": sealed[:index] + letter + sealed[index + 1 :],
        "remove": sealed[:index] + sealed[index + 1 :],
        "insert": sealed[:index] + letter + sealed[index:],
        "swap": sealed[index:] + sealed[:index],
    }[kind]
    assert other == sealed or unseal(KEYRING, other, 0) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.text(alphabet=ALPHABET + ".~", min_size=1, max_size=300).filter(lambda text: text.strip(".")))
def test_no_guess_is_a_reference(sqlite_shop: Shop, guess: str) -> None:
    assert sqlite_shop.site.visitor().post(ACTIONS + guess).status == 404


def session_id(shop: Shop, visitor: object) -> str:
    return visitor.get("/auth/session").json["session"]["id"]  # type: ignore[attr-defined]


def name_of(shop: Shop, name: str) -> str:
    action = shop.actions[name]
    return f"{action.__module__}.{action.__qualname__}"


def test_the_answers_of_actions_are_json_and_stay_out_of_caches(sqlite_shop: Shop) -> None:
    answer = sqlite_shop.call(sqlite_shop.user(), "rename", {"name": "Ada"})
    assert json.loads(answer.text) == "Ada"
    assert answer.response.header("content-type") == "application/json"
    assert answer.response.header("cache-control") == "no-store"
