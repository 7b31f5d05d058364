"""Clerk: session tokens of both versions, judged beside @clerk/backend, run for real."""

from typing import Any

import pytest

from tests.support.node import Node, NodeError
from watchword.foundation.clock import SECOND, ManualClock
from watchword.tokens import jwt
from watchword.tokens.key import Key
from watchword.tokens.key_set import KeySet
from watchword.tokens.refused import TokenRefused
from watchword.vendors.clerk.trust import Clerk, suffix_of

NOW = 1_800_000_000
PUBLISHABLE_KEY = "pk_test_Y2xlcmsuaW5zcGlyZWQucHVtYS03NC5sY2wuZGV2JA"
ISSUER = "https://clerk.inspired.puma-74.lcl.dev"
KEY = Key.generate("RS256", kid="ins_1")
BASE: dict[str, Any] = {
    "iss": ISSUER, "sub": "user_1", "sid": "sess_1", "azp": "https://app.example.org",
    "iat": NOW, "nbf": NOW - 10, "exp": NOW + 60, "fva": [3, -1],
}  # fmt: skip
ONE = {**BASE, "org_id": "org_1", "org_role": "org:admin", "org_slug": "acme", "org_permissions": ["org:invoices:read"]}
TWO = {
    **BASE, "v": 2, "sts": "active", "fea": "o:dashboard,u:profile,uo:invoices,o:reports",
    "o": {"id": "org_1", "slg": "acme", "rol": "admin", "per": "read,manage", "fpm": "3,2,0"},
}  # fmt: skip


def clerk(**options: Any) -> Clerk:
    keys = KeySet([Key.from_jwk(KEY.to_jwk())])
    return Clerk(**{"publishable_key": PUBLISHABLE_KEY, "keys": keys, "clock": ManualClock(NOW * SECOND), **options})


def mint(claims: dict[str, Any] = BASE, type: str = "JWT", **changes: Any) -> str:
    found = {name: value for name, value in {**claims, **changes}.items() if value is not ...}
    return jwt.sign(found, KEY, "RS256", type=type)


def test_a_token_of_version_1_tells_organization_role_and_permissions():
    """Each where version 1 has it."""
    session = clerk().verify(mint(ONE))
    assert (session.user.id, session.id, session.source) == ("user_1", "sess_1", "clerk")
    assert (session.organization, session.roles, session.permissions) == (
        "org_1",
        ("org:admin",),
        ("org:invoices:read",),
    )
    assert (session.user.role, session.authenticated_at.timestamp()) == ("user", NOW - 180)


def test_a_token_of_version_2_tells_the_same_in_fewer_letters():
    """`fpm` has one number a feature of the organization; its bits choose from `per`, the lowest the first."""
    session = clerk().verify(mint(TWO))
    assert (session.organization, session.roles) == ("org_1", ("org:admin",))
    assert session.permissions == ("org:dashboard:read", "org:dashboard:manage", "org:invoices:manage")
    assert clerk().verify(mint(TWO, fva=[0, 0])).assurance == "aal2"


def test_the_suffixed_cookie_comes_before_the_plain_one():
    """Apps under one domain share `__session`; each has its own suffix."""
    trust, name = clerk(), f"__session_{suffix_of(PUBLISHABLE_KEY)}"
    assert trust.credential({"__session": ["a"], name: ["b"]}) == "b"
    assert trust.credential({"__session": ["a"]}) == "a"
    assert trust.credential({"__session_other": ["a"], "__session": ["a", "b"]}) is None


CASES = {
    "good": ({}, {}, True, True),
    "an authorized party": ({}, {"authorized_parties": ["https://app.example.org"]}, True, True),
    "another party": ({}, {"authorized_parties": ["https://evil.example"]}, False, False),
    "no party where one is asked for": (
        {"azp": ...},
        {"authorized_parties": ["https://app.example.org"]},
        False,
        False,
    ),
    "expired": ({"exp": NOW - 5}, {}, False, False),
    "expired within the skew": ({"exp": NOW - 4}, {}, True, True),
    "from the future": ({"iat": NOW + 6}, {}, False, False),
    "not yet": ({"nbf": NOW + 6}, {}, False, False),
    "no end": ({"exp": ...}, {}, False, False),
    "another instance": ({"iss": "https://clerk.other.example"}, {}, False, True),
    "no user": ({"sub": ...}, {}, False, False),
    "no session": ({"sid": ...}, {}, False, True),
    "a machine": ({"sub": "mch_1"}, {}, False, True),
    "pending": ({"sts": "pending"}, {}, False, True),
    "an audience": ({"aud": "api"}, {"audience": "api"}, True, True),
    "another audience": ({"aud": "other"}, {"audience": "api"}, False, False),
    "no audience where one is asked for": ({}, {"audience": "api"}, False, True),
}


@pytest.mark.parametrize(("changes", "options", "ours", "theirs"), CASES.values(), ids=list(CASES))
def test_a_token_is_judged_like_clerk_s_backend_or_more_strictly(
    node: Node, changes: dict[str, Any], options: dict[str, Any], ours: bool, theirs: bool
):
    """Where the two differ, we are the stricter: issuer, party, audience, a person's active session."""
    token = mint(**changes)
    names = {"authorized_parties": "authorizedParties", "audience": "audience"}
    given = {"jwtKey": KEY.to_pem().decode(), **{names[name]: value for name, value in options.items()}}
    try:
        accepted = bool(node("clerk_calls", "verify", token, given, NOW * SECOND))
    except NodeError:
        accepted = False
    assert accepted == theirs
    try:
        verdict = bool(clerk(**options).verify(token))
    except TokenRefused:
        verdict = False
    assert verdict == ours


@pytest.mark.parametrize("type", ["at+jwt", "application/at+jwt", "", "JOSE"])
def test_a_token_of_another_type_is_no_session(type: str):
    """OAuth access tokens are signed with the same key."""
    with pytest.raises(TokenRefused, match="typ"):
        clerk().verify(mint(type=type))
