"""What people do with their own account, told through the HTTP API."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import String, cast, or_, select
from sqlalchemy import delete as sql_delete

from tests.support.site import EMAIL, PASSWORD, Answer, Site, Visitor
from watchword.foundation.clock import MINUTE, to_datetime
from watchword.foundation.encodings import base32_decode
from watchword.identity.tables import users
from watchword.storage.metadata import metadata

NEW_EMAIL = "countess@example.org"


@pytest.fixture
def ada(site: Site) -> Visitor:
    """Ada, signed up and signed in."""
    visitor = site.visitor()
    assert visitor.sign_up().status == 200
    return visitor


@pytest.fixture
def eva(site: Site) -> Visitor:
    """Somebody else."""
    visitor = site.visitor()
    assert visitor.sign_up("eva@example.org", name="Eva").status == 200
    return visitor


def patch(visitor: Visitor, **body: object) -> Answer:
    return visitor.send("PATCH", "/auth/user", body=body)


def sessions_of(visitor: Visitor) -> list[dict[str, Any]]:
    return visitor.get("/auth/sessions").json["sessions"]


def ask_to_move(visitor: Visitor, email: str = NEW_EMAIL, password: str = PASSWORD) -> Answer:
    return visitor.post("/auth/user/email", {"email": email, "password": password})


def confirm(visitor: Visitor, attempt: str, code: str) -> Answer:
    return visitor.post("/auth/attempt/email_code", {"attempt": attempt, "code": code})


def delete(visitor: Visitor, password: str = PASSWORD) -> Answer:
    return visitor.post("/auth/user/delete", {"password": password})


def test_sessions_are_listed_with_device_and_last_use_newest_first(site: Site, ada: Visitor):
    """CB-030: address and device of each, for its owner to look through."""
    site.clock.advance(10 * MINUTE)
    phone = site.visitor("198.51.100.7")
    body = {"identifier": EMAIL, "password": PASSWORD}
    phone.post("/auth/sign-in/password", body, user_agent="Phone/1")
    began = site.clock.now()
    first, second = sessions_of(phone)
    assert (first["current"], first["address"], first["user_agent"]) == (True, "198.51.100.7", "Phone/1")
    assert first["last_used_at"] == to_datetime(began).isoformat().replace("+00:00", "Z")
    assert (second["current"], second["user_agent"]) == (False, "Firefox/140 (test)")
    site.clock.advance(MINUTE)
    assert ada.user is not None
    assert [entry["current"] for entry in sessions_of(ada)] == [True, False], "last used first"


def test_one_of_ones_sessions_is_ended_and_no_other(site: Site, ada: Visitor):
    phone = site.visitor()
    phone.sign_in()
    other = next(entry["id"] for entry in sessions_of(ada) if not entry["current"])
    answer = ada.delete(f"/auth/sessions/{other}")
    assert (answer.status, answer.json, answer.cookies) == (200, {"ended": 1}, [])
    assert (phone.user, ada.user["email"]) == (None, EMAIL)
    assert ada.delete(f"/auth/sessions/{other}").status == 404


def test_ending_this_very_session_takes_the_cookie_away(site: Site, ada: Visitor):
    answer = ada.delete(f"/auth/sessions/{sessions_of(ada)[0]['id']}")
    assert (answer.status, answer.json) == (200, {"ended": 1})
    assert "watchword" not in ada.cookies
    assert site.count("sessions") == 0


def test_all_others_are_ended_at_once(site: Site, ada: Visitor, eva: Visitor):
    """CB-034: a call of its own, beside sign-out."""
    others = [site.visitor() for _ in range(3)]
    for other in others:
        other.sign_in()
    answer = ada.delete("/auth/sessions")
    assert (answer.status, answer.json) == (200, {"ended": 3})
    assert [other.user for other in others] == [None, None, None]
    assert (ada.user["email"], eva.user["email"]) == (EMAIL, "eva@example.org")


def test_somebody_elses_session_is_not_there(ada: Visitor, eva: Visitor):
    answer = eva.delete(f"/auth/sessions/{sessions_of(ada)[0]['id']}")
    assert (answer.status, answer.code) == (404, "not_found")
    assert ada.user["email"] == EMAIL


def test_sign_out_ends_the_session_on_both_sides(site: Site, ada: Visitor):
    """CB-033."""
    copied = Visitor(site, cookies=dict(ada.cookies))
    answer = ada.post("/auth/sign-out")
    assert (answer.status, answer.json) == (200, {"status": "complete"})
    assert "watchword" not in ada.cookies
    assert (copied.user, site.count("sessions")) == (None, 0)
    assert ada.post("/auth/sign-out").status == 200, "twice is no mistake"


def test_a_name_is_changed_and_what_is_left_out_stays(ada: Visitor):
    assert patch(ada, user_name="lovelace").status == 200
    answer = patch(ada, name="Ada Lovelace")
    assert answer.status == 200
    assert answer.json == {"user": {**ada.user, "name": "Ada Lovelace", "user_name": "lovelace"}}
    assert (patch(ada, user_name="").json["user"]["user_name"], ada.user["name"]) == (None, "Ada Lovelace")


def test_a_user_name_belongs_to_one_person_in_any_case(ada: Visitor, eva: Visitor):
    assert patch(ada, user_name="Lovelace").status == 200
    refused = patch(eva, user_name="lOVELACE", name="Mallory")
    assert (refused.status, refused.json["fields"][0]["field"]) == (422, "user_name")
    assert (eva.user["user_name"], eva.user["name"]) == (None, "Eva"), "all of it or nothing"
    assert patch(ada, user_name="LOVELACE").json["user"]["user_name"] == "LOVELACE"


@pytest.mark.parametrize("user_name", ["ad", "admin", "ada@example.org", "аda", "-ada", "ada\n"])
def test_a_user_name_that_could_be_mistaken_is_refused(ada: Visitor, user_name: str):
    assert patch(ada, user_name=user_name).status == 422
    assert ada.user["user_name"] is None


def test_a_new_address_counts_once_it_is_proven_and_the_old_one_is_told(site: Site, ada: Visitor):
    """CB-112, CB-119, CB-121, CB-122: kept apart until then; then all sessions end and this browser gets a new one."""
    phone = site.visitor()
    phone.sign_in()
    before = ada.cookies["watchword"]
    asked = ask_to_move(ada)
    step = {"method": "email_code", "to": "c…@example.org"}
    assert (asked.status, asked.json["next"]) == (202, [step])
    assert ada.user["email"] == EMAIL
    answer = confirm(ada, asked.json["attempt"], site.code_for(NEW_EMAIL))
    assert (answer.status, answer.json["session"]["user"]["email"]) == (200, NEW_EMAIL)
    assert (ada.user["email"], phone.user) == (NEW_EMAIL, None)
    assert ada.cookies["watchword"] != before
    assert NEW_EMAIL in site.mail_to(EMAIL).text
    assert site.visitor().sign_in().status == 401
    assert site.visitor().sign_in(NEW_EMAIL).status == 200


def test_the_link_moves_the_account_too(site: Site, ada: Visitor):
    ask_to_move(ada)
    token = site.link_for(NEW_EMAIL).removeprefix("/auth/confirm/")
    assert ada.post("/auth/attempt/email_link", {"token": token}).status == 200
    assert ada.user["email"] == NEW_EMAIL


def test_a_taken_address_looks_the_same_and_changes_nothing(site: Site, ada: Visitor, eva: Visitor):
    free, taken = ask_to_move(ada), ask_to_move(ada, "eva@example.org")
    assert (taken.status, set(taken.json)) == (free.status, set(free.json))
    assert taken.json["next"] == [{"method": "email_code", "to": "e…@example.org"}]
    assert "/auth/confirm/" not in site.mail_to("eva@example.org").text
    assert confirm(ada, taken.json["attempt"], "00000000").code == "code_invalid"
    assert (ada.user["email"], eva.user["email"]) == (EMAIL, "eva@example.org")


def test_an_address_taken_meanwhile_is_not_taken_over(site: Site, ada: Visitor):
    attempt = ask_to_move(ada).json["attempt"]
    code = site.code_for(NEW_EMAIL)
    assert site.visitor().sign_up(NEW_EMAIL).status == 200
    refused = confirm(ada, attempt, code)
    assert (refused.status, refused.code) == (410, "attempt_expired")
    assert ada.user["email"] == EMAIL


def test_a_change_of_address_asks_for_the_password(site: Site, ada: Visitor):
    """CB-028, CB-120: who finds a browser open can't take the account away."""
    mails = len(site.mails())
    refused = ask_to_move(ada, password="another engine no. 1")
    assert (refused.status, refused.json["fields"][0]["field"]) == (422, "password")
    assert len(site.mails()) == mails


def test_a_change_of_address_needs_the_session_still_there(site: Site, ada: Visitor):
    attempt = ask_to_move(ada).json["attempt"]
    code = site.code_for(NEW_EMAIL)
    del ada.cookies["watchword"]
    refused = confirm(ada, attempt, code)
    assert (refused.status, refused.code) == (410, "attempt_expired")
    ada.sign_in()
    assert ada.user["email"] == EMAIL


def test_a_second_change_of_address_voids_the_first(site: Site, ada: Visitor):
    first = ask_to_move(ada, "first@example.org").json["attempt"]
    code = site.code_for("first@example.org")
    second = ask_to_move(ada).json["attempt"]
    assert confirm(ada, first, code).code == "attempt_expired"
    assert confirm(ada, second, site.code_for(NEW_EMAIL)).status == 200


def test_the_export_holds_everything_that_is_kept(site: Site, ada: Visitor):
    patch(ada, user_name="lovelace")
    site.visitor("198.51.100.7").sign_in()
    answer = ada.get("/auth/user/export")
    export = answer.json
    assert answer.response.header("content-disposition") == 'attachment; filename="my-data.json"'
    assert export["user"] == ada.user
    assert {(entry["kind"], entry["text"]) for entry in export["identifiers"]} == {
        *(("email", EMAIL), ("user_name", "lovelace")),
    }
    assert {entry["address"] for entry in export["sessions"]} == {"192.0.2.1", "198.51.100.7"}
    events = {entry["event"] for entry in export["events"]}
    assert {"signed_up", "signed_in", "profile_changed", "account_exported"} <= events
    assert export["created_at"]


def test_the_export_holds_no_secret(site: Site, ada: Visitor):
    session, browser = ada.cookies["watchword"], ada.cookies["watchword-browser"]
    text = json.dumps(ada.get("/auth/user/export").json)
    secrets = [PASSWORD, session, session[-52:], browser, base32_decode(browser).hex(), "$argon2", "token_hash"]
    assert [secret for secret in secrets if secret in text] == []


def test_deletion_leaves_no_row_of_the_user_but_in_the_audit_log(site: Site, ada: Visitor, eva: Visitor):
    patch(ada, user_name="lovelace")
    ask_to_move(ada)
    site.visitor().post("/auth/password/forgot", {"email": EMAIL})
    user_id = ada.user["id"]
    assert {"users", "identifiers", "credentials", "sessions", "devices", "attempts", "challenges"} <= tables_with(
        site, user_id
    )
    answer = delete(ada)
    assert (answer.status, answer.json) == (200, {"status": "complete"})
    assert "watchword" not in ada.cookies
    assert tables_with(site, user_id) == {"audit_events"}
    assert site.visitor().sign_in().status == 401
    assert (eva.user["email"], site.count("users")) == ("eva@example.org", 1)
    assert site.mail_to(EMAIL).subject != site.mail_to("eva@example.org").subject
    assert site.visitor().sign_up().json["session"]["user"]["id"] != user_id, "the address is free again"


def test_deletion_asks_for_the_password(site: Site, ada: Visitor):
    refused = delete(ada, "another engine no. 1")
    assert (refused.status, refused.json["fields"][0]["field"]) == (422, "password")
    assert ada.user["email"] == EMAIL


def test_the_last_admin_can_not_leave(site: Site, ada: Visitor):
    site.auth.administration.set_role(EMAIL, "admin")
    ada.sign_in()
    refused = delete(ada)
    assert (refused.status, refused.code) == (409, "last_admin")
    site.auth.administration.create(email="next@example.org", role="admin")
    assert delete(ada).status == 200


def test_of_two_admins_who_leave_at_once_one_stays(site: Site):
    for number in range(6):
        visitors = [site.visitor(), site.visitor()]
        for name, visitor in zip("ab", visitors, strict=True):
            email = f"{name}{number}@example.org"
            site.auth.administration.create(email=email, password=PASSWORD, role="admin")
            assert visitor.sign_in(email).status == 200
        with ThreadPoolExecutor(2) as threads:
            statuses = list(threads.map(lambda visitor: delete(visitor).status, visitors))
        assert sorted(statuses) == [200, 409]
        with site.auth.store.write() as tx:
            tx.revokes()
            tx.execute(sql_delete(users))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/auth/sessions", None),
        ("DELETE", "/auth/sessions", None),
        ("DELETE", "/auth/sessions/ses_aaaaaaaaaaaaaaaaaaaaaaaaaa", None),
        ("PATCH", "/auth/user", {"name": "Eva"}),
        ("GET", "/auth/user/export", None),
        ("POST", "/auth/user/email", {"email": NEW_EMAIL, "password": PASSWORD}),
        ("POST", "/auth/user/delete", {"password": PASSWORD}),
    ],
)
def test_who_is_not_signed_in_gets_nothing(sqlite_site: Site, method: str, path: str, body: Any):
    refused = sqlite_site.visitor().send(method, path, body=body)
    assert (refused.status, refused.code) == (401, "unauthenticated")


def tables_with(site: Site, user_id: str) -> set[str]:
    """Return the tables in which any column holds this id."""
    found: set[str] = set()
    with site.auth.store.read() as tx:
        for table in metadata.sorted_tables:
            texts = [cast(column, String) == user_id for column in table.columns if isinstance(column.type, String)]
            if texts and tx.execute(select(table).where(or_(*texts)).limit(1)).first():
                found.add(table.name)
    return found
