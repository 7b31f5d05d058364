"""Chapters 4 and 9: ID tokens and profiles that lie."""

from typing import Any

from tests.support.factors import session_of
from tests.support.forged import CLIENT_SECRET, KEY, Forged, asked, callback, refused
from tests.support.provider import come_back
from tests.support.site import EMAIL, Site
from watchword.foundation.encodings import base64url_encode
from watchword.tokens import jwt
from watchword.tokens.key import Key

UNSIGNED = base64url_encode(b'{"alg":"none"}')
LIES: dict[str, dict[str, Any]] = {
    "a067 another issuer": {"iss": "https://evil.example"},
    "a067 an issuer that begins alike": {"iss": "https://localhost"},
    "a068 no subject": {"sub": ...},
    "a068 a subject that is null": {"sub": None},
    "a068 an empty subject": {"sub": ""},
    "a126 no audience": {"aud": ...},
    "a126 another audience": {"aud": "another"},
    "a126 several audiences without a party": {"aud": ["me", "another"]},
    "a126 another party": {"aud": ["me", "another"], "azp": "another"},
    "a126 no end": {"exp": ...},
    "a126 over": {"exp": 1_000_000_000},
    "a126 an issuer in a list": {"iss": ["https://localhost"]},
    "a126 made too long ago": {"iat": 1_000_000_000},
    "a132 no nonce": {"nonce": ...},
    "a132 another nonce": {"nonce": "another"},
    "a132 a nonce that is null": {"nonce": None},
    "a132 another access token": {"at_hash": base64url_encode(bytes(16))},
}


def test_a067_a068_a126_a132_an_id_token_that_lies_signs_nobody_in(forged_site: Site, forged: Forged):
    """Each is signed by the right key."""
    for name, lie in LIES.items():
        refused(forged_site, forged, name, claims=lie)


def test_a121_a122_an_id_token_of_another_key_signs_nobody_in(forged_site: Site, forged: Forged):
    """Nor one that is not signed, or is with the secret, or the public key as a secret, where keys are published."""
    other = Key.generate("RS256", kid="one")
    public = KEY.to_pem()
    visitor = forged_site.visitor()
    made: list[Any] = [
        lambda nonce: jwt.sign(forged.claims(nonce), other, "RS256", header={"kid": "one"}),
        lambda nonce: jwt.sign(forged.claims(nonce), Key.from_secret(CLIENT_SECRET.encode()), "HS256"),
        lambda nonce: _hs256(forged.claims(nonce), public),
        lambda nonce: ".".join((UNSIGNED, forged.id_token(nonce).split(".")[1], "")),
    ]
    for make in made:
        sent = asked(visitor)
        forged.token = lambda make=make, sent=sent: {"access_token": "t", "id_token": make(sent["nonce"])}
        assert come_back(visitor, callback(forged, sent)).status == 400
        assert session_of(visitor) is None


def _hs256(claims: dict[str, Any], secret: bytes) -> str:
    import hmac
    import json

    head = base64url_encode(b'{"alg":"HS256","kid":"one"}')
    signed = f"{head}.{base64url_encode(json.dumps(claims).encode())}"
    return f"{signed}.{base64url_encode(hmac.digest(secret, signed.encode(), 'sha256'))}"


def test_a068_a_profile_without_a_subject_signs_nobody_in(forged_site: Site, forged: Forged):
    """Of a service without ID tokens."""
    for profile in ({"email": EMAIL}, {"id": None, "email": EMAIL}, {"id": True}, {"message": "Bad credentials"}):
        forged.answers["/profile"] = (200, profile)
        refused(forged_site, forged, str(profile), service="plain")
