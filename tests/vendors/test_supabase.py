"""Supabase: the cookies that @supabase/ssr writes, run for real, and what its client would believe."""

import base64
import json
from typing import Any

import pytest

from tests.support.node import Node
from watchword.foundation.clock import SECOND, ManualClock
from watchword.tokens import jwt
from watchword.tokens.key import Key
from watchword.tokens.key_set import KeySet
from watchword.tokens.refused import TokenRefused
from watchword.vendors.supabase.trust import Supabase

URL = "https://abcdefgh.supabase.co"
SECRET = "the-legacy-secret-of-the-project-32+"
NOW = 1_800_000_000
KEY = Key.generate("ES256", kid="one")
CLAIMS: dict[str, Any] = {
    "iss": f"{URL}/auth/v1", "aud": "authenticated", "sub": "0c4f6a30-0000-4000-8000-000000000001", "role": "authenticated",
    "iat": NOW, "exp": NOW + 3600, "email": "ada@example.org", "phone": "", "aal": "aal2", "session_id": "5f1d",
    "amr": [{"method": "totp", "timestamp": NOW - 10}, {"method": "password", "timestamp": NOW - 20}],
    "user_metadata": {"full_name": "Ada Lovelace", "role": "admin"}, "app_metadata": {"provider": "email"}, "is_anonymous": False,
}  # fmt: skip


def supabase(**options: Any) -> Supabase:
    keys = KeySet([Key.from_jwk(KEY.to_jwk())])
    return Supabase(**{"url": URL, "keys": keys, "clock": ManualClock(NOW * SECOND), **options})


def mint(key: Key = KEY, algorithm: str = "ES256", **changes: Any) -> str:
    return jwt.sign({name: value for name, value in {**CLAIMS, **changes}.items() if value is not ...}, key, algorithm)


def refusal(trust: Supabase, token: str) -> str:
    with pytest.raises(TokenRefused) as caught:
        trust.verify(token)
    return caught.value.code


def test_an_access_token_becomes_a_session():
    """With what it says of factors and assurance; what the user may write of themselves makes no admin."""
    session = supabase().verify(mint())
    assert (session.user.id, session.user.email, session.user.name) == (
        CLAIMS["sub"],
        "ada@example.org",
        "Ada Lovelace",
    )
    assert (session.user.role, session.roles) == ("user", ("authenticated",))
    assert (session.factors, session.assurance, session.id) == (("totp", "password"), "aal2", "5f1d")
    assert session.authenticated_at.timestamp() == NOW - 10


def test_tokens_of_the_legacy_secret_are_taken_where_it_is_given():
    """HS256 with the project's secret, and never with a published key."""
    token = mint(Key.from_secret(SECRET.encode()), "HS256")
    assert supabase(jwt_secret=SECRET).verify(token).user.id == CLAIMS["sub"]
    assert refusal(supabase(), token) == "algorithm_not_allowed"
    assert refusal(supabase(jwt_secret="x" * 40), token) == "signature_wrong"


@pytest.mark.parametrize("encoding", ["base64url", "raw"])
@pytest.mark.parametrize("size", [10, 1_500])
def test_the_cookies_of_supabase_ssr_are_read_whole_and_in_chunks(node: Node, encoding: str, size: int):
    """Both of its encodings, as the library writes them."""
    token = mint(exp=4_000_000_000)
    user = {"id": CLAIMS["sub"], "email": "ada@example.org", "user_metadata": {"bio": "é✓" * size}}
    session = {"access_token": token, "refresh_token": "secret", "user": user}
    written = node("supabase_calls", "cookies", URL, session, encoding)
    assert (len(written) > 1) == (size > 1_000)
    trust = supabase()
    credential = trust.credential({name: [value] for name, value in written})
    assert credential
    assert trust.verify(credential).user.id == CLAIMS["sub"]


@pytest.mark.parametrize("form", ["base64", "raw", "list"])
def test_a_forged_cookie_is_nobody(form: str):
    """`getSession` of the official client believes the user in it; here only the signed token counts."""
    forged = {
        "access_token": mint(Key.generate("ES256", kid="one")),
        "user": {"id": "admin"},
        "expires_at": 4_000_000_000,
    }
    text = json.dumps([forged["access_token"], "refresh"] if form == "list" else forged)
    if form == "base64":
        text = "base64-" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    assert refusal(supabase(), text) == "signature_wrong"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aud": "other"}, "claim_invalid"),
        ({"iss": "https://other.supabase.co/auth/v1"}, "claim_invalid"),
        ({"iss": "supabase"}, "claim_invalid"),
        ({"aud": ...}, "claim_missing"),
        ({"exp": ...}, "claim_missing"),
        ({"sub": ...}, "claim_missing"),
        ({"sub": ""}, "claim_invalid"),
        ({"role": "service_role"}, "claim_invalid"),
        ({"role": "anon"}, "claim_invalid"),
        ({"exp": NOW}, "token_expired"),
    ],
)
def test_what_the_official_client_lets_pass_is_refused(changes: dict[str, Any], code: str):
    """It checks neither `aud` nor `iss` of asymmetric tokens; and the project's own keys are tokens too."""
    assert refusal(supabase(), mint(**changes)) == code


def test_anonymous_sign_ins_are_marked_and_can_be_refused():
    """They are users without an identity."""
    token = mint(is_anonymous=True)
    assert supabase().verify(token).roles == ("authenticated", "anonymous")
    assert refusal(supabase(anonymous=False), token) == "claim_invalid"


@pytest.mark.parametrize("text", ["", "base64-", "base64-e30", "base64-!", "{}", "[]", "null", "%7B%7D", "[" * 10_000, "x" * 100_000, '{"access_token": 5}'])  # fmt: skip
def test_a_cookie_that_holds_no_session_is_refused(text: str):
    """And nothing else is raised."""
    assert refusal(supabase(), text) in ("token_malformed", "token_too_large")
