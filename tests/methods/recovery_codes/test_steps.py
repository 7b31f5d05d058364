"""Recovery codes: made, shown once, used once each."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select

from tests.support.factors import begin, member, session_of, show
from tests.support.site import EMAIL, Site
from watchword.foundation.clock import MINUTE
from watchword.methods.recovery_codes.tables import recovery_codes


def made(visitor) -> list[str]:
    answer = visitor.post("/auth/recovery-codes")
    assert answer.status == 200, answer.text
    return answer.json["codes"]


def test_a_code_stands_in_for_the_lost_app_once(site: Site):
    """It lets in, is then gone, and its owner hears of it."""
    visitor, _ = member(site)
    codes = made(visitor)
    assert (len(codes), {len(code) for code in codes}) == (10, {19})
    other = site.visitor()
    pending = begin(other)
    assert [step["method"] for step in pending["next"]] == ["totp", "recovery_code"]
    assert show(other, pending["attempt"], codes[0].upper().replace("-", " "), "recovery_code").status == 200
    assert (session_of(other)["factors"], session_of(other)["assurance"]) == (["password", "recovery_code"], "aal2")
    assert "9 are left" in site.mail_to(EMAIL).text
    assert other.get("/auth/recovery-codes").json == {"left": 9}
    again = site.visitor()
    assert show(again, begin(again)["attempt"], codes[0], "recovery_code").code == "second_factor_invalid"


def test_cb_209_whoever_came_in_with_a_code_can_replace_the_app(sqlite_site: Site):
    """The lost app is removed, and another one set up."""
    visitor, _ = member(sqlite_site)
    codes = made(visitor)
    other = sqlite_site.visitor()
    show(other, begin(other)["attempt"], codes[0], "recovery_code")
    assert other.delete("/auth/totp").status == 200
    assert other.post("/auth/totp").status == 200


def test_cb_208_new_codes_void_the_old_and_ask_for_a_fresh_proof(site: Site):
    """Codes are made anew by whoever has just shown the second factor."""
    visitor, app = member(site)
    old = made(visitor)
    site.clock.advance(11 * MINUTE)
    assert visitor.post("/auth/recovery-codes").code == "insufficient_user_authentication"
    show(visitor, visitor.post("/auth/step-up").json["attempt"], app.code())
    new = made(visitor)
    assert not set(old) & set(new)
    other = site.visitor()
    attempt = begin(other)["attempt"]
    assert show(other, attempt, old[1], "recovery_code").code == "second_factor_invalid"
    assert show(other, attempt, new[1], "recovery_code").status == 200


def test_codes_alone_ask_nobody_for_one(sqlite_site: Site):
    """They stand in for a second factor; without one they are nothing."""
    visitor = sqlite_site.visitor()
    visitor.sign_up()
    made(visitor)
    assert sqlite_site.visitor().sign_in().status == 200


def test_the_mail_says_when_few_are_left(sqlite_site: Site):
    """From three on it asks for new ones."""
    visitor, _ = member(sqlite_site)
    subjects = []
    for code in made(visitor)[:8]:
        other = sqlite_site.visitor()
        assert show(other, begin(other)["attempt"], code, "recovery_code").status == 200
        subjects.append("Few" in sqlite_site.mail_to(EMAIL).subject)
    assert subjects == [False] * 6 + [True] * 2


def test_cb_206_cb_207_what_is_stored_is_no_code(sqlite_site: Site):
    """Only a MAC is kept, and no call shows a code again."""
    visitor, _ = member(sqlite_site)
    codes = made(visitor)
    with sqlite_site.auth.store.read() as tx:
        kept = b"".join(row.code_mac for row in tx.execute(select(recovery_codes)))
    assert not any(code.replace("-", "").encode() in kept for code in codes)
    export = visitor.get("/auth/user/export").text
    assert not any(code in export or code.replace("-", "") in export for code in codes)


def test_cb_204_of_20_threads_with_one_code_one_gets_a_session(site: Site):
    """A code is used up atomically."""
    visitor, _ = member(site)
    code = made(visitor)[0]
    visitors = [site.visitor() for _ in range(4)]
    attempts = [(one, begin(one)["attempt"]) for one in visitors]
    before = site.count("sessions")
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda one: show(*one, code, "recovery_code"), attempts * 5))
    assert sum(answer.status == 200 for answer in answers) == 1
    assert site.count("sessions") == before + 1
