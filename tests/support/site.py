"""A whole site in one process, and the visitors of it: for stories told through the HTTP API."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from watchword import Auth, Password
from watchword.foundation.clock import ManualClock
from watchword.http.request import Request
from watchword.http.response import Response
from watchword.methods.password.hashing import Figures
from watchword.outbox.mailbox import Mailbox, MailboxMessage

HOST = "localhost:8000"
ORIGIN = f"http://{HOST}"
CHEAP = Figures(memory=64, iterations=1)
"""Argon2 figures that cost nothing: what is tested is not the hash."""
SECRET = "test-secret-of-more-than-thirty-two-characters"
EMAIL, PASSWORD = "ada@example.org", "analytical engine no. 1"
GENEROUS = dict.fromkeys(
    (
        "sign_in_address",
        "sign_in_global",
        "sign_up_address",
        "sign_up_global",
        "code_address",
        "reset_address",
        "mail_recipient",
        "mail_global",
    ),
    "1000/second",
)
"""Limits that are not what a story is about."""


@dataclass
class Answer:
    """What a visitor got."""

    response: Response

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def json(self) -> Any:
        return json.loads(self.response.body)

    @property
    def code(self) -> str:
        return self.json["code"]

    @property
    def text(self) -> str:
        return self.response.body.decode()

    @property
    def cookies(self) -> list[str]:
        return [value for name, value in self.response.headers if name == "set-cookie"]


@dataclass
class Visitor:
    """One browser: keeps cookies, sends its Origin."""

    site: "Site"
    address: str = "192.0.2.1"
    cookies: dict[str, str] = field(default_factory=dict[str, str])

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, headers=headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.send("POST", path, body={} if body is None else body, headers=headers)

    def submit(self, path: str, **fields: str) -> Answer:
        """Post an HTML form."""
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "text/html"}
        return self.send("POST", path, raw=urlencode(fields).encode(), headers=headers)

    def delete(self, path: str) -> Answer:
        return self.send("DELETE", path)

    def send(
        self, method: str, path: str, *, body: Any = None, raw: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> Answer:
        lines = {"host": HOST, "origin": ORIGIN, "user-agent": "Firefox/140 (test)"}
        if body is not None:
            lines["content-type"] = "application/json"
        if self.cookies:
            lines["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        lines |= {name.replace("_", "-").lower(): value for name, value in headers.items()}
        parts = urlsplit(path)
        request = Request(
            method,
            parts.path,
            query=parts.query,
            headers=[(name.encode(), value.encode("latin-1")) for name, value in lines.items()],
            peer=self.address,
            body=raw if raw is not None else (json.dumps(body).encode() if body is not None else b""),
        )
        self.site.clock.advance(1)  # so that no two mails are of the same moment
        answer = Answer(self.site.auth.edge.kernel.handle(request))
        self.site.auth.activity.flush()  # what its thread does within a second
        for line in answer.cookies:
            for name, morsel in SimpleCookie(line).items():
                self.cookies.pop(name, None)
                if morsel["max-age"] != "0":
                    self.cookies[name] = morsel.value
        return answer

    def sign_up(self, email: str = EMAIL, password: str = PASSWORD, name: str = "Ada") -> Answer:
        """Sign up and confirm with the code from the mail."""
        pending = self.post("/auth/sign-up/password", {"email": email, "password": password, "name": name})
        assert pending.status == 202, pending.text
        code = self.site.code_for(email)
        return self.post("/auth/attempt/email_code", {"attempt": pending.json["attempt"], "code": code})

    def sign_in(self, identifier: str = EMAIL, password: str = PASSWORD) -> Answer:
        return self.post("/auth/sign-in/password", {"identifier": identifier, "password": password})

    @property
    def user(self) -> Any:
        """Who is signed in here, or `None`."""
        session = self.get("/auth/session").json["session"]
        return session and session["user"]


@dataclass
class Site:
    """An `Auth` on a fresh database, with a clock that moves by hand."""

    auth: Auth
    clock: ManualClock

    def visitor(self, address: str = "192.0.2.1") -> Visitor:
        return Visitor(self, address)

    def mails(self) -> list[MailboxMessage]:
        """The mail that was sent, newest first."""
        with self.auth.store.read() as tx:
            return Mailbox(self.auth.services.outbox).messages(tx, 1000)

    def mail_to(self, address: str) -> MailboxMessage:
        return next(mail for mail in self.mails() if mail.to == address)

    def code_for(self, address: str) -> str:
        """The code of the newest mail to this address."""
        found = re.search(r"\b(\d{4}) ?(\d{4})\b", self.mail_to(address).text)
        assert found, self.mail_to(address).text
        return found[1] + found[2]

    def link_for(self, address: str) -> str:
        """The path of the first link in the newest mail to this address."""
        found = re.search(r"https?://\S+", self.mail_to(address).text)
        assert found, self.mail_to(address).text
        return urlsplit(found[0]).path

    def count(self, table: str) -> int:
        from sqlalchemy import text

        with self.auth.store.read() as tx:
            return tx.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


def make_site(url: str, clock: ManualClock, **options: Any) -> Site:
    """Return a site whose limits are generous, unless `limits` says otherwise."""
    given: dict[str, Any] = {"password": Password(figures=CHEAP), "limits": GENEROUS, "secret": SECRET, "environ": {}}
    return Site(Auth(store=url, clock=clock, **{**given, **options}), clock)


@pytest.fixture
def site(store_url: str, clock: ManualClock) -> Iterator[Site]:
    """A site on each kind of database."""
    site = make_site(store_url, clock)
    yield site
    site.auth.stop()


@pytest.fixture
def sqlite_site(sqlite_url: str, clock: ManualClock) -> Iterator[Site]:
    """A site on SQLite, for what no database changes."""
    site = make_site(sqlite_url, clock)
    yield site
    site.auth.stop()


@pytest.fixture
def public_site(store_url: str, clock: ManualClock) -> Iterator[Site]:
    """A site with an address of its own."""
    made = make_site(store_url, clock, base_url="https://example.org")
    yield made
    made.auth.stop()
