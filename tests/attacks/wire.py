"""Requests as an attacker writes them: every header line by hand, also those that no browser sends."""

import threading
from collections.abc import Callable, Sequence

from sqlalchemy import text

from tests.support.site import HOST, Answer, Site, Visitor
from watchword.http.request import Request
from watchword.storage.metadata import metadata

COOKIE = "watchword"
BROWSER = "watchword-browser"
FORM = ("content-type", "application/x-www-form-urlencoded")
JSON = ("content-type", "application/json")
Lines = Sequence[tuple[str, str]]


def send(site: Site, method: str, path: str, *lines: tuple[str, str], body: bytes = b"", host: str = HOST) -> Answer:
    """Send exactly these header lines, and a `Host` unless it is empty. A header's letters are its bytes in UTF-8."""
    path, _, query = path.partition("?")
    headers = [("host", host), *lines] if host else lines
    raw = [(name.encode(), value.encode()) for name, value in headers]
    request = Request(method, path, query=query, headers=raw, peer="192.0.2.66", body=body)
    return Answer(site.auth.edge.kernel.handle(request))


def session_behind(site: Site, *lines: tuple[str, str]) -> object:
    """Return the session that these header lines carry, as `GET /auth/session` tells it."""
    answer = send(site, "GET", "/auth/session", *lines)
    assert answer.status == 200, answer.text
    return answer.json["session"]


def cookie(*pairs: tuple[str, str]) -> tuple[str, str]:
    return "cookie", "; ".join(f"{name}={value}" for name, value in pairs)


def token_of(visitor: Visitor) -> str:
    return visitor.cookies[COOKIE]


def signed_up(site: Site, email: str = "ada@example.org", **given: str) -> Visitor:
    visitor = site.visitor()
    assert visitor.sign_up(email, **given).status == 200
    return visitor


def events(site: Site, name: str) -> int:
    """Return how many audit events of this name there are."""
    with site.auth.store.read() as tx:
        return tx.execute(text("SELECT count(*) FROM audit_events WHERE event = :name"), {"name": name}).scalar_one()


def everything_stored(site: Site) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows of all tables, to see that nothing changed; but for what counts tries and tells of them."""
    with site.auth.store.read() as tx:
        return {
            table.name: sorted((tuple(row) for row in tx.execute(table.select())), key=repr)
            for table in metadata.sorted_tables
            if table.name not in ("limits", "audit_events", "audit_heads")
        }


NEW_PASSWORD = "difference engine no. 2"


def assert_opens_nothing(site: Site, token: str) -> None:
    for line in (cookie((COOKIE, token)), ("authorization", f"Bearer {token}")):
        assert session_behind(site, line) is None
        assert send(site, "GET", "/auth/sessions", line).status == 401


class Watched:
    """A thread whose failure is not lost."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._failure: BaseException | None = None
        self._work = work
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as failure:
            self._failure = failure

    def finish(self) -> None:
        self._thread.join()
        if self._failure is not None:
            raise self._failure
