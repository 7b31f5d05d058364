"""Second factors that are skipped, counted twice, replayed or guessed (chapters 1, 2, 5, 7 and 12)."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.authenticator import Authenticator, add_passkey
from tests.support.factors import App, begin, enrol, member, session_of, show
from tests.support.site import EMAIL, PASSWORD, Site, make_site
from watchword import SecondFactor
from watchword.foundation.clock import ManualClock
from watchword.methods.totp.codes import STEP

NEW = "a whole other password 7"
ADMIN = "root@example.org"


@pytest.fixture
def strict(sqlite_url: str, clock: ManualClock):
    """A site where admins must have a second factor."""
    site = make_site(sqlite_url, clock, second_factor=SecondFactor(mode="required", roles=("admin",)))
    yield site
    site.auth.stop()


def reset_link(site: Site, visitor, email: str = EMAIL) -> str:
    visitor.post("/auth/password/forgot", {"email": email})
    return site.link_for(email).rpartition("/")[2]


def test_a017_no_entrance_is_without_the_second_factor(strict: Site):
    """The first admin's page, the pages, the API and a reset all lead to the same door."""
    link = strict.auth.first_admin_link("http://localhost:8000")
    assert link
    visitor = strict.visitor()
    fields = {"email": ADMIN, "password": PASSWORD, "name": ""}
    made = visitor.submit(f"/auth/setup/{link.rpartition('/')[2]}", **fields)
    assert made.response.header("location").startswith("/auth/second-factor?")
    assert session_of(visitor) is None
    by_page = strict.visitor()
    answer = by_page.submit("/auth/sign-in", identifier=ADMIN, password=PASSWORD)
    assert answer.response.header("location").startswith("/auth/second-factor?")
    assert session_of(by_page) is None
    assert strict.visitor().sign_in(ADMIN).status == 202
    assert strict.visitor().post(
        "/auth/password/reset", {"token": reset_link(strict, visitor, ADMIN), "password": NEW}
    ).json == {"status": "complete"}
    assert strict.visitor().sign_in(ADMIN, NEW).status == 202
    assert strict.count("sessions") == 0


def test_a026_what_there_is_before_the_second_factor_is_no_session(sqlite_site: Site):
    """Neither the attempt's id nor the browser's cookie opens anything."""
    member(sqlite_site)
    visitor = sqlite_site.visitor("192.0.2.4")
    attempt = begin(visitor)["attempt"]
    assert "watchword" not in visitor.cookies
    for token in (attempt, visitor.cookies["watchword-browser"], attempt.replace("att_", "wws_")):
        thief = sqlite_site.visitor()
        thief.cookies = {"watchword": token}
        assert session_of(thief) is None
        assert thief.get("/auth/sessions").status == 401
        assert sqlite_site.visitor().get("/auth/session", authorization=f"Bearer {token}").json["session"] is None


def test_a086_an_export_shows_no_seed_and_no_code(sqlite_site: Site):
    """Neither the app's secret, nor recovery codes, nor keys."""
    visitor, app = member(sqlite_site)
    codes = visitor.post("/auth/recovery-codes").json["codes"]
    add_passkey(visitor, Authenticator())
    shown = visitor.get("/auth/user/export").text + visitor.get("/auth/passkeys").text + visitor.get("/auth/totp").text
    assert not any(secret in shown for secret in (app.secret, *codes, "public_key", "sealed"))


def test_a087_a_totp_code_works_once(sqlite_site: Site):
    """Not in another attempt, not for a step-up, not in its step's last second."""
    visitor, app = member(sqlite_site)
    first, second = sqlite_site.visitor(), sqlite_site.visitor()
    code = app.wait()
    attempts = [(one, begin(one)["attempt"]) for one in (first, second)]
    assert show(*attempts[0], code).status == 200
    assert show(*attempts[1], code).code == "second_factor_invalid"
    step_up = visitor.post("/auth/step-up").json["attempt"]
    assert show(visitor, step_up, code).code == "second_factor_invalid"


def test_a087_the_code_that_set_the_app_up_is_used(sqlite_site: Site):
    """Whoever saw it typed can't sign in with it."""
    visitor = sqlite_site.visitor()
    visitor.sign_up()
    app = enrol(visitor)
    thief = sqlite_site.visitor()
    assert show(thief, begin(thief)["attempt"], app.code()).code == "second_factor_invalid"


def test_a087_a_totp_code_works_once_of_twenty_at_once(site: Site):
    """From one attempt each, in threads."""
    _, app = member(site)
    visitors = [site.visitor(f"192.0.2.{number}") for number in range(4)]
    attempts = [(one, begin(one)["attempt"]) for one in visitors]
    code = app.wait()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda one: show(*one, code), attempts * 5))
    assert [answer.status for answer in answers].count(200) == 1


def test_a088_of_200_guesses_five_are_looked_at(sqlite_site: Site):
    """The tries are the account's: new attempts and other addresses give no more."""
    _, app = member(sqlite_site)
    app.wait()
    tried = 0
    for number in range(40):
        visitor = sqlite_site.visitor(f"198.51.100.{number}")
        attempt = begin(visitor)["attempt"]
        answers = [show(visitor, attempt, f"{guess:06}").code for guess in range(5)]
        tried += answers.count("second_factor_invalid")
    assert tried == 5


@pytest.mark.parametrize("code", ["１２３４５６", "123456 ", "", "null", "12345", "1234567", "\u0000" * 6, "१२३४५६"])
def test_a089_another_spelling_is_no_code(sqlite_site: Site, code: str):
    """Full-width digits, nothing, and too many of them are refused and counted."""
    _, _ = member(sqlite_site)
    visitor = sqlite_site.visitor()
    attempt = begin(visitor)["attempt"]
    for method in ("totp", "recovery_code"):
        assert show(visitor, attempt, code, method).status in (409, 422)


def test_a090_the_last_step_alone_signs_nobody_in(sqlite_site: Site):
    """Without the password there is no attempt; another browser's can't be carried on."""
    _, app = member(sqlite_site)
    victim, thief = sqlite_site.visitor(), sqlite_site.visitor()
    attempt = begin(victim)["attempt"]
    thief.get("/auth/sign-in")
    begin(thief)
    code = app.wait()
    assert show(thief, attempt, code).code == "attempt_expired"
    assert show(thief, "att_none", code).code == "attempt_expired"
    assert show(victim, attempt, code).status == 200


@pytest.mark.parametrize("way", ["sign_in", "step_up", "reset"])
def test_a091_a_code_from_the_mail_stands_in_for_no_second_factor(sqlite_site: Site, way: str):
    """ "Try another way" leads nowhere: the attempt asks for the second factor and takes nothing else."""
    visitor, app = member(sqlite_site)
    if way == "sign_in":
        visitor = sqlite_site.visitor()
        attempt = begin(visitor)["attempt"]
    elif way == "step_up":
        attempt = visitor.post("/auth/step-up").json["attempt"]
    else:
        link = reset_link(sqlite_site, visitor)
        attempt = visitor.post("/auth/password/reset", {"token": link, "password": NEW}).json["attempt"]
    mails = len(sqlite_site.mails())
    assert visitor.post("/auth/attempt/email_code/send", {"attempt": attempt}).code == "attempt_expired"
    assert show(visitor, attempt, "12345678", "email_code").code == "attempt_expired"
    assert visitor.post("/auth/attempt/password", {"attempt": attempt, "password": PASSWORD}).code == "step_not_offered"
    assert len(sqlite_site.mails()) == mails
    assert show(visitor, attempt, app.wait()).status == 200


def test_a092_neither_a_reset_nor_a_new_start_skips_the_second_factor(sqlite_site: Site):
    """The mailbox and the password together are not enough."""
    visitor, app = member(sqlite_site)
    thief = sqlite_site.visitor()
    link = reset_link(sqlite_site, thief)
    pending = thief.post("/auth/password/reset", {"token": link, "password": NEW})
    assert (pending.status, session_of(thief)) == (202, None)
    assert thief.post("/auth/password/reset", {"token": link, "password": NEW}).code == "link_invalid"
    assert thief.sign_in(password=NEW).status == 401
    for _ in range(2):
        assert [step["method"] for step in begin(thief)["next"]] == ["totp"]
    assert session_of(thief) is None
    assert session_of(visitor)
    assert show(thief, pending.json["attempt"], "000000").status == 422
    assert app.secret


def test_a092_a_forced_set_up_is_asked_for_again(strict: Site):
    """Whoever leaves it is no further the next time, and it does not show who has the password more than once."""
    visitor = strict.visitor()
    visitor.sign_up()
    strict.auth.administration.set_role(EMAIL, "admin")
    for _ in range(3):
        pending = begin(visitor)
        assert {step["method"] for step in pending["next"]} == {"passkey/enrol", "totp/enrol"}
        assert session_of(visitor) is None


def test_a093_no_method_is_its_own_second_factor(sqlite_site: Site):
    """A password, shown twice, is one factor; and so is what is held, shown twice."""
    visitor, _ = member(sqlite_site)
    key = Authenticator(flags=1)
    add_passkey(visitor, key, "security_key")
    other = sqlite_site.visitor()
    attempt = begin(other)["attempt"]
    again = other.post("/auth/attempt/password", {"attempt": attempt, "password": PASSWORD})
    assert again.code == "step_not_offered"
    asked = other.post("/auth/sign-in/passkey/options").json
    body = {"attempt": asked["attempt"], "credential": key.get(asked["public_key"])}
    assert other.post("/auth/sign-in/passkey", body).code == "passkey_invalid"
    assert session_of(other) is None


@pytest.mark.parametrize("name", ["ADA@example.org", "ada@EXAMPLE.ORG", "ada", "ADA", " ada@example.org"])
def test_a094_no_spelling_of_the_name_misses_the_second_factor(sqlite_site: Site, name: str):
    """The policy is the account's, whatever led to it."""
    visitor, _ = member(sqlite_site)
    assert visitor.send("PATCH", "/auth/user", body={"user_name": "ada"}).status == 200
    answer = sqlite_site.visitor().sign_in(name)
    assert answer.status in (202, 401)
    assert sqlite_site.visitor().sign_in("ada").status == 202


def test_a097_a_seed_has_160_bits(sqlite_site: Site):
    """32 letters of base32."""
    _, app = member(sqlite_site)
    assert len(app.secret) * 5 == 160


def test_a154_a_clock_that_is_set_back_makes_no_used_code_new(sqlite_site: Site):
    """Two servers may be half a minute apart: a step that is not later than the last one does not count."""
    _, app = member(sqlite_site)
    first, second = sqlite_site.visitor(), sqlite_site.visitor()
    sqlite_site.clock.advance(2 * STEP)
    code = app.code()
    before = app.code(-1)
    attempt = begin(second)["attempt"]
    assert show(first, begin(first)["attempt"], code).status == 200
    sqlite_site.clock.advance(-STEP)
    assert show(second, attempt, code).code == "second_factor_invalid"
    assert show(second, attempt, before).code == "second_factor_invalid"


def test_a022_a_step_up_gives_a_new_token(sqlite_site: Site):
    """An attacker who planted or copied the cookie is left behind."""
    visitor = sqlite_site.visitor()
    visitor.sign_up()
    thief = sqlite_site.visitor()
    thief.cookies = dict(visitor.cookies)
    attempt = visitor.post("/auth/step-up").json["attempt"]
    assert visitor.post("/auth/attempt/password", {"attempt": attempt, "password": PASSWORD}).status == 200
    assert session_of(visitor)
    assert session_of(thief) is None


def test_a044_a_step_up_is_the_sessions_own(sqlite_site: Site):
    """An attempt that was begun in one session makes no other person's stronger."""
    visitor, app = member(sqlite_site)
    attempt = visitor.post("/auth/step-up").json["attempt"]
    visitor.post("/auth/sign-out")
    other = sqlite_site.visitor()
    other.sign_up("eva@example.org")
    visitor.cookies["watchword"] = other.cookies["watchword"]
    refused = show(visitor, attempt, app.wait())
    assert refused.code == "attempt_expired"
    assert session_of(other)["assurance"] == "aal1"
    assert isinstance(app, App)
