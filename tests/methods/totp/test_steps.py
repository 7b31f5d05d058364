"""An authenticator app, from its set-up to its end."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from tests.support.factors import App, begin, enrol, member, session_of, show
from tests.support.site import EMAIL, PASSWORD, Site, make_site
from watchword import SecondFactor
from watchword.foundation.clock import DAY, HOUR, MINUTE, ManualClock
from watchword.methods.totp.codes import STEP
from watchword.methods.totp.tables import totp_secrets


def test_a_person_sets_an_app_up_and_signs_in_with_it(site: Site):
    """The password alone leads to a pending attempt; the code then to a session of aal2."""
    visitor, app = member(site)
    assert site.mail_to(EMAIL).subject.startswith("An authenticator app was added")
    assert visitor.get("/auth/totp").json["totp"]["created_at"]
    other = site.visitor("192.0.2.7")
    pending = begin(other)
    assert pending["next"] == [{"method": "totp", "to": ""}]
    assert session_of(other) is None
    answer = show(other, pending["attempt"], app.wait())
    assert (answer.status, answer.json["status"]) == (200, "complete")
    session = session_of(other)
    assert (session["factors"], session["assurance"]) == (["password", "totp"], "aal2")


def test_cb_195_nothing_counts_until_the_first_code_has_come(sqlite_site: Site):
    """A secret that was shown and never confirmed asks nobody for a code."""
    visitor = sqlite_site.visitor()
    visitor.sign_up()
    begun = visitor.post("/auth/totp").json
    wrong = visitor.post("/auth/totp/confirm", {"attempt": begun["attempt"], "code": "000000"})
    assert wrong.code == "second_factor_invalid"
    assert visitor.get("/auth/totp").json == {"totp": None}
    assert sqlite_site.visitor().sign_in().status == 200


def test_the_first_code_makes_the_session_stronger_and_its_token_new(sqlite_site: Site):
    """A change of privilege gives a new token, and the old one opens nothing."""
    visitor = sqlite_site.visitor()
    visitor.sign_up()
    before = dict(visitor.cookies)
    enrol(visitor)
    assert session_of(visitor)["assurance"] == "aal2"
    assert visitor.cookies["watchword"] != before["watchword"]
    thief = sqlite_site.visitor()
    thief.cookies = before
    assert session_of(thief) is None


def test_cb_196_a_new_secret_voids_the_one_shown_before(sqlite_site: Site):
    """Of two pictures the later counts."""
    visitor = sqlite_site.visitor()
    visitor.sign_up()
    first, second = visitor.post("/auth/totp").json, visitor.post("/auth/totp").json
    assert first["secret"] != second["secret"]
    app = App(sqlite_site, first["secret"])
    stale = visitor.post("/auth/totp/confirm", {"attempt": first["attempt"], "code": app.code()})
    assert stale.code == "attempt_expired"


def test_a_secret_is_confirmed_only_in_the_browser_and_session_that_asked(sqlite_site: Site):
    """Neither another browser nor one that has signed out confirms it."""
    visitor, other = sqlite_site.visitor(), sqlite_site.visitor()
    visitor.sign_up()
    begun = visitor.post("/auth/totp").json
    body = {"attempt": begun["attempt"], "code": App(sqlite_site, begun["secret"]).code()}
    other.get("/auth/sign-in")
    other.sign_in()
    assert other.post("/auth/totp/confirm", body).code == "attempt_expired"
    visitor.post("/auth/sign-out")
    assert visitor.post("/auth/totp/confirm", body).code == "attempt_expired"
    assert sqlite_site.count("totp_secrets") == 0


def test_a_secret_is_sealed_and_of_no_use_in_another_persons_row(sqlite_site: Site):
    """The row holds no secret in clear, and moved to another person it opens nothing."""
    _, app = member(sqlite_site)
    store = sqlite_site.auth.store
    with store.read() as tx:
        row = tx.execute(select(totp_secrets)).one()
    assert app.secret.encode() not in row.sealed
    other = sqlite_site.visitor("192.0.2.8")
    other.sign_up("eva@example.org")
    enrol(other)
    with store.write() as tx:
        theirs = totp_secrets.c.user_id != row.user_id
        tx.execute(update(totp_secrets).where(theirs).values(sealed=row.sealed))
    again = sqlite_site.visitor()
    pending = begin(again, "eva@example.org")
    assert show(again, pending["attempt"], app.wait()).code == "second_factor_invalid"


def test_removing_the_app_asks_for_a_fresh_proof_and_tells_the_owner(site: Site):
    """After ten minutes the code is asked for once more."""
    visitor, app = member(site)
    site.clock.advance(11 * MINUTE)
    stale = visitor.delete("/auth/totp")
    assert (stale.status, stale.code) == (401, "insufficient_user_authentication")
    assert stale.json["max_age"] == 600
    step_up = visitor.post("/auth/step-up").json
    assert [step["method"] for step in step_up["next"]] == ["totp"]
    assert show(visitor, step_up["attempt"], app.code()).status == 200
    assert visitor.delete("/auth/totp").status == 200
    assert visitor.delete("/auth/totp").status == 404
    assert "was removed" in site.mail_to(EMAIL).subject
    assert site.visitor().sign_in().status == 200


def test_a_session_without_the_second_factor_removes_nothing(sqlite_site: Site):
    """A session from before the app was set up is too weak, however fresh it is."""
    early, visitor = sqlite_site.visitor(), sqlite_site.visitor()
    visitor.sign_up()
    early.sign_in()
    enrol(visitor)
    refused = early.delete("/auth/totp")
    assert (refused.status, refused.json["acr_values"]) == (401, "aal2")
    assert early.post("/auth/totp").status == 401
    changed = early.post("/auth/password/change", {"current": PASSWORD, "new": "a whole other password 7"})
    assert (changed.status, changed.code) == (401, "insufficient_user_authentication")
    assert early.post("/auth/user/delete", {"password": PASSWORD}).status == 401
    assert early.post("/auth/user/email", {"email": "new@example.org", "password": PASSWORD}).status == 401


def test_cb_197_five_wrong_codes_are_all_for_a_while_and_the_owner_is_told(sqlite_site: Site):
    """The sixth try is refused though it is right; CB-198: a mail says that the password may be known."""
    _, app = member(sqlite_site)
    visitor = sqlite_site.visitor("192.0.2.9")
    attempt = begin(visitor)["attempt"]
    assert [show(visitor, attempt, "000000").status for _ in range(5)] == [422] * 5
    assert show(visitor, attempt, app.wait()).code == "rate_limited"
    assert "may know your password" in sqlite_site.mail_to(EMAIL).text
    mails = len(sqlite_site.mails())
    assert show(visitor, attempt, app.code()).code == "rate_limited"
    assert len(sqlite_site.mails()) == mails
    sqlite_site.clock.advance(16 * MINUTE)
    assert show(visitor, attempt, app.code()).status == 200


def test_an_attempt_ends_after_an_hour_and_with_a_new_password(sqlite_site: Site):
    """Nobody finishes what was begun before the password changed."""
    visitor, app = member(sqlite_site)
    slow, old = sqlite_site.visitor(), sqlite_site.visitor()
    attempt = begin(slow)["attempt"]
    sqlite_site.clock.advance(HOUR)
    assert show(slow, attempt, app.code()).code == "attempt_expired"
    attempt = begin(old)["attempt"]
    step_up = visitor.post("/auth/step-up").json
    assert show(visitor, step_up["attempt"], app.code()).status == 200
    change = {"current": PASSWORD, "new": "a whole other password 7"}
    changed = visitor.post("/auth/password/change", change)
    assert changed.json["session"]["assurance"] == "aal2"
    assert show(old, attempt, app.wait()).code == "attempt_expired"


def test_of_20_threads_with_one_code_one_gets_a_session(site: Site):
    """A code is used up atomically, by the attempt and by its time step."""
    _, app = member(site)
    code = app.wait()
    visitors = [site.visitor() for _ in range(4)]
    attempts = [(visitor, begin(visitor)["attempt"]) for visitor in visitors]
    before = site.count("sessions")
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda one: show(*one, code), attempts * 5))
    assert sum(answer.status == 200 for answer in answers) == 1
    assert site.count("sessions") == before + 1


def required(url: str, clock: ManualClock, **policy: object) -> Site:
    return make_site(url, clock, second_factor=SecondFactor(mode="required", **policy))


def test_where_it_is_required_the_app_is_set_up_at_sign_in(store_url: str, clock: ManualClock):
    """Sign-up and sign-in lead to the set-up, and it leads in."""
    site = required(store_url, clock)
    visitor = site.visitor()
    pending = visitor.sign_up()
    assert pending.status == 202
    assert "totp/enrol" in [step["method"] for step in pending.json["next"]]
    assert session_of(visitor) is None
    assert show(visitor, pending.json["attempt"], "123456").code == "step_not_offered"
    body = {"attempt": pending.json["attempt"]}
    assert site.visitor().post("/auth/attempt/totp/enrol", body).code == "attempt_expired"
    begun = visitor.post("/auth/attempt/totp/enrol", body).json
    app = App(site, begun["secret"])
    done = visitor.post("/auth/totp/confirm", {"attempt": begun["attempt"], "code": app.code()})
    assert done.status == 200, done.text
    assert done.json["session"]["factors"] == ["password", "email", "totp"]
    assert visitor.delete("/auth/totp").code == "second_factor_required"
    site.auth.stop()


def test_within_a_sign_in_nobody_sets_up_a_second_app(sqlite_url: str, clock: ManualClock):
    """Who has the password alone can't add a factor of their own beside the owner's."""
    site = required(sqlite_url, clock)
    thief, owner = site.visitor(), site.visitor()
    owner.sign_up()
    early = thief.sign_in().json["attempt"]
    begun = thief.post("/auth/attempt/totp/enrol", {"attempt": early}).json
    sneaked = App(site, begun["secret"])
    pending = owner.sign_in().json["attempt"]
    mine = owner.post("/auth/attempt/totp/enrol", {"attempt": pending}).json
    app = App(site, mine["secret"])
    confirmed = owner.post("/auth/totp/confirm", {"attempt": mine["attempt"], "code": app.code()})
    assert confirmed.status == 200
    late = thief.post("/auth/totp/confirm", {"attempt": begun["attempt"], "code": sneaked.code()})
    assert late.status in (409, 410)
    assert thief.post("/auth/attempt/totp/enrol", {"attempt": early}).code == "step_not_offered"
    site.auth.stop()


def test_grace_lets_people_in_until_it_is_over(store_url: str, clock: ManualClock):
    """It begins at each person's first sign-in under the policy."""
    site = required(store_url, clock, grace=7 * DAY)
    visitor = site.visitor()
    assert visitor.sign_up().status == 200
    clock.advance(6 * DAY)
    assert site.visitor().sign_in().status == 200
    clock.advance(DAY)
    assert site.visitor().sign_in().status == 202
    site.auth.stop()


def test_a_role_may_need_what_others_need_not(sqlite_url: str, clock: ManualClock):
    """`required` for admins asks nobody else."""
    site = required(sqlite_url, clock, roles=("admin",))
    visitor = site.visitor()
    assert visitor.sign_up().status == 200
    site.auth.administration.set_role(EMAIL, "admin")
    assert site.visitor().sign_in().status == 202
    site.auth.stop()


def test_where_the_policy_is_off_nobody_is_asked(sqlite_url: str, clock: ManualClock):
    """An app that is set up is not asked for."""
    site = make_site(sqlite_url, clock, second_factor=SecondFactor(mode="off"))
    member(site)
    assert site.visitor().sign_in().status == 200
    site.auth.stop()


def test_cb_180_a_reset_asks_for_the_second_factor_before_the_new_password_counts(site: Site):
    """The mailbox alone changes nothing."""
    _, app = member(site)
    visitor = site.visitor()
    visitor.post("/auth/password/forgot", {"email": EMAIL})
    link = site.link_for(EMAIL).rpartition("/")[2]
    new = "a whole other password 7"
    pending = visitor.post("/auth/password/reset", {"token": link, "password": new})
    assert (pending.status, [step["method"] for step in pending.json["next"]]) == (202, ["totp"])
    assert site.visitor().sign_in(password=new).status == 401
    done = show(visitor, pending.json["attempt"], app.wait())
    assert (done.status, done.json["session"]["assurance"]) == (200, "aal2")
    assert site.visitor().sign_in(password=new).status == 202
    assert site.visitor().sign_in().status == 401


def test_a_code_with_spaces_is_the_code(sqlite_site: Site):
    """Apps show it in two groups."""
    _, app = member(sqlite_site)
    visitor = sqlite_site.visitor()
    code = app.wait()
    assert show(visitor, begin(visitor)["attempt"], f"{code[:3]} {code[3:]}").status == 200


@pytest.mark.parametrize("shift", [-STEP, STEP])
def test_a_phone_that_is_half_a_minute_off_still_works(sqlite_site: Site, shift: int):
    """The step before and the step after count too."""
    _, app = member(sqlite_site)
    sqlite_site.clock.advance(5 * STEP)
    visitor = sqlite_site.visitor()
    assert show(visitor, begin(visitor)["attempt"], app.code(shift // STEP)).status == 200
