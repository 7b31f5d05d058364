"""No sequence of calls gives a session without the factors that it needs: the door against a model of who has shown what."""

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support.authenticator import UP, UV, Authenticator
from tests.support.contest import UNLIMITED
from tests.support.factors import App
from tests.support.machines import explore
from tests.support.site import Site, Visitor, make_site
from watchword.admission.attempt import LIFETIME
from watchword.foundation.clock import MINUTE, ManualClock
from watchword.methods.totp.codes import STEP

EMAILS = ("ada@example.org", "eva@example.org")
PASSWORD = "analytical engine no. 1"
SESSION, BROWSER = "watchword", "watchword-browser"
KNOWN, HELD, FRESH = {"password", "passkey"}, {"totp", "recovery_code", "security_key", "passkey"}, 10 * MINUTE

who = st.integers(0, 1)
person_at = st.integers(0, 1)
recent = st.sampled_from((0, 0, 0, 1, 1, 2, 4))
"""Which of the things there are, the newest first."""


@dataclass(eq=False)
class Person:
    """An account, and all that its owner holds."""

    email: str
    app: App | None = None
    last_step: int = -1
    codes: list[str] = field(default_factory=list)
    used: list[str] = field(default_factory=list)
    passkey: Authenticator = field(default_factory=Authenticator)
    key: Authenticator = field(default_factory=lambda: Authenticator(flags=UP))

    @property
    def offers(self) -> set[str]:
        held = {"totp"} if self.app else set()
        held |= {"passkey"} if self.passkey.credentials or self.key.credentials else set()
        return held | ({"recovery_code"} if held and self.codes else set())


@dataclass(eq=False)
class Begun:
    """An attempt that waits for a second factor."""

    id: str
    browser: str
    person: Person
    purpose: str
    shown: frozenset[str]
    until: int
    over: bool = False


@dataclass(eq=False)
class Living:
    """A session."""

    person: Person
    factors: set[str]
    at: int

    @property
    def is_strong(self) -> bool:
        """Written from the rule and not from the code: something held, and something known beside it or with it."""
        return bool(self.factors & HELD) and bool(self.factors & KNOWN)


class Machine(RuleBasedStateMachine):
    """Two browsers and two people who mix up everything that they hold."""

    migrated: Path

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        shutil.copyfile(self.migrated, self.directory / "w.sqlite3")
        self.clock = ManualClock()
        self.site: Site = make_site(f"sqlite:///{self.directory / 'w.sqlite3'}", self.clock, limits=UNLIMITED)
        self.visitors = [self.site.visitor("192.0.2.1"), self.site.visitor("192.0.2.2")]
        self.people = [Person(email) for email in EMAILS]
        self.begun: list[Begun] = []
        self.sessions: dict[str, Living] = {}

    def teardown(self) -> None:
        self.site.auth.stop()
        shutil.rmtree(self.directory)

    @initialize()
    def both_have_accounts(self) -> None:
        for person in self.people:
            self.site.auth.administration.create(email=person.email, password=PASSWORD)
        self.sign_in(0, 0, right=True)

    @rule(number=who, whose=person_at, right=st.sampled_from((True, True, True, False)))
    def sign_in(self, number: int, whose: int, right: bool) -> None:
        visitor, person = self.visitors[number], self.people[whose]
        before = visitor.cookies.get(SESSION, "")
        answer = visitor.sign_in(person.email, PASSWORD if right else "no password of hers 3")
        if not right:
            assert answer.status == 401
        elif person.offers:
            assert answer.status == 202
            assert {step["method"] for step in answer.json["next"]} == person.offers
            self._began(visitor, answer.json["attempt"], person, "sign_in", {"password"})
        else:
            assert answer.status == 200
            self._entered(visitor, person, {"password"}, before)

    @rule(number=who, whose=person_at, kind=st.sampled_from(("passkey", "key")), verified=st.booleans())
    def sign_in_with_passkey(self, number: int, whose: int, kind: str, verified: bool) -> None:
        visitor, person = self.visitors[number], self.people[whose]
        device: Authenticator = getattr(person, kind)
        asked = visitor.post("/auth/sign-in/passkey/options").json
        if not device.credentials:
            return
        shown = device.lying(flags=UP | UV if verified else UP).get(asked["public_key"])
        before = visitor.cookies.get(SESSION, "")
        answer = visitor.post("/auth/sign-in/passkey", {"attempt": asked["attempt"], "credential": shown})
        if kind == "passkey" and verified:
            assert answer.status == 200
            self._entered(visitor, person, {"passkey"}, before)
        else:
            assert answer.code == "passkey_invalid"

    @rule(number=who)
    def set_an_app_up(self, number: int) -> None:
        visitor = self.visitors[number]
        session, fresh = self._living(visitor), self._may_change(visitor)
        begun = visitor.post("/auth/totp")
        assert begun.status == (200 if fresh else 401)
        if session and fresh:
            app = App(self.site, begun.json["secret"])
            code, step = app.code(), (self.clock.now() + 1) // STEP
            answer = visitor.post("/auth/totp/confirm", {"attempt": begun.json["attempt"], "code": code})
            assert answer.status == 200
            session.person.app, session.person.last_step = app, step
            self._stepped_up(visitor, session, "totp")

    @rule(number=who, kind=st.sampled_from(("passkey", "security_key")))
    def add_a_passkey(self, number: int, kind: str) -> None:
        visitor = self.visitors[number]
        session, fresh = self._living(visitor), self._may_change(visitor)
        asked = visitor.post("/auth/passkeys/options", {"kind": kind})
        assert asked.status == (200 if fresh else 401)
        if session and fresh:
            device = session.person.passkey if kind == "passkey" else session.person.key
            made = device.create(asked.json["public_key"])
            answer = visitor.post("/auth/passkeys", {"attempt": asked.json["attempt"], "credential": made})
            assert answer.status == 200
            self._stepped_up(visitor, session, kind)

    @rule(number=who)
    def make_codes(self, number: int) -> None:
        visitor = self.visitors[number]
        session, fresh = self._living(visitor), self._may_change(visitor)
        answer = visitor.post("/auth/recovery-codes")
        assert answer.status == (200 if fresh else 401)
        if session and fresh:
            session.person.used += session.person.codes
            session.person.codes = answer.json["codes"]

    @rule(number=who)
    def remove_the_app(self, number: int) -> None:
        visitor = self.visitors[number]
        session, fresh = self._living(visitor), self._may_change(visitor)
        answer = visitor.delete("/auth/totp")
        if not fresh or session is None:
            assert answer.status == 401
        elif session.person.app is None:
            assert answer.status == 404
        else:
            assert answer.status == 200
            session.person.app = None

    @rule(number=who)
    def begin_a_step_up(self, number: int) -> None:
        visitor = self.visitors[number]
        session = self._living(visitor)
        answer = visitor.post("/auth/step-up")
        assert answer.status == (202 if session else 401)
        if session:
            wanted = session.person.offers or {"password"}
            assert {step["method"] for step in answer.json["next"]} == wanted
            self._began(visitor, answer.json["attempt"], session.person, "step_up", set())

    @rule(number=who, which=recent, whose=person_at, late=st.sampled_from((0, 0, 0, -1, 1, 2, -3)))
    def show_the_app(self, number: int, which: int, whose: int, late: int) -> None:
        """The code of anybody's app, of this step or another, however often."""
        app, attempt = self.people[whose].app, self._attempt(which)
        if app is None or attempt is None:
            return
        visitor, owner = self.visitors[number], attempt.person
        step, code = (self.clock.now() + 1) // STEP + late, app.code(late)
        valid = owner.app is app and abs(late) <= 1 and step > owner.last_step
        if self._show(visitor, attempt, "totp", {"code": code}, valid, "totp"):
            owner.last_step = step

    @rule(number=who, which=recent, whose=person_at, old=st.booleans())
    def show_a_recovery_code(self, number: int, which: int, whose: int, old: bool) -> None:
        codes = self.people[whose].used if old else self.people[whose].codes
        attempt = self._attempt(which)
        if not codes or attempt is None:
            return
        code = codes[-1]
        valid = code in attempt.person.codes
        if self._show(self.visitors[number], attempt, "recovery_code", {"code": code}, valid, "recovery_code"):
            attempt.person.codes.remove(code)
            attempt.person.used.append(code)

    @rule(number=who, which=recent, right=st.booleans())
    def show_the_password(self, number: int, which: int, right: bool) -> None:
        attempt = self._attempt(which)
        if attempt is not None:
            body = {"password": PASSWORD if right else "no password of hers 3"}
            self._show(self.visitors[number], attempt, "password", body, right, "password")

    @rule(number=who, which=recent, whose=person_at, kind=st.sampled_from(("passkey", "key")))
    def show_a_passkey(self, number: int, which: int, whose: int, kind: str) -> None:
        attempt, device = self._attempt(which), getattr(self.people[whose], kind)
        if attempt is None or not device.credentials:
            return
        visitor = self.visitors[number]
        asked = visitor.post("/auth/attempt/passkey/options", {"attempt": attempt.id})
        assert asked.status == (200 if self._open_to(visitor, attempt) else 410)
        if asked.status == 200:
            shown = device.get(asked.json["public_key"] | {"allowCredentials": []})
            body = {"attempt": asked.json["attempt"], "credential": shown}
            valid = self.people[whose] is attempt.person
            factor = "passkey" if kind == "passkey" else "security_key"
            self._show(visitor, attempt, "passkey", body, valid, factor)

    @rule(number=who, which=recent, code=st.sampled_from(("12345678", "000000")))
    def try_another_way(self, number: int, which: int, code: str) -> None:
        """A code from a mail carries none of these on."""
        attempt = self._attempt(which)
        if attempt is not None:
            visitor = self.visitors[number]
            body = {"attempt": attempt.id, "code": code}
            assert visitor.post("/auth/attempt/email_code", body).status == 410
            assert visitor.post("/auth/attempt/email_code/send", {"attempt": attempt.id}).status == 410

    @rule(thief=who, cookie=st.sampled_from((SESSION, BROWSER)))
    def take_a_cookie(self, thief: int, cookie: str) -> None:
        mine, theirs = self.visitors[thief].cookies, self.visitors[1 - thief].cookies
        mine.pop(cookie, None)
        if cookie in theirs:
            mine[cookie] = theirs[cookie]

    @rule(number=who)
    def sign_out(self, number: int) -> None:
        self.sessions.pop(self.visitors[number].cookies.get(SESSION, ""), None)
        assert self.visitors[number].post("/auth/sign-out").status == 200

    @rule(seconds=st.sampled_from((20, 31, 61, 601, 3601)))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds * 1000)

    @invariant()
    def sessions_have_shown_what_the_model_says(self) -> None:
        assert self.site.count("sessions") == len(self.sessions)
        for visitor in self.visitors:
            session, living = visitor.get("/auth/session").json["session"], self._living(visitor)
            assert (session and session["user"]["email"]) == (living and living.person.email)
            if session and living:
                assert set(session["factors"]) == living.factors
                assert session["assurance"] == ("aal2" if living.is_strong else "aal1")

    @property
    def _now(self) -> int:
        return self.clock.now() + 1

    def _attempt(self, which: int) -> Begun | None:
        return self.begun[-1 - which % len(self.begun)] if self.begun else None

    def _living(self, visitor: Visitor) -> Living | None:
        return self.sessions.get(visitor.cookies.get(SESSION, ""))

    def _may_change(self, visitor: Visitor) -> bool:
        session = self._living(visitor)
        if session is None or session.at + FRESH <= self._now:
            return False
        return session.is_strong or not session.person.offers

    def _open_to(self, visitor: Visitor, attempt: Begun) -> bool:
        return not attempt.over and self._now < attempt.until and visitor.cookies.get(BROWSER) == attempt.browser

    def _began(self, visitor: Visitor, attempt: str, person: Person, purpose: str, shown: set[str]) -> None:
        until = self.clock.now() + LIFETIME
        self.begun.append(Begun(attempt, visitor.cookies[BROWSER], person, purpose, frozenset(shown), until))

    def _show(
        self, visitor: Visitor, attempt: Begun, method: str, body: dict[str, object], valid: bool, factor: str
    ) -> bool:
        """Show something, and tell whether it was taken: only what is valid and offered, where the attempt is open."""
        is_open, session = self._open_to(visitor, attempt), self._living(visitor)
        offers = attempt.person.offers or ({"password"} if attempt.purpose == "step_up" else set())
        before = visitor.cookies.get(SESSION, "")
        answer = visitor.post(f"/auth/attempt/{method}", {"attempt": attempt.id} | body)
        if not is_open:
            assert answer.status == 410, answer.text
            return False
        if method not in offers:
            assert answer.code == "step_not_offered"
            return False
        if not valid:
            assert answer.status == 422, answer.text
            return False
        attempt.over = True
        if attempt.purpose == "sign_in":
            assert answer.status == 200, answer.text
            self._entered(visitor, attempt.person, {*attempt.shown, factor}, before)
        elif session is None or session.person is not attempt.person:
            assert answer.status == 410
        else:
            assert answer.status == 200, answer.text
            self._stepped_up(visitor, session, factor)
        return True

    def _entered(self, visitor: Visitor, person: Person, factors: set[str], before: str) -> None:
        living = Living(person, factors, self.clock.now())
        assert living.is_strong or not person.offers, "a session without the second factor"
        self.sessions.pop(before, None)
        assert visitor.cookies[SESSION] not in self.sessions
        self.sessions[visitor.cookies[SESSION]] = living

    def _stepped_up(self, visitor: Visitor, session: Living, factor: str) -> None:
        old = next(token for token, living in self.sessions.items() if living is session)
        del self.sessions[old]
        assert visitor.cookies[SESSION] != old
        session.factors.add(factor)
        session.at = self.clock.now()
        self.sessions[visitor.cookies[SESSION]] = session


def test_no_sequence_of_calls_gives_a_session_without_the_factors_that_it_needs(migrated_sqlite_file: Path):
    """A short run of the machine; two browsers that take each other's cookies, two people who take each other's things."""
    explore(Machine, migrated_sqlite_file, examples=15, steps=25)


@pytest.mark.all
def test_no_20000_sequences_give_a_session_without_the_factors_that_it_needs(migrated_sqlite_file: Path):
    """The long run."""
    explore(Machine, migrated_sqlite_file, examples=20_000, steps=30)
