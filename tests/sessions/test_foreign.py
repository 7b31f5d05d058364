"""Sessions of trusted systems at the one gate: found, verified once, kept apart from our own."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.site import Site, Visitor, make_site
from tests.vendors.trusted import KINDS, NOW, RSA, VERIFIERS, bearer, claims
from watchword import Auth
from watchword.foundation.clock import SECOND, ManualClock
from watchword.foundation.errors import ConfigurationError
from watchword.http.request import Request
from watchword.sessions.session import Session
from watchword.tokens import jwt
from watchword.tokens.refused import TokenRefused

ISSUER = "https://example.auth0.com/"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW * SECOND)


@pytest.fixture
def trusting(sqlite_url: str, clock: ManualClock) -> Iterator[Site]:
    """A site that trusts one of each vendor."""
    made = make_site(sqlite_url, clock, trust=[make(clock) for make in VERIFIERS.values()])
    made.auth.prepare_store()
    with made.auth.store.write():
        pass  # what the upkeep does at the start: from the first writing on, answers are remembered
    yield made
    made.auth.stop()


def ask(site: Site, *headers: tuple[str, str]) -> Session | None:
    """Return what the gate says to these header lines."""
    lines = [(name.encode(), value.encode()) for name, value in headers]
    return site.auth.gate.verify(Request("GET", "/", headers=lines))


def token(**changes: Any) -> str:
    return jwt.sign({**claims(iss=ISSUER, aud="api"), **changes}, RSA, "RS256")


@pytest.mark.parametrize("name", KINDS)
def test_a_trusted_system_s_session_is_a_session(trusting: Site, name: str):
    """By cookie or bearer token, as it comes; another site, which trusts nobody, lets nobody in."""
    kind = KINDS[name]
    session = ask(trusting, kind.header)
    assert session is not None
    assert (session.user.id, session.user.role) == ("user_1", "user")
    assert session.kind == ("cookie" if kind.header[0] == "cookie" else "bearer")
    assert session.expires_at.timestamp() == NOW + 600
    assert session.source in name or name == "jose" or session.source == "next-auth"


def test_nobody_is_trusted_unless_the_app_says_so(sqlite_site: Site):
    """The default: our own sessions alone."""
    for kind in KINDS.values():
        assert ask(sqlite_site, kind.header) is None


@pytest.mark.parametrize("name", ["clerk", "iron-session"])
def test_a151_a_verdict_is_remembered_until_the_token_ends(trusting: Site, name: str, monkeypatch: pytest.MonkeyPatch):
    """Verified once; its end is its end, without another look."""
    kind = KINDS[name]
    assert ask(trusting, kind.header)
    trust = next(
        one for one in trusting.auth.gate.foreign._trusts if one.credential({"app": ["x"]}) or one.source == name
    )
    monkeypatch.setattr(type(trust), "verify", lambda *_: pytest.fail("verified again"))
    assert ask(trusting, kind.header)
    trusting.clock.advance(599 * SECOND)
    assert ask(trusting, kind.header)
    monkeypatch.undo()
    trusting.clock.advance(66 * SECOND)
    assert ask(trusting, kind.header) is None


def test_a_refused_token_takes_no_room_in_the_memory(trusting: Site):
    """So tokens that somebody makes up push nobody out."""
    before = len(trusting.auth.gate.memory)
    for number in range(20):
        assert ask(trusting, bearer(token(exp=NOW - 1000 - number))) is None
    assert len(trusting.auth.gate.memory) == before


def test_a_token_goes_to_one_issuer_s_rules_only(trusting: Site, monkeypatch: pytest.MonkeyPatch):
    """What the one refuses is not shown to the next."""
    asked: list[str] = []
    for trust in trusting.auth.gate.foreign._trusts:

        def verify(_self: Any, _credential: str, source: str = trust.source) -> Session:
            asked.append(source)
            raise TokenRefused("signature_wrong", "a test")

        monkeypatch.setattr(type(trust), "verify", verify)
    assert ask(trusting, KINDS["clerk"].header) is None
    assert len(asked) == 1


def test_two_trusts_of_one_issuer_are_refused_at_the_start(clock: ManualClock):
    """Nobody could say whose rules count."""
    with pytest.raises(ConfigurationError, match="twice"):
        Auth(trust=[KINDS["clerk"].make(clock), KINDS["clerk"].make(clock)], environ={})


def test_our_own_session_comes_before_a_trusted_cookie(trusting: Site):
    """And a bearer token beside a trusted cookie is what counts."""
    ada = trusting.visitor()
    assert ada.sign_up().status == 200
    own = ("cookie", f"watchword={ada.cookies['watchword']}; app={KINDS['iron-session'].credential}")
    session = ask(trusting, own)
    assert session is not None
    assert session.source == "watchword"
    session = ask(trusting, KINDS["clerk"].header, KINDS["iron-session"].header)
    assert session is not None
    assert session.source == "clerk"


@pytest.mark.parametrize("subject", ["usr_" + "a" * 26, "", None, 5, ["usr_x"]])
def test_a025_no_other_system_names_a_user_of_ours(trusting: Site, subject: Any):
    """Nor a session: its ids are the vendor's, and never of our form."""
    assert ask(trusting, bearer(token(sub=subject))) is None
    assert ask(trusting, bearer(token(sid="ses_" + "a" * 26))) is None


def test_a_permission_that_would_mean_many_here_is_left_out(trusting: Site):
    """`*` is our own sign, and no other system's to give."""
    session = ask(trusting, bearer(token(permissions=["*", "notes:*", "notes:read"])))
    assert session is not None
    assert (session.permissions, session.may("notes:write")) == (("notes:read",), False)


def test_a126_a_role_that_a_token_claims_makes_nobody_an_admin(trusting: Site):
    """`user.role` is this app's; only its `map` function gives one."""
    session = ask(trusting, bearer(token(role="admin", roles=["admin"])))
    assert session is not None
    assert session.user.role == "user"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/auth/sessions", None),
        ("DELETE", "/auth/sessions", None),
        ("POST", "/auth/password/change", {"current": "x", "new": "difference engine no. 2"}),
        ("DELETE", "/auth/account", {"password": "x"}),
    ],
)
def test_another_system_s_session_changes_no_account_of_ours(trusting: Site, method: str, path: str, body: Any):
    """Its users have none: the routes that change accounts ask for our own session."""
    visitor = Visitor(trusting)
    name, value = KINDS["clerk"].header
    answer = visitor.send(method, path, body=body, headers={name: value})
    assert answer.status in (401, 404, 405), answer.text
    assert visitor.get("/auth/session", **{name: value}).json["session"]["source"] == "clerk"


def test_a131_junk_in_authorization_is_nobody_and_never_an_error(trusting: Site):
    """Whatever stands there."""
    for junk in (
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer ..",
        "Bearer é.é.é",
        "Bearer " + "." * 5_000,
        "Bearer e30.e30.",
        "Basic x",
        "Bearer \xff",
    ):
        lines = [(b"authorization", junk.encode("latin-1", "replace"))]
        assert trusting.auth.gate.verify(Request("GET", "/", headers=lines)) is None
    for junk in (
        "app=",
        "app=x",
        "app=Fe26.2*",
        "authjs.session-token=x; authjs.session-token.0=y",
        "sb-abc-auth-token=base64-x",
    ):
        assert ask(trusting, ("cookie", junk)) is None
