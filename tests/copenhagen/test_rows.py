"""Rows of the Copenhagen Book that no other test names, from outside: through a whole site."""

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
from argon2 import extract_parameters
from argon2.low_level import Type
from sqlalchemy import select, update

import watchword
from tests.support.site import EMAIL, ORIGIN, PASSWORD, Answer, Site, Visitor, make_site
from watchword.foundation.clock import DAY, HOUR, MINUTE, ManualClock
from watchword.foundation.ids import new_id
from watchword.foundation.secrets import random_bytes
from watchword.http.origin import SAFE_METHODS
from watchword.identity.tables import credentials, identifiers
from watchword.sessions.tables import sessions

NEW_PASSWORD = "difference engine no. 2"
PACKAGE = Path(watchword.__file__).parent
EVIL = "https://evil.example"
FORM = "application/x-www-form-urlencoded"
BASE32 = set("abcdefghijklmnopqrstuvwxyz234567")


@pytest.fixture
def ada(site: Site) -> Visitor:
    """Ada, signed up and signed in."""
    visitor = site.visitor()
    assert visitor.sign_up().status == 200
    return visitor


def forgot(site: Site) -> str:
    """Ask for a reset; give the token of the link in the mail."""
    assert site.visitor().post("/auth/password/forgot", {"email": EMAIL}).status == 202
    return site.link_for(EMAIL).removeprefix("/auth/reset/")


def reset(site: Site, token: str) -> Answer:
    return site.visitor().post("/auth/password/reset", {"token": token, "password": NEW_PASSWORD})


def signed_in(site: Site, count: int) -> list[Visitor]:
    visitors = [site.visitor() for _ in range(count)]
    for visitor in visitors:
        assert visitor.sign_in().status == 200
    return visitors


def test_every_random_text_is_random_bytes_in_base32(site: Site, ada: Visitor):
    """CB-004, CB-013, CB-015: five bits a letter, of a strong generator; no UUID."""
    texts = [ada.cookies["watchword"][4:], ada.cookies["watchword-browser"], forgot(site)]
    ids = [new_id("usr"), ada.user["id"], ada.get("/auth/session").json["session"]["id"]]
    letters = texts + [text.partition("_")[2] for text in ids]
    assert [set(text) - BASE32 for text in letters] == [set()] * 6
    assert [len(text.partition("_")[2]) for text in ids] == [26] * 3, "128 bits and two to spare"
    counts = Counter(byte for byte in random_bytes(256 * 400))
    assert len(counts) == 256
    assert max(counts.values()) < 600, "ten deviations above the mean"


def test_of_many_uses_of_a_link_at_once_one_is_taken(site: Site, ada: Visitor):
    """CB-011."""
    token = forgot(site)
    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(lambda _: reset(site, token).status, range(8)))
    assert sorted(statuses) == [200] + [410] * 7


def test_a_token_is_stored_as_a_hash_alone(site: Site, ada: Visitor):
    """CB-021."""
    token = ada.cookies["watchword"]
    with site.auth.store.read() as tx:
        rows = repr(tx.execute(select(sessions)).all())
    assert [part in rows for part in (token, token[-52:], token.encode().hex())] == [False] * 3


def test_who_is_not_signed_in_has_no_session_and_gets_no_cookie(site: Site):
    """CB-023: there are no anonymous sessions."""
    visitor = site.visitor()
    answers = [visitor.get(path) for path in ("/auth/session", "/auth/sign-in", "/auth/sign-up")]
    assert [answer.cookies for answer in answers] == [[], [], []]
    assert site.count("sessions") == 0


def test_a_session_lives_on_as_long_as_it_is_used_up_to_its_end(site: Site, ada: Visitor):
    """CB-025: a week without use, thirty days in all."""
    for _ in range(4):
        site.clock.advance(6 * DAY)
        assert ada.user
    site.clock.advance(5 * DAY)
    assert ada.user
    site.clock.advance(DAY)
    assert ada.user is None


def test_a_person_may_have_many_sessions_and_sees_them_all(site: Site, ada: Visitor):
    """CB-031: not limited; their owner looks through them and ends them."""
    signed_in(site, 12)
    listed = ada.get("/auth/sessions").json["sessions"]
    assert len({entry["id"] for entry in listed}) == 13
    assert ada.delete("/auth/sessions").json == {"ended": 12}


def test_an_address_or_a_browsers_name_neither_opens_nor_ends_a_session(site: Site, ada: Visitor):
    """CB-032: both can be forged, so neither decides."""
    moved = Visitor(site, "203.0.113.9", cookies=dict(ada.cookies))
    assert moved.get("/auth/session", user_agent="Phone/2").json["session"]["user"]["email"] == EMAIL
    twin = Visitor(site, ada.address)
    assert twin.user is None


def test_no_script_and_no_answer_has_the_token(site: Site, ada: Visitor):
    """CB-037, CB-045: it is in a cookie that scripts can't read, and nowhere else."""
    answers = [site.visitor().sign_in(), ada.get("/auth/session"), ada.get("/auth/sessions"), ada.get("/auth/account")]
    assert ["wws_" in answer.text for answer in answers] == [False] * 4
    scripts = [path.read_text() for path in PACKAGE.rglob("*.js")]
    assert scripts
    stores = ("localStorage", "sessionStorage", "indexedDB", "document.cookie")
    assert [store for store in stores for script in scripts if store in script] == []


@pytest.mark.parametrize("origin", [EVIL, "null", "http://sub.localhost:8000", "https://localhost:8000"])
def test_cookies_alone_let_no_other_site_change_anything(site: Site, ada: Visitor, origin: str):
    """CB-043, CB-062, CB-063, CB-072: every call that changes something is checked, form or not."""
    refused = "('origin_refused', 'access_refused')"  # the latter by GET, of a call that has no key
    before = site.count(f"audit_events WHERE event NOT IN {refused}")
    for route in site.auth.routes:
        path = "/auth" + re.sub(r"\{\w+\}", "x", route.path)
        kind = {"content-type": FORM if route.form else "application/json"}
        answer = ada.send(route.method, path, raw=b"", headers={"origin": origin, **kind})
        assert (answer.status == 403) == (route.method not in SAFE_METHODS), f"{route.method} {path}: {answer.status}"
    exports = 2  # /user/export and its page write down that they were asked for
    assert site.count(f"audit_events WHERE event NOT IN {refused}") == before + exports
    assert ada.user["email"] == EMAIL


def test_a_program_without_cookies_sends_its_token_in_the_header(site: Site, ada: Visitor):
    """CB-046."""
    token = ada.cookies["watchword"]
    found = Visitor(site).get("/auth/session", authorization=f"Bearer {token}").json["session"]
    assert (found["user"]["email"], found["kind"]) == (EMAIL, "bearer")


def test_a_token_anywhere_else_is_no_session(site: Site, ada: Visitor):
    """CB-047, CB-049: not in a URL, not in a form, not in another header."""
    token = ada.cookies["watchword"]
    visitor = Visitor(site)
    names = ("watchword", "session", "access_token", "token")
    for name in names:
        assert visitor.get(f"/auth/session?{name}={token}").json["session"] is None
        assert visitor.get("/auth/session", **{f"x_{name}": token}).json["session"] is None
    refused = visitor.submit("/auth/account/profile", name="Eva", **dict.fromkeys(names, token))
    assert (refused.status, refused.response.header("location")) == (303, "/auth/sign-in")
    assert ada.user["name"] == "Ada"


def test_no_form_needs_a_token_so_the_back_button_works(site: Site, ada: Visitor):
    """CB-065, CB-067 to CB-071: the origin is checked instead, and there is no token that a sub-domain could plant."""
    page = ada.get("/auth/account", accept="text/html").text
    assert re.findall(r'name="[^"]*(?:csrf|token)[^"]*"', page) == []
    assert set(ada.cookies) == {"watchword", "watchword-browser"}
    saved = [ada.submit("/auth/account/profile", name=name).status for name in ("Ada L.", "Ada")]
    assert saved == [303, 303], "the same page sent twice"
    planted = Visitor(site, cookies={**ada.cookies, "csrf": "x", "__Host-csrf": "x"})
    form = {"content-type": FORM, "origin": EVIL, "x-csrf-token": "x"}
    assert planted.send("POST", "/auth/account/profile", raw=b"name=Eva&csrf=x", headers=form).status == 403


def test_no_answer_opens_itself_to_another_origin(site: Site, ada: Visitor):
    """CB-066: no header of CORS is ever sent."""
    asked = {"origin": EVIL, "access-control-request-method": "POST"}
    answers = [
        ada.send("OPTIONS", "/auth/sign-in/password", headers=asked),
        ada.send("GET", "/auth/session", headers=asked),
        ada.send("POST", "/auth/sign-out", body={}, headers=asked),
    ]
    names = {name for answer in answers for name, _ in answer.response.headers}
    assert [name for name in names if name.startswith("access-control-")] == []


def test_every_cookie_has_the_same_site_attribute(site: Site):
    """CB-076: and is for the whole site, out of reach of scripts."""
    lines = site.visitor().sign_up().cookies
    assert len(lines) == 2
    assert ["; Path=/; HttpOnly; SameSite=Lax; Max-Age=" in line for line in lines] == [True, True]


def test_a_tag_in_an_address_is_taken_and_makes_another_address(site: Site, ada: Visitor):
    """CB-099."""
    tagged = site.visitor()
    assert tagged.sign_up("ada+lists@example.org").json["session"]["user"]["email"] == "ada+lists@example.org"
    assert tagged.user["id"] != ada.user["id"]


def test_no_two_codes_and_no_two_links_are_related(site: Site):
    """CB-105: each is drawn afresh."""
    for number in range(12):
        site.visitor().post("/auth/sign-up/password", {"email": f"u{number}@example.org", "password": PASSWORD})
    codes = [int(site.code_for(f"u{number}@example.org")) for number in range(12)]
    links = [site.link_for(f"u{number}@example.org") for number in range(12)]
    steps = [later - earlier for earlier, later in pairwise(codes)]
    assert (len(set(codes)), len(set(links)), len(set(steps))) == (12, 12, 11)


def test_what_is_stored_of_a_password_is_argon2id_with_a_salt_and_no_pepper(site: Site, ada: Visitor):
    """CB-139, CB-141, CB-143: no secret goes in, so another secret of the site checks it as well."""
    with site.auth.store.read() as tx:
        stored = tx.execute(select(credentials.c.data)).scalar_one()
    parameters = extract_parameters(stored)
    assert (parameters.type, parameters.salt_len, parameters.hash_len) == (Type.ID, 16, 32)
    assert "keyid" not in stored


def test_the_sites_secret_is_not_part_of_a_password(store_url: str, clock: ManualClock):
    """CB-139: to change it locks nobody out."""
    first = make_site(store_url, clock)
    first.visitor().sign_up()
    first.auth.stop()
    second = make_site(store_url, clock, secret="another-secret-of-more-than-thirty-two-characters")
    assert second.visitor().sign_in().status == 200
    second.auth.stop()


@pytest.mark.parametrize(
    "stored",
    [
        "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
        "$scrypt$ln=14,r=16,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo",
        "5f4dcc3b5aa765d61d8327deb882cf99",
    ],
    ids=["bcrypt", "scrypt", "md5"],
)
def test_no_other_kind_of_hash_lets_anybody_in(site: Site, ada: Visitor, stored: str):
    """CB-144, CB-145, CB-147: neither scrypt nor bcrypt is used, so none of their traps is there."""
    with site.auth.store.write() as tx:
        tx.execute(update(credentials).values(data=stored))
    assert [site.visitor().sign_in(password=password).status for password in (PASSWORD, "password")] == [401, 401]


def test_neither_a_second_factor_nor_a_riddle_is_asked_for(site: Site, ada: Visitor):
    """CB-149, CB-153: not in this release; the answer's `next` is where they will stand."""
    answer = site.visitor().sign_in()
    assert (answer.status, answer.json["status"], answer.json["session"]["factors"]) == (200, "complete", ["password"])


def test_a_password_does_not_grow_old(site: Site, ada: Visitor):
    """CB-160."""
    site.clock.advance(20 * 365 * DAY)
    assert site.visitor().sign_in().status == 200


def test_a_reset_goes_to_an_account_whose_address_is_proven_and_it_stays_so(site: Site, ada: Visitor):
    """CB-171, CB-172: there is no other state of an address."""
    unproven = site.visitor()
    unproven.post("/auth/sign-up/password", {"email": "eva@example.org", "password": PASSWORD})
    mails = len(site.mails())
    unproven.post("/auth/password/forgot", {"email": "eva@example.org"})
    assert len(site.mails()) == mails, "no account, no mail"
    assert reset(site, forgot(site)).status == 200
    with site.auth.store.read() as tx:
        assert None not in tx.execute(select(identifiers.c.verified_at)).scalars().all()


def test_a_reset_link_lives_for_half_an_hour(site: Site, ada: Visitor):
    """CB-175: less than the book's hour."""
    good = forgot(site)
    site.clock.advance(29 * MINUTE)
    assert reset(site, good).status == 200
    late = forgot(site)
    site.clock.advance(HOUR)
    assert reset(site, late).status == 410


def test_a_reset_signs_nobody_in(site: Site, ada: Visitor):
    """CB-180: whatever a sign-in asks beside the password, it asks after a reset too."""
    visitor = site.visitor()
    link = f"/auth/reset/{forgot(site)}"
    answer = visitor.submit(link, password=NEW_PASSWORD)
    assert answer.response.header("location") == "/auth/sign-in?notice=password_reset"
    assert (answer.cookies, visitor.user, site.count("sessions")) == ([], None, 0)


def test_a_link_leads_to_the_site_that_sent_it(site: Site, ada: Visitor):
    """CB-114: to no place that the request named."""
    site.visitor().post("/auth/password/forgot", {"email": EMAIL}, x_forwarded_host="evil.example")
    assert f"{ORIGIN}/auth/reset/" in site.mail_to(EMAIL).text
