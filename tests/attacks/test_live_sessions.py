"""Chapter 2, the second half: sessions of those who left, lost their rights, or came back (A33 to A41)."""

import pytest
from sqlalchemy import select

from tests.attacks.wire import (
    COOKIE,
    JSON,
    NEW_PASSWORD,
    Watched,
    assert_opens_nothing,
    cookie,
    events,
    everything_stored,
    send,
    session_behind,
    signed_up,
    token_of,
)
from tests.support.site import EMAIL, PASSWORD, Site, make_site
from watchword.admission.tables import attempts, challenges
from watchword.foundation.clock import ManualClock


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


def bytes_of(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else b""
