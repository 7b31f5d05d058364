"""Attacks on guards and routing: chapter 1, through the whole of each framework."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from tests.attacks.apps import GUARDED, KINDS, NOBODY, SOCKETS, App, make_app, page
from tests.attacks.wire import COOKIE, FORM, JSON, cookie, everything_stored, send, signed_up, token_of
from tests.support.site import EMAIL, ORIGIN, PASSWORD, SECRET, Site
from watchword import Auth, ConfigurationError
from watchword.sessions.gate import RECHECKED
from watchword.sessions.stored import REREAD
from watchword.web.starlette import protect


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, site: Site) -> App:
    """The app behind each adapter, on each database."""
    return make_app(request.param, site)


@pytest.fixture(params=SOCKETS)
def socket_app(request: pytest.FixtureRequest, site: Site) -> App:
    """The app behind each adapter that has WebSockets, on each database."""
    return make_app(request.param, site)


HOPS = [
    ("x-middleware-subrequest", "middleware:middleware:middleware"),
    ("x-middleware-rewrite", "/"),
    ("x-middleware-next", "1"),
    ("x-forwarded-uri", "/"),
    ("x-original-url", "/"),
    ("x-rewrite-url", "/"),
    ("x-original-method", "OPTIONS"),
    ("x-http-method-override", "OPTIONS"),
    ("x-forwarded-user", "ada@example.org"),
    ("x_forwarded_user", "ada@example.org"),
    ("x-remote-user", "admin"),
    ("x-auth-request-email", "ada@example.org"),
    ("x-forwarded-for", "127.0.0.1"),
    ("x-forwarded-for", "not an address"),
    ("x-real-ip", "127.0.0.1"),
    ("forwarded", "for=127.0.0.1;host=localhost"),
    ("user-agent", "ELB-HealthChecker/2.0"),
    ("user-agent", "GoogleHC/1.0"),
    ("user-agent", "kube-probe/1.30"),
    ("referer", f"{ORIGIN}/admin"),
]


def test_a001_a005_a006_a008_no_header_from_outside_opens_a_guard(app: App) -> None:
    for header in HOPS:
        assert app.statuses(header) == NOBODY, header
        assert app.call("POST", "/notes", header, body=b"x").status == 401, header
    assert app.written == []


SPELLINGS = [
    "/%61dmin",
    "//admin",
    "/admin/",
    "/admin;x",
    "/x/../admin",
    "/./admin",
    "/admin.rsc",
    "/ADMIN",
    "/admin%2f",
    "/admin%00",
    "/%2e/admin",
    "/below//secret",
    "/below/%73ecret",
    "/\\admin",
    "/notes/../admin",
]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "PUT"])
def test_a002_no_spelling_of_a_path_goes_around_the_guard(app: App, method: str) -> None:
    # Litestar answers OPTIONS by itself, with the methods that there are.
    refused = (400, 401, 404, 405, 307, 308, *((204,) if method == "OPTIONS" else ()))
    for path in SPELLINGS:
        assert app.call(method, path, *page()).status in refused, path
    assert app.written == []


def test_a003_a_query_value_does_not_stand_for_a_path_parameter(app: App) -> None:
    assert app.call("GET", "/notes/1?id=2").status == 401
    assert app.call("GET", "/notes/1?id=2", *page(app.token())).json == {"note": "1"}


@pytest.mark.parametrize(
    "path", ["/admin?/", "/admin?/public", "/admin?path=/auth/sign-in", "/admin#/", "/admin?next=/auth/"]
)
def test_a004_a_public_path_in_the_query_exempts_nothing(app: App, path: str) -> None:
    assert app.call("GET", path).status in (401, 404)
    assert app.written == []


def test_a007_an_unparsable_forwarding_header_leaves_the_password_required(app: App) -> None:
    app.token()
    for value in ("not an address", "::::", "1.2.3.4.5", "unknown", ",", "é"):
        body = json.dumps({"identifier": EMAIL, "password": "not the password"}).encode()
        answer = app.call("POST", "/auth/sign-in/password", *page(), JSON, ("x-forwarded-for", value), body=body)
        assert answer.status == 401
        assert answer.all("set-cookie") == []


def test_a009_a_malformed_cookie_is_nobody_at_a_guard(app: App) -> None:
    for value in ("", "x", "wws_", "{", '"', "é", "a" * 8192, "wws_" + "a" * 78):
        assert app.statuses(*page(value)) == NOBODY, value
        assert app.call("GET", "/greeting", *page(value)).json == {"user": None}, value


def test_a010_a_call_straight_to_a_handler_gets_401_without_a_session_and_403_with_the_wrong_role(app: App) -> None:
    assert app.call("POST", "/admin").status == 401
    user = page(app.token())
    assert app.statuses(*user) == [200, 403, 403, 200, 403]
    assert app.call("POST", "/admin", *user).status == 403
    assert app.written == []
    admin = page(app.token("grace@example.org", role="admin"))
    assert app.call("POST", "/admin", *admin).status == 200
    assert app.written == ["admin"]
    assert app.statuses(*admin) == [200] * len(GUARDED)


def test_a010_a_guard_decides_before_the_input_is_read(app: App) -> None:
    assert app.call("POST", "/notes", JSON, body=b"\xff" * 1000).status == 401
    assert app.written == []


HOSTILE = [
    b'{"__proto__": {"role": "admin"}}',
    b'{"identifier": {"$ne": null}, "password": {"$ne": null}}',
    b'{"identifier": ["ada@example.org"], "password": "x"}',
    b'{"identifier": "ada@example.org", "password": {"__class__": "Secret"}}',
    b'{"py/object": "os.system"}',
    b"\x80\x04\x95cos\nsystem\n.",
    b"[" * 60_000,
    b'{"a":' * 10_000,
    b'"' + b"\\" * 60_000,
    b"9" * 60_000,
    b"1e" + b"9" * 1000,
    b'{"identifier": "' + b"a" * 65_000 + b'", "password": "x"}',
    b'{"identifier": "' + b"@" * 30_000 + b'", "password": "x"}',
    b'{"identifier": "a@' + b"a." * 15_000 + b'", "password": "x"}',
]


@pytest.mark.parametrize("body", HOSTILE)
def test_a011_a_hostile_payload_is_only_ever_refused_and_soon(app: App, body: bytes) -> None:
    app.token()
    for path in ("/auth/sign-in/password", "/auth/sign-up/password", "/auth/password/forgot"):
        start = time.process_time()
        answer = app.call("POST", path, *page(), JSON, body=body)
        assert 400 <= answer.status < 500, answer.text
        assert time.process_time() - start < 1
    assert app.site.count("sessions") == 1


def test_a012_a_redirect_names_no_host_of_the_attackers(app: App) -> None:
    for method in ("GET", "POST"):
        answer = app.call(method, "/old", ("host", "evil.example"), ("x-forwarded-host", "evil.example"))
        assert answer.header("location") == "/new"
    led = app.call("GET", "/admin", ("accept", "text/html"), ("host", "evil.example"))
    assert led.status == 303
    assert led.header("location") == "/auth/sign-in?next=%2Fadmin"


@pytest.mark.parametrize("path", ["/socket", "/guarded-socket"])
def test_a012_a_websocket_without_a_session_is_not_opened(socket_app: App, path: str) -> None:
    for line in (("x", ""), ("cookie", f"{COOKIE}=x"), ("authorization", "Bearer x")):
        assert socket_app.talk(path, ("origin", ORIGIN), line) == ["close"]


@pytest.mark.parametrize(
    "lines",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": f"{ORIGIN}.evil.example"},
        {"origin": ORIGIN, "sec-fetch-site": "cross-site"},
        {"origin": ORIGIN, "sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/socket", "/guarded-socket"])
def test_a012_another_sites_page_opens_no_websocket_with_the_visitors_cookie(
    socket_app: App, path: str, lines: dict[str, str]
) -> None:
    token = socket_app.token()
    assert socket_app.talk(path, ("cookie", f"{COOKIE}={token}"), *lines.items(), say=["hello"]) == ["close"]
    assert socket_app.talk(path, *page(token), say=["hello"])[1] in ("ada@example.org: hello", "in")


def test_a013_a_broken_configuration_stops_the_start() -> None:
    for broken in (
        {"mode": "production"},
        {"mode": "prod"},
        {"secret": "short"},
        {"limits": {"sign_in_adress": "1/m"}},
    ):
        with pytest.raises(ConfigurationError):
            Auth(**{"secret": SECRET, "environ": {}, **broken})  # type: ignore[arg-type]


def test_a013_a_database_that_is_gone_lets_nobody_in(app: App) -> None:
    admin = page(app.token("grace@example.org", role="admin"))
    assert app.call("GET", "/admin", *admin).status == 200
    from sqlalchemy import text

    with app.site.auth.store.engine.begin() as connection:
        connection.execute(text("ALTER TABLE sessions RENAME TO hidden"))
    app.site.clock.advance(REREAD)  # What is remembered lets in for so long at most: here, the epoch can be read still.
    assert all(status >= 500 for status in app.statuses(*admin))
    assert app.call("GET", "/auth/sessions", *admin).status >= 500
    assert app.written == ["admin"]


def test_a013_a_route_that_nobody_declared_stops_the_start(site: Site) -> None:
    opened: list[object] = []

    async def forgotten(request: object) -> None:
        opened.append(request)

    open_app = Starlette(routes=[Route("/open", forgotten)])
    protect(open_app, site.auth)
    for _ in range(2):
        # The app raises, and leaves the answer to its server.
        assert App(site, open_app).call("GET", "/open").status == 0
    assert opened == []


def test_a013_a_route_that_nobody_declared_and_the_app_adds_while_it_starts_stops_the_start(site: Site) -> None:
    @asynccontextmanager
    async def lifespan(starting: Starlette) -> AsyncIterator[None]:
        starting.router.routes.append(Route("/late", lambda request: None))
        yield

    late_app = Starlette(lifespan=lifespan)
    protect(late_app, site.auth)
    told = App(site, late_app).start()
    assert told["type"] == "lifespan.startup.failed"
    assert "/late" in told["message"]


def test_a014_another_persons_session_is_not_there(app: App) -> None:
    victim, attacker = page(app.token()), page(app.token("mallory@example.org"))
    theirs = app.call("GET", "/auth/sessions", *victim).json["sessions"][0]["id"]
    before = everything_stored(app.site)
    assert app.call("DELETE", f"/auth/sessions/{theirs}", *attacker).status == 404
    assert app.call("POST", f"/auth/account/sessions/{theirs}/end", *attacker, FORM).status == 404
    for path in ("/auth/sessions", "/auth/user/export", "/auth/account"):
        assert theirs not in app.call("GET", path, *attacker).text
    assert everything_stored(app.site)["sessions"] == before["sessions"]
    assert app.call("GET", "/notes/1", *victim).status == 200


def test_a014_ending_all_others_ends_none_of_somebody_else(app: App) -> None:
    victim, attacker = page(app.token()), page(app.token("mallory@example.org"))
    assert app.call("DELETE", "/auth/sessions", *attacker).json == {"ended": 0}
    assert app.call("GET", "/notes/1", *victim).status == 200


FIELDS = [
    "role",
    "email",
    "email_verified",
    "emailVerified",
    "verified_at",
    "password",
    "disabled",
    "id",
    "user_id",
    "created_at",
]


@pytest.mark.parametrize("field", FIELDS)
def test_a016_no_field_beside_the_profiles_own_is_taken(site: Site, field: str) -> None:
    visitor = signed_up(site)
    before = everything_stored(site)
    value = {"role": "admin", "email": "mallory@example.org"}.get(field, "x")
    answer = send(
        site, "PATCH", "/auth/user", *browser(visitor), JSON, body=json.dumps({"name": "A", field: value}).encode()
    )
    assert answer.status == 422
    assert answer.json["fields"] == [{"field": field, "expected": "nothing: there is no such field"}]
    assert visitor.submit("/auth/account/profile", name="A", **{field: value}).status == 422
    assert everything_stored(site) == before


@pytest.mark.parametrize("field", ["role", "verified", "user_id", "attempt"])
def test_a016_no_field_beside_a_sign_ups_own_is_taken(site: Site, field: str) -> None:
    body = {"email": EMAIL, "password": PASSWORD, field: "admin"}
    assert site.visitor().post("/auth/sign-up/password", body).status == 422
    assert site.count("attempts") == 0


def test_a017_every_entrance_takes_only_a_live_session(app: App) -> None:
    token = app.token()
    for line in (
        f"Basic {EMAIL}:{PASSWORD}",
        "Basic YWRhQGV4YW1wbGUub3JnOngK",
        f"Token {token}",
        f"Digest {token}",
        token,
    ):
        assert app.statuses(("authorization", line)) == NOBODY
    for line in (("authorization", f"Bearer {token}"), ("authorization", f"bearer {token}"), *page(token)[1:]):
        assert app.statuses(line) == [200, 403, 403, 200, 403]
    app.site.auth.administration.set_disabled(EMAIL, disabled=True)
    for line in (("authorization", f"Bearer {token}"), *page(token)[1:]):
        assert app.statuses(line) == NOBODY


def test_a031_what_the_app_answers_to_someone_signed_in_stays_out_of_shared_caches(app: App) -> None:
    token = app.token()
    for path in ("/notes/1", "/greeting", "/stream"):
        answer = app.call("GET", path, *page(token))
        assert answer.status == 200
        assert answer.all("cache-control") == ["no-store"], path
        assert "Cookie" in answer.header("vary")
    assert "Cookie" in app.call("GET", "/greeting").header("vary")
    assert app.call("GET", "/notes/1").header("cache-control") == "no-store"


def test_a040_a_socket_is_closed_soon_after_its_session_has_ended(socket_app: App) -> None:
    token = socket_app.token()

    def sign_out() -> None:
        assert send(socket_app.site, "POST", "/auth/sign-out", *page(token)).status == 200
        socket_app.site.clock.advance(RECHECKED)

    came = socket_app.talk("/socket", *page(token), say=["one", sign_out, "two", "three"])
    assert came == ["accept", "ada@example.org: one", "close"]


def test_a040_a_stream_stops_soon_after_its_role_is_lost(app: App) -> None:
    token = app.token()

    def lose_role() -> None:
        app.site.auth.administration.set_role(EMAIL, "admin")
        app.site.clock.advance(RECHECKED)

    assert app.call("GET", "/stream", *page(token)).text == "one two "
    app.between = lose_role
    assert app.call("GET", "/stream", *page(token)).text == "one "


def test_a040_a_connection_whose_session_lives_goes_on(socket_app: App) -> None:

    def wait() -> None:
        socket_app.site.clock.advance(RECHECKED)

    came = socket_app.talk("/socket", *page(socket_app.token()), say=[wait, "one", wait, "two"])
    assert came == ["accept", "ada@example.org: one", "ada@example.org: two"]


def browser(visitor: object) -> list[tuple[str, str]]:
    return [cookie((COOKIE, token_of(visitor))), ("origin", ORIGIN)]  # type: ignore[arg-type]
