"""WorkOS: access tokens, and `wos-session` as @workos-inc/node and workos seal it, run for real."""

import time
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.fernet import Fernet
from workos import WorkOSClient
from workos.session import Session as TheirSession
from workos.session import seal_session_from_auth_response

from tests.support.node import Node
from watchword.foundation.clock import SECOND, ManualClock
from watchword.foundation.errors import ConfigurationError
from watchword.tokens import jwt
from watchword.tokens.key import Key
from watchword.tokens.key_set import KeySet
from watchword.tokens.refused import TokenRefused
from watchword.tokens.sealed import passwords_of, seal
from watchword.vendors.explain import kind_of
from watchword.vendors.workos.trust import WorkOS

NOW = int(time.time())  # of the vendor's own clock, which no test can move: so tokens live long enough for a long run
"""The present: neither library can be told another."""
CLIENT = "client_01HXYZ"
ISSUER = f"https://api.workos.com/user_management/{CLIENT}"
PASSWORD = Fernet.generate_key().decode()
KEY = Key.generate("RS256", kid="sso_oidc_key_pair_1")
USER = {"object": "user", "id": "user_01", "email": "ada@example.org"}
NODE_USER = {**USER, "emailVerified": True, "firstName": "Ada", "lastName": "Lovelace"}
PYTHON_USER = {**USER, "email_verified": True, "first_name": "Ada", "last_name": "Lovelace"}
CLAIMS: dict[str, Any] = {
    "iss": ISSUER, "sub": "user_01", "sid": "session_01", "org_id": "org_01", "role": "member", "roles": ["member", "billing"],
    "permissions": ["posts:read", "posts:*"], "entitlements": ["audit-logs"], "jti": "01HQ", "iat": NOW, "exp": NOW + 36_000,
    "auth_time": NOW - 60,
}  # fmt: skip


def workos(**options: Any) -> WorkOS:
    keys = KeySet([Key.from_jwk(KEY.to_jwk())])
    given = {"client_id": CLIENT, "cookie_password": PASSWORD, "keys": keys, "clock": ManualClock(NOW * SECOND)}
    return WorkOS(**{**given, **options})


def mint(key: Key = KEY, **changes: Any) -> str:
    return jwt.sign({name: value for name, value in {**CLAIMS, **changes}.items() if value is not ...}, key, "RS256")


def python_seal(token: str, password: str = PASSWORD) -> str:
    return seal_session_from_auth_response(
        access_token=token, refresh_token="refresh", user=PYTHON_USER, cookie_password=password
    )


def python_accepts(cookie: str) -> bool:
    """Tell what the Python library says of the cookie; the key is handed to it, the rest is its own."""
    client = WorkOSClient(api_key="sk_test_key", client_id=CLIENT)
    theirs = TheirSession(client=client, session_data=cookie, cookie_password=PASSWORD)
    signing: Any = pyjwt.PyJWK(KEY.to_jwk(), algorithm="RS256")
    theirs.jwks.get_signing_key_from_jwt = lambda *_: signing  # type: ignore[method-assign]
    return theirs.authenticate().authenticated


def refusal(trust: WorkOS, credential: str) -> str:
    with pytest.raises(TokenRefused) as caught:
        trust.verify(credential)
    return caught.value.code


def test_an_access_token_becomes_a_session():
    """With organization, roles, permissions and entitlements; one that ends in `*` is left out."""
    trust, token = workos(), mint()
    session = trust.verify(token)
    assert trust.issued(token)
    assert (session.user.id, session.id, session.source) == ("user_01", "session_01", "workos")
    assert (session.organization, session.roles, session.user.role) == ("org_01", ("member", "billing"), "user")
    assert session.permissions == ("posts:read", "entitlement:audit-logs")
    assert (session.authenticated_at.timestamp(), session.expires_at.timestamp()) == (NOW - 60, NOW + 36_000)
    assert session.impersonator is None


def test_an_impersonated_session_says_who_acts():
    """`act` is WorkOS's own word for it; one that names nobody is refused."""
    assert workos().verify(mint(act={"sub": "support@example.org"})).impersonator == "support@example.org"
    for act in ({}, "support@example.org", {"sub": 5}):
        assert refusal(workos(), mint(act=act)) == "claim_invalid"


@pytest.mark.parametrize("size", [1, 1_500])
def test_the_cookie_of_the_node_library_is_opened(node: Node, size: int):
    """As @workos-inc/node sealed it, and as it reads it itself."""
    token = mint(note="é" * size)
    response = {
        "user": NODE_USER,
        "accessToken": token,
        "refreshToken": "refresh",
        "authenticationMethod": "MagicAuth",
    }
    cookie = node("workos_calls", "seal", CLIENT, response, PASSWORD)
    jwks = {"keys": [KEY.to_jwk()]}
    assert node("workos_calls", "authenticate", CLIENT, cookie, PASSWORD, jwks)["sessionId"] == "session_01"
    trust = workos()
    assert trust.credential({"wos-session": [cookie]}) == cookie
    session = trust.verify(cookie)
    assert (session.user.id, session.user.email, session.user.name) == ("user_01", "ada@example.org", "Ada Lovelace")
    assert session.factors == ("MagicAuth",)


def test_a_seal_of_ours_is_one_to_the_node_library(node: Node):
    """The format is the same in both directions."""
    cookie = seal({"accessToken": mint(), "user": NODE_USER}, passwords_of(PASSWORD), now=NOW * SECOND, ttl=0)
    assert node("workos_calls", "authenticate", CLIENT, cookie, PASSWORD, {"keys": [KEY.to_jwk()]})["authenticated"]


def test_the_cookie_of_authkit_nextjs_is_opened(node: Node):
    """It is sealed with iron-session, and its seal has no end."""
    session = {"accessToken": mint(), "refreshToken": "refresh", "user": NODE_USER}
    cookie = node("iron_calls", "seal", 8, session, {"password": PASSWORD, "ttl": 0})
    assert workos().verify(cookie).user.email == "ada@example.org"


def test_the_cookie_of_the_python_library_is_opened():
    """Fernet; the same trust reads both forms."""
    cookie = python_seal(mint())
    assert python_accepts(cookie)
    session = workos().verify(cookie)
    assert (session.user.email, session.user.name, kind_of(cookie)) == ("ada@example.org", "Ada Lovelace", "seal")


def test_the_user_beside_another_user_s_token_is_not_believed():
    """Names come from the cookie only where it is of the token's user."""
    assert workos().verify(python_seal(mint(sub="user_02"))).user.email == ""


CASES = {
    "good": ({}, True, True),
    "an older issuer": ({"iss": "https://api.workos.com"}, True, True),
    "another environment": ({"iss": "https://api.workos.com/user_management/client_02"}, False, True),
    "another issuer": ({"iss": "https://evil.example"}, False, True),
    "no issuer": ({"iss": ...}, False, True),
    "expired": ({"exp": NOW - 5}, False, False),
    "no end": ({"exp": ...}, False, True),
    "no session": ({"sid": ...}, False, False),
    "a consent's": ({"sid": "app_consent_01"}, False, True),
    "an application's": ({"sub": "client_02"}, False, True),
    "no time of the sign-in": ({"auth_time": ...}, False, False),
    "an agent's": ({"sub_type": "agent"}, False, False),
    "another profile": ({"sub_profile": "widget"}, False, False),
    "a user's profile": ({"sub_profile": "user"}, True, True),
    "another client's": ({"client_id": "client_02"}, False, True),
    "this client's": ({"client_id": CLIENT}, True, True),
}


@pytest.mark.parametrize(("changes", "ours", "theirs"), CASES.values(), ids=list(CASES))
def test_a_token_is_judged_like_workos_s_python_library_or_more_strictly(
    changes: dict[str, Any], ours: bool, theirs: bool
):
    """Where the two differ, we are the stricter: issuer, end, a person's session."""
    cookie = python_seal(mint(**changes))
    assert python_accepts(cookie) == theirs
    try:
        verdict = bool(workos().verify(cookie))
    except TokenRefused:
        verdict = False
    assert verdict == ours


def test_another_issuer_and_audience_are_pinned_where_they_are_given():
    """A custom domain has an issuer of its own; then no other is taken."""
    trust = workos(issuer="https://auth.example.org", audience="api")
    assert trust.verify(mint(iss="https://auth.example.org", aud="api")).user.id == "user_01"
    assert refusal(trust, mint(aud="api")) == "claim_invalid"
    assert refusal(trust, mint(iss="https://auth.example.org")) == "claim_missing"


def test_an_ended_access_token_in_a_live_cookie_signs_out():
    """No refresh here: the app that set the cookie renews it."""
    assert refusal(workos(), python_seal(mint(exp=NOW - 1))) == "token_expired"


@pytest.mark.parametrize("make", [python_seal, lambda token: seal({"accessToken": token}, passwords_of(PASSWORD), now=0, ttl=0)])  # fmt: skip
def test_a_cookie_under_another_password_or_with_a_forged_token_is_nobody(make: Any):
    """Whoever can seal still needs WorkOS's signature; whoever has a token still needs the seal."""
    assert refusal(workos(cookie_password=Fernet.generate_key().decode()), make(mint())) == "seal_wrong"
    assert refusal(workos(), make(mint(Key.generate("RS256", kid=KEY.kid)))) == "signature_wrong"
    assert refusal(workos(), make("")) == "token_malformed"


def test_a_refresh_token_is_no_session():
    """Neither as a bearer token nor in the place of the access token."""
    assert refusal(workos(), "01HQSXZGF8FHF7A9ZZFCW4387R") == "token_malformed"
    assert refusal(workos(), python_seal("01HQSXZGF8FHF7A9ZZFCW4387R")) == "token_malformed"


def test_fernet_text_has_one_spelling():
    """Python's base64 skips letters that are none."""
    cookie = python_seal(mint())
    for altered in (cookie[:20] + "!!!!" + cookie[20:], cookie + "=", cookie.rstrip("=") + "====", cookie + "\n"):
        assert refusal(workos(), altered) == "token_malformed"


def test_without_a_password_no_cookie_is_looked_at():
    """And one that is too short is refused when the app starts; one that is no Fernet key opens the Node form."""
    assert workos(cookie_password=None).credential({"wos-session": ["x"]}) is None
    with pytest.raises(ConfigurationError):
        workos(cookie_password="short")
    password = "a-password-of-at-least-32-characters"
    cookie = seal({"accessToken": mint()}, passwords_of(password), now=NOW * SECOND, ttl=0)
    assert workos(cookie_password=password).verify(cookie)
    assert refusal(workos(cookie_password=password), python_seal(mint())) == "token_malformed"
