"""Auth0: the session cookies of nextjs-auth0 and auth0-fastapi, written by these, run for real."""

import asyncio
import json
import time
import warnings
from http.cookies import SimpleCookie
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Response

from tests.support.node import Node
from watchword.foundation.clock import SECOND, ManualClock
from watchword.foundation.errors import ConfigurationError
from watchword.tokens import jwe, jwt
from watchword.tokens.key import Key
from watchword.tokens.key_set import KeySet
from watchword.tokens.refused import TokenRefused
from watchword.vendors.auth0.cookies import keys_of
from watchword.vendors.auth0.trust import Auth0

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # its models are in Pydantic's older way
    from auth0_fastapi.stores.stateless_state_store import StatelessStateStore

NOW = int(time.time())
HOUR_OF_TESTS = 3600
"""Seconds by which the library's clock may have gone on since this file was read."""
"""The present: nextjs-auth0 can be told no other."""
SECRET = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
KEY = Key.generate("RS256", kid="one")
DAY = 86_400
USER: dict[str, Any] = {
    "sub": "auth0|1", "name": "Ada Lovelace", "nickname": "ada", "email": "ada@example.org", "email_verified": True,
    "org_id": "org_1",
}  # fmt: skip
NEXT: dict[str, Any] = {
    "user": USER, "tokenSet": {"accessToken": "opaque", "refreshToken": "refresh", "expiresAt": NOW},
    "internal": {"sid": "sid-1", "createdAt": NOW - 60},
}  # fmt: skip
PYTHON: dict[str, Any] = {
    "user": USER, "id_token": "e30", "refresh_token": "refresh", "token_sets": [], "domain": "example.auth0.com",
    "internal": {"sid": "sid-1", "created_at": NOW - 60, "session_expires_at": None},
}  # fmt: skip


def auth0(now: int = NOW, **options: Any) -> Auth0:
    given = {"domain": "example.auth0.com", "cookie_secret": SECRET, "clock": ManualClock(now * SECOND)}
    return Auth0(**{**given, "keys": KeySet([Key.from_jwk(KEY.to_jwk())]), **options})


def python_cookies(state: dict[str, Any], secret: str = SECRET) -> list[tuple[str, str]]:
    """Return what auth0-fastapi sets for this state."""
    response = Response()
    asyncio.run(StatelessStateStore(secret).set("_a0_session", state, {"response": response}))
    found = SimpleCookie[str]()
    for name, value in response.raw_headers:
        if name == b"set-cookie":
            found.load(value.decode())
    return [(name, morsel.value) for name, morsel in found.items()]


def credential(trust: Auth0, pairs: Any) -> str:
    found = trust.credential({name: [value] for name, value in pairs})
    assert found is not None
    return found


def refusal(trust: Auth0, text: str) -> str:
    with pytest.raises(TokenRefused) as caught:
        trust.verify(text)
    return caught.value.code


def seal(data: dict[str, Any], encryption: str = "A256GCM", **header: Any) -> str:
    return jwe.encrypt(json.dumps(data).encode(), keys_of(SECRET)[encryption], "dir", encryption, header=header)


def check_ada(trust: Auth0, text: str) -> None:
    session = trust.verify(text)
    assert (session.user.id, session.user.email, session.user.name) == ("auth0|1", "ada@example.org", "Ada Lovelace")
    assert (session.id, session.organization, session.source) == ("sid-1", "org_1", "auth0")
    assert session.created_at.timestamp() == NOW - 60


@pytest.mark.parametrize("size", [1, 6_000])
def test_the_cookie_of_nextjs_auth0_is_read_whole_and_in_chunks(node: Node, size: int):
    """As its own store writes it; the end is the one that the store chose."""
    pairs = node("auth0_calls", "write", {**NEXT, "note": "x" * size}, SECRET)
    assert [name for name, _ in pairs] == (["__session"] if size == 1 else [f"__session__{n}" for n in range(3)])
    trust = auth0()
    check_ada(trust, credential(trust, pairs))
    end = trust.verify(credential(trust, pairs)).expires_at.timestamp()
    assert abs(end - NOW - DAY) < HOUR_OF_TESTS
    assert refusal(auth0(now=int(end) + 15), credential(trust, pairs)) == "token_expired"


def test_the_cookie_of_nextjs_auth0_3_is_read_whole_and_in_chunks(node: Node):
    """Its times stand in the header; version 4 still reads it, so it is one."""
    header = {"iat": NOW - 60, "uat": NOW, "exp": NOW + DAY}
    session = {"user": {**USER, "sid": "sid-1"}, "accessToken": "opaque"}
    token = node("auth0_calls", "sealed", session, SECRET, NOW + DAY, header)
    trust = auth0()
    for pairs in ([("appSession", token)], [("appSession.0", token[:200]), ("appSession.1", token[200:])]):
        assert node("auth0_calls", "read", pairs, SECRET)["user"]["sub"] == "auth0|1"
        check_ada(trust, credential(trust, pairs))


@pytest.mark.parametrize("size", [1, 6_000])
def test_the_cookies_of_auth0_fastapi_are_read(size: int):
    """They say no end: the session is over 3 days after it began."""
    pairs = python_cookies({**PYTHON, "note": "x" * size})
    assert len(pairs) == (1 if size == 1 else 3)
    trust = auth0()
    check_ada(trust, credential(trust, pairs))
    assert trust.verify(credential(trust, pairs)).expires_at.timestamp() == NOW - 60 + 3 * DAY
    assert refusal(auth0(now=NOW + 3 * DAY), credential(trust, pairs)) == "token_expired"


def test_what_we_seal_is_a_session_to_nextjs_auth0(node: Node):
    """The derived key is the same."""
    assert node("auth0_calls", "read", [("__session", seal({**NEXT, "exp": NOW + DAY}))], SECRET)["user"] == USER


def test_a_chunk_left_over_from_a_longer_session_changes_nothing():
    """auth0-fastapi does not take it away, and its own reader then signs out."""
    long, short = python_cookies({**PYTHON, "note": "x" * 6_000}), python_cookies(PYTHON)
    trust = auth0()
    stale = [*short, *long[1:]]
    theirs = StatelessStateStore(SECRET).get("_a0_session", {"request": SimpleNamespace(cookies=dict(stale))})
    assert asyncio.run(theirs) is None
    check_ada(trust, credential(trust, stale))
    whole = seal({**NEXT, "exp": NOW + DAY})
    check_ada(trust, credential(trust, [("__session", whole), ("__session__0", "e30..left.over.")]))
    cookies = {"__session": [whole, whole], "_a0_session_0": [short[0][1]]}
    check_ada(trust, trust.credential(cookies) or "")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"nonce": "n", "codeVerifier": "v", "state": "s", "returnTo": "/", "exp": NOW + 60}, "claim_missing"),
        ({"connection": "google", "accessToken": "a", "expiresAt": NOW, "exp": NOW + 60}, "claim_missing"),
        ({"id": "0123456789abcdef", "exp": NOW + 60}, "claim_missing"),
        ({**NEXT}, "claim_missing"),
        ({**NEXT, "exp": NOW + DAY, "internal": {"sid": "sid-1"}}, "claim_missing"),
        ({**NEXT, "exp": NOW + DAY, "internal": {"sid": "sid-1", "createdAt": NOW + 60}}, "token_not_yet_valid"),
        ({**NEXT, "exp": NOW + DAY, "internal": {**NEXT["internal"], "sessionExpiresAt": NOW - 60}}, "token_expired"),
        ({**NEXT, "exp": NOW + DAY, "internal": {**NEXT["internal"], "mcd": {"domain": "b.auth0.com"}}}, "claim_invalid"),
        ({**NEXT, "exp": NOW + DAY, "user": {"sub": "client@clients"}}, "claim_invalid"),
        ({**NEXT, "exp": NOW + DAY, "user": "auth0|1"}, "claim_missing"),
    ],
    ids=["a sign-in under way", "another token", "in a store", "no end", "no beginning", "from the future", "over at the provider", "another domain", "a machine", "no user"],
)  # fmt: skip
def test_what_else_is_encrypted_with_the_key_is_no_session(data: dict[str, Any], code: str):
    """Whoever begins a sign-in gets such a cookie, and can send it under the session's name."""
    assert refusal(auth0(), seal(data)) == code


def test_a_python_cookie_of_another_domain_or_after_the_ceiling_is_refused():
    """The state says whose it is, and the identity provider may end it."""
    trust = auth0()
    other = python_cookies({**PYTHON, "domain": "other.auth0.com"})
    assert refusal(trust, credential(trust, other)) == "claim_invalid"
    ended = python_cookies({**PYTHON, "internal": {**PYTHON["internal"], "session_expires_at": NOW - 60}})
    assert refusal(trust, credential(trust, ended)) == "token_expired"


def test_a_cookie_under_another_secret_is_nobody():
    """And without a secret no cookie is looked at; an empty one is refused when the app starts."""
    pairs = python_cookies(PYTHON, secret="f" * 64)
    assert refusal(auth0(), credential(auth0(), pairs)) == "decryption_failed"
    assert refusal(auth0(cookie_secret="e" * 64), seal({**NEXT, "exp": NOW + DAY})) == "decryption_failed"
    assert auth0(cookie_secret=None, client_id="client").credential({"__session": ["e30....."]}) is None
    for options in ({"cookie_secret": ""}, {"cookie_secret": None}):
        with pytest.raises(ConfigurationError):
            auth0(**options)


def test_clerk_s_cookie_of_the_same_name_is_left_to_clerk():
    """It holds a signed token; both apps may live under one domain."""
    assert auth0().credential({"__session": ["e30.e30.c2ln"]}) is None


def test_the_organization_is_asked_of_cookies_too():
    """As of tokens."""
    text = seal({**NEXT, "exp": NOW + DAY})
    assert auth0(organization="org_1").verify(text)
    assert refusal(auth0(organization="org_2"), text) == "claim_invalid"


def test_who_acts_for_the_user_is_on_the_session():
    """Of a token exchange, `act` (RFC 8693, section 4.1)."""
    claims = {"iss": "https://example.auth0.com/", "aud": "api", "sub": "auth0|1", "iat": NOW, "exp": NOW + 60}
    token = jwt.sign({**claims, "act": {"sub": "auth0|support"}}, KEY, "RS256")
    assert auth0(audience="api").verify(token).impersonator == "auth0|support"
