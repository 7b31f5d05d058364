"""Canary secrets in every field: through every flow, through refusals and defects, they turn up nowhere (A149)."""

import base64
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import select, text

from tests.support.canaries import forms, told, watching
from tests.support.site import CHEAP, Answer, Site, Visitor, make_site
from watchword import Password
from watchword.foundation.clock import ManualClock
from watchword.foundation.secrets import Secret
from watchword.foundation.settings import SMTP
from watchword.storage.metadata import metadata

EMAIL = "ada@example.org"
PASSWORD = "canary-password-Zk8!ä"
NEW_PASSWORD = "canary-new-password-Qw7?"
WRONG_PASSWORD = "canary-wrong-password-Xv5="
SMTP_PASSWORD = "canary-smtp-password-Jh3+"
APP_SECRET = "canary-application-secret-9f3b1c7d5e2a4860"


@dataclass
class Sightings:
    """The secrets there are, and everything that came out."""

    secrets: set[str] = field(
        default_factory=lambda: {PASSWORD, NEW_PASSWORD, WRONG_PASSWORD, SMTP_PASSWORD, APP_SECRET}
    )
    answers: list[Answer] = field(default_factory=list)

    def watch(self, visitor: Visitor) -> None:
        """Note every answer that this visitor gets, and every cookie as a secret."""
        send = visitor.send

        def noting(*args: object, **more: object) -> Answer:
            answer = send(*args, **more)  # type: ignore[arg-type]
            self.answers.append(answer)
            self.secrets.update(value for value in visitor.cookies.values() if len(value) > 8)
            return answer

        visitor.send = noting  # type: ignore[method-assign]

    def bodies(self) -> bytes:
        """Return all answers, with their headers but for cookies, which are there to carry secrets."""
        parts: list[bytes] = []
        for answer in self.answers:
            parts.append(answer.response.body)
            parts += [f"{name}: {value}".encode() for name, value in answer.response.headers if name != "set-cookie"]
        return b"\n".join(parts)


@pytest.fixture
def canary_site(store_url: str, clock: ManualClock) -> Iterator[Site]:
    """A site whose mail can't leave: nothing listens on the port."""
    smtp = SMTP("127.0.0.1", "a@example.org", 9, "user", Secret(SMTP_PASSWORD), security="none")
    site = make_site(store_url, clock, secret=APP_SECRET, smtp=smtp, password=Password(figures=CHEAP))
    yield site
    site.auth.stop()


def live_through_everything(site: Site, seen: Sightings) -> None:
    """Every flow, well and badly, as API and as pages."""
    visitor, other = site.visitor(), site.visitor()
    seen.watch(visitor)
    seen.watch(other)
    body = {"email": EMAIL, "password": PASSWORD, "name": "Ada"}
    attempt = visitor.post("/auth/sign-up/password", body).json["attempt"]
    note_mail(site, seen, EMAIL)
    visitor.post("/auth/attempt/email_code", {"attempt": attempt, "code": "27182818"})
    visitor.post("/auth/attempt/email_code/send", {"attempt": attempt})
    note_mail(site, seen, EMAIL)
    assert visitor.post("/auth/attempt/email_code", {"attempt": attempt, "code": site.code_for(EMAIL)}).status == 200
    other.sign_in(EMAIL, WRONG_PASSWORD)
    other.sign_in("nobody@example.org", WRONG_PASSWORD)
    other.submit("/auth/sign-in", identifier=EMAIL, password=WRONG_PASSWORD)
    other.submit("/auth/sign-in", identifier=EMAIL, password=PASSWORD)
    other.submit("/auth/sign-up", email="eva@example.org", password=PASSWORD, name="Eva")
    note_mail(site, seen, "eva@example.org")
    other.submit("/auth/confirm", code="31415926")
    for path in ("/auth/session", "/auth/sessions", "/auth/user/export", "/auth/account", "/auth/account/export"):
        visitor.get(path)
    visitor.post("/auth/password/change", {"current": WRONG_PASSWORD, "new": NEW_PASSWORD})
    visitor.submit("/auth/account/password", current=WRONG_PASSWORD, new=NEW_PASSWORD)
    assert visitor.post("/auth/password/change", {"current": PASSWORD, "new": NEW_PASSWORD}).status == 200
    visitor.post("/auth/user/email", {"email": "ada@new.example.org", "password": WRONG_PASSWORD})
    visitor.post("/auth/user/email", {"email": "ada@new.example.org", "password": NEW_PASSWORD})
    note_mail(site, seen, "ada@new.example.org")
    other.post("/auth/password/forgot", {"email": EMAIL})
    note_mail(site, seen, EMAIL)
    token = site.link_for(EMAIL).rpartition("/")[2]
    other.post("/auth/password/reset", {"token": token, "password": "short"})
    other.post("/auth/password/reset", {"token": token + "x", "password": PASSWORD})
    assert other.post("/auth/password/reset", {"token": token, "password": PASSWORD}).status == 200
    for headers in ({"origin": "https://evil.example"}, {"content_type": "text/plain"}, {"host": "evil.example"}):
        visitor.post("/auth/sign-in/password", {"identifier": EMAIL, "password": WRONG_PASSWORD}, **headers)
    visitor.post("/auth/sign-in/password", {"identifier": EMAIL, "password": [WRONG_PASSWORD]})
    visitor.post("/auth/sign-in/password", {"identifier": EMAIL, WRONG_PASSWORD: PASSWORD})
    visitor.get(f"/auth/nothing/{token}?password={NEW_PASSWORD}")
    visitor.sign_in(EMAIL, PASSWORD)
    visitor.delete("/auth/sessions")
    visitor.post("/auth/sign-out")
    site.auth._delivery.run_once()


def note_mail(site: Site, seen: Sightings, address: str) -> None:
    """Note the code and the link of the newest mail as secrets."""
    seen.secrets.add(site.link_for(address).rpartition("/")[2])
    if address == "eva@example.org" or "code" in site.mail_to(address).subject.lower():
        seen.secrets.add(site.code_for(address))


def break_everything(site: Site, seen: Sightings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Defects in the middle of flows: a table that is gone, a hasher that raises with the password in its message."""
    visitor = site.visitor()
    seen.watch(visitor)
    for table in ("audit_heads", "outbox", "sessions", "credentials", "limits"):
        with site.auth.store.write() as tx:
            tx.execute(text(f"ALTER TABLE {table} RENAME TO gone"))
        body = {"email": "bob@example.org", "password": PASSWORD}
        answers = [
            visitor.sign_in(EMAIL, PASSWORD),
            visitor.submit("/auth/sign-in", identifier=EMAIL, password=PASSWORD),
            visitor.post("/auth/sign-up/password", body),
            visitor.post("/auth/password/forgot", {"email": EMAIL}),
        ]
        assert 500 in [answer.status for answer in answers], table
        with site.auth.store.write() as tx:
            tx.execute(text(f"ALTER TABLE gone RENAME TO {table}"))

    def leak(_: object, *given: object) -> None:
        shown = [value.reveal() if isinstance(value, Secret) else value for value in given]
        try:
            raise KeyError(shown)
        except KeyError as error:
            raise ValueError(f"could not hash {shown}") from error

    hasher = type(site.auth.password.steps._hasher)
    monkeypatch.setattr(hasher, "verify", leak)
    monkeypatch.setattr(hasher, "hash", leak)
    assert visitor.sign_in(EMAIL, PASSWORD).status == 500
    assert visitor.submit("/auth/sign-up", email="bob@example.org", password=NEW_PASSWORD).status == 500


def stored(site: Site) -> bytes:
    """Return every value of every table, and on SQLite the bytes of the file and its log too."""
    found = bytearray()
    with site.auth.store.read() as tx:
        for table in metadata.sorted_tables:
            for row in tx.execute(select(table)):
                for value in row:
                    found += b"\n" + (value if isinstance(value, bytes) else str(value).encode())
    if site.auth.store.engine.dialect.name == "sqlite":
        file = Path(site.auth.store.engine.url.database or "")
        for part in file.parent.glob(f"{file.name}*"):
            found += part.read_bytes()
    return bytes(found)


@pytest.mark.parametrize("statements", [False, True], ids=["", "with SQL logged"])
def test_a149_canaries_are_in_no_log_answer_or_database(
    canary_site: Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, *, statements: bool
):
    """Logs, event log, problems, pages, tables and files: none tells a secret, in any of its forms."""
    caplog.set_level(logging.DEBUG)
    for name in ("sqlalchemy.engine", "sqlalchemy.pool"):
        caplog.set_level(logging.DEBUG if statements else logging.WARNING, name)
    seen = Sightings()
    live_through_everything(canary_site, seen)
    break_everything(canary_site, seen, monkeypatch)
    assert len(seen.secrets) > 15
    assert len(caplog.records) > 10
    logged = "\n".join(record.getMessage() + str(record.exc_text or "") for record in caplog.records)
    assert told(logged.encode("utf-8", "backslashreplace"), seen.secrets) == []
    assert told(caplog.text.encode("utf-8", "backslashreplace"), seen.secrets) == []
    assert told(seen.bodies(), seen.secrets) == []
    assert told(stored(canary_site), seen.secrets) == []


def test_a149_what_people_hold_in_their_hands_tells_nothing_either(canary_site: Site):
    """The `repr` of what a developer may print or a debugger show."""
    auth = canary_site.auth
    visitor = canary_site.visitor()
    request_of_everything = f"{auth.settings!r} {auth.services!r} {auth.store!r} {visitor.sign_in()!r} {auth!r}"
    assert told(request_of_everything.encode(), {SMTP_PASSWORD, APP_SECRET}) == []


def test_the_search_finds_a_secret_in_each_of_its_forms():
    """The test can fail: each form, planted, is found."""
    for shift in ("", "x", "xy", "xyz"):
        planted = base64.b64encode(f"{shift}{PASSWORD} and more".encode())
        assert told(planted, {PASSWORD}) == [PASSWORD]
        assert told(base64.urlsafe_b64encode(f"{shift}{PASSWORD}".encode()), {PASSWORD}) == [PASSWORD]
    for planted in (PASSWORD, PASSWORD.encode().hex(), json.dumps(PASSWORD), quote(PASSWORD), repr(PASSWORD)):
        assert told(f"before {planted} after".encode(), {PASSWORD}) == [PASSWORD]
    assert all(len(form) >= 8 for form in forms("12345678"))


@pytest.mark.parametrize("line", ["the code is %s", "%r"])
def test_the_watch_over_all_tests_sees_a_secret_in_a_log(line: str):
    """Here in a log apart, which the watch over this very test does not read."""
    apart = logging.getLogger("apart")
    apart.setLevel(logging.DEBUG)
    apart.propagate = False
    with pytest.raises(AssertionError, match="planted-secret-text"), watching(apart):
        apart.debug(line, Secret("planted-secret-text").reveal())
    with watching(apart):
        Secret("planted-secret-text")
        apart.debug(line, "on its way")
