"""Sessions of trusted systems that these systems end before their tokens do."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.support.site import Answer, Site, make_site
from tests.vendors.trusted import CLERK_KEY, EC, FERNET, KINDS, NOW, RSA, bearer, claims, published
from watchword.audit.events import AuditEvent
from watchword.foundation.clock import DAY, SECOND, Clock, ManualClock
from watchword.foundation.settings import SessionLimits
from watchword.http.request import Request
from watchword.sessions import endings
from watchword.sessions.foreign import Trust
from watchword.sessions.session import Session
from watchword.tokens import jwt
from watchword.tokens.webhook import standard_signature
from watchword.vendors.auth0.trust import Auth0
from watchword.vendors.clerk.trust import Clerk
from watchword.vendors.facts import Facts
from watchword.vendors.oidc.trust import OIDC
from watchword.vendors.stytch.trust import Stytch
from watchword.vendors.supabase.trust import Supabase
from watchword.vendors.workos.trust import WorkOS

RAW = b"a signing key of 32 bytes or more"
WHSEC = f"whsec_{base64.b64encode(RAW).decode()}"
SHARED = "a-shared-secret-of-32-characters"
KEYS = published(RSA, EC)
LOGOUT = {"http://schemas.openid.net/event/backchannel-logout": {}}
Call = tuple[str, bytes, dict[str, str]]
"""Path, body and headers."""


def svix(path: str, event: Any, at: int = NOW) -> Call:
    body = json.dumps(event).encode()
    headers = {
        "svix_id": "msg_1",
        "svix_timestamp": str(at),
        "svix_signature": standard_signature(RAW, "msg_1", at, body),
    }
    return path, body, headers | {"content_type": "application/json"}


def workos(event: Any, at: int = NOW * SECOND) -> Call:
    body = json.dumps(event).encode()
    signature = hmac.digest(SHARED.encode(), f"{at}.".encode() + body, hashlib.sha256).hex()
    return "/auth/trust/workos/webhook", body, {"workos_signature": f"t={at}, v1={signature}"}


def authorized(path: str, event: Any, authorization: str = SHARED) -> Call:
    return path, json.dumps(event).encode(), {"authorization": authorization}


def logout(issuer: str, client: str, path: str, **changes: Any) -> Call:
    made = {"iss": issuer, "aud": client, "iat": NOW, "exp": NOW + 120, "jti": "one", "events": LOGOUT, **changes}
    token = jwt.sign(
        {name: value for name, value in made.items() if value is not None}, RSA, "RS256", type="logout+jwt"
    )
    return path, f"logout_token={token}".encode(), {"content_type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Told:
    """A system that tells, and one of its sessions.

    Attributes:
        make: makes the trust.
        token: returns a token of a session, that was issued so many seconds after `NOW`.
        session: says that this session is over; `None` where the system never says that of one.
        user: says that all of `user_1` is over.
        other: says something else.
    """

    make: Callable[..., Trust]
    token: Callable[[str, int], str]
    session: Callable[[str], Call] | None
    user: Call
    other: Call


def signed(key: Any = RSA, algorithm: str = "RS256", later: int = 0, **more: Any) -> str:
    return jwt.sign(claims(**{"iat": NOW + later, "exp": NOW + later + 600, **more}), key, algorithm)


CLERK, STYTCH, SUPABASE = (f"/auth/trust/{name}/webhook" for name in ("clerk", "stytch", "supabase"))
TOLD = {
    "clerk": Told(
        lambda clock, **more: Clerk(publishable_key=CLERK_KEY, webhook_secret=WHSEC, keys=KEYS, clock=clock, **more),
        lambda session, later: signed(later=later, iss="https://clerk.inspired.puma-74.lcl.dev", sid=session),
        lambda session: svix(CLERK, {"type": "session.revoked", "data": {"id": session, "user_id": "user_1"}}),
        svix(CLERK, {"type": "user.deleted", "data": {"id": "user_1", "deleted": True}}),
        svix(CLERK, {"type": "session.created", "data": {"id": "session_1", "user_id": "user_1"}}),
    ),
    "workos": Told(
        lambda clock, **more: WorkOS(
            client_id="client", cookie_password=FERNET, webhook_secret=SHARED, keys=KEYS, clock=clock, **more
        ),
        lambda session, later: signed(
            later=later, iss="https://api.workos.com/user_management/client", sid=session, auth_time=NOW
        ),
        lambda session: workos({"event": "session.revoked", "data": {"id": session, "user_id": "user_1"}}),
        workos({"event": "user.deleted", "data": {"id": "user_1"}}),
        workos({"event": "session.created", "data": {"id": "session_1", "user_id": "user_1"}}),
    ),
    "stytch": Told(
        lambda clock, **more: Stytch(project_id="project", webhook_secret=WHSEC, keys=KEYS, clock=clock, **more),
        lambda session, later: signed(
            later=later,
            iss="stytch.com/project",
            aud=["project"],
            nbf=NOW,
            **{"https://stytch.com/session": {"id": session}},
        ),
        None,
        svix(STYTCH, {"action": "DELETE", "object_type": "user", "id": "user_1"}),
        svix(STYTCH, {"action": "UPDATE", "object_type": "user", "id": "user_1"}),
    ),
    "supabase": Told(
        lambda clock, **more: Supabase(
            url="https://abc.supabase.co", webhook_secret=SHARED, keys=KEYS, clock=clock, **more
        ),
        lambda session, later: signed(
            EC, "ES256", later, iss="https://abc.supabase.co/auth/v1", aud="authenticated", role="authenticated",
            session_id=session,
        ),
        lambda session: authorized(
            SUPABASE,
            {"type": "DELETE", "schema": "auth", "table": "sessions", "record": None,
             "old_record": {"id": session, "user_id": "user_1"}},
        ),
        authorized(
            SUPABASE,
            {"type": "UPDATE", "schema": "auth", "table": "users",
             "old_record": {"id": "user_1", "banned_until": None},
             "record": {"id": "user_1", "banned_until": "2100-01-01T00:00:00Z"}},
            f"Bearer {SHARED}",
        ),
        authorized(SUPABASE, {"type": "DELETE", "schema": "public", "table": "users", "old_record": {"id": "user_1"}}),
    ),
    "auth0": Told(
        lambda clock, **more: Auth0(
            domain="example.auth0.com", audience="api", client_id="client", back_channel_logout=True,
            webhook_secret=SHARED, keys=KEYS, clock=clock, **more,
        ),
        lambda session, later: signed(later=later, iss="https://example.auth0.com/", aud="api", sid=session),
        lambda session: logout("https://example.auth0.com/", "client", "/auth/trust/auth0/logout", sid=session, sub="user_1"),
        authorized(
            "/auth/trust/auth0/webhook",
            [{"log_id": "1", "data": {"type": "s", "user_id": "user_1"}},
             {"log_id": "2", "data": {"type": "sdu", "user_id": "user_1"}}],
        ),
        authorized("/auth/trust/auth0/webhook", {"log_id": "1", "data": {"type": "s", "user_id": "user_1"}}),
    ),
    "keycloak": Told(
        lambda clock, **more: OIDC(
            issuer="https://id.example.org", audience="api", client_id="client", preset="keycloak",
            back_channel_logout=True, keys=KEYS, clock=clock, **more,
        ),
        lambda session, later: signed(later=later, iss="https://id.example.org", aud="api", sid=session),
        lambda session: logout("https://id.example.org", "client", "/auth/trust/keycloak/logout", sid=session),
        logout("https://id.example.org", "client", "/auth/trust/keycloak/logout", sub="user_1"),
        logout("https://id.example.org", "client", "/auth/trust/keycloak/logout", sub="user_2"),
    ),
}  # fmt: skip


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW * SECOND)


@pytest.fixture
def open_site(store_url: str, clock: ManualClock) -> Iterator[Callable[..., Site]]:
    """Opens sites on one database that trust these."""
    opened: list[Site] = []

    def open_one(*trusts: Callable[[Clock], Trust], **options: Any) -> Site:
        site = make_site(store_url, clock, trust=[make(clock) for make in trusts], **options)
        site.auth.prepare_store()
        with site.auth.store.write():
            pass  # from the first writing on, answers are remembered
        opened.append(site)
        return site

    yield open_one
    for site in opened:
        site.auth.stop()


def ask(site: Site, token: str) -> Session | None:
    name, value = bearer(token)
    return site.auth.gate.verify(Request("GET", "/", headers=[(name.encode(), value.encode())]))


def tell(site: Site, call: Call) -> Answer:
    path, body, headers = call
    return site.visitor().send("POST", path, raw=body, headers=headers)


@pytest.mark.parametrize("name", [name for name, told in TOLD.items() if told.session])
def test_a_session_that_its_system_ends_is_refused_at_once_by_every_process(open_site: Callable[..., Site], name: str):
    """Though its token lives on, and though its verdict was remembered; other sessions go on."""
    told = TOLD[name]
    assert told.session
    one, other = open_site(told.make), open_site(told.make)
    ended, lasting = told.token("session_1", 0), told.token("session_2", 0)
    for site in (one, other):
        assert ask(site, ended)
        assert ask(site, lasting)
    assert tell(one, told.session("session_1")).status == 200
    for site in (one, other):
        assert ask(site, ended) is None
        assert ask(site, lasting)
    assert ask(one, told.token("session_1", 5)) is None  # a newer token of the same session


@pytest.mark.parametrize("name", TOLD)
def test_a_user_who_is_gone_has_no_session_that_had_begun(open_site: Callable[..., Site], name: str):
    """All of theirs; what begins later is another matter, and so is another user."""
    told = TOLD[name]
    one, other = open_site(told.make), open_site(told.make)
    token = told.token("session_1", 0)
    assert ask(one, token)
    assert ask(other, token)
    assert tell(one, told.user).status == 200
    assert ask(one, token) is None
    assert ask(other, token) is None
    one.clock.advance(60 * SECOND)
    later = ask(other, told.token("session_3", 30))
    assert later
    assert later.user.id == "user_1"


@pytest.mark.parametrize("name", TOLD)
def test_what_a_system_says_of_other_things_ends_nothing(open_site: Callable[..., Site], name: str):
    """A webhook tells of much; only what is over counts."""
    told = TOLD[name]
    site = open_site(told.make)
    assert tell(site, told.other).status == 200
    assert ask(site, told.token("session_1", 0))


def test_a_server_calls_without_origin_and_without_cookies(open_site: Callable[..., Site]):
    """No browser is in play: the signature alone counts."""
    told = TOLD["clerk"]
    site = open_site(told.make)
    path, body, headers = told.user
    lines = {"host": "localhost:8000", **{name.replace("_", "-"): value for name, value in headers.items()}}
    raw = [(name.encode(), value.encode()) for name, value in lines.items()]
    assert site.auth.edge.kernel.handle(Request("POST", path, headers=raw, body=body)).status == 200
    assert ask(site, told.token("session_1", 0)) is None


def test_an_ending_that_is_told_again_changes_nothing(open_site: Callable[..., Site]):
    """Senders try again; a recorded call sent again ends nothing that began after it was made."""
    told = TOLD["keycloak"]
    site = open_site(told.make)
    assert tell(site, told.user).status == 200
    site.clock.advance(60 * SECOND)
    later = told.token("session_3", 60)
    assert ask(site, later)
    assert tell(site, told.user).status == 200
    assert ask(site, later)


def test_a_map_that_renames_the_user_hides_no_ending(open_site: Callable[..., Site]):
    """What is over goes by the system's own ids, whatever the app makes of them."""

    def rename(facts: Facts, _: Any) -> Facts:
        facts.subject, facts.session_id = "local-7", "local-session"
        return facts

    told = TOLD["clerk"]
    site = open_site(lambda clock: told.make(clock, map=rename))
    token = told.token("session_1", 0)
    session = ask(site, token)
    assert session
    assert session.user.id == "local-7"
    assert told.session
    assert tell(site, told.session("session_1")).status == 200
    assert ask(site, token) is None


def test_an_ending_is_known_for_as_long_as_a_cookie_can_live(open_site: Callable[..., Site]):
    """Then it is swept: nothing of that time can still be shown."""
    told = TOLD["clerk"]
    site = open_site(told.make)
    assert told.session
    assert tell(site, told.session("session_1")).status == 200
    for days, left in ((399, 1), (2, 0)):
        site.clock.advance(days * DAY)
        with site.auth.store.write() as tx:
            endings.sweep(tx)
        assert site.count("foreign_endings") == left


def test_the_audit_log_names_the_system_and_how_many(open_site: Callable[..., Site]):
    """And a call that was somebody else's."""
    told = TOLD["clerk"]
    site = open_site(told.make)
    assert tell(site, told.user).status == 200
    path, body, headers = told.user
    assert tell(site, (path, body + b" ", headers)).code == "notice_invalid"
    with site.auth.store.read() as tx:
        noted = [entry.event for entry in site.auth.services.audit.recent(tx)]
    assert noted == [AuditEvent.TRUST_NOTICE_REFUSED, AuditEvent.TRUST_NOTICE]


def test_there_is_no_address_where_no_system_was_given_a_secret(open_site: Callable[..., Site]):
    """Nor one for a system that tells in another way."""
    kind = KINDS["clerk"]
    assert tell(open_site(kind.make), TOLD["clerk"].user).status == 404
    site = open_site(TOLD["clerk"].make)
    assert tell(site, ("/auth/trust/workos/webhook", *TOLD["clerk"].user[1:])).status == 404
    assert tell(site, ("/auth/trust/clerk/logout", *TOLD["clerk"].user[1:])).status == 404


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_verdict_is_looked_at_again_after_as_long_as_the_app_says(
    open_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
):
    """`SessionLimits(believed=…)`: shorter than the token lives."""
    told = TOLD["clerk"]
    site = open_site(told.make, session=replace(SessionLimits(), believed=30 * SECOND))
    token = told.token("session_1", 0)
    assert ask(site, token)
    verified: list[str] = []
    verify = Clerk.verify
    monkeypatch.setattr(Clerk, "verify", lambda self, credential: verified.append("") or verify(self, credential))
    site.clock.advance(29 * SECOND)
    assert ask(site, token)
    assert verified == []
    site.clock.advance(2 * SECOND)
    assert ask(site, token)
    assert verified == [""]
