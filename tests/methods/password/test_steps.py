"""What people do with a password, told through the HTTP API: each story on both databases."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.site import CHEAP, EMAIL, ORIGIN, PASSWORD, SECRET, Site, Visitor, make_site
from watchword import Password
from watchword.identity.users import account_by_email
from watchword.methods.password.hashing import Figures

NEW_PASSWORD = "difference engine no. 2"
COMPLETE = {"status": "complete"}


def problem(name: str, status: int, title: str, fix: str, **more: object) -> dict[str, Any]:
    return {
        "type": f"https://watchword.dev/problems/{name}",
        "title": title,
        "status": status,
        "code": name,
        "fix": fix,
        **more,
    }


WRONG = problem(
    "invalid_credentials",
    401,
    "The name or the password is not right",
    "Check both. The answer is the same whether the account exists or not.",
)
LINK_OVER = problem(
    "link_invalid",
    410,
    "This link does not work any more",
    "Ask for a new one: each link works once, and not for long.",
)


def fault(field: str, expected: str) -> dict[str, Any]:
    title, fix = "The input is not what this call expects", "Send what each entry of `fields` names."
    return problem("input_invalid", 422, title, fix, fields=[{"field": field, "expected": expected}])


@pytest.fixture
def ada(site: Site) -> Visitor:
    """Ada, signed up and signed in."""
    visitor = site.visitor()
    assert visitor.sign_up().status == 200
    return visitor


def begin(visitor: Visitor, **more: str) -> Any:
    """Begin to sign up; give the answer."""
    return visitor.post("/auth/sign-up/password", {"email": EMAIL, "password": PASSWORD, **more})


def stored_password(site: Site) -> str | None:
    with site.auth.store.read() as tx:
        account = account_by_email(tx, EMAIL)
    return account.password if account else None


def forgot(site: Site, email: str = EMAIL) -> str:
    """Ask for a reset; give the token of the link in the mail."""
    assert site.visitor().post("/auth/password/forgot", {"email": email}).status == 202
    return site.link_for(email).removeprefix("/auth/reset/")


def reset(site: Site, token: str, password: str = NEW_PASSWORD) -> Any:
    return site.visitor().post("/auth/password/reset", {"token": token, "password": password})


def change(visitor: Visitor, current: str = PASSWORD, new: str = NEW_PASSWORD) -> Any:
    return visitor.post("/auth/password/change", {"current": current, "new": new})


def test_a_sign_up_is_pending_until_the_address_is_proven(site: Site):
    """CB-090, CB-091: there is no account before, so nothing can be used with it."""
    visitor = site.visitor()
    answer = begin(visitor, name="Ada")
    attempt = answer.json["attempt"]
    next_step = {"method": "email_code", "to": "a…@example.org"}
    assert answer.status == 202
    assert answer.json == {"status": "pending", "attempt": attempt, "next": [next_step]}
    assert attempt.startswith("att_")
    assert site.count("users") == 0
    assert visitor.user is None


def test_the_code_from_the_mail_makes_the_account_and_signs_in(site: Site):
    visitor = site.visitor()
    answer = visitor.sign_up()
    session = answer.json["session"]
    assert answer.status == 200
    assert answer.json["status"] == "complete"
    user_id = session["user"]["id"]
    assert session["user"] == {"id": user_id, "email": EMAIL, "name": "Ada", "user_name": None, "role": "user"}
    assert session["factors"] == ["password", "email"]
    assert visitor.user == session["user"]


def test_the_link_from_the_mail_makes_the_account_too(site: Site):
    visitor = site.visitor()
    begin(visitor)
    token = site.link_for(EMAIL).removeprefix("/auth/confirm/")
    answer = visitor.post("/auth/attempt/email_link", {"token": token})
    assert (answer.status, answer.json["status"]) == (200, "complete")
    assert visitor.user["email"] == EMAIL


def test_a_taken_address_gets_the_same_answer_and_another_mail(site: Site, ada: Visitor):
    """CB-157: whoever asks learns nothing; who owns the address learns what happened."""
    answer = begin(site.visitor(), name="Eva")
    assert answer.status == 202
    assert set(answer.json) == {"status", "attempt", "next"}
    mail = site.mail_to(EMAIL)
    assert f"{ORIGIN}/auth/sign-in" in mail.text
    assert f"{ORIGIN}/auth/forgot" in mail.text
    assert "/auth/confirm/" not in mail.text
    assert (site.count("users"), ada.user["name"]) == (1, "Ada")


def test_what_is_wrong_with_a_sign_up_is_told_by_field(site: Site):
    answer = site.visitor().post("/auth/sign-up/password", {"email": "ada", "password": "short"})
    assert answer.status == 422
    assert {entry["field"] for entry in answer.json["fields"]} == {"email", "password"}
    assert site.count("attempts") == 0


@pytest.mark.parametrize("identifier", [EMAIL, "ADA@Example.ORG", "lovelace", "LoveLace"])
def test_address_and_user_name_lead_to_the_account_in_any_case(site: Site, ada: Visitor, identifier: str):
    """CB-092: no two spellings of an address are two people."""
    assert ada.send("PATCH", "/auth/user", body={"user_name": "Lovelace"}).status == 200
    visitor = site.visitor()
    answer = visitor.sign_in(identifier)
    session = answer.json["session"]
    assert (answer.status, answer.json) == (200, {"status": "complete", "session": session})
    assert session["user"]["email"] == EMAIL
    assert session["factors"] == ["password"]
    assert [line.split("=")[0] for line in answer.cookies] == ["watchword", "watchword-browser"]


@pytest.mark.parametrize(
    ("identifier", "password"),
    [(EMAIL, "another engine no. 1"), ("eva@example.org", PASSWORD), ("nobody", PASSWORD), (EMAIL, ""), ("", PASSWORD)],
)
def test_a_wrong_password_and_an_unknown_name_get_one_answer(site: Site, ada: Visitor, identifier: str, password: str):
    """CB-154 and CB-156: one message for both, without an exception for public names."""
    visitor = site.visitor()
    answer = visitor.sign_in(identifier, password)
    assert (answer.status, answer.json) == (401, WRONG)
    assert (answer.cookies, visitor.user) == ([], None)


def test_a_disabled_account_is_like_a_wrong_password_until_it_is_enabled(site: Site, ada: Visitor):
    site.auth.administration.set_disabled(EMAIL, disabled=True)
    answer = site.visitor().sign_in()
    assert (answer.status, answer.json) == (401, WRONG)
    site.auth.administration.set_disabled(EMAIL, disabled=False)
    assert site.visitor().sign_in().status == 200


def test_a_hash_follows_at_the_next_sign_in_when_the_figures_rise(store_url: str, site: Site, ada: Visitor):
    """CB-137: what was stored with old figures does not stay."""
    before = stored_password(site)
    raised = make_site(store_url, site.clock, password=Password(figures=Figures(memory=128, iterations=2)))
    assert raised.visitor().sign_in(password="another engine no. 1").status == 401
    assert stored_password(site) == before
    assert raised.visitor().sign_in().status == 200
    after = stored_password(site)
    assert "m=64,t=1,p=1" in (before or "")
    assert "m=128,t=2,p=1" in (after or "")
    assert raised.visitor().sign_in().status == 200
    assert stored_password(site) == after, "no hash is made again that is good enough"
    raised.auth.stop()


def test_a_forgotten_password_is_pending_and_the_mail_has_a_link(site: Site, ada: Visitor):
    """CB-174: the token is in the path of a page of its own."""
    answer = site.visitor().post("/auth/password/forgot", {"email": EMAIL})
    step = {"method": "password_reset", "to": "a…@example.org"}
    assert (answer.status, answer.json) == (202, {"status": "pending", "next": [step]})
    assert site.link_for(EMAIL).startswith("/auth/reset/")


def test_an_unknown_address_gets_the_same_answer_and_no_mail(site: Site, ada: Visitor):
    """CB-181: one vague message for all."""
    known = site.visitor().post("/auth/password/forgot", {"email": EMAIL})
    mails = len(site.mails())
    unknown = site.visitor().post("/auth/password/forgot", {"email": "adb@example.org"})
    assert (known.status, known.json) == (unknown.status, unknown.json)
    assert len(site.mails()) == mails


def test_a_reset_sets_the_password_and_ends_whatever_the_old_one_gave(site: Site, ada: Visitor):
    """CB-173: sessions; and with them changes under way, and the memory of browsers."""
    elsewhere = site.visitor()
    elsewhere.sign_in()
    body = {"email": "eva@example.org", "password": PASSWORD}
    attempt = elsewhere.post("/auth/user/email", body).json["attempt"]
    answer = reset(site, forgot(site))
    assert (answer.status, answer.json, answer.cookies) == (200, COMPLETE, [])
    assert (ada.user, elsewhere.user) == (None, None)
    assert [site.count(table) for table in ("sessions", "devices", "attempts WHERE user_id IS NOT NULL")] == [0, 0, 0]
    code = {"attempt": attempt, "code": site.code_for("eva@example.org")}
    assert elsewhere.post("/auth/attempt/email_code", code).status == 410
    assert site.visitor().sign_in().status == 401
    assert site.visitor().sign_in(password=NEW_PASSWORD).status == 200
    assert "password" in site.mail_to(EMAIL).subject.lower()


def test_a_second_reset_link_voids_the_first(site: Site, ada: Visitor):
    first, second = forgot(site), forgot(site)
    refused = reset(site, first)
    assert (refused.status, refused.json) == (410, LINK_OVER)
    assert reset(site, second).status == 200


def test_a_refused_password_leaves_the_reset_link_good(site: Site, ada: Visitor):
    """CB-178: it is used up by a valid new password and by nothing else."""
    token = forgot(site)
    refused = reset(site, token, "short")
    assert (refused.status, refused.json) == (422, fault("password", "at least 8 characters"))
    assert reset(site, token).status == 200


def test_a_disabled_account_is_not_reset(site: Site, ada: Visitor):
    site.auth.administration.set_disabled(EMAIL, disabled=True)
    mails = len(site.mails())
    assert site.visitor().post("/auth/password/forgot", {"email": EMAIL}).status == 202
    assert len(site.mails()) == mails


def test_an_account_without_a_password_gets_one_by_a_reset(site: Site):
    site.auth.administration.create(email=EMAIL)
    assert site.visitor().sign_in().status == 401
    assert reset(site, forgot(site)).status == 200
    assert site.visitor().sign_in(password=NEW_PASSWORD).status == 200


def test_a_change_ends_the_others_and_gives_this_one_a_new_token(site: Site, ada: Visitor):
    """CB-036."""
    elsewhere = site.visitor()
    elsewhere.sign_in()
    before, copied = ada.cookies["watchword"], Visitor(site, cookies=dict(ada.cookies))
    answer = change(ada)
    assert (answer.status, answer.json["status"]) == (200, "complete")
    assert ada.cookies["watchword"] != before
    assert ada.user["email"] == EMAIL
    assert (elsewhere.user, copied.user) == (None, None)
    assert site.visitor().sign_in().status == 401
    assert site.visitor().sign_in(password=NEW_PASSWORD).status == 200
    assert "password" in site.mail_to(EMAIL).subject.lower()


def test_a_change_asks_for_the_current_password(site: Site, ada: Visitor):
    """CB-161: and says which field is at fault."""
    mails, token = len(site.mails()), ada.cookies["watchword"]
    refused = change(ada, current="another engine no. 1")
    assert (refused.status, refused.json) == (422, fault("current", "your current password"))
    assert (len(site.mails()), ada.cookies["watchword"]) == (mails, token)
    assert site.visitor().sign_in().status == 200


def test_a_change_to_a_bad_password_says_so_at_its_field(site: Site, ada: Visitor):
    refused = change(ada, new="short")
    assert (refused.status, refused.json) == (422, fault("new", "at least 8 characters"))
    assert site.visitor().sign_in().status == 200


def test_a_change_needs_someone_signed_in(site: Site, ada: Visitor):
    refused = change(site.visitor())
    assert (refused.status, refused.code) == (401, "unauthenticated")


@pytest.mark.parametrize("step", ["sign up", "reset", "change"])
def test_no_password_is_made_of_who_one_is(site: Site, ada: Visitor, step: str):
    """CB-134: words about the person count for nothing in the estimate."""
    mine = "eva.lovelace" if step == "sign up" else "ada@example.org"
    sign_up = {"email": "eva.lovelace@example.org", "password": mine}
    steps: dict[str, Callable[[], Any]] = {
        "sign up": lambda: site.visitor().post("/auth/sign-up/password", sign_up),
        "reset": lambda: reset(site, forgot(site), mine),
        "change": lambda: change(ada, new=mine),
    }
    refused = steps[step]()
    assert refused.status == 422
    assert [entry["field"] for entry in refused.json["fields"]] == ["new" if step == "change" else "password"]


def test_every_step_is_in_the_audit_log(site: Site, ada: Visitor):
    ada.sign_in(password="another engine no. 1")
    ada.sign_in()
    change(ada)
    reset(site, forgot(site), "third engine by the river")
    with site.auth.store.read() as tx:
        events = [entry.event for entry in site.auth.services.audit.recent(tx)]
    assert events[::-1] == [
        *("signed_up", "signed_in", "sign_in_failed", "signed_in", "password_changed", "signed_in"),
        *("password_reset_requested", "password_reset"),
    ]


def test_another_site_with_the_same_secret_and_store_reads_the_same_accounts(store_url: str, site: Site, ada: Visitor):
    twin = make_site(store_url, site.clock, secret=SECRET, password=Password(figures=CHEAP))
    assert Visitor(twin, cookies=dict(ada.cookies)).user == ada.user
    twin.auth.stop()
