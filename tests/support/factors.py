"""What visitors hold beside their password: an authenticator app, and how they show it."""

import base64
import hmac
from dataclasses import dataclass
from typing import Any

from tests.support.site import EMAIL, PASSWORD, Answer, Site, Visitor

STEP = 30_000


@dataclass
class App:
    """An authenticator app, made from RFC 6238 and not from the library that the server uses."""

    site: Site
    secret: str

    def code(self, steps: int = 0) -> str:
        """The code that it shows; `steps` later, or earlier."""
        # The visitor's next request moves the clock by a millisecond.
        counter = (self.site.clock.now() + 1) // STEP + steps
        digest = hmac.digest(base64.b32decode(self.secret), counter.to_bytes(8, "big"), "sha1")
        offset = digest[-1] & 15
        return f"{(int.from_bytes(digest[offset : offset + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"

    def wait(self) -> str:
        """Wait for the next code, and return it."""
        self.site.clock.advance(STEP)
        return self.code()


def enrol(visitor: Visitor) -> App:
    """Set an authenticator app up for whoever is signed in."""
    begun = visitor.post("/auth/totp")
    assert begun.status == 200, begun.text
    app = App(visitor.site, begun.json["secret"])
    confirmed = visitor.post("/auth/totp/confirm", {"attempt": begun.json["attempt"], "code": app.code()})
    assert confirmed.status == 200, confirmed.text
    return app


def member(site: Site) -> tuple[Visitor, App]:
    """Somebody with an account, a password and an authenticator app, signed in."""
    visitor = site.visitor()
    assert visitor.sign_up().status == 200
    return visitor, enrol(visitor)


def begin(visitor: Visitor, email: str = EMAIL, password: str = PASSWORD) -> Any:
    """Sign in with the password of an account that has a second factor; return the pending answer."""
    answer = visitor.sign_in(email, password)
    assert (answer.status, answer.json["status"]) == (202, "pending"), answer.text
    return answer.json


def show(visitor: Visitor, attempt: str, code: str, method: str = "totp") -> Answer:
    """Carry an attempt on with a code."""
    return visitor.post(f"/auth/attempt/{method}", {"attempt": attempt, "code": code})


def session_of(visitor: Visitor) -> Any:
    """The session of this visitor, or `None`."""
    return visitor.get("/auth/session").json["session"]
