"""Does the time of an answer tell whether an address has an account? Prints known over unknown for five public flows.

    uv run python -m benchmarks.oracle [--pairs 2000] [--store postgresql://…] [flow …]

Known and unknown addresses take turns, in an order that changes with each pair, so that whatever slows the machine
down slows both. The median ratio of 2,000 pairs must be within 0.95 to 1.05.

The password is hashed with a fraction of the default figures, for about a millisecond. That makes the test harder, not
easier: the hash costs the same for both by construction, and at real figures it would hide a difference of a
millisecond in the rest, which a patient attacker finds with enough tries.
"""

import argparse
import gc
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

from watchword import Auth, Password
from watchword.foundation.clock import ManualClock
from watchword.http.request import Request
from watchword.http.response import Response
from watchword.limits.declared import LIMITS
from watchword.methods.password.hashing import Figures

PAIRS = 2_000
WARM_UP = 100
PEOPLE = 40
"""How many known addresses take turns, and how many unknown ones."""
CHEAP = Figures(memory=1024, iterations=1)
UNLIMITED = {limit.name: "1000/second" for limit in LIMITS}
PASSWORD = "analytical engine no. 1"
HEADERS = ((b"host", b"localhost:8000"), (b"origin", b"http://localhost:8000"), (b"content-type", b"application/json"))


@dataclass
class Person:
    """An address, the browser that tries it, and the attempt that this browser began."""

    email: str
    cookie: bytes = b""
    attempt: str = ""


Body = Callable[[Person], dict[str, str]]
CALLS: dict[str, tuple[str, Body]] = {
    "sign-in": (
        "/auth/sign-in/password",
        lambda person: {"identifier": person.email, "password": "not the password"},
    ),
    "sign-up": ("/auth/sign-up/password", lambda person: {"email": person.email, "password": PASSWORD}),
    "forgot": ("/auth/password/forgot", lambda person: {"email": person.email}),
    "another-code": ("/auth/attempt/email_code/send", lambda person: {"attempt": person.attempt}),
    "wrong-code": ("/auth/attempt/email_code", lambda person: {"attempt": person.attempt, "code": "0"}),
}
FLOWS = tuple(CALLS)


def measure(store: str, flow: str, pairs: int = PAIRS) -> float:
    """Return the median of the ratios, the time of a known address over that of an unknown one in its turn.

    The store is a new one for each measurement: the clock begins anew.
    """
    clock = ManualClock()
    auth = Auth(
        store=store,
        clock=clock,
        secret="a-secret-of-the-benchmark-that-is-long-enough",
        password=Password(figures=CHEAP),
        limits=UNLIMITED,
        environ={},
    )
    auth.prepare_store()
    known = [Person(f"a{number:02}@example.org") for number in range(PEOPLE)]
    unknown = [Person(f"b{number:02}@example.org") for number in range(PEOPLE)]
    for person in known:
        auth.administration.create(email=person.email, password=PASSWORD)
    for person in (*known, *unknown):
        begin(auth, person)
    path, body = CALLS[flow]
    spent: dict[bool, list[int]] = {True: [], False: []}
    gc.collect()
    gc.disable()
    for number in range(WARM_UP + pairs):
        for is_known in (True, False) if number % 2 else (False, True):
            person = (known if is_known else unknown)[number % PEOPLE]
            request = request_of(path, body(person), person.cookie)
            clock.advance(5)
            start = time.perf_counter_ns()
            auth.edge.kernel.handle(request)
            spent[is_known].append(time.perf_counter_ns() - start)
    gc.enable()
    auth.stop()
    turns = list(zip(spent[True], spent[False], strict=True))[WARM_UP:]
    return statistics.median(known / unknown for known, unknown in turns)


def begin(auth: Auth, person: Person) -> None:
    """Begin an attempt with this address, in a browser of its own."""
    response = call(auth, *CALLS["sign-up"], person)
    person.attempt = json.loads(response.body)["attempt"]
    person.cookie = next(value for name, value in response.headers if name == "set-cookie").split(";")[0].encode()


def call(auth: Auth, path: str, body: Body, person: Person) -> Response:
    return auth.edge.kernel.handle(request_of(path, body(person), person.cookie))


def request_of(path: str, body: dict[str, str], cookie: bytes) -> Request:
    headers = [*HEADERS, *([(b"cookie", cookie)] if cookie else [])]
    return Request("POST", path, headers=headers, peer="192.0.2.1", body=json.dumps(body).encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("flows", nargs="*", metavar="flow", help=", ".join(FLOWS))
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--store", help="an empty PostgreSQL database; a new SQLite file unless given")
    arguments = parser.parse_args()
    for flow in arguments.flows or FLOWS:
        with tempfile.TemporaryDirectory() as directory:
            ratio = measure(arguments.store or f"sqlite:///{directory}/oracle.sqlite3", flow, arguments.pairs)
        verdict = "ok" if 0.95 <= ratio <= 1.05 else "TELLS"
        print(f"{flow:<14} known / unknown = {ratio:.3f}  {verdict}", flush=True)


if __name__ == "__main__":
    main()
