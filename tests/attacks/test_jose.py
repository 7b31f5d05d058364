"""Chapter 9 of the list of attacks: tokens that were not made by whom they say, or not for this."""

import base64
import hmac
import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.vectors import read_vectors
from watchword.tokens import jwe, jws, jwt
from watchword.tokens.algorithms import ASYMMETRIC, SIGNATURES
from watchword.tokens.jwe_algorithms import CONTENT, MANAGEMENT
from watchword.tokens.key import Key
from watchword.tokens.key_set import KeySet
from watchword.tokens.refused import TokenRefused

NOW = 1_800_000_000_000
CLAIMS = {"iss": "https://issuer.example", "aud": "api", "sub": "ada", "exp": NOW // 1000 + 60}
EXPECTED: dict[str, Any] = {"now": NOW, "issuer": "https://issuer.example", "audience": "api"}
RSA = Key.generate("RS256", kid="rsa")
EC = Key.generate("ES256", kid="ec")
SECRET = Key.from_secret(b"a shared secret of at least 64 bytes, so that HS512 can use it too")


def public(key: Key) -> Key:
    return Key.from_jwk(key.to_jwk())


def nameless(key: Key, *, private: bool = False) -> Key:
    """Return the key without what it says it is for."""
    jwk = key.to_jwk(private=private)
    return Key.from_jwk({name: value for name, value in jwk.items() if name not in ("alg", "use", "kid")})


def encode(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def forge(header: dict[str, Any], claims: Any = CLAIMS, signer: Key = SECRET, algorithm: str = "HS256") -> str:
    """Return a token with exactly this header, signed by whatever algorithm with whatever key."""
    unsigned = f"{encode(header)}.{encode(claims)}"
    return f"{unsigned}.{encode(SIGNATURES[algorithm].sign(signer.private, unsigned.encode()))}"


def refused(token: str, keys: Key | KeySet = SECRET, **changed: Any) -> str:
    """Return the code of the refusal."""
    with pytest.raises(TokenRefused) as caught:
        jwt.verify(token, keys, **{"algorithms": list(SIGNATURES), **EXPECTED, **changed})
    return caught.value.code


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", "hs256", "HS256 ", "", None, 5, ["HS256"], {}])
def test_a121_no_algorithm_or_one_in_another_case_is_refused(name: Any):
    """`none` is no algorithm here, and names are compared letter by letter."""
    unsigned = f"{encode({'alg': name, 'typ': 'JWT'})}.{encode(CLAIMS)}."
    assert refused(unsigned) == "algorithm_not_allowed"
    assert refused(forge({"alg": name})) == "algorithm_not_allowed"
    assert refused(f"{encode({'typ': 'JWT'})}.{encode(CLAIMS)}.") == "algorithm_not_allowed"


@pytest.mark.parametrize(
    ("algorithm", "key"), [("RS256", EC), ("ES256", RSA), ("HS256", RSA), ("EdDSA", EC), ("RS256", SECRET)]
)
def test_a121_a_key_of_another_type_is_refused(algorithm: str, key: Key):
    """The algorithm of the header has to be one for the key's type."""
    keys = key if key is SECRET else nameless(key)
    assert refused(f"{encode({'alg': algorithm})}.{encode(CLAIMS)}.{encode(b'x' * 64)}", keys) == "key_unsuitable"


def test_a122_a_token_signed_with_the_text_of_the_public_key_is_refused():
    """Neither does the public key verify HMAC, nor does its text become a secret in any form (CVE-2022-29217)."""
    native: Any = RSA.public
    for text in (
        RSA.to_pem(),
        RSA.to_pem().strip(),
        b" \n" + RSA.to_pem(),
        native.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        native.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
        json.dumps(RSA.to_jwk()).encode(),
    ):
        unsigned = f"{encode({'alg': 'HS256'})}.{encode(CLAIMS)}"
        token = f"{unsigned}.{encode(hmac.digest(text, unsigned.encode(), 'sha256'))}"
        assert refused(token, public(RSA)) == "key_unsuitable"
        with pytest.raises(TokenRefused, match="key_invalid"):
            Key.from_secret(text)
        with pytest.raises(TokenRefused, match="key_invalid"):
            Key.from_jwk({"kty": "oct", "k": encode(text)})


@pytest.mark.parametrize("member", ["jwk", "x5c", "jku", "x5u"])
def test_a123_a_key_that_the_token_brings_along_is_not_looked_at(member: str):
    """The signature is right under the attacker's key, which nobody trusts; nothing is fetched (CVE-2026-27962)."""
    mine = Key.generate("ES256")
    brought = {
        "jwk": mine.to_jwk(),
        "x5c": [encode(mine.to_pem())],
        "jku": "https://attacker.example/keys",
        "x5u": "https://attacker.example/key",
    }
    token = forge({"alg": "ES256", "kid": "ec", member: brought[member]}, signer=mine, algorithm="ES256")
    assert refused(token, KeySet([public(EC)])) == "signature_wrong"
    assert refused(token, public(EC)) == "signature_wrong"


@pytest.mark.parametrize(
    "critical", [["exp"], [], "exp", None, ["b64", "b64"], ["alg"], ["b64"], [1], {"exp": 1}, ["urn:x"]]
)
def test_a124_what_the_header_calls_critical_is_understood_or_the_token_refused(critical: Any):
    """Also an empty list, one that names what is absent, or what a header has anyway (CVE-2025-59420)."""
    assert refused(forge({"alg": "HS256", "crit": critical, "exp": 1})) == "critical_header"


def test_a124_a_critical_member_of_an_encrypted_token_is_refused():
    """No extension of JWE is understood."""
    key = Key.generate("A256GCM")
    token = jwe.encrypt(b"{}", key, "dir", "A256GCM", header={"crit": ["exp"], "exp": 1})
    with pytest.raises(TokenRefused, match="critical_header"):
        jwe.decrypt(token, key, algorithms=["dir"], encryptions=["A256GCM"])


def test_a124_a_jwt_with_an_unencoded_payload_is_refused():
    """RFC 7797, section 7: its signature would be of other bytes than its readers see."""
    token = jws.sign(b'{"a":1}', SECRET, "HS256", header={"b64": False, "crit": ["b64"]})
    assert jws.verify(token, SECRET, algorithms=["HS256"]).payload == b'{"a":1}'
    assert refused(token) == "critical_header"


@pytest.mark.parametrize("secret", [b"", "", "k"])
def test_a125_an_empty_secret_is_refused_when_it_is_loaded(secret: Any):
    """Anyone can sign with it (CVE-2026-45363); and a short one is refused when it is used."""
    if isinstance(secret, bytes):
        with pytest.raises(TokenRefused, match="key_invalid"):
            Key.from_secret(secret)
    elif not secret:
        with pytest.raises(TokenRefused, match="key_invalid"):
            Key.from_jwk({"kty": "oct", "k": secret})
    else:
        assert refused(forge({"alg": "HS256"}), Key.from_secret(secret.encode())) == "key_unsuitable"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": "https://issuer.example.attacker.example"}, "claim_invalid"),
        ({"iss": "https://issuer"}, "claim_invalid"),
        ({"iss": ["https://issuer.example"]}, "claim_invalid"),
        ({"iss": None}, "claim_missing"),
        ({"aud": None}, "claim_missing"),
        ({"aud": "ap"}, "claim_invalid"),
        ({"aud": []}, "claim_invalid"),
        ({"aud": ["api", 5]}, "claim_invalid"),
        ({"aud": {"api": True}}, "claim_invalid"),
        ({"exp": None}, "claim_invalid"),
        ({"exp": "1900000000"}, "claim_invalid"),
        ({"exp": True}, "claim_invalid"),
        ({"exp": [1900000000]}, "claim_invalid"),
        ({"exp": -1}, "claim_invalid"),
        ({"exp": 1e300}, "claim_invalid"),
        ({"nbf": "1"}, "claim_invalid"),
        ({"nbf": NOW // 1000 + 1}, "token_not_yet_valid"),
        ({"iat": NOW // 1000 + 1}, "token_not_yet_valid"),
        ({"exp": NOW // 1000}, "token_expired"),
    ],
)
def test_a126_a_claim_that_is_missing_or_not_exactly_right_is_refused(changes: dict[str, Any], code: str):
    """No substring, no list for a text, no text for a number (CVE-2024-53861)."""
    assert refused(jwt.sign({**CLAIMS, **changes}, SECRET, "HS256")) == code


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e400", "9" * 5_000, "0x77", "1_900_000_000"])
def test_a126_a_time_that_is_no_number_of_json_is_refused(literal: str):
    """Python's own reader takes some of them (CVE-2026-75509)."""
    claims = f'{{"iss":"https://issuer.example","aud":"api","exp":{literal}}}'.encode()
    assert refused(forge({"alg": "HS256"}, claims)) == "token_malformed"


def test_a126_a_token_without_an_end_is_refused():
    """`exp` is demanded, whatever the issuer leaves out."""
    claims = {name: value for name, value in CLAIMS.items() if name != "exp"}
    assert refused(jwt.sign(claims, SECRET, "HS256")) == "claim_missing"


def test_a127_an_algorithm_that_the_key_is_not_for_is_refused():
    """RS256 and PS256 share a type of key; the key says which one it is for (GHSA-jq35-7prp-9v3f)."""
    assert refused(forge({"alg": "PS256"}, signer=RSA, algorithm="PS256"), public(RSA)) == "key_unsuitable"
    assert refused(forge({"alg": "RS512"}, signer=RSA, algorithm="RS512"), KeySet([public(RSA)])) == "key_not_found"
    assert refused(forge({"alg": "HS256"}), algorithms=["RS256"]) == "algorithm_not_allowed"


@pytest.mark.parametrize("other", ["ES384", "ES512", "ES256K"])
def test_a127_ecdsa_on_another_curve_than_the_algorithm_s_is_refused(other: str):
    """ES256 is P-256 with SHA-256, and nothing else."""
    key = nameless(Key.generate(other), private=True)
    unsigned = f"{encode({'alg': 'ES256'})}.{encode(CLAIMS)}"
    signature = SIGNATURES["ES256"].sign(key.private, unsigned.encode()) if other == "ES256K" else b"x" * 64
    assert refused(f"{unsigned}.{encode(signature)}", key) == "key_unsuitable"


def test_a127_an_ecdsa_signature_of_another_length_is_refused():
    """Each half has the curve's length; zeros in front change nothing in the numbers (Wycheproof 379)."""
    unsigned = f"{encode({'alg': 'ES256'})}.{encode(CLAIMS)}"
    signature = EC.sign("ES256", unsigned.encode())
    assert jwt.verify(f"{unsigned}.{encode(signature)}", EC, algorithms=["ES256"], **EXPECTED)
    longer = b"\0" + signature[:32] + b"\0" + signature[32:]
    for wrong in (longer, signature[:-1], signature + b"\0", b"", bytes(64)):
        assert refused(f"{unsigned}.{encode(wrong)}", EC) == "signature_wrong"


def test_a128_an_encrypted_token_is_none_that_is_signed_nor_the_reverse():
    """Whoever has the public key can encrypt (CVE-2023-51774)."""
    key = nameless(RSA, private=True)
    encrypted = jwe.encrypt(json.dumps(CLAIMS).encode(), key, "RSA-OAEP", "A256GCM")
    assert refused(encrypted, key) == "token_malformed"
    signed = jwt.sign(CLAIMS, key, "RS256")
    with pytest.raises(TokenRefused, match="token_malformed"):
        jwe.decrypt(signed, key, algorithms=list(MANAGEMENT), encryptions=list(CONTENT))
    with pytest.raises(TokenRefused, match="algorithm_not_allowed"):
        jwe.decrypt(encrypted, key, algorithms=["RS256"], encryptions=list(CONTENT))


def quickest(call: Any) -> float:
    """Return the seconds of processor time of the best of five tries."""
    spent: list[float] = []
    for _ in range(5):
        begin = time.process_time()
        with pytest.raises(TokenRefused):
            call()
        spent.append(time.process_time() - begin)
    return min(spent)


def pbes2(count: Any) -> str:
    header = {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2s": "MTIzNDU2Nzg", "p2c": count}
    return f"{encode(header)}.{encode(bytes(24))}.{encode(bytes(12))}.{encode(b'x')}.{encode(bytes(16))}"


@pytest.mark.parametrize("count", [10_001, 300_000, 2**31 - 1, 10**18, 999, 0, -1, True, "1000", 1000.0, None])
def test_a129_a_password_derivation_that_costs_too_much_is_not_begun(count: Any):
    """The sender names the rounds, and the reader pays (CVE-2023-6681)."""

    def call() -> None:
        jwe.decrypt(pbes2(count), SECRET, algorithms=["PBES2-HS256+A128KW"], encryptions=["A128GCM"])

    with pytest.raises(TokenRefused, match="p2c"):
        call()
    assert quickest(call) < 0.010


def test_a129_compressed_content_is_refused_unopened():
    """A few letters can stand for gigabytes (CVE-2024-28180)."""
    key = Key.generate("A256GCM")
    token = jwe.encrypt(b"x" * 100, key, "dir", "A256GCM", header={"zip": "DEF"})
    with pytest.raises(TokenRefused, match="compressed"):
        jwe.decrypt(token, key, algorithms=["dir"], encryptions=["A256GCM"])
    example = read_vectors("jose-cookbook/jwe/5_9.compressed_content.json")
    with pytest.raises(TokenRefused, match="compressed"):
        jwe.decrypt(
            example["output"]["compact"],
            Key.from_jwk(example["input"]["key"]),
            algorithms=list(MANAGEMENT),
            encryptions=list(CONTENT),
        )


HEADERS = {
    "deep lists": b"[" * 40_000,
    "deep objects": b'{"a":' * 8_000,
    "a long number": b'{"alg":' + b"9" * 40_000 + b"}",
    "many members": {str(number): number for number in range(3_000)},
}
HUGE = {
    "a million dots": "." * 1_000_000,
    "dots that fit": "." * 65_000,
    "a megabyte": "A" * 1_000_000,
    **{name: f"{encode(header)}.e30.AA" for name, header in HEADERS.items()},
}


@pytest.mark.parametrize("token", HUGE.values(), ids=list(HUGE))
def test_a129_a_huge_or_deep_token_is_refused_within_10_ms(token: str):
    """Before any key is at work (CVE-2025-30204)."""
    assert quickest(lambda: jwt.verify(token, SECRET, algorithms=["HS256"], **EXPECTED)) < 0.010
    assert quickest(lambda: jwe.decrypt(token, SECRET, algorithms=["dir"], encryptions=["A256GCM"])) < 0.010


def test_a130_rsa1_5_is_not_to_be_had_even_when_it_is_asked_for():
    """Its padding tells an attacker bit after bit of the content (GHSA-rm8v-mxj3-5rmq)."""
    example = read_vectors("jose-cookbook/jwe/5_1.key_encryption_using_rsa_v15_and_aes-hmac-sha2.json")
    key = Key.from_jwk(example["input"]["key"])
    with pytest.raises(TokenRefused, match="algorithm_not_allowed"):
        jwe.decrypt(example["output"]["compact"], key, algorithms=["RSA1_5"], encryptions=["A128CBC-HS256"])


@pytest.mark.parametrize(
    ("algorithm", "encryption"),
    [("dir", "A128CBC-HS256"), ("RSA-OAEP", "A128CBC-HS256"), ("A128KW", "A128GCM"), ("ECDH-ES", "A256GCM")],
)
def test_a130_whatever_is_wrong_inside_an_encrypted_token_is_one_refusal(algorithm: str, encryption: str):
    """Padding, key, tag, content: who sends variants learns nothing from the answers."""
    key = Key.generate(encryption if algorithm == "dir" else algorithm)
    parts = jwe.encrypt(b"sixteen letters.", key, algorithm, encryption).split(".")
    said = set()
    for place in range(1, 5):
        for wrong in ({0: 1}, {-2: 1}, None):
            data = bytearray(base64.urlsafe_b64decode(parts[place] + "=="))
            if wrong is None:
                data = data[:-1]
            else:
                for index in wrong if len(data) > 1 else ():
                    data[index] ^= 1
            changed = [*parts[:place], encode(bytes(data)), *parts[place + 1 :]]
            if changed == parts:
                continue
            with pytest.raises(TokenRefused) as caught:
                jwe.decrypt(".".join(changed), key, algorithms=[algorithm], encryptions=[encryption])
            said.add(str(caught.value))
    assert said == {"decryption_failed: it can't be opened with this key"}


BROKEN: list[Any] = [
    None, 5, "key", [], {}, {"kty": 5}, {"kty": "unknown"}, {"kty": "RSA"}, {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
    {"kty": "RSA", "n": 5, "e": []}, {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, {"kty": "EC", "crv": [], "x": "", "y": ""},
    {"kty": "OKP", "crv": "Ed25519", "x": "AA"}, {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"}, {"kty": "oct", "k": ""},
    {**EC.to_jwk(), "x": EC.to_jwk()["x"] + "="}, {**EC.to_jwk(), "y": EC.to_jwk()["x"]}, {**EC.to_jwk(), "kid": 5},
    {**EC.to_jwk(), "key_ops": "verify"}, {"kty": "oct", "k": "é"}, {"kty": "RSA", "n": "A" * 100_000, "e": "A" * 100_000},
]  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN, ids=range(len(BROKEN)))
def test_a131_one_malformed_key_of_a_set_is_passed_over(broken: Any):
    """The others still verify (CVE-2026-102274)."""
    keys = KeySet.from_jwks({"keys": [broken, EC.to_jwk(), broken]})
    assert [key.kid for key in keys.keys] == ["ec"]
    assert jwt.verify(jwt.sign(CLAIMS, EC, "ES256"), keys, algorithms=ASYMMETRIC, **EXPECTED)


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {}}, {"keys": [EC.to_jwk()] * 101}])
def test_a131_a_document_that_is_no_key_set_is_refused(document: dict[str, Any]):
    """With our own refusal and no other exception."""
    with pytest.raises(TokenRefused, match="key_invalid"):
        KeySet.from_jwks(document)


def test_a131_a_secret_in_a_published_key_set_is_passed_over():
    """Everybody knows it."""
    assert KeySet.from_jwks({"keys": [SECRET.to_jwk(private=True), EC.to_jwk()]}).keys[0].kid == "ec"
    with pytest.raises(TokenRefused, match="key_not_found"):
        jwt.verify(
            forge({"alg": "HS256"}),
            KeySet.from_jwks({"keys": [SECRET.to_jwk(private=True)]}),
            algorithms=["HS256"],
            **EXPECTED,
        )


TOKEN = forge({"alg": "HS256"})
SPELLINGS = {
    "padding": lambda part: part + "=" * (-len(part) % 4 or 4),
    "a space before": lambda part: " " + part,
    "a line end behind": lambda part: part + "\n",
    "a letter of base64": lambda part: (
        part.replace("-", "+").replace("_", "/") + ("" if set(part) & set("-_") else "+")
    ),
    "a letter more": lambda part: part + "A",
    "unused bits": lambda part: part[:-1] + chr(ord(part[-1]) + 1),
    "a letter that is none": lambda part: part[:2] + "é" + part[2:],
    "a zero byte": lambda part: part + "\0",
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=list(SPELLINGS))
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a133_another_spelling_of_a_part_is_refused(place: int, spelling: Any):
    """Also where the signature is made over that spelling: one token has one text."""
    parts = TOKEN.split(".")
    parts[place] = spelling(parts[place])
    assert refused(".".join(parts))
    unsigned = ".".join(parts[:2])
    signed = f"{unsigned}.{encode(SIGNATURES['HS256'].sign(SECRET.private, unsigned.encode()))}"
    if place < 2:
        assert refused(signed)


@pytest.mark.parametrize("place", ["header", "claims", "inside"])
def test_a133_a_name_that_stands_twice_is_refused(place: str):
    """Two readers would take two different ones (RFC 8725, section 2.4; RFC 7515, section 4)."""
    header, claims = b'{"alg":"HS256"}', json.dumps(CLAIMS).encode()
    if place == "header":
        header = b'{"alg":"none","alg":"HS256"}'
    elif place == "claims":
        claims = claims[:-1] + b',"sub":"admin"}'
    else:
        claims = claims[:-1] + b',"org":{"id":1,"id":2}}'
    unsigned = f"{encode(header)}.{encode(claims)}"
    token = f"{unsigned}.{encode(SIGNATURES['HS256'].sign(SECRET.private, unsigned.encode()))}"
    assert refused(token) == "token_malformed"
