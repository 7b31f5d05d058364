"""The vendors' own test tokens, judged as their libraries do, or stricter: then the reason is listed."""

from typing import Any

import pytest

from tests.support.vectors import read_vectors
from watchword.foundation.clock import SECOND, ManualClock
from watchword.foundation.errors import ConfigurationError
from watchword.sessions.session import Session
from watchword.tokens.key import Key
from watchword.tokens.key_set import KeySet
from watchword.tokens.refused import TokenRefused
from watchword.vendors.auth0.trust import Auth0
from watchword.vendors.clerk.trust import Clerk, frontend_of, suffix_of
from watchword.vendors.descope.trust import Descope

PUBLISHABLE_KEY = "pk_test_Y2xlcmsuaW5zcGlyZWQucHVtYS03NC5sY2wuZGV2JA"
SHORT_SECRET = "its secret has 48 bits; RFC 7518, section 3.2 asks for 256"
STRICTER_AUTH0 = dict.fromkeys(
    (
        "test_HS256_token_signature_passes",
        "test_passes_when_org_present_but_not_required",
        "test_passes_when_org_present_and_matches",
        "test_succeeds_when_org_name_specified_matches",
        "test_verify_returns_payload",
    ),
    SHORT_SECRET,
)
STRICTER_CLERK = {
    "vendor:mockJwt audience configured, token has none": "an audience that is asked for must be there",
    "vendor:OAuth access JWT at+jwt": "an OAuth token is no session",
    "vendor:OAuth access JWT application/at+jwt": "an OAuth token is no session",
}


def verdict(trust: Any, token: str) -> Session | str:
    try:
        return trust.verify(token)
    except TokenRefused as error:
        return error.code


def test_auth0_s_own_tokens_are_judged_as_auth0_python_does():
    """Of those that we refuse and it accepts, each is listed; none is the other way round."""
    document = read_vectors("verify/auth0/id_token_cases.json")
    stricter = set[str]()
    for case in document["cases"]:
        parameters = case["params"]
        trust = Auth0(
            domain="tokens-test.auth0.com",
            client_id=document["audience"],
            client_secret=document["hmac_secret"] if case["key"] == "hmac_secret" else None,
            organization=parameters["organization"],
            nonce=parameters["nonce"],
            max_age=parameters["max_age"],
            leeway=document["leeway"],
            keys={"keys": document["jwks"]["keys"]},
            clock=ManualClock(parameters["clock"] * SECOND),
        )
        found = verdict(trust, case["token"])
        if case["expect"] == "reject":
            assert isinstance(found, str), case["name"]
        elif isinstance(found, str):
            assert found == "key_unsuitable", (case["name"], found)
            stricter.add(case["name"])
        else:
            assert (found.user.id, found.source) == (case["claims"]["sub"], "auth0")
    assert stricter == set(STRICTER_AUTH0)


def test_auth0_s_hs256_tokens_are_taken_with_a_secret_of_sufficient_length():
    """What is refused above is the secret, not the algorithm."""
    secret = "a-client-secret-that-has-at-least-32-letters"
    from watchword.tokens import jwt

    claims = {"iss": "https://tokens-test.auth0.com/", "sub": "auth0|1", "aud": "me", "iat": 1, "exp": 2_000_000_000}
    token = jwt.sign(claims, Key.from_secret(secret.encode()), "HS256")
    trust = Auth0(domain="tokens-test.auth0.com", client_id="me", client_secret=secret, keys={"keys": []})
    assert trust.verify(token).user.id == "auth0|1"


def clerk(case: dict[str, Any]) -> Clerk:
    pems = read_vectors("verify/clerk/public_keys.json")[case["key"]]
    options = {"authorizedParties": "authorized_parties", "audience": "audience"}
    return Clerk(
        publishable_key=PUBLISHABLE_KEY,
        keys=KeySet([Key.from_pem(pems["pem"].encode(), kid=pems.get("kid"))]),
        clock=ManualClock(case["now"] * SECOND),
        **{options[name]: value for name, value in case["options"].items()},
    )


def test_clerk_s_own_tokens_are_judged_as_its_backend_does():
    """At the edges of its five seconds of skew, too."""
    stricter = set[str]()
    for case in read_vectors("verify/clerk/session_tokens.json")["cases"]:
        found = verdict(clerk(case), case["token"])
        if not case["expect"]["valid"]:
            assert isinstance(found, str), case["name"]
        elif isinstance(found, str):
            stricter.add(case["name"])
        else:
            claims = case["expect"]["claims"]
            assert (found.user.id, found.id) == (claims["sub"], claims["sid"])
    assert stricter == set(STRICTER_CLERK)


def test_clerk_s_publishable_keys_name_their_instance_and_its_cookies():
    """As @clerk/shared reads them."""
    document = read_vectors("verify/clerk/keys_and_cookies.json")
    for case in document["publishable_keys"]:
        host = case["parsed"]["frontendApi"]
        assert (frontend_of(case["pk"]), suffix_of(case["pk"])) == (host, case["cookie_suffix"])
    for case in document["invalid_publishable_keys"]:
        with pytest.raises(ConfigurationError):
            frontend_of(case["pk"])


def test_descope_s_own_session_tokens_are_taken_and_its_refresh_tokens_are_not():
    """Its libraries take both; a refresh token (`DSR`) lives for weeks."""
    document = read_vectors("verify/descope/session_tokens.json")
    judged = set[tuple[str, bool]]()
    for case in document["cases"]:
        keys = [document["jwks"][case["key"]]] if case["key"] else list(document["jwks"].values())
        project = case["claims"].get("iss", "none")
        now = max(case["claims"].get("iat", 0), 1)
        trust = Descope(project_id=project, keys={"keys": keys}, clock=ManualClock(now * SECOND))
        found = verdict(trust, case["token"])
        kind = case["claims"].get("drn", "")
        judged.add((kind, isinstance(found, Session)))
        if case["expect"] == "reject" or kind == "DSR":
            assert isinstance(found, str)
        else:
            assert isinstance(found, Session)
            assert found.user.id == case["claims"]["sub"]
    assert ("DS", True) in judged
    assert ("DSR", False) in judged
