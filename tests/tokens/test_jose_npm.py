"""Both directions against the npm package jose, run for real: every algorithm, every form."""

import time

import jwt as pyjwt
import pytest

from tests.support.node import Node, NodeError
from watchword.tokens import jwe, jws, jwt
from watchword.tokens.algorithms import SIGNATURES
from watchword.tokens.jwe_algorithms import CONTENT, MANAGEMENT
from watchword.tokens.key import Key
from watchword.tokens.refused import TokenRefused

CONTENT_TEXT = "It’s a dangerous business, Frodo, going out your door."
FORMS = ("compact", "flattened", "general")
PAIRS = [name for name, algorithm in SIGNATURES.items() if algorithm.key_type != "oct"]


def jwk_of(key: Key, *, private: bool) -> dict[str, object]:
    """Return the key as jose takes it, without our names for it."""
    return {
        name: value
        for name, value in key.to_jwk(private=private or key.type == "oct").items()
        if name not in ("use", "kid") and (name != "alg" or key.type == "AKP")
    }


@pytest.mark.parametrize("algorithm", [name for name in SIGNATURES if name != "ES256K"])
def test_what_jose_signs_is_verified_here_in_every_form(node: Node, algorithm: str):
    """With a key that jose made, where it makes one for the algorithm."""
    made_here = jwk_of(Key.generate(algorithm), private=True)
    jwk = node("jose_calls", "generate", algorithm, {}) if algorithm in PAIRS else made_here
    key = Key.from_jwk(jwk)
    for form in FORMS:
        token = node("jose_calls", "sign", form, CONTENT_TEXT, jwk, algorithm, {"kid": "1"})
        verify = jws.verify if form == "compact" else jws.verify_json
        signed = verify(token, key, algorithms=[algorithm])
        assert (signed.payload.decode(), signed.header["kid"]) == (CONTENT_TEXT, "1")


@pytest.mark.parametrize("algorithm", [name for name in SIGNATURES if name != "ES256K"])
def test_what_is_signed_here_jose_verifies_in_every_form(node: Node, algorithm: str):
    """With a key that was made here."""
    key = Key.generate(algorithm)
    public = jwk_of(key, private=False)
    payload = CONTENT_TEXT.encode()
    tokens = {
        "compact": jws.sign(payload, key, algorithm),
        "flattened": jws.sign_json(payload, [(key, algorithm, {})]),
        "general": jws.sign_json(payload, [(key, algorithm, {}), (key, algorithm, {"kid": "2"})]),
    }
    for form, token in tokens.items():
        assert node("jose_calls", "verify", form, token, public, algorithm) == CONTENT_TEXT


def test_an_unencoded_payload_goes_both_ways(node: Node):
    """RFC 7797: `b64` is false and critical."""
    key = Key.generate("HS256")
    jwk = jwk_of(key, private=True)
    header = {"b64": False, "crit": ["b64"]}
    token = node("jose_calls", "sign", "flattened", CONTENT_TEXT, jwk, "HS256", header)
    assert (
        jws.verify_json({**token, "payload": CONTENT_TEXT}, key, algorithms=["HS256"]).payload.decode() == CONTENT_TEXT
    )
    del token["payload"]
    assert jws.verify_json(token, key, algorithms=["HS256"], payload=CONTENT_TEXT.encode())
    ours = jws.sign_json(CONTENT_TEXT.encode(), [(key, "HS256", header)])
    assert node("jose_calls", "verify", "flattened", ours, jwk, "HS256") == CONTENT_TEXT


@pytest.mark.parametrize("encryption", list(CONTENT))
@pytest.mark.parametrize("algorithm", list(MANAGEMENT))
def test_encryption_goes_both_ways_in_every_form(node: Node, algorithm: str, encryption: str):
    """Each way to manage the key with each way to encrypt the content."""
    made = Key.generate(encryption if algorithm == "dir" else "A128KW" if algorithm.startswith("PBES2") else algorithm)
    key = Key.from_jwk(jwk_of(made, private=True))
    private, public = jwk_of(key, private=True), jwk_of(key, private=False)
    several = algorithm not in ("dir", "ECDH-ES")
    for form in FORMS[: 3 if several else 2]:
        if algorithm.startswith("PBES2") and form == "general":
            continue
        aad = "additional" if form == "flattened" else None
        token = node("jose_calls", "encrypt", form, CONTENT_TEXT, public, algorithm, encryption, aad)
        decrypt = jwe.decrypt if form == "compact" else jwe.decrypt_json
        assert decrypt(token, key, algorithms=[algorithm], encryptions=[encryption]).plaintext.decode() == CONTENT_TEXT
        if algorithm.startswith("PBES2"):
            continue
        if form == "compact":
            ours: object = jwe.encrypt(CONTENT_TEXT.encode(), key, algorithm, encryption)
        else:
            recipients = [(key, algorithm)] * (2 if form == "general" else 1)
            ours = jwe.encrypt_json(CONTENT_TEXT.encode(), recipients, encryption, aad=aad.encode() if aad else None)
        assert node("jose_calls", "decrypt", form, ours, private, algorithm, encryption) == CONTENT_TEXT


@pytest.mark.parametrize("curve", ["P-384", "P-521", "X25519"])
def test_an_agreement_on_the_other_curves_goes_both_ways(node: Node, curve: str):
    """P-256 is in the table above."""
    jwk = node("jose_calls", "generate", "ECDH-ES", {"crv": curve})
    key = Key.from_jwk(jwk)
    token = node(
        "jose_calls", "encrypt", "compact", CONTENT_TEXT, jwk_of(key, private=False), "ECDH-ES", "A256GCM", None
    )
    assert jwe.decrypt(token, key, algorithms=["ECDH-ES"], encryptions=["A256GCM"]).plaintext.decode() == CONTENT_TEXT
    ours = jwe.encrypt(CONTENT_TEXT.encode(), key, "ECDH-ES+A256KW", "A256GCM")
    assert node("jose_calls", "decrypt", "compact", ours, jwk, "ECDH-ES+A256KW", "A256GCM") == CONTENT_TEXT


@pytest.mark.parametrize("algorithm", [name for name in PAIRS if name not in ("ES256K", "EdDSA")])
def test_keys_as_pem_and_their_thumbprints_are_the_same_on_both_sides(node: Node, algorithm: str):
    """PKCS#8 and SPKI are read by both, and RFC 7638 names a key alike."""
    key = Key.generate(algorithm)
    private, public = jwk_of(key, private=True), jwk_of(key, private=False)
    assert Key.from_pem(node("jose_calls", "pem", private, algorithm).encode()).thumbprint() == key.thumbprint()
    assert Key.from_pem(node("jose_calls", "pem", public, algorithm).encode()).thumbprint() == key.thumbprint()
    theirs = node("jose_calls", "fromPkcs8", key.to_pem(private=True).decode(), algorithm)
    assert Key.from_jwk(theirs).thumbprint() == key.thumbprint() == node("jose_calls", "thumbprint", public)
    theirs = node("jose_calls", "fromSpki", key.to_pem().decode(), algorithm)
    assert Key.from_jwk(theirs).thumbprint() == key.thumbprint()


def test_claims_are_judged_alike(node: Node):
    """A token each way; expired, both refuse it."""
    key = Key.generate("ES256")
    public, private = jwk_of(key, private=False), jwk_of(key, private=True)
    now = int(time.time())
    claims = {"iss": "https://issuer.example", "aud": ["api", "other"], "sub": "ada", "iat": now, "exp": now + 60}
    token = node("jose_calls", "jwt", claims, private, "ES256", {})
    expected = {"algorithms": ["ES256"], "issuer": "https://issuer.example", "audience": "api"}
    assert jwt.verify(token, key, now=now * 1000, type="JWT", **expected).claims == claims
    ours = jwt.sign(claims, key, "ES256")
    assert node("jose_calls", "verifyJwt", ours, public, "ES256", {"audience": "api"}) == claims
    with pytest.raises(TokenRefused, match="token_expired"):
        jwt.verify(token, key, now=(now + 60) * 1000, **expected)
    old = jwt.sign({**claims, "exp": now - 1}, key, "ES256")
    with pytest.raises(NodeError, match="ERR_JWT_EXPIRED"):
        node("jose_calls", "verifyJwt", old, public, "ES256", {})


def test_es256k_goes_both_ways_with_pyjwt():
    """jose 6 has no ES256K; PyJWT does."""
    key = Key.generate("ES256K")
    claims = {"iss": "https://issuer.example", "exp": 2_000_000_000}
    ours = jwt.sign(claims, key, "ES256K")
    assert pyjwt.decode(ours, key.to_pem(), ["ES256K"]) == claims
    theirs = pyjwt.encode(claims, key.to_pem(private=True), "ES256K")
    public = Key.from_jwk(key.to_jwk())
    found = jwt.verify(theirs, public, algorithms=["ES256K"], now=0, issuer=claims["iss"], audience=None)
    assert found.claims == claims
