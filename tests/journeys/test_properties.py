"""No sequence of calls gives a session without a full proof: the site against a model of who has shown what."""

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.support.contest import UNLIMITED
from tests.support.machines import explore
from tests.support.site import Answer, Site, Visitor, make_site
from watchword.admission.attempt import LIFETIME
from watchword.admission.challenge import CODE_LIFETIME, MAXIMUM_TRIES, RESET_LIFETIME
from watchword.foundation.clock import MINUTE, ManualClock

EMAILS = ("ada@example.org", "eva@example.org", "ida@example.org")
PASSWORDS = ("analytical engine no. 1", "difference engine no. 2")
SESSION, BROWSER = "watchword", "watchword-browser"

who = st.integers(0, 1)
emails = st.sampled_from(EMAILS)
passwords = st.sampled_from(PASSWORDS)
recent = st.sampled_from((0, 0, 0, 0, 1, 1, 2, 5, 11))
"""Which of the things there are, the newest first."""


@dataclass(eq=False)
class Person:
    """An account, as the model knows it."""

    email: str
    password: str
    reset_link: str = ""
    reset_until: int = 0


@dataclass(eq=False)
class Begun:
    """An attempt, as the model knows it."""

    id: str
    browser: str
    email: str
    person: Person | None
    password: str
    taken: bool
    until: int
    code: str = ""
    link: str = ""
    code_until: int = 0
    tries: int = 0
    over: bool = False


@dataclass
class Model:
    """Everything that was shown and made."""

    people: list[Person] = field(default_factory=list)
    begun: list[Begun] = field(default_factory=list)
    sessions: dict[str, Person] = field(default_factory=dict)
    codes: list[str] = field(default_factory=lambda: ["12345678"])
    links: list[str] = field(default_factory=lambda: ["a" * 52])
    reset_links: list[str] = field(default_factory=lambda: ["b" * 52])

    def with_email(self, email: str) -> Person | None:
        return next((person for person in self.people if person.email == email), None)

    def end_sessions(self, person: Person, but: str = "") -> None:
        self.sessions = {token: owner for token, owner in self.sessions.items() if owner is not person or token == but}

    def cancel(self, person: Person) -> None:
        person.reset_link = ""
        for attempt in self.begun:
            attempt.over = attempt.over or attempt.person is person


class Machine(RuleBasedStateMachine):
    """Two visitors do what they like, with right and wrong codes, replays, and cookies taken from each other."""

    migrated: Path

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        shutil.copyfile(self.migrated, self.directory / "w.sqlite3")
        self.clock = ManualClock()
        self.site: Site = make_site(f"sqlite:///{self.directory / 'w.sqlite3'}", self.clock, limits=UNLIMITED)
        self.visitors = [self.site.visitor("192.0.2.1"), self.site.visitor("192.0.2.2")]
        self.model = Model()

    def teardown(self) -> None:
        self.site.auth.stop()
        shutil.rmtree(self.directory)

    @initialize()
    def someone_is_signed_in(self) -> None:
        self.sign_up(0, EMAILS[0], PASSWORDS[0])
        self.try_code(0, 0, "newest", 0)

    @rule(number=who, email=emails, password=passwords)
    def sign_up(self, number: int, email: str, password: str) -> None:
        visitor = self.visitors[number]
        answer = visitor.post("/auth/sign-up/password", {"email": email, "password": password})
        assert answer.status == 202
        self._began(visitor, answer, email, None, password)

    @precondition(lambda self: self.model.sessions)
    @rule(number=who, email=emails, password=passwords)
    def ask_for_another_address(self, number: int, email: str, password: str) -> None:
        visitor = self.visitors[number]
        person = self._signed_in(visitor)
        answer = visitor.post("/auth/user/email", {"email": email, "password": password})
        if person is None:
            assert answer.status == 401
        elif person.password != password:
            assert answer.status == 422
        else:
            assert answer.status == 202
            self.model.cancel(person)
            self._began(visitor, answer, email, person, "")

    @precondition(lambda self: self.model.begun)
    @rule(number=who, which=recent)
    def ask_for_another_code(self, number: int, which: int) -> None:
        visitor, attempt = self.visitors[number], self._attempt(which)
        is_open = self._open_to(visitor, attempt)
        answer = visitor.post("/auth/attempt/email_code/send", {"attempt": attempt.id})
        assert answer.status == (202 if is_open else 410)
        if is_open:
            self._mailed(attempt)

    @precondition(lambda self: self.model.begun)
    @rule(number=who, which=recent, how=st.sampled_from(("newest", "any", "wrong")), code=recent)
    def try_code(self, number: int, which: int, how: str, code: int) -> None:
        visitor, attempt = self.visitors[number], self._attempt(which)
        codes = self.model.codes
        shown = {"newest": attempt.code or codes[0], "any": codes[-1 - code % len(codes)], "wrong": "12345678"}[how]
        is_open = self._open_to(visitor, attempt)
        in_time = attempt.tries < MAXIMUM_TRIES and self._now < attempt.code_until
        proven = is_open and in_time and not attempt.taken and shown == attempt.code
        before = visitor.cookies.get(SESSION, "")
        answer = visitor.post("/auth/attempt/email_code", {"attempt": attempt.id, "code": shown})
        if proven:
            self._carried_out(visitor, attempt, answer, before)
        elif not is_open:
            assert answer.status == 410
        elif in_time:
            attempt.tries += 1
            assert answer.code == "code_invalid"
        else:
            assert answer.code == "code_expired"
            self._mailed(attempt)

    @rule(number=who, which=recent)
    def follow_link(self, number: int, which: int) -> None:
        visitor, link = self.visitors[number], self.model.links[-1 - which % len(self.model.links)]
        attempt = next((one for one in self.model.begun if one.link == link and not one.taken), None)
        proven = attempt and self._open_to(visitor, attempt) and self._now < attempt.code_until
        before = visitor.cookies.get(SESSION, "")
        answer = visitor.post("/auth/attempt/email_link", {"token": link})
        if attempt and proven:
            self._carried_out(visitor, attempt, answer, before)
        else:
            assert answer.status == 410

    @rule(number=who, email=emails, password=passwords)
    def sign_in(self, number: int, email: str, password: str) -> None:
        visitor, person = self.visitors[number], self.model.with_email(email)
        before = visitor.cookies.get(SESSION, "")
        answer = visitor.sign_in(email, password)
        if person and person.password == password:
            assert answer.status == 200
            self._entered(visitor, person, before)
        else:
            assert answer.status == 401

    @rule(email=emails)
    def forget_the_password(self, email: str) -> None:
        person = self.model.with_email(email)
        assert self.visitors[0].post("/auth/password/forgot", {"email": email}).status == 202
        if person:
            person.reset_link = self.site.link_for(email).rpartition("/")[2]
            person.reset_until = self._now + RESET_LIFETIME
            self.model.reset_links.append(person.reset_link)

    @rule(number=who, which=recent, kind=st.sampled_from(("reset", "reset", "reset", "confirm")), password=passwords)
    def reset(self, number: int, which: int, kind: str, password: str) -> None:
        links = self.model.reset_links if kind == "reset" else self.model.links
        link = links[-1 - which % len(links)]
        person = next((one for one in self.model.people if one.reset_link == link), None)
        in_time = person is not None and self._now < person.reset_until
        answer = self.visitors[number].post("/auth/password/reset", {"token": link, "password": password})
        assert answer.status == (200 if in_time else 410)
        if person and in_time:
            person.password = password
            self.model.end_sessions(person)
            self.model.cancel(person)

    @precondition(lambda self: self.model.sessions)
    @rule(number=who, current=passwords, new=passwords)
    def change_password(self, number: int, current: str, new: str) -> None:
        visitor = self.visitors[number]
        person = self._signed_in(visitor)
        answer = visitor.post("/auth/password/change", {"current": current, "new": new})
        if person is None:
            assert answer.status == 401
        elif person.password != current:
            assert answer.status == 422
        else:
            assert answer.status == 200
            person.password = new
            self.model.end_sessions(person)
            self.model.cancel(person)
            self._entered(visitor, person, "")

    @precondition(lambda self: self.model.sessions)
    @rule(number=who, way=st.sampled_from(("sign out", "end others", "delete")), password=passwords)
    def leave(self, number: int, way: str, password: str) -> None:
        visitor = self.visitors[number]
        person, token = self._signed_in(visitor), visitor.cookies.get(SESSION, "")
        if way == "sign out":
            assert visitor.post("/auth/sign-out").status == 200
            self.model.sessions.pop(token, None)
        elif way == "end others":
            assert visitor.delete("/auth/sessions").status == (200 if person else 401)
            if person:
                self.model.end_sessions(person, but=token)
        else:
            answer = visitor.post("/auth/user/delete", {"password": password})
            assert answer.status == (401 if person is None else 200 if person.password == password else 422)
            if person and answer.status == 200:
                self.model.end_sessions(person)
                self.model.cancel(person)
                self.model.people.remove(person)

    @rule(thief=who, cookie=st.sampled_from((SESSION, BROWSER)))
    def take_a_cookie(self, thief: int, cookie: str) -> None:
        """What one visitor's browser holds, the other's holds too: cookies are all that a browser is."""
        mine, theirs = self.visitors[thief].cookies, self.visitors[1 - thief].cookies
        mine.pop(cookie, None)
        if cookie in theirs:
            mine[cookie] = theirs[cookie]

    @rule(minutes=st.sampled_from((1, 4, 11, 31, 61)))
    def wait(self, minutes: int) -> None:
        self.clock.advance(minutes * MINUTE)

    @invariant()
    def everyone_is_who_they_have_proven_to_be(self) -> None:
        for visitor in self.visitors:
            person = self._signed_in(visitor)
            user = visitor.user
            assert (user and user["email"]) == (person and person.email)

    @invariant()
    def there_is_no_other_session_and_no_other_account(self) -> None:
        assert self.site.count("sessions") == len(self.model.sessions)
        assert self.site.count("users") == len(self.model.people)

    @property
    def _now(self) -> int:
        # Each request moves the clock by a millisecond before it is handled.
        return self.clock.now() + 1

    def _attempt(self, which: int) -> Begun:
        return self.model.begun[-1 - which % len(self.model.begun)]

    def _signed_in(self, visitor: Visitor) -> Person | None:
        return self.model.sessions.get(visitor.cookies.get(SESSION, ""))

    def _open_to(self, visitor: Visitor, attempt: Begun) -> bool:
        return not attempt.over and self._now < attempt.until and visitor.cookies.get(BROWSER) == attempt.browser

    def _began(self, visitor: Visitor, answer: Answer, email: str, person: Person | None, password: str) -> None:
        attempt = Begun(
            id=answer.json["attempt"],
            browser=visitor.cookies[BROWSER],
            email=email,
            person=person,
            password=password,
            taken=self.model.with_email(email) is not None,
            until=self.clock.now() + LIFETIME,
        )
        self.model.begun.append(attempt)
        self._mailed(attempt)

    def _mailed(self, attempt: Begun) -> None:
        """Read the newest mail, unless it says that the address is taken."""
        attempt.tries = 0
        attempt.code_until = self.clock.now() + CODE_LIFETIME
        if not attempt.taken:
            attempt.code = self.site.code_for(attempt.email)
            attempt.link = self.site.link_for(attempt.email).rpartition("/")[2]
            self.model.codes.append(attempt.code)
            self.model.links.append(attempt.link)

    def _carried_out(self, visitor: Visitor, attempt: Begun, answer: Answer, before: str) -> None:
        """Note what a full proof of the address leads to; `before` is the session token that was sent with it."""
        attempt.over = True
        holder, person = self.model.sessions.get(before), attempt.person
        free = self.model.with_email(attempt.email) is None
        if person is None and free:
            assert answer.status == 200
            person = Person(attempt.email, attempt.password)
            self.model.people.append(person)
            self._entered(visitor, person, before)
        elif person is not None and free and holder is person:
            assert answer.status == 200
            person.email = attempt.email
            self.model.end_sessions(person)
            self.model.cancel(person)
            self._entered(visitor, person, "")
        else:
            assert answer.status == 410

    def _entered(self, visitor: Visitor, person: Person, before: str) -> None:
        """Note the new session, in place of the one that the browser carried before."""
        self.model.sessions.pop(before, None)
        assert visitor.cookies[SESSION] not in self.model.sessions
        self.model.sessions[visitor.cookies[SESSION]] = person


def test_no_sequence_of_calls_gives_a_session_without_a_full_proof(migrated_sqlite_file: Path):
    explore(Machine, migrated_sqlite_file, examples=40, steps=25)


@pytest.mark.all
def test_no_long_sequence_of_calls_gives_a_session_without_a_full_proof(migrated_sqlite_file: Path):
    explore(Machine, migrated_sqlite_file, examples=1_000, steps=60)
