"""Chapter 6 of the list of attacks: passwords."""

import time

import pytest
from argon2.low_level import Type, hash_secret

from tests.support.site import CHEAP, EMAIL, Site, make_site
from watchword.foundation.clock import ManualClock
from watchword.foundation.secrets import Secret
from watchword.identity.users import account_by_email, set_password
from watchword.methods.password import hashing, threads
from watchword.methods.password.hashing import Mismatch, PasswordHasher
from watchword.methods.password.strength import LONGEST_ESTIMATED, objection

LONGEST = "correct horse battery " * 186  # 4,092 of the 4,096 bytes
HEAVY = Secret("a password")


def test_a081_passwords_that_are_equal_in_their_first_72_bytes_differ(sqlite_site: Site):
    """Nothing is cut, up to the last of 4,096 bytes (CB-132, CB-146)."""
    visitor = sqlite_site.visitor()
    assert visitor.sign_up(password=LONGEST + "abcd").status == 200
    assert sqlite_site.visitor().sign_in(password=LONGEST + "abce").status == 401
    assert sqlite_site.visitor().sign_in(password=LONGEST[:72]).status == 401
    assert sqlite_site.visitor().sign_in(password=LONGEST + "abcd").status == 200


def test_a081_equal_passwords_of_two_people_have_different_hashes(sqlite_site: Site):
    """Each hash has a salt of its own (CB-136)."""
    for email in ("ada@example.org", "eva@example.org"):
        assert sqlite_site.visitor().sign_up(email).status == 200
    with sqlite_site.auth.store.read() as tx:
        hashes = [account_by_email(tx, key) for key in ("ada@example.org", "eva@example.org")]
    assert len({account.password for account in hashes if account}) == 2


@pytest.mark.parametrize(
    "password",
    [
        "      \t leading and trailing  ",
        "".join(chr(0x1F400 + n) for n in range(64)),
        "ключ от квартиры",
        "cafe\u0301 creme\u0300",
    ],
    ids=["spaces", "64 emoji", "Cyrillic", "combining marks"],
)
def test_a082_spaces_and_emoji_count_exactly_as_typed(sqlite_site: Site, password: str):
    """CB-133: every character counts, white space too."""
    assert sqlite_site.visitor().sign_up(password=password).status == 200
    assert sqlite_site.visitor().sign_in(password=password).status == 200
    assert sqlite_site.visitor().sign_in(password=password.strip() + ".").status == 401
    assert sqlite_site.visitor().sign_in(password=password[:-1]).status == 401


@pytest.mark.parametrize("password", ["analytical\0engine", "analytical \ud800 engine"], ids=["NUL", "surrogate"])
def test_a082_a_password_with_a_nul_or_a_lone_surrogate_is_refused(sqlite_site: Site, password: str):
    visitor = sqlite_site.visitor()
    refused = visitor.post("/auth/sign-up/password", {"email": EMAIL, "password": password})
    assert (refused.status, refused.json["fields"][0]["field"]) == (422, "password")
    assert visitor.sign_in(password=password).status == 422


def test_a083_a_password_of_a_mebibyte_is_refused_by_its_size(sqlite_site: Site):
    refused = sqlite_site.visitor().sign_in(password="x" * 2**20)
    assert (refused.status, refused.code) == (413, "body_too_large")


def test_a083_a_password_over_4096_bytes_is_refused_before_it_is_hashed(
    sqlite_site: Site, monkeypatch: pytest.MonkeyPatch
):
    hashed: list[int] = []
    real = hashing.hash_secret
    monkeypatch.setattr(hashing, "hash_secret", lambda text, *rest: hashed.append(len(text)) or real(text, *rest))
    visitor = sqlite_site.visitor()
    assert visitor.post("/auth/sign-up/password", {"email": EMAIL, "password": "ö" * 2049}).status == 422
    assert visitor.sign_in(password="ö" * 5_000).status == 401
    assert max(hashed) <= hashing.MAXIMUM_BYTES


def test_a083_a_name_of_60000_characters_costs_no_more_than_another(sqlite_site: Site):
    """Names and identifiers are bounded before anything is normalised (CVE-2023-46695)."""
    visitor = sqlite_site.visitor()
    begin = time.perf_counter()
    refused = visitor.post(
        "/auth/sign-up/password", {"email": EMAIL, "password": "analytical engine no. 1", "name": "ﷺ" * 10_000}
    )
    assert refused.status == 422
    assert visitor.sign_in(identifier="ﷺ" * 10_000).status == 401
    assert time.perf_counter() - begin < 2


def test_a083_estimating_the_strength_of_a_hostile_password_takes_no_seconds():
    """All signs that stand for letters at once made the estimate try 736 readings: 5 s of one core for one request."""
    hostile = ("4@8({[<369&#!1/|0$5+7%2" * 4)[:LONGEST_ESTIMATED]
    objection("password", Secret("warm up the word lists"), ())
    begin = time.process_time()
    objection("password", Secret(hostile), ("ada@example.org", "4@8({[<3 69!1|0$5+ 7%2"))
    assert time.process_time() - begin < 0.5


def test_a083_the_limit_of_sign_ups_comes_before_the_estimate(sqlite_url: str, clock: ManualClock):
    """A refused password counts too: else a flood of weak ones would cost a core and no limit would see it."""
    site = make_site(sqlite_url, clock, limits={"sign_up_address": "3/h"})
    weak = {"email": EMAIL, "password": "password"}
    statuses = [site.visitor().post("/auth/sign-up/password", weak).status for _ in range(5)]
    assert statuses == [422, 422, 422, 429, 429]
    site.auth.stop()


@pytest.mark.parametrize(
    "stored",
    [
        "$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$" + "A" * 43,
        "$argon2id$v=19$m=65536,t=1000000,p=1$c2FsdHNhbHRzYWx0c2FsdA$" + "A" * 43,
        "$argon2id$v=19$m=65536,t=2,p=255$c2FsdHNhbHRzYWx0c2FsdA$" + "A" * 43,
    ],
    ids=["memory", "iterations", "lanes"],
)
def test_a084_a_stored_hash_of_huge_cost_is_not_computed(sqlite_site: Site, stored: str):
    """Refused when it is checked, as a wrong password, within the time of one."""
    sqlite_site.visitor().sign_up()
    with sqlite_site.auth.store.write() as tx:
        account = account_by_email(tx, EMAIL)
        assert account
        set_password(tx, account.user.id, stored)
    begin = time.process_time()
    assert sqlite_site.visitor().sign_in().status == 401
    assert time.process_time() - begin < 1


def test_a084_a_hash_that_is_none_or_of_another_kind_matches_nothing():
    """What is no Argon2id hash of sane figures is never handed to the C library."""
    hasher = PasswordHasher(CHEAP)
    text = HEAVY.reveal().encode()
    argon2i = hash_secret(text, b"saltsaltsaltsalt", 1, 64, 1, 32, Type.I).decode()
    for stored in ("", "plain", "$2b$12$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=64,t=1,p=1$", argon2i):
        assert isinstance(hasher.verify(stored, HEAVY), Mismatch), stored


def test_a085_a_flood_is_answered_503_and_a_session_check_goes_on(site: Site, monkeypatch: pytest.MonkeyPatch):
    visitor = site.visitor()
    visitor.sign_up()
    monkeypatch.setattr(threads, "_MAXIMUM_WAITING", 0)
    flooded = site.visitor().sign_in()
    assert (flooded.status, flooded.code) == (503, "busy")
    assert dict(flooded.response.headers)["retry-after"] == "5"
    assert flooded.cookies == []
    assert visitor.user["email"] == EMAIL


def test_a086_no_view_of_a_person_shows_a_hash(site: Site):
    """Session, list of sessions, profile, export: none holds the password's hash or the token's (CVE-2022-31177)."""
    visitor = site.visitor()
    visitor.sign_up()
    with site.auth.store.read() as tx:
        account = account_by_email(tx, EMAIL)
    assert account
    assert account.password
    views = [
        visitor.get("/auth/session"),
        visitor.get("/auth/sessions"),
        visitor.send("PATCH", "/auth/user", body={"name": "Ada L."}),
        visitor.get("/auth/user/export"),
    ]
    for view in views:
        assert view.status == 200
        assert "argon2" not in view.text
        assert account.password.rpartition("$")[2] not in view.text
        assert "token" not in view.text
        assert visitor.cookies["watchword"] not in view.text
    assert "argon2" not in repr(site.auth.administration.users())
