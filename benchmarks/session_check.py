"""What a session check costs: from the header lines of a request to its `Session`, over the least it can cost.

The floor is what no check does without: find the cookie, SHA-256, look up in a dictionary, compare the expiry. All take
turns, a thousand checks at a time, on the processor's clock (a busy machine disturbs it less than the wall's), and the
median of the rounds counts. Run: uv run python -m benchmarks.session_check [rounds] [sessions]
"""

import asyncio
import hashlib
import inspect
import secrets
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks.site import CHEAP, Caller, address, make_app, sqlite_site
from watchword import Auth
from watchword.http.request import Request
from watchword.identity.users import account_by_email
from watchword.policy.ledger import Ledger
from watchword.sessions import records
from watchword.sessions.verify import RequestContext, set_context, verify_session
from watchword.web.asgi import request_of

BATCH = 1_000
USER_AGENT = [(b"host", b"127.0.0.1:8000"), (b"user-agent", b"benchmark")]


def floor(sessions: int) -> Callable[[], Any]:
    """Return the least that a check of a session in memory does."""
    kept = {secrets.token_bytes(32): (1, "user", time.time() + 1e6) for _ in range(sessions)}
    token = secrets.token_urlsafe(62).encode()
    kept[hashlib.sha256(token).digest()] = (2, "admin", time.time() + 1e6)
    headers = [*USER_AGENT, (b"cookie", b"watchword=" + token)]

    def check(digest: Any = hashlib.sha256, now: Any = time.time) -> Any:
        for name, value in headers:
            if name == b"cookie":
                begin = value.find(b"watchword=")
                end = value.find(b";", begin)
                row = kept.get(digest(value[begin + 10 :] if end < 0 else value[begin + 10 : end]).digest())
                return row if row and row[2] > now() else None
        return None

    return check


def jwt_check() -> Callable[[], Any]:
    """Return PyJWT's check of a token signed with HS256, from a cookie found as above: nothing can revoke it."""
    import jwt

    key = secrets.token_bytes(32)
    token = jwt.encode({"sub": "usr_1", "role": "admin", "exp": time.time() + 1e6}, key, "HS256").encode()
    headers = [*USER_AGENT, (b"cookie", b"token=" + token)]

    def check() -> Any:
        for name, value in headers:
            if name == b"cookie":
                return jwt.decode(value[6:], key, ["HS256"])
        return None

    return check


def checks(auth: Auth, headers: list[tuple[bytes, bytes]], sessions: int) -> dict[str, Callable[[], Any]]:
    """Return what is compared, each a check of one request."""
    gate, executor = auth.gate, auth.edge.light
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/me",
        "query_string": b"",
        "headers": headers,
        "client": ("::1", 1),
    }
    entry = next(iter(gate.memory._entries.values()))

    def sync() -> Any:
        return gate.verify(Request("GET", "/me", headers=headers))

    async def public() -> Any:
        leave = set_context(RequestContext(request_of(scope), gate, executor, Ledger()))
        session = await verify_session()
        leave()
        return session

    def missed() -> Any:
        gate.memory._entries.clear()
        return sync()

    return {
        "floor": floor(sessions),
        "header to Session": sync,
        "await verify_session(), with its context": public,
        "PyJWT HS256": jwt_check(),
        "of it: is it revoked?": lambda: entry.epoch.words[entry.shard] <= entry.number,
        "of it: an empty call": lambda: True,
        "a miss (SQLite)": missed,
    }


def fill(auth: Auth, sessions: int) -> None:
    """Make so many sessions of the first user."""
    with auth.store.write(durable=False) as tx:
        account = account_by_email(tx, address(0))
        assert account
        for _ in range(sessions):
            records.start(tx, auth.settings.session, Request("GET", "/"), account.user.id, ("password",))


def repeat(check: Callable[[], Any], number: int) -> float:
    """Return how many microseconds of processor time a check takes."""
    assert check() is not None
    begin = time.process_time()
    for _ in range(number):
        check()
    return (time.process_time() - begin) / number * 1e6


async def repeat_async(check: Callable[[], Any], number: int) -> float:
    """Do the same with a coroutine function."""
    assert await check() is not None
    begin = time.process_time()
    for _ in range(number):
        await check()
    return (time.process_time() - begin) / number * 1e6


def main(rounds: int = 60, sessions: int = 1_000) -> None:
    with sqlite_site(CHEAP) as auth:
        fill(auth, sessions)
        cookie = asyncio.run(Caller(make_app(auth)).sign_in())
        headers = [*USER_AGENT, (b"cookie", cookie.encode())]
        assert auth.gate.verify(Request("GET", "/me", headers=headers))
        loop = asyncio.new_event_loop()
        compared = checks(auth, headers, sessions)
        spent: dict[str, list[float]] = {name: [] for name in compared}
        for _ in range(rounds):
            for name, check in compared.items():
                number = BATCH // 20 if "miss" in name else BATCH
                if inspect.iscoroutinefunction(check):
                    spent[name].append(loop.run_until_complete(repeat_async(check, number)))
                else:
                    spent[name].append(repeat(check, number))
        loop.close()
    least = spent["floor"]
    for name, times in spent.items():
        ratio = median(one / other for one, other in zip(times, least, strict=True))
        print(f"{name:42} {median(times):8.2f} µs {ratio:8.2f} times the floor")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
