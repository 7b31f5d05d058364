"""Attacks on identity and addresses: what applies of chapter 4."""

import json

import pytest

from tests.attacks.wire import COOKIE, FORM, JSON, everything_stored, send, signed_up
from tests.support.site import EMAIL, ORIGIN, PASSWORD, Answer, Site, Visitor, make_site
from watchword.foundation.clock import ManualClock

NEW_PASSWORD = "difference engine no. 2"
MALLORY = "mallory@evil.example"


LISTS = [
    f"{EMAIL},{MALLORY}",
    f"{EMAIL};{MALLORY}",
    f"{EMAIL} {MALLORY}",
    f"{EMAIL}\n{MALLORY}",
    f"{EMAIL}%2c{MALLORY}",
    f"{MALLORY},{EMAIL}",
    f"<{EMAIL}>,{MALLORY}",
    f"{EMAIL}\t",
    f"{EMAIL},",
    f"Ada <{EMAIL}>",
    f"{EMAIL}|{MALLORY}",
    f"mailto:{EMAIL}",
    f"{EMAIL}?cc={MALLORY}",
    f"{EMAIL}&email={MALLORY}",
]


@pytest.mark.parametrize("several", LISTS)
def test_a058_several_addresses_in_one_get_no_mail(site: Site, several: str) -> None:
    visitor = signed_up(site)
    assert_no_mail(visitor, several)


@pytest.mark.parametrize(
    "email", [[EMAIL, MALLORY], {"0": EMAIL, "1": MALLORY}, [EMAIL], {"$ne": None}, None, True, 1, [[EMAIL]]]
)
def test_a059_an_address_that_is_no_text_gets_no_mail(site: Site, email: object) -> None:
    visitor = signed_up(site)
    assert_no_mail(visitor, email)


def test_a059_an_address_given_twice_gets_no_mail(site: Site) -> None:
    signed_up(site)
    before = everything_stored(site)
    own = ("origin", ORIGIN)
    twice = f'{{"email": "{EMAIL}", "email": "{MALLORY}"}}'.encode()
    form = f"email={EMAIL}&email={MALLORY}".replace("@", "%40").encode()
    brackets = f"email%5B%5D={EMAIL}&email%5B%5D={MALLORY}".replace("@", "%40").encode()
    for path, kind, body in (
        ("/auth/password/forgot", JSON, twice),
        ("/auth/forgot", FORM, form),
        ("/auth/forgot", FORM, brackets),
    ):
        answer = send(site, "POST", path, own, kind, body=body)
        assert answer.status == 422
    beside = send(
        site, "POST", f"/auth/password/forgot?email={MALLORY}", own, JSON, body=json.dumps({"email": EMAIL}).encode()
    )
    assert beside.status == 202
    assert [mail.to for mail in site.mails()[: site.count("outbox") - len(before["outbox"])]] == [EMAIL]


HOMOGLYPHS = [
    "ada@\u212aelvin.org",
    "ada＠example.org",
    "ada﹫example.org",
    "ada@example。org",
    "ada@mail.example。org",
    "ada@mail.example．org",
    "ada@mail.example｡org",
    "ａda@example.org",
    "ada@ｅxample.org",
    "ada@exam\u00adple.org",
    "ada@mail.exam\u034fple.org",
    "ada@mail.exam\ufe0fple.org",
    "ada@exam\u200bple.org",
    "ada@exam\u200dple.org",
    "ada\u200b@example.org",
    "ada@example.org\u200b",
    "\ufeffada@example.org",
    "ada@℀xample.org",
    "ada@ⅿail.example.org",
]


@pytest.mark.parametrize("twin", HOMOGLYPHS)
def test_a060_an_address_that_becomes_another_when_normalised_is_refused(site: Site, twin: str) -> None:
    visitor = signed_up(site)
    signed_up(site, "ada@mail.example.org")
    assert_no_mail(visitor, twin)


TWINS = [
    "ıda@example.org",
    "İda@example.org",
    "ida@ıexample.org",
    "miſs@example.org",
    "\u212aate@example.org",
    "аda@example.org",
    "adа@example.org",
    "ada@exаmple.org",
    "ádа@example.org",
    "ada@examp\u0131e.org",
]


@pytest.mark.parametrize("twin", TWINS)
def test_a061_a_twin_of_an_address_in_other_letters_leads_to_no_account(site: Site, twin: str) -> None:
    for email in ("ida@example.org", "miss@example.org", "kate@example.org", EMAIL):
        site.auth.administration.create(email=email, password=PASSWORD)
    answer = site.visitor().post("/auth/password/forgot", {"email": twin})
    assert answer.status in (202, 422)
    assert site.mails() == []
    assert site.visitor().sign_in(twin).status == 401


def test_a061_a_twin_of_a_user_name_leads_to_nobody(site: Site) -> None:
    signed_up(site).send("PATCH", "/auth/user", body={"user_name": "kate.s"})
    assert site.visitor().sign_in("KATE.S").status == 200
    for twin in ("\u212aate.s", "kate.\u017f", "kate.s\u200b"):
        assert site.visitor().sign_in(twin).code == "invalid_credentials"


def test_a061_a_reset_asked_for_in_other_case_goes_to_the_stored_address(site: Site) -> None:
    signed_up(site, "Ada@Example.org")
    for typed in ("ADA@EXAMPLE.ORG", "ada@example.org", "aDa@eXample.oRg"):
        assert site.visitor().post("/auth/password/forgot", {"email": typed}).status == 202
        assert site.mails()[0].to == "Ada@Example.org"


def test_a061_an_address_differs_in_case_from_nobody_elses(site: Site) -> None:
    signed_up(site)
    pending = site.visitor().post("/auth/sign-up/password", {"email": EMAIL.upper(), "password": PASSWORD})
    assert pending.status == 202
    assert "code" not in site.mails()[0].text.lower()
    assert site.count("users") == 1


FORMS = [
    "a@evil.example@example.org",
    "=?utf-8?q?ada=40evil.example?=@example.org",
    "=?x?q?ada=40evil.example=3e=00?=@example.org",
    '"ada@evil.example"@example.org',
    '"ada"@example.org',
    "ada(evil)@example.org",
    "ada@(evil)example.org",
    "ada@[127.0.0.1]",
    "ada@[IPv6:::1]",
    "@example.org",
    "ada@",
    "ada",
    "ada@localhost",
    "ada@example",
    ".ada@example.org",
    "ada.@example.org",
    "a..da@example.org",
    "ada@-example.org",
    "ada@example-.org",
    "ada@example..org",
    "ada@.example.org",
    "ada@example.org.",
    "ada%evil.example@example.org\x00",
    "ada!evil.example@example.org@",
    "ada@" + "a" * 64 + ".org",
    "a" * 65 + "@example.org",
    "a@" + "a." * 126 + "org",
    "ada@example.org" + " " * 300,
    "\ud800@example.org",
]


@pytest.mark.parametrize("email", FORMS)
def test_a062_an_address_that_two_readers_read_differently_is_refused(site: Site, email: str) -> None:
    assert_no_mail(signed_up(site), email)


def test_a063_spellings_of_one_account_share_its_tries(store_url: str, clock: ManualClock) -> None:
    site = make_site(store_url, clock, limits={"sign_in_account": "6/hour"})
    signed_up(site).send("PATCH", "/auth/user", body={"user_name": "ada.lovelace"})
    spellings = [EMAIL, EMAIL.upper(), "Ada@Example.Org", "ada.lovelace", "ADA.Lovelace", "Ada.Lovelace"]
    for number, spelling in enumerate(spellings):
        assert site.visitor(f"192.0.2.{number}").sign_in(spelling, "not the password").status == 401
    for number, spelling in enumerate(spellings):
        assert site.visitor(f"198.51.100.{number}").sign_in(spelling).status == 429
    for other in (
        f" {EMAIL}",
        f"{EMAIL} ",
        "áda@example.org",
        "ada. lovelace",
        "ada.lovelace\u200b",
        "ada+1@example.org",
    ):
        assert site.visitor().sign_in(other).status == 401
    site.auth.stop()


@pytest.mark.parametrize("user_name", [EMAIL, EMAIL.upper(), "ada＠example.org", "ada@", "@ada", "ada@example"])
def test_a064_no_user_name_can_be_an_address(site: Site, user_name: str) -> None:
    signed_up(site)
    mallory = signed_up(site, MALLORY, password=NEW_PASSWORD)
    answer = mallory.send("PATCH", "/auth/user", body={"user_name": user_name})
    assert answer.status == 422
    assert mallory.user["user_name"] is None
    assert site.visitor().sign_in(user_name, NEW_PASSWORD).status == 401


def test_a065_a_sign_up_with_a_victims_address_leaves_nothing_in_the_victims_account(site: Site) -> None:
    attacker, victim = site.visitor(), site.visitor()
    planted = attacker.post("/auth/sign-up/password", {"email": EMAIL, "password": NEW_PASSWORD, "name": "Mallory"})
    code, link = site.code_for(EMAIL), site.link_for(EMAIL)

    # The victim opens what came: in a browser that never asked for it.
    assert victim.get(link, accept="text/html").status == 200
    assert COOKIE not in "".join(victim.submit(link).cookies)
    assert victim.post("/auth/attempt/email_link", {"token": link.rpartition("/")[2]}).code == "link_invalid"
    assert site.count("users") == 0

    assert victim.sign_up().status == 200
    body = {"attempt": planted.json["attempt"], "code": code}
    assert attacker.post("/auth/attempt/email_code", body).code == "attempt_expired"
    assert attacker.user is None
    assert attacker.sign_in(password=NEW_PASSWORD).code == "invalid_credentials"
    assert victim.user["name"] == "Ada"
    assert len(victim.get("/auth/sessions").json["sessions"]) == 1


def test_a065_nobody_signs_in_before_the_address_is_proven(site: Site) -> None:
    attacker = site.visitor()
    assert attacker.post("/auth/sign-up/password", {"email": EMAIL, "password": PASSWORD}).status == 202
    assert attacker.sign_in().code == "invalid_credentials"
    attacker.post("/auth/password/forgot", {"email": EMAIL})
    assert site.count("users") == 0


def test_a071_a_second_change_of_address_voids_the_first(site: Site) -> None:
    visitor = signed_up(site)
    first = change(visitor, "first@example.org").json["attempt"]
    first_code, first_link = site.code_for("first@example.org"), site.link_for("first@example.org").rpartition("/")[2]
    second = change(visitor, "second@example.org").json["attempt"]
    for attempt in (first, second):
        body = {"attempt": attempt, "code": first_code}
        assert visitor.post("/auth/attempt/email_code", body).code in ("attempt_expired", "code_invalid")
    assert visitor.post("/auth/attempt/email_link", {"token": first_link}).code == "link_invalid"
    assert visitor.user["email"] == EMAIL
    done = visitor.post("/auth/attempt/email_code", {"attempt": second, "code": site.code_for("second@example.org")})
    assert done.json["session"]["user"]["email"] == "second@example.org"


def test_a071_a_change_confirms_only_the_address_that_its_mail_went_to(site: Site) -> None:
    visitor, other = signed_up(site), signed_up(site, "grace@example.org")
    mine = change(visitor, "first@example.org").json["attempt"]
    theirs = change(other, "second@example.org").json["attempt"]
    for who, attempt, address in ((visitor, mine, "second@example.org"), (other, theirs, "first@example.org")):
        body = {"attempt": attempt, "code": site.code_for(address)}
        assert who.post("/auth/attempt/email_code", body).code == "code_invalid"
    assert visitor.user["email"] == EMAIL


def test_a071_an_address_that_was_taken_meanwhile_is_not_taken_over(site: Site) -> None:
    visitor = signed_up(site)
    attempt = change(visitor, "new@example.org").json["attempt"]
    code = site.code_for("new@example.org")
    signed_up(site, "new@example.org", name="Grace")
    assert visitor.post("/auth/attempt/email_code", {"attempt": attempt, "code": code}).code == "attempt_expired"
    assert visitor.user["email"] == EMAIL
    assert site.visitor().sign_in("new@example.org").json["session"]["user"]["name"] == "Grace"


def test_a072_the_link_for_the_first_admin_makes_no_second(site: Site) -> None:
    token = site.auth.first_admin.link()
    assert token is not None
    site.auth.administration.create(email=EMAIL, password=PASSWORD, role="admin")
    form = {"email": MALLORY, "password": NEW_PASSWORD, "name": ""}
    assert site.visitor().submit(f"/auth/setup/{token.reveal()}", **form).status == 410
    assert site.auth.first_admin.link() is None
    assert site.count("users") == 1


def test_a073_a_change_of_address_planted_before_a_reset_is_cancelled_by_it(site: Site) -> None:
    signed_up(site)
    attacker = site.visitor()
    assert attacker.sign_in().status == 200
    planted = change(attacker, MALLORY).json["attempt"]
    code, link = site.code_for(MALLORY), site.link_for(MALLORY).rpartition("/")[2]

    victim = site.visitor()
    victim.post("/auth/password/forgot", {"email": EMAIL})
    reset = {"token": site.link_for(EMAIL).rpartition("/")[2], "password": NEW_PASSWORD}
    assert victim.post("/auth/password/reset", reset).status == 200

    assert attacker.user is None
    assert attacker.post("/auth/attempt/email_code", {"attempt": planted, "code": code}).code == "attempt_expired"
    assert attacker.post("/auth/attempt/email_link", {"token": link}).code == "link_invalid"
    assert attacker.post("/auth/attempt/email_code/send", {"attempt": planted}).code == "attempt_expired"
    assert victim.sign_in(password=NEW_PASSWORD).json["session"]["user"]["email"] == EMAIL


def test_a073_a_reset_link_sent_to_the_old_address_dies_with_the_move(site: Site) -> None:
    visitor = signed_up(site)
    attempt = change(visitor, "new@example.org").json["attempt"]
    visitor.post("/auth/password/forgot", {"email": EMAIL})
    link = site.link_for(EMAIL).rpartition("/")[2]
    body = {"attempt": attempt, "code": site.code_for("new@example.org")}
    assert visitor.post("/auth/attempt/email_code", body).status == 200
    assert site.visitor().post("/auth/password/reset", {"token": link, "password": NEW_PASSWORD}).code == "link_invalid"


USER_NAMES = [
    "\u212aate.lovelace",
    "аda.lovelace",
    "ada.lovelасe",
    "ada.lovelace\u200b",
    "ada\u200b.lovelace",
    "\u2060ada.lovelace",
    "ada.lovelace ",
    "ada．lovelace",
    "ａda.lovelace",
    "ada.loveIace\u0307",
    "admin",
    "ADMIN",
    "Support",
    "ada\x00",
    "a",
    "ada..",
    "a" * 33,
    "<b>ada</b>",
]


@pytest.mark.parametrize("twin", USER_NAMES)
def test_a075_a_twin_of_a_user_name_is_refused(site: Site, twin: str) -> None:
    signed_up(site).send("PATCH", "/auth/user", body={"user_name": "ada.lovelace"})
    mallory = signed_up(site, MALLORY)
    answer = mallory.send("PATCH", "/auth/user", body={"user_name": twin})
    assert answer.status == 422
    assert mallory.user["user_name"] is None


@pytest.mark.parametrize("same", ["ada.lovelace", "ADA.LOVELACE", "Ada.Lovelace"])
def test_a075_a_user_name_in_other_case_is_the_same_one(site: Site, same: str) -> None:
    ada = signed_up(site)
    ada.send("PATCH", "/auth/user", body={"user_name": "ada.lovelace"})
    mallory = signed_up(site, MALLORY)
    assert mallory.send("PATCH", "/auth/user", body={"user_name": same}).status == 422
    assert ada.user["user_name"] == "ada.lovelace"


def change(visitor: Visitor, email: str) -> Answer:
    answer = visitor.post("/auth/user/email", {"email": email, "password": PASSWORD})
    assert answer.status == 202, answer.text
    return answer


def assert_no_mail(visitor: Visitor, email: object) -> None:
    """Each call that takes an address refuses this one, names the field, and nothing is written."""
    before = everything_stored(visitor.site)
    calls = [
        ("/auth/sign-up/password", {"email": email, "password": PASSWORD}),
        ("/auth/password/forgot", {"email": email}),
        ("/auth/user/email", {"email": email, "password": PASSWORD}),
    ]
    for path, body in calls:
        answer = visitor.post(path, body)
        assert answer.status == 422, path
        assert [entry["field"] for entry in answer.json["fields"]] == ["email"]
    assert everything_stored(visitor.site) == before
