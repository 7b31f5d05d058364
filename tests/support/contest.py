"""A contest: one code or link, used by many threads of several processes at the same moment."""

import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Literal, final

from sqlalchemy import delete, func, select

from tests.support.site import CHEAP, HOST, SECRET
from watchword import Auth, Password
from watchword.admission import attempt as attempts
from watchword.admission import challenge, confirmation, tables
from watchword.admission.attempt import Attempt, Plan
from watchword.admission.outcome import Complete
from watchword.foundation.clock import HOUR
from watchword.foundation.ids import new_id
from watchword.foundation.secrets import Secret, random_secret
from watchword.http.request import Request
from watchword.identity.email_address import EmailAddress
from watchword.identity.tables import identifiers, users
from watchword.identity.users import create_user
from watchword.limits.declared import LIMITS

Kind = Literal["confirmation code", "confirmation link", "code and link", "attempt", "reset link", "setup link"]
PATIENCE = 600
"""Seconds for a round: many times what it takes, since a busy machine is no failure."""
NEW_PASSWORD = "difference engine no. 2"
UNLIMITED = {limit.name: "1000000/h" for limit in LIMITS}


@final
@dataclass(frozen=True, slots=True)
class Prize:
    """What is fought over: of these, what the kind needs."""

    kind: Kind
    browser: str = ""
    attempt: str = ""
    code: str = ""
    link: str = ""
    email: str = ""


def make_auth(url: str) -> Auth:
    """Return an `Auth` without limits that would end the contest early."""
    return Auth(store=url, secret=SECRET, password=Password(figures=CHEAP), limits=UNLIMITED, environ={})


def offer(auth: Auth, kind: Kind) -> Prize:
    """Make a new code or link of this kind."""
    name = new_id("usr")
    email = f"{name}@example.org"
    services = auth.services
    with services.store.write() as tx:
        if kind == "setup link":
            tx.revokes()
            tx.execute(delete(users).where(users.c.role == "admin"))
            return Prize(kind, link=challenge.issue_link(tx, "setup", None, HOUR).reveal(), email=email)
        if kind == "reset link":
            user = create_user(tx, email=EmailAddress(email, email), name="")
            assert user
            return Prize(kind, link=challenge.issue_link(tx, "reset", user.id, HOUR).reveal(), email=email)
        browser = random_secret()
        plan = Plan(email=email, email_key=email, language="", password="$argon2id$")
        attempt = attempts.begin(tx, services.keyring, browser.digest(), purpose="sign_up", plan=plan)
        sent = challenge.issue(tx, services.keyring, attempt.id)
        return Prize(kind, browser.reveal(), attempt.id, sent.code.reveal(), sent.link.reveal(), email)


def winners_in_the_database(auth: Auth, prize: Prize) -> int:
    """Return how many rows there are that only a success makes."""
    completed = select(func.count()).select_from(tables.attempts).where(tables.attempts.c.completed_at.is_not(None))
    by_id = completed.where(tables.attempts.c.id == prize.attempt)
    admins = select(func.count()).select_from(users).where(users.c.role == "admin")
    confirmed = select(func.count()).select_from(identifiers).where(identifiers.c.key == prize.email)
    with auth.store.read() as tx:
        match prize.kind:
            case "setup link":
                return tx.execute(admins).scalar_one()
            case "attempt":
                return tx.execute(by_id).scalar_one()
            case _:
                return tx.execute(confirmed).scalar_one()


def use(auth: Auth, prize: Prize, number: int) -> bool:
    """Use it, as contestant `number` of a process; tell whether that was a success."""
    request = _request(auth, prize.browser)
    steps = auth.password.steps
    match prize.kind:
        case "reset link":
            return steps.reset(request, token=prize.link, password=NEW_PASSWORD) is None
        case "setup link":
            email = f"{new_id('usr')}@example.org"
            made = auth.first_admin.create(request, token=prize.link, email=email, password=NEW_PASSWORD, name="")
            return isinstance(made, Complete)
        case "attempt":
            return _complete(auth, prize)
        case "confirmation code" | "confirmation link" | "code and link":
            by_code = prize.kind == "confirmation code" or (prize.kind == "code and link" and number % 2 == 0)
            if by_code:
                made = confirmation.confirm_by_code(auth.services, request, prize.attempt, Secret(prize.code))
            else:
                made = confirmation.confirm_by_link(auth.services, request, prize.link)
            return isinstance(made, Complete)


def _complete(auth: Auth, prize: Prize) -> bool:
    """Close the attempt by itself, without the code or the link that guards it first."""
    plan = Plan(email=prize.email, email_key=prize.email, language="")
    attempt = Attempt(id=prize.attempt, purpose="sign_up", user_id=None, plan=plan)
    with auth.store.write() as tx:
        return attempts.complete(tx, attempt)


@final
class Arena:
    """The processes, kept alive from round to round."""

    def __init__(self, pipes: list[Connection]) -> None:
        self._pipes = pipes

    def fight(self, prize: Prize) -> int:
        """Let all use the prize at once, and return how many succeeded."""
        for pipe in self._pipes:
            pipe.send(prize)
        for pipe in self._pipes:
            assert pipe.poll(PATIENCE), "a process of the contest does not answer"
        return sum(pipe.recv() for pipe in self._pipes)


@contextmanager
def arena(url: str, *, processes: int, contestants: int) -> Generator[Arena]:
    """Start processes on this database, with so many contestants in all, until the block ends."""
    context = get_context("spawn")
    start = context.Barrier(processes)
    pairs = [context.Pipe() for _ in range(processes)]
    shares = [contestants // processes + (number < contestants % processes) for number in range(processes)]
    children = [
        context.Process(target=_contend, args=(url, there, start, share), daemon=True)
        for (_, there), share in zip(pairs, shares, strict=True)
    ]
    for (_, there), child in zip(pairs, children, strict=True):
        child.start()
        there.close()  # so that a child that has died is noticed at once
    try:
        yield Arena([here for here, _ in pairs])
    finally:
        for (here, _), child in zip(pairs, children, strict=True):
            with suppress(BrokenPipeError):
                here.send(None)
            child.join(PATIENCE)


def _contend(url: str, pipe: Connection, start: Barrier, threads: int) -> None:
    auth = make_auth(url)
    ready = threading.Barrier(threads)

    def contend(prize: Prize, number: int) -> bool:
        if ready.wait(PATIENCE) == 0:
            start.wait(PATIENCE)
        ready.wait(PATIENCE)
        return use(auth, prize, number)

    with ThreadPoolExecutor(threads) as pool:
        while (prize := pipe.recv()) is not None:
            pipe.send(sum(pool.map(contend, [prize] * threads, range(threads))))
    auth.stop()


def _request(auth: Auth, browser: str) -> Request:
    cookie = f"{auth.services.cookies.browser}={browser}" if browser else ""
    headers = [(b"host", HOST.encode()), (b"cookie", cookie.encode())]
    return Request("POST", "/auth", headers=headers, peer="192.0.2.1")
