"""Stytch: session JWTs of both products, judged beside the package stytch, run for real."""

from typing import Any

import pytest

from tests.support.node import Node, NodeError
from watchword.foundation.clock import SECOND, ManualClock
from watchword.foundation.errors import ConfigurationError
from watchword.tokens import jwt
from watchword.tokens.key import Key
from watchword.tokens.key_set import KeySet
from watchword.tokens.refused import TokenRefused
from watchword.vendors.stytch.trust import Stytch

NOW = 1_800_000_000
"""2027-01-15T08:00:00Z."""
PROJECT = "project-test-00000000-0000-4000-8000-000000000000"
KEY = Key.generate("RS256", kid="jwk-test-1")
SESSION = "https://stytch.com/session"
ORGANIZATION = "https://stytch.com/organization"
MAIL: dict[str, Any] = {
    "type": "magic_link", "delivery_method": "email", "last_authenticated_at": "2027-01-15T07:50:00Z",
    "email_factor": {"email_id": "email-1", "email_address": "ada@example.org"},
}  # fmt: skip
TOTP = {
    "type": "totp",
    "delivery_method": "authenticator_app",
    "last_authenticated_at": "2027-01-15T07:55:00.123456Z",
    "authenticator_app_factor": {"totp_id": "totp-1"},
}
INNER: dict[str, Any] = {
    "id": "session-test-1", "started_at": "2027-01-15T07:50:00Z", "last_accessed_at": "2027-01-15T07:59:00Z",
    "expires_at": "2027-01-15T09:00:00Z", "attributes": {"ip_address": "", "user_agent": ""},
    "authentication_factors": [MAIL], "roles": ["stytch_user"],
}  # fmt: skip
B2C: dict[str, Any] = {
    "iss": f"stytch.com/{PROJECT}", "aud": [PROJECT], "sub": "user-test-1", "iat": NOW, "nbf": NOW, "exp": NOW + 300,
    SESSION: INNER,
}  # fmt: skip
B2B: dict[str, Any] = {
    **B2C, "sub": "member-test-1", ORGANIZATION: {"organization_id": "organization-test-1", "slug": "acme"},
    SESSION: {**INNER, "roles": ["stytch_member", "editor"]},
}  # fmt: skip
M2M: dict[str, Any] = {
    "iss": f"stytch.com/{PROJECT}", "aud": [PROJECT], "sub": "m2m-client-test-1", "iat": NOW, "nbf": NOW,
    "exp": NOW + 3600, "scope": "read:users",
}  # fmt: skip
CONNECTED = {**M2M, "sub": "user-test-1", "client_id": "connected-app-test-1", "scope": "openid email"}


def stytch(**options: Any) -> Stytch:
    keys = KeySet([Key.from_jwk(KEY.to_jwk())])
    return Stytch(**{"project_id": PROJECT, "keys": keys, "clock": ManualClock(NOW * SECOND), **options})


def mint(claims: dict[str, Any] = B2C, key: Key = KEY, type: str = "JWT", **changes: Any) -> str:
    found = {name: value for name, value in {**claims, **changes}.items() if value is not ...}
    return jwt.sign(found, key, "RS256", type=type)


def inner(**changes: Any) -> dict[str, Any]:
    return {SESSION: {name: value for name, value in {**INNER, **changes}.items() if value is not ...}}


def refusal(trust: Stytch, token: str) -> str:
    with pytest.raises(TokenRefused) as caught:
        trust.verify(token)
    return caught.value.code


def test_a_consumer_s_token_becomes_a_session():
    """With the address that the e-mail factor proves, roles, factors and when one was last shown."""
    trust, token = stytch(), mint()
    session = trust.verify(token)
    assert trust.issued(token)
    assert trust.credential({"stytch_session_jwt": [token], "stytch_session": ["opaque"]}) == token
    assert (session.user.id, session.id, session.source) == ("user-test-1", "session-test-1", "stytch")
    assert (session.user.email, session.roles, session.factors) == (
        "ada@example.org",
        ("stytch_user",),
        ("magic_link",),
    )
    assert (session.assurance, session.organization, session.impersonator) == ("aal1", None, None)
    assert (session.authenticated_at.timestamp(), session.expires_at.timestamp()) == (NOW - 600, NOW + 300)


def test_a_member_s_token_names_the_organization():
    """Of the B2B product."""
    session = stytch(product="b2b").verify(mint(B2B))
    assert (session.user.id, session.organization) == ("member-test-1", "organization-test-1")
    assert session.roles == ("stytch_member", "editor")


@pytest.mark.parametrize(
    ("factors", "assurance"),
    [
        ([MAIL, TOTP], "aal2"),
        ([TOTP], "aal1"),
        ([MAIL, {"type": "otp", "phone_number_factor": {"phone_number": "+15005550006"}}], "aal2"),
        ([MAIL, {"type": "otp", "email_factor": {"email_address": "b@example.org"}}], "aal1"),
        ([MAIL, {"type": "oauth"}], "aal1"),
        ("totp", "aal1"),
        ([], "aal1"),
    ],
)
def test_two_factors_count_where_one_of_them_is_held(factors: Any, assurance: str):
    """Two ways into one mailbox are one factor."""
    assert stytch().verify(mint(**inner(authentication_factors=factors))).assurance == assurance


def test_an_impersonated_session_says_who_acts():
    """Stytch reports it as a factor."""
    factor = {"impersonator_id": "member-live-1", "impersonator_email_address": "support@example.org"}
    shown = [{"type": "impersonated", "delivery_method": "impersonation", "impersonated_factor": factor}]
    assert stytch().verify(mint(**inner(authentication_factors=shown))).impersonator == "support@example.org"
    assert stytch().verify(mint(**inner(authentication_factors=[{"type": "impersonated"}]))).impersonator == "?"


def test_a_session_that_ends_before_its_token_ends_the_token():
    """And one that has ended is over, whatever `exp` says; theirs does not look."""
    early = mint(**inner(expires_at="2027-01-15T08:01:00Z"))
    assert stytch().verify(early).expires_at.timestamp() == NOW + 60
    assert refusal(stytch(), mint(**inner(expires_at="2027-01-15T08:00:00Z"))) == "token_expired"
    assert stytch().verify(mint(**inner(expires_at=...))).expires_at.timestamp() == NOW + 300
    for odd in ("tomorrow", "2027-01-15T09:00:00", "0001-01-01T00:00:00Z", 5, None):
        assert refusal(stytch(), mint(**inner(expires_at=odd))) == "claim_invalid"


CASES = {
    "good": ({}, {}, True, True),
    "the address as issuer": ({"iss": "https://test.stytch.com"}, {}, True, True),
    "another project's issuer": ({"iss": "stytch.com/project-test-2"}, {}, False, False),
    "another project": ({"aud": ["project-test-2"]}, {}, False, False),
    "no audience": ({"aud": ...}, {}, False, False),
    "ended": ({"exp": NOW}, {}, False, False),
    "ended, within the leeway": ({"exp": NOW - 4}, {"clock_tolerance_seconds": 5}, True, True),
    "no end": ({"exp": ...}, {}, False, True),
    "not yet": ({"nbf": NOW + 5}, {}, False, False),
    "no beginning": ({"nbf": ...}, {}, False, True),
    "young enough": ({"iat": NOW - 9}, {"max_token_age_seconds": 10}, True, True),
    "too old": ({"iat": NOW - 10}, {"max_token_age_seconds": 10}, False, False),
    "each is too old": ({}, {"max_token_age_seconds": 0}, False, False),
    "no user": ({"sub": ...}, {}, False, True),
    "no session": ({SESSION: ...}, {}, False, False),
    "a session without a name": (inner(id=...), {}, False, True),
    "a machine's with a session": ({"sub": "m2m-client-test-1"}, {}, False, True),
    "a member's": ({ORGANIZATION: {"organization_id": "organization-test-1"}}, {}, False, True),
}


@pytest.mark.parametrize(("changes", "options", "ours", "theirs"), CASES.values(), ids=list(CASES))
def test_a_token_is_judged_like_stytch_s_package_or_more_strictly(
    node: Node, changes: dict[str, Any], options: dict[str, int], ours: bool, theirs: bool
):
    """Where the two differ, we are the stricter: times, a session of this product."""
    token = mint(**changes)
    try:
        jwks = {"keys": [KEY.to_jwk()]}
        accepted = bool(node("stytch_calls", "verify", "b2c", PROJECT, token, jwks, NOW * SECOND, options))
    except NodeError:
        accepted = False
    assert accepted == theirs
    names = {"clock_tolerance_seconds": "leeway"}
    try:
        verdict = bool(stytch(**{names.get(name, name): value for name, value in options.items()}).verify(token))
    except TokenRefused:
        verdict = False
    assert verdict == ours


@pytest.mark.parametrize("product", ["b2c", "b2b"])
def test_machines_and_connected_apps_are_no_sessions(product: str):
    """Their tokens are signed with the same keys, for the same project."""
    for claims in (M2M, CONNECTED):
        assert refusal(stytch(product=product), mint(claims)) == "claim_invalid"
    with pytest.raises(TokenRefused):
        stytch(product=product).verify(mint(B2B if product == "b2c" else B2C))


@pytest.mark.parametrize("type", ["at+jwt", "", "JOSE"])
def test_a_token_of_another_type_is_no_session(type: str):
    """As the package asks for `JWT`."""
    assert refusal(stytch(), mint(type=type)) == "claim_invalid"


def test_a_token_of_another_key_or_no_token_is_nobody():
    """An opaque session token is none of these."""
    assert refusal(stytch(), mint(key=Key.generate("RS256", kid=KEY.kid))) == "signature_wrong"
    assert refusal(stytch(), "WJtR5BCy38Szd5AfoDpf0iqFKEt4EE5JhjlWUY7l3FtY") == "token_malformed"
    assert not stytch().issued("WJtR5BCy38Szd5AfoDpf0iqFKEt4EE5JhjlWUY7l3FtY")


def test_a_custom_domain_is_the_issuer_too():
    """And Stytch's own address is not, then."""
    trust = stytch(base_url="https://login.example.org/")
    assert trust.verify(mint(iss="https://login.example.org"))
    assert refusal(trust, mint(iss="https://test.stytch.com")) == "claim_invalid"


def test_a_product_that_there_is_not_stops_the_start():
    """There are two."""
    with pytest.raises(ConfigurationError, match="product"):
        stytch(product="b2d")
