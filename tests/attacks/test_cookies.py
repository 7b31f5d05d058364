"""Attacks on cookies and login state: chapter 2."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import select

from tests.attacks.wire import (
    BROWSER,
    COOKIE,
    JSON,
    cookie,
    events,
    everything_stored,
    send,
    session_behind,
    signed_up,
    token_of,
)
from tests.support.site import EMAIL, ORIGIN, PASSWORD, Site, Visitor, make_site
from watchword import SessionLimits
from watchword.admission.tables import attempts, challenges
from watchword.foundation.clock import DAY, ManualClock
from watchword.sessions import records
from watchword.sessions.token import new_token, session_id_of

NEW_PASSWORD = "difference engine no. 2"


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
        records.touch(tx, site.auth.settings.session, session_id)
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


@pytest.mark.parametrize("kind", ["cookie", "bearer"])
def test_a033_sessions_of_a_disabled_user_end_at_once(site: Site, kind: str) -> None:
    token = token_of(signed_up(site))
    line = cookie((COOKIE, token)) if kind == "cookie" else ("authorization", f"Bearer {token}")
    assert session_behind(site, line) is not None
    site.auth.administration.set_disabled(EMAIL, disabled=True)
    assert session_behind(site, line) is None
    assert site.visitor().sign_in().code == "invalid_credentials"
    site.auth.administration.set_disabled(EMAIL, disabled=False)
    assert session_behind(site, line) is None


def test_a033_a_row_of_a_session_that_outlived_the_disabling_opens_nothing(site: Site) -> None:
    token = token_of(signed_up(site))
    from watchword.identity.users import set_disabled

    with site.auth.store.write() as tx:
        set_disabled(tx, str(site.auth.administration.find(EMAIL).id), disabled=True)  # type: ignore[union-attr]
    assert site.count("sessions") == 1
    assert_opens_nothing(site, token)


def test_a033_sessions_end_with_their_account(site: Site) -> None:
    visitor = signed_up(site)
    token = token_of(visitor)
    assert visitor.post("/auth/user/delete", {"password": PASSWORD}).status == 200
    assert_opens_nothing(site, token)


def test_a033_a_change_of_role_ends_what_was_issued_under_the_old_one(site: Site) -> None:
    token = token_of(signed_up(site))
    site.auth.administration.set_role(EMAIL, "admin")
    assert_opens_nothing(site, token)


def test_a034_signing_in_again_as_someone_else_ends_the_session_that_was_there(site: Site) -> None:
    signed_up(site, "grace@example.org")
    visitor = signed_up(site)
    before = token_of(visitor)
    assert visitor.sign_in("grace@example.org").status == 200
    assert visitor.user["email"] == "grace@example.org"
    assert_opens_nothing(site, before)


def test_a034_a_sign_in_that_fails_gives_neither_a_new_session_nor_a_new_cookie(site: Site) -> None:
    signed_up(site)
    other = site.visitor()
    stored = site.count("sessions")
    assert other.sign_in(password="not the password").cookies == []
    assert site.count("sessions") == stored
    assert other.user is None


def test_a035_a_deleted_users_id_is_not_given_to_who_signs_up_next(site: Site) -> None:
    visitor = signed_up(site)
    first = visitor.user["id"]
    assert visitor.post("/auth/user/delete", {"password": PASSWORD}).status == 200
    again = signed_up(site)
    assert again.user["id"] != first
    assert again.get("/auth/user/export").json["events"] != []
    assert first not in again.get("/auth/user/export").text


def test_a036_sign_ins_at_once_each_get_their_own_session(site: Site) -> None:
    addresses = [f"person{number}@example.org" for number in range(4)]
    for address in addresses:
        signed_up(site, address)
    visitors = {address: site.visitor() for address in addresses}

    def use(address: str) -> None:
        for _ in range(5):
            assert visitors[address].sign_in(address).json["session"]["user"]["email"] == address
            assert visitors[address].user["email"] == address

    for user in [Watched(lambda address=address: use(address)) for address in addresses]:
        user.finish()
    tokens = [token_of(visitor) for visitor in visitors.values()]
    assert len(set(tokens)) == len(addresses)


def test_a037_a_name_that_spells_anothers_counter_uses_none_of_its_tries(store_url: str, clock: ManualClock) -> None:
    site = make_site(store_url, clock, limits={"sign_in_account": "3/hour"})
    victim = signed_up(site)
    spellings = [victim.user["id"], f"{victim.user['id']}:", f"unknown:{EMAIL}", f"sign_in_account{EMAIL}"]
    for spelling in spellings:
        for _ in range(4):
            assert site.visitor().sign_in(spelling, "not the password").status in (401, 429)
    assert site.visitor().sign_in().status == 200
    site.auth.stop()


def test_a038_the_sign_in_page_clears_a_session_cookie_that_is_worth_nothing(site: Site) -> None:
    visitor = signed_up(site)
    dead = token_of(visitor)
    visitor.post("/auth/sign-out")
    visitor.cookies[COOKIE] = dead
    assert visitor.get("/auth/sign-in", accept="text/html").status == 200
    assert COOKIE not in visitor.cookies
    twice = send(site, "GET", "/auth/sign-in", cookie((COOKIE, "one"), (COOKIE, "two")))
    assert any(line.startswith(f"{COOKIE}=;") and "Max-Age=0" in line for line in twice.cookies)


def test_a039_no_password_is_in_the_state_of_a_sign_up(site: Site) -> None:
    assert site.visitor().post("/auth/sign-up/password", {"email": EMAIL, "password": PASSWORD}).status == 202
    with site.auth.store.read() as tx:
        rows = [*tx.execute(select(attempts)), *tx.execute(select(challenges))]
        sealed = tx.execute(select(attempts.c.sealed)).scalar_one()
    assert rows
    for trace in (PASSWORD, "argon2", EMAIL, site.code_for(EMAIL), site.link_for(EMAIL).rpartition("/")[2]):
        assert not any(trace in str(value) or trace.encode() in bytes_of(value) for row in rows for value in row), trace
    opened = site.auth.services.keyring.unseal("attempt", sealed)
    assert opened is not None
    assert PASSWORD.encode() not in opened


@pytest.mark.parametrize("way", ["change", "reset"])
def test_a041_a_new_password_ends_everything_that_the_old_one_gave(site: Site, way: str) -> None:
    visitor = signed_up(site)
    before, elsewhere, moving = token_of(visitor), site.visitor(), site.visitor()
    assert elsewhere.sign_in().status == 200
    assert moving.sign_in().status == 200
    pending = moving.post("/auth/user/email", {"email": "mallory@example.org", "password": PASSWORD})
    assert pending.status == 202
    visitor.post("/auth/password/forgot", {"email": EMAIL})
    link = site.link_for(EMAIL).rpartition("/")[2]

    if way == "reset":
        answer = visitor.post("/auth/password/reset", {"token": link, "password": NEW_PASSWORD})
        assert answer.status == 200
        assert answer.cookies == []
    else:
        assert visitor.post("/auth/password/change", {"current": PASSWORD, "new": NEW_PASSWORD}).status == 200
        assert visitor.user["email"] == EMAIL
        assert site.visitor().post("/auth/password/reset", {"token": link, "password": PASSWORD}).code == "link_invalid"

    for token in (before, token_of(elsewhere), token_of(moving)):
        assert_opens_nothing(site, token)
    assert moving.sign_in(password=NEW_PASSWORD).status == 200
    code = {"attempt": pending.json["attempt"], "code": site.code_for("mallory@example.org")}
    assert moving.post("/auth/attempt/email_code", code).code == "attempt_expired"
    assert site.visitor().sign_in(password=PASSWORD).code == "invalid_credentials"


def test_a041_a_reset_forgets_the_browsers_that_had_tries_of_their_own(site: Site) -> None:
    visitor = signed_up(site)
    assert site.count("devices") == 1
    visitor.post("/auth/password/forgot", {"email": EMAIL})
    link = site.link_for(EMAIL).rpartition("/")[2]
    assert visitor.post("/auth/password/reset", {"token": link, "password": NEW_PASSWORD}).status == 200
    assert site.count("devices") == 0


def test_every_cookie_is_out_of_reach_of_scripts_other_sites_and_plain_http(store_url: str, clock: ManualClock) -> None:
    site = make_site(store_url, clock, base_url="https://example.org")
    browser_says = [JSON, ("origin", "https://example.org")]
    body = b'{"email": "ada@example.org", "password": "analytical engine no. 1"}'
    pending = send(site, "POST", "/auth/sign-up/password", *browser_says, body=body, host="example.org")
    browser = pending.cookies[0].partition(";")[0].partition("=")
    code = f'{{"attempt": "{pending.json["attempt"]}", "code": "{site.code_for(EMAIL)}"}}'.encode()
    line = cookie((browser[0], browser[2]))
    done = send(site, "POST", "/auth/attempt/email_code", line, *browser_says, body=code, host="example.org")
    assert [made.partition("=")[0] for made in done.cookies] == ["__Host-watchword", "__Host-watchword-browser"]
    out = send(site, "POST", "/auth/sign-out", cookie(("__Host-watchword", "x")), *browser_says, host="example.org")
    for made in (*pending.cookies, *done.cookies, *out.cookies):
        attributes = {part.strip().partition("=")[0]: part.strip().partition("=")[2] for part in made.split(";")[1:]}
        assert {"HttpOnly", "Secure", "Path", "SameSite"} <= attributes.keys(), made
        assert attributes["Path"] == "/"
        assert attributes["SameSite"] == "Lax"
        assert "Domain" not in attributes
    site.auth.stop()


def test_a_refused_sign_in_changes_nothing_but_the_audit_log(site: Site) -> None:
    signed_up(site)
    before = everything_stored(site)
    failed = events(site, "sign_in_failed")
    assert site.visitor().sign_in(password="not the password").cookies == []
    assert events(site, "sign_in_failed") == failed + 1
    assert everything_stored(site) == before


def move(visitor: Visitor, email: str):
    """Move to another address, and confirm it with the code."""
    pending = visitor.post("/auth/user/email", {"email": email, "password": PASSWORD})
    code = visitor.site.code_for(email)
    return visitor.post("/auth/attempt/email_code", {"attempt": pending.json["attempt"], "code": code})


def assert_opens_nothing(site: Site, token: str) -> None:
    for line in (cookie((COOKIE, token)), ("authorization", f"Bearer {token}")):
        assert session_behind(site, line) is None
        assert send(site, "GET", "/auth/sessions", line).status == 401


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


def bytes_of(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else b""


class Watched:
    """A thread whose failure is not lost."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._failure: BaseException | None = None
        self._work = work
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as failure:
            self._failure = failure

    def finish(self) -> None:
        self._thread.join()
        if self._failure is not None:
            raise self._failure
