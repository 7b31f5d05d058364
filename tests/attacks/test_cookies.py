"""Attacks on cookies and login state: chapter 2."""

import threading
from collections.abc import Callable

import pytest

from tests.attacks.wire import (
    BROWSER,
    COOKIE,
    JSON,
    NEW_PASSWORD,
    Watched,
    assert_opens_nothing,
    cookie,
    send,
    session_behind,
    signed_up,
    token_of,
)
from tests.support.site import EMAIL, ORIGIN, PASSWORD, Site, Visitor, make_site
from watchword import SessionLimits
from watchword.foundation.clock import DAY, ManualClock
from watchword.sessions import records
from watchword.sessions.token import new_token, session_id_of


def test_a022_a_session_that_an_attacker_planted_does_not_become_the_victims(site: Site) -> None:
    attacker = signed_up(site, "mallory@example.org")
    planted = token_of(attacker)
    signed_up(site)
    victim = site.visitor()
    victim.cookies[COOKIE] = planted
    assert victim.sign_in().status == 200
    assert token_of(victim) != planted
    assert session_id_of(token_of(victim)) != session_id_of(planted)
    assert session_behind(site, cookie((COOKIE, planted))) is None


def test_a022_an_invented_session_id_is_not_taken_over(site: Site) -> None:
    signed_up(site)
    planted = new_token("ses_aaaaaaaaaaaaaaaaaaaaaaaaaa").reveal()
    victim = site.visitor()
    victim.cookies[COOKIE] = planted
    assert victim.sign_in().status == 200
    assert session_id_of(token_of(victim)) != session_id_of(planted)
    assert session_behind(site, cookie((COOKIE, planted))) is None


@pytest.mark.parametrize("change", ["sign-in", "password", "email"])
def test_a022_every_change_of_rights_gives_a_new_token_and_ends_the_old_one(site: Site, change: str) -> None:
    visitor = signed_up(site)
    before = token_of(visitor)
    if change == "sign-in":
        answer = visitor.sign_in()
    elif change == "password":
        answer = visitor.post("/auth/password/change", {"current": PASSWORD, "new": NEW_PASSWORD})
    else:
        answer = move(visitor, "ada@example.com")
    assert answer.status == 200, answer.text
    assert session_id_of(token_of(visitor)) != session_id_of(before)
    assert session_behind(site, cookie((COOKIE, before))) is None
    assert visitor.user is not None


def test_a023_what_was_in_flight_while_signing_out_writes_no_session_back(site: Site) -> None:
    visitor = signed_up(site)
    line, session_id = cookie((COOKIE, token_of(visitor))), session_id_of(token_of(visitor))
    assert session_id is not None
    site.clock.advance(DAY)
    assert visitor.post("/auth/sign-out").status == 200
    with site.auth.store.write() as tx:
        # What a request that had read the session before the sign-out does after it.
        records.touch(tx, [(session_id, tx.now)])
    assert session_behind(site, line) is None
    assert site.count("sessions") == 0


def test_a023_requests_in_parallel_with_a_sign_out_leave_nobody_signed_in(store_url: str, clock: ManualClock) -> None:
    site = make_site(store_url, clock, session=SessionLimits(activity=0))
    visitor = signed_up(site)
    line = cookie((COOKIE, token_of(visitor)))
    out = threading.Event()

    def use() -> None:
        while not out.is_set():
            session_behind(site, line)
        assert session_behind(site, line) is None

    users = [Watched(use) for _ in range(4)]
    assert send(site, "POST", "/auth/sign-out", line, ("origin", ORIGIN)).status == 200
    out.set()
    for user in users:
        user.finish()
    assert site.count("sessions") == 0
    site.auth.stop()


def test_a024_a_copied_cookie_is_worth_nothing_after_sign_out(site: Site) -> None:
    visitor = signed_up(site)
    copied = token_of(visitor)
    assert visitor.post("/auth/sign-out").status == 200
    assert_opens_nothing(site, copied)


def test_a024_a_copied_cookie_is_worth_nothing_after_its_idle_time(site: Site) -> None:
    copied = token_of(signed_up(site))
    site.clock.advance(site.auth.settings.session.idle)
    assert_opens_nothing(site, copied)


def test_a024_a_copied_cookie_ends_however_much_it_is_used(site: Site) -> None:
    copied = token_of(signed_up(site))
    limits = site.auth.settings.session
    for _ in range(limits.absolute // (5 * DAY)):
        assert session_behind(site, cookie((COOKIE, copied))) is not None
        site.auth.activity.flush()
        site.clock.advance(5 * DAY)
    assert_opens_nothing(site, copied)


def test_a025_no_other_secret_of_a_sign_in_serves_as_a_session(site: Site) -> None:
    visitor = site.visitor()
    pending = visitor.post("/auth/sign-up/password", {"email": EMAIL, "password": PASSWORD})
    others = [
        visitor.cookies[BROWSER],
        pending.json["attempt"],
        site.code_for(EMAIL),
        site.link_for(EMAIL).rpartition("/")[2],
    ]
    ada = signed_up(site, "grace@example.org")
    assert ada.post("/auth/password/forgot", {"email": "grace@example.org"}).status == 202
    others += [site.link_for("grace@example.org").rpartition("/")[2], str(session_id_of(token_of(ada))), ada.user["id"]]
    for other in [*others, *(f"wws_{other}" for other in others)]:
        assert_opens_nothing(site, other)


def test_a025_a_secret_of_one_purpose_serves_no_other(site: Site) -> None:
    visitor = site.visitor()
    assert visitor.post("/auth/sign-up/password", {"email": EMAIL, "password": PASSWORD}).status == 202
    confirming = site.link_for(EMAIL).rpartition("/")[2]
    ada = signed_up(site, "grace@example.org")
    assert ada.post("/auth/password/forgot", {"email": "grace@example.org"}).status == 202
    resetting = site.link_for("grace@example.org").rpartition("/")[2]

    for token in (confirming, token_of(ada), ada.cookies[BROWSER]):
        assert visitor.post("/auth/password/reset", {"token": token, "password": NEW_PASSWORD}).code == "link_invalid"
    for token in (resetting, token_of(ada), ada.cookies[BROWSER]):
        assert visitor.post("/auth/attempt/email_link", {"token": token}).code == "link_invalid"
    for token in (confirming, resetting, token_of(ada)):
        form = {"email": "mallory@example.org", "password": NEW_PASSWORD, "name": "Mallory"}
        assert visitor.submit(f"/auth/setup/{token}", **form).status == 410
    assert site.auth.administration.find("mallory@example.org") is None


def test_a026_what_is_issued_before_the_address_is_proven_opens_nothing(site: Site) -> None:
    visitor = site.visitor()
    pending = visitor.post("/auth/sign-up/password", {"email": EMAIL, "password": PASSWORD})
    assert pending.status == 202
    assert list(visitor.cookies) == [BROWSER]
    assert visitor.user is None
    assert visitor.sign_in().code == "invalid_credentials"
    assert site.count("sessions") == site.count("users") == 0


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "null",
        "wws_",
        "é",
        "%77%77%73",
        "\\",
        '"wws_x"',
        "a" * 8192,
        "wws_" + "a" * 77,
        "wws_" + "A" * 78,
        "ey.x.y",
    ],
)
def test_a027_a_cookie_that_is_no_token_is_nobody(site: Site, value: str) -> None:
    signed_up(site)
    assert session_behind(site, cookie((COOKIE, value))) is None
    assert send(site, "GET", "/auth/sessions", cookie((COOKIE, value))).status == 401


def test_a027_no_fallback_reads_a_session_from_anywhere_else(site: Site) -> None:
    token = token_of(signed_up(site))
    assert (
        session_behind(site, ("x-session", token), ("authorization", token), ("authorization", f"Basic {token}"))
        is None
    )
    assert session_behind(site, cookie(("__Host-watchword", token))) is None
    for query in (f"watchword={token}", f"session={token}", f"access_token={token}"):
        assert send(site, "GET", f"/auth/session?{query}").json["session"] is None


@pytest.mark.parametrize("kind", ["cookie", "bearer"])
def test_a028_a_token_altered_at_any_byte_is_refused(site: Site, kind: str) -> None:
    token = token_of(signed_up(site))
    line: Callable[[str], tuple[str, str]] = (
        (lambda text: cookie((COOKIE, text)))
        if kind == "cookie"
        else (lambda text: ("authorization", f"Bearer {text}"))
    )
    assert session_behind(site, line(token)) is not None
    for altered in alterations(token):
        assert session_behind(site, line(altered)) is None, altered


def test_a028_a_reset_link_altered_at_any_byte_is_refused(site: Site) -> None:
    visitor = signed_up(site)
    assert visitor.post("/auth/password/forgot", {"email": EMAIL}).status == 202
    link = site.link_for(EMAIL).rpartition("/")[2]
    for altered in alterations(link):
        answer = visitor.post("/auth/password/reset", {"token": altered, "password": NEW_PASSWORD})
        assert answer.code == "link_invalid", altered
    assert visitor.post("/auth/password/reset", {"token": link, "password": NEW_PASSWORD}).status == 200


def test_a028_a_browser_secret_altered_at_any_byte_carries_no_attempt_on(site: Site) -> None:
    visitor = site.visitor()
    attempt = visitor.post("/auth/sign-up/password", {"email": EMAIL, "password": PASSWORD}).json["attempt"]
    body = {"attempt": attempt, "code": site.code_for(EMAIL)}
    mine = visitor.cookies[BROWSER]
    for altered in alterations(mine):
        visitor.cookies[BROWSER] = altered
        assert visitor.post("/auth/attempt/email_code", body).code == "attempt_expired", altered
    visitor.cookies[BROWSER] = mine
    assert visitor.post("/auth/attempt/email_code", body).status == 200


def test_a029_two_session_cookies_are_refused(site: Site) -> None:
    mine, other = token_of(signed_up(site)), token_of(signed_up(site, "mallory@example.org"))
    for first, second in ((mine, other), (other, mine), (mine, mine), (mine, ""), ("", mine)):
        assert session_behind(site, cookie((COOKIE, first), (COOKIE, second))) is None
        assert session_behind(site, cookie((COOKIE, first)), cookie((COOKIE, second))) is None


def test_a029_a_cookie_beside_a_bearer_token_or_two_of_these_are_refused(site: Site) -> None:
    token = token_of(signed_up(site))
    bearer = ("authorization", f"Bearer {token}")
    assert session_behind(site, cookie((COOKIE, token)), bearer) is None
    assert session_behind(site, bearer, bearer) is None
    assert session_behind(site, bearer) is not None


@pytest.mark.parametrize(
    "name",
    ["\u2000watchword", "watchword\u2000", "\u00a0watchword", "Watchword", "%77atchword", "=watchword", '"watchword"'],
)
def test_a029_a_name_that_only_looks_like_the_session_cookies_is_another(site: Site, name: str) -> None:
    token = token_of(signed_up(site))
    assert session_behind(site, cookie((name, token))) is None
    assert session_behind(site, cookie((name, "x"), (COOKIE, token))) is not None


def test_a029_two_browser_cookies_carry_no_attempt_on(site: Site) -> None:
    visitor = site.visitor()
    attempt = visitor.post("/auth/sign-up/password", {"email": EMAIL, "password": PASSWORD}).json["attempt"]
    twice = cookie((BROWSER, visitor.cookies[BROWSER]), (BROWSER, visitor.cookies[BROWSER]))
    body = f'{{"attempt": "{attempt}", "code": "{site.code_for(EMAIL)}"}}'.encode()
    answer = send(site, "POST", "/auth/attempt/email_code", twice, JSON, ("origin", ORIGIN), body=body)
    assert answer.code == "attempt_expired"


def test_a030_halves_of_two_sessions_make_no_third(site: Site) -> None:
    one, other = token_of(signed_up(site)), token_of(signed_up(site, "mallory@example.org"))
    for cut in range(len("wws_"), len(one)):
        mixed = one[:cut] + other[cut:]
        assert mixed in (one, other) or session_behind(site, cookie((COOKIE, mixed))) is None


@pytest.mark.parametrize("value_length", [10, 213, 8192])
def test_a030_hundreds_of_cookies_neither_break_nor_open_anything(site: Site, value_length: int) -> None:
    crowd = [(f"c{number}", "x" * value_length) for number in range(300 if value_length < 8192 else 8)]
    token = token_of(signed_up(site))
    assert session_behind(site, cookie(*crowd)) is None
    assert session_behind(site, cookie(*crowd, (COOKIE, token))) is not None
    assert session_behind(site, cookie(*((COOKIE, value) for _, value in crowd), (COOKIE, token))) is None


def test_a031_every_answer_to_someone_signed_in_stays_out_of_shared_caches(site: Site) -> None:
    visitor = signed_up(site)
    paths = [
        route.path.replace("{id}", "ses_x").replace("{token}", "x")
        for route in site.auth.routes
        if route.method == "GET"
    ]
    for path in paths:
        for accept in ("application/json", "text/html"):
            answer = visitor.get(f"/auth{path}", accept=accept)
            assert answer.response.header("cache-control") == "no-store", path
            assert "cookie" in (answer.response.header("vary") or "").lower(), path


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH"])
def test_a031_no_answer_to_a_change_is_stored(site: Site, method: str) -> None:
    visitor = signed_up(site)
    for route in site.auth.routes:
        if route.method == method:
            answer = visitor.send(
                method, f"/auth{route.path.replace('{id}', 'ses_x').replace('{token}', 'x')}", body={}
            )
            assert answer.response.header("cache-control") == "no-store", route.path
            assert "cookie" in (answer.response.header("vary") or "").lower(), route.path
            visitor.sign_in()


def test_a032_page_and_data_of_one_address_are_never_stored_for_each_other(site: Site) -> None:
    signed_up(site)
    page, data = (
        site.visitor().get("/auth/dev/mailbox", accept=accept) for accept in ("text/html", "application/json")
    )
    assert (page.response.header("content-type") or "").startswith("text/html")
    assert data.response.header("content-type") == "application/json"
    assert page.response.header("cache-control") == data.response.header("cache-control") == "no-store"


def move(visitor: Visitor, email: str):
    """Move to another address, and confirm it with the code."""
    pending = visitor.post("/auth/user/email", {"email": email, "password": PASSWORD})
    code = visitor.site.code_for(email)
    return visitor.post("/auth/attempt/email_code", {"attempt": pending.json["attempt"], "code": code})


def alterations(token: str) -> list[str]:
    """Return the token with each letter replaced, cut at each place, and with letters added."""
    replaced = [token[:at] + ("a" if letter != "a" else "b") + token[at + 1 :] for at, letter in enumerate(token)]
    return [
        *replaced,
        *(token[:length] for length in range(len(token))),
        token + "a",
        token + "=",
        "a" + token,
        token.upper(),
    ]
