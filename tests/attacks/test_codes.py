"""Chapter 7 of the list of attacks: codes and links that go to an address."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.site import EMAIL, GENEROUS, PASSWORD, Answer, Site, Visitor, make_site
from watchword.admission.challenge import CODE_LIFETIME, RESET_LIFETIME
from watchword.foundation.clock import HOUR, MINUTE, ManualClock
from watchword.tokens.keyring import Keyring

NEW_PASSWORD = "difference engine no. 2"
WRONG = "00000000"


def begin(visitor: Visitor, email: str = EMAIL) -> str:
    """Begin a sign-up and return its attempt."""
    body = {"email": email, "password": PASSWORD, "name": "Ada"}
    return visitor.post("/auth/sign-up/password", body).json["attempt"]


def confirm(visitor: Visitor, attempt: str, code: object) -> Answer:
    return visitor.post("/auth/attempt/email_code", {"attempt": attempt, "code": code})


def follow(visitor: Visitor, token: str) -> Answer:
    return visitor.post("/auth/attempt/email_link", {"token": token})


def token_for(site: Site, email: str = EMAIL) -> str:
    return site.link_for(email).rpartition("/")[2]


def reset(visitor: Visitor, token: str) -> Answer:
    return visitor.post("/auth/password/reset", {"token": token, "password": NEW_PASSWORD})


def forgot(site: Site) -> str:
    """Ask for a reset and return the token of its link."""
    assert site.visitor().post("/auth/password/forgot", {"email": EMAIL}).status == 202
    return token_for(site)


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each code that was compared with the right one."""
    found: list[str] = []
    verifies = Keyring.verifies

    def noting(keyring: Keyring, purpose: str, data: bytes, mac: bytes) -> bool:
        if purpose == "code":
            found.append(data.decode().rpartition(":")[2])
        return verifies(keyring, purpose, data, mac)

    monkeypatch.setattr(Keyring, "verifies", noting)
    return found


@pytest.fixture
def one_mail_site(store_url: str, clock: ManualClock) -> Iterator[Site]:
    """A site that sends one mail an hour to an address, so that a code that is over is not replaced."""
    site = make_site(store_url, clock, limits={**GENEROUS, "mail_recipient": "1/h", "code_account": "1000/s"})
    yield site
    site.auth.stop()


def test_a088_of_200_parallel_guesses_exactly_five_are_compared(one_mail_site: Site, compared: list[str]):
    """The try is counted before the comparison, in one statement (CVE-2025-64102)."""
    visitor = one_mail_site.visitor()
    attempt = begin(visitor)
    with ThreadPoolExecutor(20) as threads:
        guesses = [f"{number:08}" for number in range(200)]
        statuses = list(threads.map(lambda guess: confirm(visitor, attempt, guess).status, guesses))
    assert len(compared) == 5
    assert set(statuses) <= {422, 429}
    assert confirm(visitor, attempt, one_mail_site.code_for(EMAIL)).status == 429, "the right one comes too late"
    assert visitor.user is None


def test_a088_new_codes_and_new_attempts_give_no_more_than_ten_tries_an_hour(site: Site, compared: list[str]):
    """CB-110: the count is the address's, whoever asks, wherever from, in however many attempts (CVE-2025-6015)."""
    for number in range(6):
        visitor = site.visitor(f"198.51.100.{number}")
        attempt = begin(visitor)
        for _ in range(6):
            confirm(visitor, attempt, WRONG)
            visitor.post("/auth/attempt/email_code/send", {"attempt": attempt})
    assert len(compared) <= 10
    site.clock.advance(6 * MINUTE + 1)
    confirm(visitor, attempt, WRONG)
    assert len(compared) <= 11


def test_a088_a_new_code_voids_the_old_one(site: Site):
    """CB-109: only the newest mail counts."""
    visitor = site.visitor()
    attempt = begin(visitor)
    old_code, old_link = site.code_for(EMAIL), token_for(site)
    assert visitor.post("/auth/attempt/email_code/send", {"attempt": attempt}).status == 202
    assert confirm(visitor, attempt, old_code).status == 422
    assert follow(visitor, old_link).status == 410
    assert confirm(visitor, attempt, site.code_for(EMAIL)).status == 200


def test_a088_two_new_codes_at_once_leave_one_that_works(site: Site):
    """Each voids the ones before it, and the limit of mails to the address lets one after the other do so."""
    visitor = site.visitor()
    attempt = begin(visitor)
    with ThreadPoolExecutor(4) as threads:
        send = [{"attempt": attempt}] * 4
        list(threads.map(lambda body: visitor.post("/auth/attempt/email_code/send", body), send))
    assert site.count("challenges") == 1
    assert follow(visitor, token_for(site)).status in (200, 410)


def test_a088_five_wrong_codes_end_the_code_and_send_another(site: Site):
    """CB-111: the sixth try, even the right one, is refused, and a new code is on its way."""
    visitor = site.visitor()
    attempt = begin(visitor)
    right = site.code_for(EMAIL)
    assert [confirm(visitor, attempt, WRONG).code for _ in range(5)] == ["code_invalid"] * 5
    assert confirm(visitor, attempt, right).code == "code_expired"
    assert site.code_for(EMAIL) != right
    assert confirm(visitor, attempt, site.code_for(EMAIL)).status == 200


def test_a089_spaces_and_hyphens_in_a_code_are_the_persons_not_part_of_it(sqlite_site: Site):
    visitor = sqlite_site.visitor()
    attempt = begin(visitor)
    code = sqlite_site.code_for(EMAIL)
    assert confirm(visitor, attempt, f" {code[:4]}\u00a0-{code[4:]} ").status == 200


@pytest.mark.parametrize("form", ["full-width", "arabic", "sign", "exponent", "underscore", "short", "long", "empty"])
def test_a089_another_spelling_of_the_code_is_wrong_and_counts_once(sqlite_site: Site, compared: list[str], form: str):
    """No spelling is a second guess for free."""
    visitor = sqlite_site.visitor()
    attempt = begin(visitor)
    code = sqlite_site.code_for(EMAIL)
    spellings = {
        "full-width": "".join(chr(0xFF10 + int(digit)) for digit in code),
        "arabic": "".join(chr(0x0660 + int(digit)) for digit in code),
        "sign": f"+{code}",
        "exponent": f"{code}e0",
        "underscore": f"{code[:4]}_{code[4:]}",
        "short": code[:-1],
        "long": f"0{code}",
        "empty": "",
    }
    assert confirm(visitor, attempt, spellings[form]).code == "code_invalid"
    assert len(compared) == 1
    assert confirm(visitor, attempt, code).status == 200


@pytest.mark.parametrize("value", [None, 12345678, ["12345678"], {"code": "12345678"}, True, 1.0])
def test_a089_a_code_that_is_no_string_is_refused_and_not_counted(
    sqlite_site: Site, compared: list[str], value: object
):
    visitor = sqlite_site.visitor()
    attempt = begin(visitor)
    refused = confirm(visitor, attempt, value)
    assert (refused.status, refused.json["fields"][0]["field"]) == (422, "code")
    assert compared == []


def test_a090_the_last_step_without_the_proof_gives_nothing(site: Site):
    """An attempt by itself opens nothing: no code, an empty one, an attempt that nobody began (CVE-2025-64103)."""
    visitor = site.visitor()
    attempt = begin(visitor)
    assert visitor.post("/auth/attempt/email_code", {"attempt": attempt}).status == 422
    assert confirm(visitor, attempt, "").status == 422
    assert confirm(visitor, "att_aaaaaaaaaaaaaaaaaaaaaaaaaa", site.code_for(EMAIL)).status == 410
    assert confirm(visitor, "", site.code_for(EMAIL)).status == 410
    password = {"attempt": attempt, "password": PASSWORD}
    assert visitor.post("/auth/attempt/password", password).status == 410
    assert visitor.post("/auth/attempt/nothing", {"attempt": attempt}).status == 404
    assert (site.count("users"), site.count("sessions")) == (0, 0)


def test_a090_code_and_attempt_are_worth_nothing_in_another_browser(site: Site):
    """Bound to the browser that began it: with no cookie, another browser's, a broken one (A44)."""
    visitor, thief = site.visitor(), site.visitor()
    attempt = begin(visitor)
    begin(thief, "eva@example.org")
    code = site.code_for(EMAIL)
    for cookies in ({}, dict(thief.cookies), {"watchword-browser": "x"}, {"watchword-browser": ""}):
        assert confirm(Visitor(site, cookies=cookies), attempt, code).status == 410
        assert follow(Visitor(site, cookies=cookies), token_for(site)).status == 410
    assert confirm(visitor, attempt, code).status == 200, "and the tries of strangers cost the person nothing"


def test_a090_a_change_of_address_is_confirmed_only_by_whoever_is_signed_in(site: Site):
    """The code alone changes no account, in the same browser neither signed out nor signed in as another."""
    visitor = site.visitor()
    site.visitor().sign_up("eva@example.org")
    visitor.sign_up()
    for way in ("signed out", "as another"):
        visitor.sign_in()
        body = {"email": "ada@new.example.org", "password": PASSWORD}
        attempt = visitor.post("/auth/user/email", body).json["attempt"]
        visitor.cookies.pop("watchword")
        if way == "as another":
            visitor.sign_in("eva@example.org")
        assert confirm(visitor, attempt, site.code_for("ada@new.example.org")).status == 410, way
    assert visitor.user["email"] == "eva@example.org"
    assert site.visitor().sign_in(EMAIL).status == 200


def test_a091_only_a_reset_link_resets_a_password(site: Site):
    """The proof is stored by its kind: no other token, code or attempt passes for it (CVE-2026-18963)."""
    visitor = site.visitor()
    visitor.sign_up()
    newcomer = site.visitor()
    attempt = begin(newcomer, "eva@example.org")
    setup = site.auth.first_admin.link()
    assert setup
    others = ["", attempt, site.code_for("eva@example.org"), token_for(site, "eva@example.org"), setup.reveal()]
    others += [visitor.cookies["watchword"], visitor.cookies["watchword-browser"]]
    for token in others:
        assert reset(site.visitor(), token).status == 410, token
    link = forgot(site)
    assert follow(visitor, link).status == 410, "nor does a reset link confirm an address"
    assert not site.auth.first_admin.is_open(link)
    assert reset(site.visitor(), link).status == 200


def test_a092_a_reset_signs_nobody_in_and_skips_no_step(site: Site):
    """Neither does it make an account of an attempt that was never confirmed (CVE-2026-94218)."""
    visitor = site.visitor()
    begin(visitor)
    assert visitor.post("/auth/password/forgot", {"email": EMAIL}).status == 202
    assert visitor.sign_in().status == 401
    visitor.sign_up()
    done = reset(visitor, forgot(site))
    assert (done.status, [line for line in done.cookies if "wws_" in line]) == (200, [])
    assert visitor.user is None
    assert site.visitor().sign_in(password=NEW_PASSWORD).status == 200


def test_a094_another_spelling_of_the_address_has_no_tries_of_its_own(site: Site, compared: list[str]):
    """The counter is that of the canonical address (CVE-2025-6013)."""
    for number, email in enumerate(("ada@example.org", "ADA@example.org", "Ada@EXAMPLE.org", "aDa@example.ORG")):
        visitor = site.visitor(f"198.51.100.{number}")
        attempt = begin(visitor, email)
        for _ in range(5):
            confirm(visitor, attempt, WRONG)
    assert len(compared) == 10


def test_a095_a_mail_scanner_that_opens_every_link_uses_none_up(site: Site):
    """CB-178: GET and HEAD render a page; only a person's POST consumes the link."""
    visitor, scanner = site.visitor(), site.visitor("203.0.113.9")
    begin(visitor)
    confirmation, setup = site.link_for(EMAIL), site.auth.first_admin.link()
    assert setup
    pages = [confirmation, f"/auth/setup/{setup.reveal()}"]
    for path in pages:
        for _ in range(3):
            assert scanner.get(path, accept="text/html").status == 200
            assert scanner.send("HEAD", path, headers={"accept": "text/html"}).status == 200
    assert site.count("users") == 0
    assert follow(visitor, confirmation.rpartition("/")[2]).status == 200
    assert site.auth.first_admin.is_open(setup.reveal())
    link = forgot(site)
    for _ in range(3):
        assert scanner.get(f"/auth/reset/{link}", accept="text/html").status == 200
    assert reset(visitor, link).status == 200


def test_a096_each_code_and_link_works_once(site: Site):
    visitor = site.visitor()
    attempt = begin(visitor)
    code, link = site.code_for(EMAIL), token_for(site)
    assert confirm(visitor, attempt, code).status == 200
    assert confirm(visitor, attempt, code).status == 410
    assert follow(visitor, link).status == 410, "the code has used its link up too"
    token = forgot(site)
    assert reset(visitor, token).status == 200
    assert reset(visitor, token).status == 410


def test_a096_a_code_is_over_after_ten_minutes_and_a_reset_link_after_thirty(site: Site):
    visitor = site.visitor()
    attempt = begin(visitor)
    code, link = site.code_for(EMAIL), token_for(site)
    site.clock.advance(CODE_LIFETIME)
    assert follow(visitor, link).status == 410
    assert confirm(visitor, attempt, code).code == "code_expired"
    assert confirm(visitor, attempt, site.code_for(EMAIL)).status == 200
    token = forgot(site)
    site.clock.advance(RESET_LIFETIME)
    assert reset(visitor, token).status == 410


def test_a096_a_setup_link_works_for_a_day_and_not_once_an_admin_exists(site: Site):
    first = site.auth.first_admin.link()
    assert first
    site.clock.advance(24 * HOUR)
    assert not site.auth.first_admin.is_open(first.reveal())
    second = site.auth.first_admin.link()
    assert second
    site.auth.administration.create(email=EMAIL, role="admin")
    assert not site.auth.first_admin.is_open(second.reveal())
    assert site.auth.first_admin.link() is None


def test_a096_a_reset_link_dies_with_a_newer_one_and_with_a_change_of_password(site: Site):
    """CB-176."""
    visitor = site.visitor()
    visitor.sign_up()
    first, second = forgot(site), forgot(site)
    assert reset(site.visitor(), first).status == 410
    changed = visitor.post("/auth/password/change", {"current": PASSWORD, "new": NEW_PASSWORD})
    assert changed.status == 200
    assert reset(site.visitor(), second).status == 410


def test_a096_two_resets_asked_for_at_once_leave_one_link(site: Site):
    """CB-176, for requests that do not wait for each other."""
    site.visitor().sign_up()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: site.visitor().post("/auth/password/forgot", {"email": EMAIL}), range(4)))
    assert site.count("challenges WHERE purpose = 'reset'") == 1


def test_a096_a_reset_link_dies_when_the_address_changes(site: Site):
    """The link went to an address that no longer leads to the account (A73)."""
    visitor = site.visitor()
    visitor.sign_up()
    token = forgot(site)
    body = {"email": "ada@new.example.org", "password": PASSWORD}
    attempt = visitor.post("/auth/user/email", body).json["attempt"]
    assert confirm(visitor, attempt, site.code_for("ada@new.example.org")).status == 200
    assert reset(site.visitor(), token).status == 410


def test_a096_a_reset_cancels_a_change_of_address_under_way(site: Site):
    visitor = site.visitor()
    visitor.sign_up()
    body = {"email": "eva@new.example.org", "password": PASSWORD}
    attempt = visitor.post("/auth/user/email", body).json["attempt"]
    code = site.code_for("eva@new.example.org")
    assert reset(site.visitor(), forgot(site)).status == 200
    visitor.sign_in(password=NEW_PASSWORD)
    assert confirm(visitor, attempt, code).status == 410
    assert visitor.user["email"] == EMAIL


@pytest.mark.parametrize(
    "spellings",
    [
        [f"2001:db8:1:2::{number:x}" for number in range(8)],
        ["192.0.2.7", "::ffff:192.0.2.7", "::FFFF:c000:0207", "0:0:0:0:0:ffff:192.0.2.7"],
    ],
    ids=["one /64", "one IPv4 address"],
)
def test_a099_other_spellings_of_one_network_share_the_tries(store_url: str, clock: ManualClock, spellings: list[str]):
    """CVE-2026-45364."""
    site = make_site(store_url, clock, limits={**GENEROUS, "code_address": "3/h"})
    statuses = [confirm(site.visitor(address), "att_none", WRONG).status for address in [*spellings, *spellings]]
    assert statuses == [410] * 3 + [429] * (len(statuses) - 3)
    site.auth.stop()


def test_a099_a_forged_forwarding_header_gives_no_tries(store_url: str, clock: ManualClock):
    site = make_site(store_url, clock, limits={**GENEROUS, "code_address": "3/h"})
    statuses = []
    for number in range(6):
        forged = {"x_forwarded_for": f"203.0.113.{number}", "forwarded": f"for=203.0.113.{number}"}
        body = {"attempt": "att_none", "code": WRONG}
        statuses.append(site.visitor().post("/auth/attempt/email_code", body, **forged).status)
    assert statuses == [410] * 3 + [429] * 3
    site.auth.stop()
