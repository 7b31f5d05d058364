"""The WSGI middleware: bodies, headers, and apps and servers that behave oddly (PEP 3333)."""

import io
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.validate import validator

import pytest

from tests.attacks.flask_app import environ_of
from tests.support.site import EMAIL, ORIGIN, PASSWORD, Site
from watchword import Unauthenticated, guard, public, require_sync, verify_session_sync
from watchword.foundation.errors import StoreUnavailableError
from watchword.http.body import MAXIMUM_BODY
from watchword.sessions.gate import RECHECKED
from watchword.web.wsgi import WatchwordMiddleware, request_of

TEXT = [("content-type", "text/plain")]
COOKIE = "watchword"


class Client:
    """A strict server with one app, and what it got from it."""

    def __init__(self, site: Site, app: Any, **options: Any) -> None:
        self.app = WatchwordMiddleware(app, site.auth.edge, **options)
        self.calls: list[str] = []
        self.headers: list[tuple[str, str]] = []

    def ask(self, method: str, path: str, *lines: tuple[str, str], **environ: Any) -> bytes:
        def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
            self.calls.append(status)
            self.headers = headers
            return lambda _: None

        parts = validator(self.app)(environ_of(method, path, *lines) | environ, start_response)
        try:
            return b"".join(parts)
        finally:
            parts.close()  # type: ignore[attr-defined]

    @property
    def status(self) -> int:
        return int(self.calls[-1][:3])


@public
def hello(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", TEXT)
    return [b"hello"]


def token_of(site: Site, email: str = EMAIL) -> str:
    visitor = site.visitor()
    assert visitor.sign_up(email).status == 200
    return visitor.cookies[COOKIE]


def test_a_plain_app_is_held_to_its_ledger(sqlite_site: Site) -> None:
    @guard(role="admin")
    def admin(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", TEXT)
        return [b"in"]

    def undeclared(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", TEXT)
        return [b"secret"]

    assert Client(sqlite_site, hello).ask("GET", "/") == b"hello"
    client = Client(sqlite_site, admin)
    assert b"unauthenticated" in client.ask("GET", "/")
    assert client.status == 401
    client = Client(sqlite_site, undeclared)
    assert b"secret" not in client.ask("GET", "/")
    assert client.status == 500
    assert Client(sqlite_site, undeclared, public=["/health"]).ask("GET", "/health") == b"secret"


def test_watchwords_own_routes_are_served_with_their_bodies(sqlite_site: Site) -> None:
    client = Client(sqlite_site, hello)
    sqlite_site.auth.prepare_store()
    sqlite_site.auth.administration.create(email=EMAIL, password=PASSWORD)
    body = f'{{"identifier": "{EMAIL}", "password": "{PASSWORD}"}}'.encode()
    sent: dict[str, Any] = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    lines = [("origin", ORIGIN), ("content-type", "application/json")]
    client.ask("POST", "/auth/sign-in/password", *lines, **sent)
    assert client.status == 200
    chunked = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    client.ask("POST", "/auth/sign-in/password", *lines, **chunked)
    assert client.status == 200
    without_end = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": ""}
    client.ask("POST", "/auth/sign-in/password", *lines, **without_end)
    assert client.status == 400


@pytest.mark.parametrize("length", ["", str(10 * MAXIMUM_BODY), "9" * 5000, "-1", "é", "1_000"])
def test_a_body_without_end_is_refused_one_byte_past_the_limit(sqlite_site: Site, length: str) -> None:
    taken = 0

    class Endless:
        def read(self, size: int) -> bytes:
            nonlocal taken
            taken += min(size, 1024)
            return b"x" * min(size, 1024)

    called: list[str] = []
    environ = environ_of("POST", "/auth/sign-in/password", ("content-type", "application/json"))
    environ |= {"wsgi.input": Endless(), "CONTENT_LENGTH": length, "wsgi.input_terminated": True}
    app = WatchwordMiddleware(hello, sqlite_site.auth.edge)
    app(environ, lambda status, headers: called.append(status))
    assert called[0][:3] == "413"
    assert taken == MAXIMUM_BODY + 1


def test_head_is_answered_without_a_body(sqlite_site: Site) -> None:
    client = Client(sqlite_site, hello)
    assert client.ask("HEAD", "/auth/sign-in") == b""
    assert client.status == 200
    guarded = Client(sqlite_site, guard()(hello))
    assert guarded.ask("HEAD", "/") == b""
    assert guarded.status == 401


def test_what_is_written_waits_for_the_decision(sqlite_site: Site) -> None:
    @guard.inside
    def app(environ: Any, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", TEXT)
        write(b"one ")
        if environ["QUERY_STRING"]:
            verify_session_sync()
        return [b"two"]

    client = Client(sqlite_site, app)
    assert b"one" not in client.ask("GET", "/")
    assert client.ask("GET", "/?decide") == b"one two"


def test_a_stream_may_decide_before_its_first_byte_and_is_refused_whole(sqlite_site: Site) -> None:
    closed: list[str] = []

    @guard.inside
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        try:
            start_response("200 OK", TEXT)
            yield b""
            require_sync()
            yield b"secret"
        finally:
            closed.append("closed")

    client = Client(sqlite_site, app)
    assert b"secret" not in client.ask("GET", "/")
    assert (client.status, client.calls, closed) == (401, ["401 Unauthorized"], ["closed"])
    assert client.ask("GET", "/", ("cookie", f"{COOKIE}={token_of(sqlite_site)}")) == b"secret"
    assert closed == ["closed", "closed"]


def test_after_a_failure_another_status_is_told_until_something_has_left(sqlite_site: Site) -> None:
    @public
    def failing(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", TEXT)
        if environ["QUERY_STRING"]:
            yield b"begun"
        try:
            raise ValueError("broken")
        except ValueError as error:
            start_response("500 Internal Server Error", TEXT, (ValueError, error, error.__traceback__))
        yield b"sorry"

    client = Client(sqlite_site, failing)
    assert client.ask("GET", "/") == b"sorry"
    assert client.calls == ["500 Internal Server Error"]
    with pytest.raises(ValueError, match="broken"):
        client.ask("GET", "/?late")


def test_a_middleware_that_answers_every_exception_does_not_hide_a_refusal(sqlite_site: Site) -> None:
    @guard.inside
    def app(environ: Any, start_response: Any) -> list[bytes]:
        require_sync()
        return []

    def catch_all(environ: Any, start_response: Any) -> Any:
        try:
            return app(environ, start_response)
        except Exception as error:
            start_response("500 Internal Server Error", TEXT, (type(error), error, error.__traceback__))
            return [b"oops"]

    client = Client(sqlite_site, catch_all)
    assert b"unauthenticated" in client.ask("GET", "/")
    assert client.status == 401


@pytest.mark.parametrize(
    ("calls", "message"),
    [(0, "without having called start_response"), (2, "called twice")],
)
def test_an_app_that_breaks_the_protocol_is_told_so(sqlite_site: Site, calls: int, message: str) -> None:
    @public
    def app(environ: Any, start_response: Any) -> list[bytes]:
        for _ in range(calls):
            start_response("200 OK", TEXT)
        return [b"x"]

    with pytest.raises(AssertionError, match=message):
        WatchwordMiddleware(app, sqlite_site.auth.edge)(environ_of("GET", "/"), lambda *_: None)


def test_an_event_stream_begins_before_its_first_event(sqlite_site: Site) -> None:
    pulled: list[str] = []

    @public
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("content-type", "text/event-stream")])

        def events() -> Iterator[bytes]:
            pulled.append("pulled")
            yield b"data: one\n\n"

        return events()

    called: list[str] = []
    body = WatchwordMiddleware(app, sqlite_site.auth.edge)(
        environ_of("GET", "/"), lambda status, _: called.append(status)
    )
    assert (called, pulled) == (["200 OK"], [])
    assert next(iter(body)) == b"data: one\n\n"


def test_the_session_is_known_while_the_body_is_sent_and_when_it_is_closed(sqlite_site: Site) -> None:
    seen: list[str] = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            yield b"one"
            session = verify_session_sync()
            yield (session.user.email if session else "").encode()

        def close(self) -> None:
            seen.append(require_sync().user.email)

    @guard()
    def app(environ: Any, start_response: Any) -> Body:
        start_response("200 OK", TEXT)
        return Body()

    client = Client(sqlite_site, app)
    assert client.ask("GET", "/", ("cookie", f"{COOKIE}={token_of(sqlite_site)}")) == f"one{EMAIL}".encode()
    assert seen == [EMAIL]


def test_a040_a_long_poll_answers_nothing_once_its_session_has_ended(sqlite_site: Site) -> None:
    token = token_of(sqlite_site)

    @guard()
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", TEXT)
        sqlite_site.auth.administration.set_role(EMAIL, "admin")
        sqlite_site.clock.advance(RECHECKED)
        return [b"news"]

    client = Client(sqlite_site, app)
    assert b"news" not in client.ask("GET", "/", ("cookie", f"{COOKIE}={token}"))
    assert client.status == 401


def test_the_server_sends_no_file_by_itself(sqlite_site: Site) -> None:
    @public
    def app(environ: Any, start_response: Any) -> list[bytes]:
        assert "wsgi.file_wrapper" not in environ
        return hello(environ, start_response)

    assert Client(sqlite_site, app).ask("GET", "/", **{"wsgi.file_wrapper": io.BytesIO}) == b"hello"


def test_a_database_that_can_not_answer_is_503(sqlite_site: Site) -> None:
    @public
    def app(environ: Any, start_response: Any) -> list[bytes]:
        raise StoreUnavailableError

    client = Client(sqlite_site, app)
    client.ask("GET", "/")
    assert client.status == 503


def test_an_app_of_another_watchword_inside_decides_for_both(sqlite_site: Site, make_other: Callable[[], Site]) -> None:
    inner = WatchwordMiddleware(hello, make_other().auth.edge)
    assert Client(sqlite_site, inner).ask("GET", "/") == b"hello"
    twice = WatchwordMiddleware(hello, sqlite_site.auth.edge)
    client = Client(sqlite_site, twice)
    assert client.ask("GET", "/") == b"hello"
    assert len(client.calls) == 1


@pytest.fixture
def make_other(tmp_path: Any, sqlite_site: Site) -> Iterator[Callable[[], Site]]:
    from tests.support.site import make_site

    made: list[Site] = []

    def make() -> Site:
        made.append(make_site(f"sqlite:///{tmp_path}/other.sqlite3", sqlite_site.clock))
        return made[-1]

    yield make
    for site in made:
        site.auth.stop()


def test_the_environ_is_read_as_an_asgi_scope_is() -> None:
    environ = environ_of("GET", "/%C3%A9%ff//x;y?a=%20", ("x-name", "é"), ("content-type", "text/plain"))
    request = request_of(environ | {"REMOTE_ADDR": "", "wsgi.url_scheme": "https", "wsgi.input_terminated": True})
    assert (request.path, request.query) == ("/é\ufffd//x;y", "a=%20")
    assert (request.scheme, request.peer) == ("https", None)
    assert request.header_values("x-name") == ["Ã©"]
    assert request.header("content-type") == "text/plain"
    assert request_of(environ_of("GET", "")).path == "/"


@pytest.mark.parametrize(
    "cookies",
    [
        "watchword={0},watchword={0}",
        "watchword={0}, watchword={0}",
        "watchword={0};watchword={0}",
        "a=1,watchword={0}",
        "watchword={0}; a=1,watchword=x",
        "a=1,watchword=x; watchword={0}",
        "a=1, watchword={0}; b=2",
        "\u2000watchword={0}",
        "=watchword={0}",
    ],
)
def test_a029_cookie_lines_that_a_server_has_joined_make_no_session(sqlite_site: Site, cookies: str) -> None:
    client = Client(sqlite_site, guard()(hello))
    token = token_of(sqlite_site)
    client.ask("GET", "/", ("cookie", cookies.format(token)))
    assert client.status == 401
    assert client.ask("GET", "/", ("cookie", f"a=1,b=2; {COOKIE}={token}")) == b"hello"


def test_a029_a_cookie_that_another_host_of_the_domain_set_makes_no_session_by_a_comma(sqlite_site: Site) -> None:
    token = token_of(sqlite_site)
    environ = environ_of("GET", "/", ("cookie", f"theme=dark,{COOKIE}={token}"))
    assert sqlite_site.auth.gate.verify(request_of(environ)) is None


@pytest.mark.parametrize("lines", [[("authorization", "Bearer {0}")] * 2, [("cookie", "watchword={0}")] * 2])
def test_a029_two_header_lines_of_a_credential_are_refused(sqlite_site: Site, lines: list[tuple[str, str]]) -> None:
    client = Client(sqlite_site, guard()(hello))
    token = token_of(sqlite_site)
    client.ask("GET", "/", *((name, value.format(token)) for name, value in lines))
    assert client.status == 401


@pytest.mark.parametrize("origin", ["https://evil.example", "null", None])
def test_a012_another_sites_page_opens_no_websocket_with_the_visitors_cookie(
    sqlite_site: Site, origin: str | None
) -> None:
    client = Client(sqlite_site, guard()(hello))
    cookie = ("cookie", f"{COOKIE}={token_of(sqlite_site)}")
    lines = [("upgrade", "WebSocket"), ("connection", "upgrade"), cookie]
    client.ask("GET", "/", *lines, *([("origin", origin)] if origin else []))
    assert client.status == 403
    assert client.ask("GET", "/", *lines, ("origin", ORIGIN)) == b"hello"


def test_the_check_runs_before_the_first_request_is_answered(sqlite_site: Site) -> None:
    def refuse() -> None:
        raise RuntimeError("not like this")

    client = Client(sqlite_site, hello, check=refuse)
    for path in ("/", "/auth/health"):
        with pytest.raises(RuntimeError):
            client.ask("GET", path)
    assert client.calls == []


def test_a_refusal_in_the_middle_of_an_answer_cuts_it(sqlite_site: Site) -> None:
    @public
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", TEXT)
        yield b"one"
        require_sync()
        yield b"two"

    with pytest.raises(Unauthenticated):
        Client(sqlite_site, app).ask("GET", "/")
