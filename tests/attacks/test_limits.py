"""Limits are on by default, and neither headers nor parallel calls get round them (item 13 of the issue)."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.site import EMAIL, GENEROUS, PASSWORD, Answer, Site, Visitor, make_site
from watchword.foundation.clock import MINUTE, SECOND, ManualClock
from watchword.methods.password.hashing import PasswordHasher

Call = Callable[[Visitor, int], Answer]


@pytest.fixture
def strict_site(store_url: str, clock: ManualClock) -> Iterator[Site]:
    """A site with every limit as it is by default."""
    site = make_site(store_url, clock, limits={})
    yield site
    site.auth.stop()


def retry_after(answer: Answer) -> int:
    return int(dict(answer.response.headers)["retry-after"])


def network(number: int) -> str:
    """Return an address of a network that no other number has."""
    return f"198.18.{number // 250}.{number % 250 + 1}"


def sign_in(visitor: Visitor, number: int) -> Answer:
    return visitor.sign_in(f"nobody{number}@example.org", "wrong password")


def sign_up(visitor: Visitor, number: int) -> Answer:
    body = {"email": f"nobody{number}@example.org", "password": PASSWORD}
    return visitor.post("/auth/sign-up/password", body)


def forgot(visitor: Visitor, number: int) -> Answer:
    return visitor.post("/auth/password/forgot", {"email": f"nobody{number}@example.org"})


def code(visitor: Visitor, number: int) -> Answer:
    return visitor.post("/auth/attempt/email_code", {"attempt": f"att_{number}", "code": "00000000"})


def link(visitor: Visitor, number: int) -> Answer:
    return visitor.post("/auth/attempt/email_link", {"token": f"token{number}"})


def reset(visitor: Visitor, number: int) -> Answer:
    return visitor.post("/auth/password/reset", {"token": f"token{number}", "password": PASSWORD})


BY_ADDRESS = [(sign_in, 100), (sign_up, 20), (forgot, 20), (code, 60), (link, 60), (reset, 60)]


@pytest.mark.parametrize(("call", "count"), BY_ADDRESS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_one_address_gets_so_many_calls_by_default_and_then_429(strict_site: Site, call: Call, count: int):
    """CB-150, CB-182: whatever accounts the calls name, and whatever forwarding headers they carry."""
    visitor = strict_site.visitor()
    statuses = [call(visitor, number).status for number in range(count)]
    assert 429 not in statuses
    refused = call(visitor, count)
    assert (refused.status, refused.code) == (429, "rate_limited")
    assert refused.cookies == []
    assert call(strict_site.visitor("192.0.2.2"), count).status == statuses[0], "others are not held up"
    strict_site.clock.advance((retry_after(refused) - 1) * SECOND)
    assert call(visitor, count + 1).status == 429
    strict_site.clock.advance(SECOND)
    assert call(visitor, count + 1).status == statuses[0], "Retry-After tells the truth"


def test_a_forged_forwarding_header_gains_nothing(strict_site: Site):
    """No proxy is declared, so the connection's own address counts (A05)."""
    visitor = strict_site.visitor()
    statuses = []
    for number in range(21):
        forged = {"x_forwarded_for": network(number), "forwarded": f"for={network(number)}", "x_real_ip": "::1"}
        body = {"email": f"nobody{number}@example.org", "password": PASSWORD}
        statuses.append(visitor.post("/auth/sign-up/password", body, **forged).status)
    assert statuses == [202] * 20 + [429]


def test_behind_a_declared_proxy_only_the_address_that_it_saw_counts(store_url: str, clock: ManualClock):
    site = make_site(store_url, clock, limits={}, proxies=["10.0.0.0/8"])
    proxy = site.visitor("10.0.0.1")
    statuses = []
    for number in range(21):
        seen = {"x_forwarded_for": f"{network(number)}, 203.0.113.9"}
        body = {"email": f"nobody{number}@example.org"}
        statuses.append(proxy.post("/auth/password/forgot", body, **seen).status)
    assert statuses == [202] * 20 + [429]
    body = {"email": "nobody99@example.org"}
    assert proxy.post("/auth/password/forgot", body, x_forwarded_for="203.0.113.10").status == 202
    site.auth.stop()


def test_an_account_gets_ten_wrong_passwords_from_everywhere_together(strict_site: Site):
    """A78: and an address that leads to no account is limited alike, with the same answer."""
    strict_site.visitor().sign_up()
    for email in (EMAIL, "nobody@example.org"):
        answers = [strict_site.visitor(network(n)).sign_in(email, "wrong password") for n in range(11)]
        assert [answer.status for answer in answers] == [401] * 10 + [429]
    unknown = strict_site.visitor(network(99)).sign_in("nobody@example.org", "wrong password")
    known = strict_site.visitor(network(98)).sign_in(EMAIL, PASSWORD)
    assert known.text == unknown.text
    assert known.status == 429, "the right password is not looked at either"


def test_of_200_parallel_guesses_at_a_password_exactly_ten_are_hashed(
    strict_site: Site, monkeypatch: pytest.MonkeyPatch
):
    """A88: from 200 addresses at once."""
    strict_site.visitor().sign_up()
    checked: list[object] = []
    verify = PasswordHasher.verify
    monkeypatch.setattr(PasswordHasher, "verify", lambda *given: checked.append(given[1]) or verify(*given))

    def guess(number: int) -> int:
        return strict_site.visitor(network(number)).sign_in(EMAIL, f"wrong password {number}").status

    with ThreadPoolExecutor(20) as threads:
        statuses = list(threads.map(guess, range(200)))
    assert len(checked) == 10
    assert sorted(statuses) == [401] * 10 + [429] * 190


def test_a_person_still_gets_in_while_an_attacker_locks_the_shared_counter(strict_site: Site):
    """CB-152: a browser that signed in before has a counter of its own."""
    victim = strict_site.visitor()
    victim.sign_up()
    victim.post("/auth/sign-out")
    for number in range(30):
        strict_site.visitor(network(number)).sign_in(EMAIL, "wrong password")
    assert strict_site.visitor("203.0.113.1").sign_in().status == 429, "a new browser has to wait"
    assert victim.sign_in().status == 200
    assert strict_site.visitor(network(40)).sign_in().status == 429


def test_an_attacker_who_stops_shuts_a_new_browser_out_for_a_minute_at_most(strict_site: Site):
    """Tries come back one by one, so nobody can be shut out for long (CB-151)."""
    strict_site.visitor().sign_up()
    for number in range(50):
        strict_site.visitor(network(number)).sign_in(EMAIL, "wrong password")
    newcomer = strict_site.visitor("203.0.113.1")
    refused = newcomer.sign_in()
    assert refused.status == 429
    assert retry_after(refused) <= 60
    strict_site.clock.advance(retry_after(refused) * SECOND)
    assert newcomer.sign_in().status == 200


def test_a_browser_cookie_made_up_by_an_attacker_gives_no_counter_of_its_own(strict_site: Site):
    """Only a browser that this very user has signed in with counts apart; an account of one's own makes none."""
    strict_site.visitor().sign_up()
    attacker = strict_site.visitor("203.0.113.1")
    attacker.sign_up("eva@example.org")
    statuses = []
    for number in range(12):
        attacker.address = network(number)
        attacker.cookies["watchword-browser"] = attacker.cookies["watchword-browser"][:-1] + "aeimquyz246a"[number]
        statuses.append(attacker.sign_in(EMAIL, "wrong password").status)
    assert statuses == [401] * 10 + [429] * 2


def test_a_known_browser_gets_ten_wrong_passwords_too(strict_site: Site):
    """A stolen browser is no way to guess on."""
    visitor = strict_site.visitor()
    visitor.sign_up()
    statuses = [visitor.sign_in(password=f"wrong password {number}").status for number in range(11)]
    assert statuses == [401] * 10 + [429]


def test_a_right_password_uses_no_try_up(strict_site: Site):
    visitor = strict_site.visitor()
    visitor.sign_up()
    assert [visitor.sign_in().status for _ in range(30)] == [200] * 30


@pytest.mark.parametrize(
    ("call", "name"), [(sign_in, "sign_in_global"), (sign_up, "sign_up_global"), (forgot, "mail_global")]
)
def test_there_is_a_limit_for_the_whole_service(store_url: str, clock: ManualClock, call: Call, name: str):
    """However many addresses call for however many accounts."""
    site = make_site(store_url, clock, limits={**GENEROUS, name: "5/m"})
    answers = [call(site.visitor(network(number)), number) for number in range(7)]
    assert [answer.status for answer in answers][5:] == [429, 429]
    assert 429 not in [answer.status for answer in answers][:5]
    site.clock.advance(retry_after(answers[-1]) * SECOND)
    assert call(site.visitor("203.0.113.1"), 100).status == answers[0].status
    site.auth.stop()


def test_one_person_gets_no_more_than_ten_mails_an_hour(strict_site: Site):
    """CB-123: whoever asks for them, from wherever, by whichever call."""
    for number in range(30):
        visitor = strict_site.visitor(network(number))
        visitor.post("/auth/sign-up/password", {"email": EMAIL, "password": PASSWORD})
        visitor.post("/auth/password/forgot", {"email": EMAIL})
    assert strict_site.count("outbox") <= 10
    strict_site.clock.advance(6 * MINUTE + SECOND)
    assert strict_site.visitor("203.0.113.1").post("/auth/password/forgot", {"email": EMAIL}).status in (202, 429)
    assert strict_site.count("outbox") <= 11


def test_what_is_stored_tells_no_code_link_token_or_address(site: Site):
    """Hashed or sealed at rest: attempts, challenges, outbox, sessions, limits, devices (CB-016, CB-177)."""
    visitor = site.visitor()
    visitor.post("/auth/sign-up/password", {"email": EMAIL, "password": PASSWORD, "name": "Ada"})
    secrets = [site.code_for(EMAIL), site.link_for(EMAIL).rpartition("/")[2], visitor.cookies["watchword-browser"]]
    stored = stored_bytes(site, ("attempts", "challenges", "outbox", "limits"))
    assert [secret for secret in [*secrets, EMAIL, PASSWORD, "argon2"] if secret.encode() in stored] == []
    eva = site.visitor()
    eva.sign_up("eva@example.org")
    eva.post("/auth/password/forgot", {"email": "eva@example.org"})
    secrets = [site.link_for("eva@example.org").rpartition("/")[2], *eva.cookies.values()]
    stored = stored_bytes(site, ("attempts", "challenges", "outbox", "limits", "sessions", "devices", "audit_events"))
    assert [secret for secret in [*secrets, "eva@example.org"] if secret.encode() in stored] == []


def stored_bytes(site: Site, tables: tuple[str, ...]) -> bytes:
    """Return every value of these tables, one after the other."""
    from sqlalchemy import text

    found = bytearray()
    with site.auth.store.read() as tx:
        for table in tables:
            for row in tx.execute(text(f"SELECT * FROM {table}")):
                for value in row:
                    found += bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
    assert found
    return bytes(found)
