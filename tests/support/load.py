"""Load on a real server: people who sign up, in and out without end, and remember what they were answered."""

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import final

import httpx

from tests.support.server import PATIENCE, Server
from tests.support.site import Site

PASSWORDS = ("analytical engine no. 1", "difference engine no. 2")


@final
@dataclass
class Memory:
    """What the server has answered, by session token. What it was asked when it died is in neither set."""

    created: set[str] = field(default_factory=set[str])
    ended: set[str] = field(default_factory=set[str])
    accounts: set[str] = field(default_factory=set[str])
    answers: int = 0


@final
class Person:
    """One account after the other, each signing in and out by each of the ways there are, until the server is gone.

    Args:
        number: who it is.
        server: where.
        observer: a site on the same database, to read the mail.
        memory: where answers are noted.
        enough: set when so many answers came that the server is to be killed.
        until: how many.
    """

    def __init__(
        self, number: int, server: Server, observer: Site, memory: Memory, enough: threading.Event, until: int
    ) -> None:
        self._number, self._server, self._observer, self._memory = number, server, observer, memory
        self._enough, self._until = enough, until
        self._client = httpx.Client(base_url=server.url, trust_env=False, timeout=PATIENCE)

    def live(self) -> None:
        """Go on until the server does not answer any more."""
        with suppress(httpx.TransportError), self._client:
            for turn in count():
                self._one_account(f"p{self._number}.{turn}.{self._server.process.pid}@example.org")

    def _one_account(self, email: str) -> None:
        password, other = PASSWORDS
        pending = self._call("POST", "/auth/sign-up/password", {"email": email, "password": password})
        code = self._observer.code_for(email)
        body = {"attempt": pending.json()["attempt"], "code": code}
        first = self._signed_in(self._call("POST", "/auth/attempt/email_code", body, pending))
        self._memory.accounts.add(email)
        for way in ("sign out", "end others", "change"):
            second = self._signed_in(
                self._call("POST", "/auth/sign-in/password", {"identifier": email, "password": password})
            )
            match way:
                case "sign out":
                    self._ending({second}, "POST", "/auth/sign-out", {}, second)
                case "end others":
                    self._ending({first}, "DELETE", "/auth/sessions", None, second)
                    first = second
                case _:
                    body = {"current": password, "new": other}
                    answer = self._ending({first, second}, "POST", "/auth/password/change", body, second)
                    self._signed_in(answer)

    def _signed_in(self, answer: httpx.Response) -> str:
        token = answer.cookies["watchword"]
        self._memory.created.add(token)
        return token

    def _ending(self, tokens: set[str], method: str, path: str, body: object, token: str) -> httpx.Response:
        # Until the answer is there, nobody knows whether they have ended.
        self._memory.created -= tokens
        answer = self._call(method, path, body, token=token)
        self._memory.ended |= tokens
        return answer

    def _call(
        self, method: str, path: str, body: object, before: httpx.Response | None = None, token: str = ""
    ) -> httpx.Response:
        cookies = {"watchword": token} if token else dict(before.cookies) if before else {}
        self._client.cookies = httpx.Cookies(cookies)
        answer = self._client.request(method, path, json=body, headers={"origin": self._server.url})
        assert answer.status_code in (200, 202), answer.text
        self._memory.answers += 1
        if self._memory.answers >= self._until:
            self._enough.set()
        return answer


def live_until_killed(server: Server, observer: Site, memory: Memory, *, people: int, answers: int) -> None:
    """Put load on the server, and kill it (SIGKILL) once it has given so many answers, in the middle of others."""
    enough = threading.Event()
    faults: list[BaseException] = []
    until = memory.answers + answers

    def live(number: int) -> None:
        try:
            Person(number, server, observer, memory, enough, until).live()
        except BaseException as fault:
            faults.append(fault)
            enough.set()

    threads = [threading.Thread(target=live, args=(number,)) for number in range(people)]
    for thread in threads:
        thread.start()
    assert enough.wait(PATIENCE), "the server does not answer"
    server.kill()
    for thread in threads:
        thread.join(PATIENCE)
    if faults:
        raise faults[0]
