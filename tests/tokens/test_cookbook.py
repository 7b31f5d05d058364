"""RFC 7520 and its supplements: every output is read, and what has only one form is made again, letter for letter."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.vectors import read_vectors, vectors_folder
from watchword.tokens import jwe, jws
from watchword.tokens.algorithms import SIGNATURES
from watchword.tokens.jwe_algorithms import CONTENT, MANAGEMENT
from watchword.tokens.key import Key
from watchword.tokens.refused import TokenRefused

REFUSED = {
    "jwe/5_1.key_encryption_using_rsa_v15_and_aes-hmac-sha2": "algorithm_not_allowed",
    "jwe/5_9.compressed_content": "algorithm_not_allowed",
}
"""RSA1_5 and `zip` are not to be had."""
NOT_CRITICAL = "rfc7797/4.2.hmac-sha2_b64_false"
"""Its header has `b64` without `crit`, against RFC 7797, section 6: who knows no `b64` would read other content."""
ALL_FORMS = ("compact", "json", "json_flat")


def examples(*folders: str) -> list[str]:
    root = vectors_folder()
    files = (
        [path for folder in folders for path in sorted((root / "jose-cookbook" / folder).glob("*.json"))]
        if root
        else []
    )
    return [str(path.relative_to(root / "jose-cookbook").with_suffix("")) for path in files if root]


SIGNED = [name for name in [*examples("jws", "rfc7797"), "curve25519/jws"] if name != NOT_CRITICAL]
ENCRYPTED = [*examples("jwe"), "curve25519/ecdh-es"]


def keys_of(example: dict[str, Any]) -> list[Key]:
    found = example["input"]["key"]
    return [Key.from_jwk(jwk) for jwk in (found if isinstance(found, list) else [found])]


def outputs(example: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((form, example["output"][form]) for form in ALL_FORMS if form in example["output"])


@pytest.mark.parametrize("name", SIGNED)
def test_every_signed_example_is_verified_in_every_form(name: str):
    """With each of the keys that signed it; the content is the one of the book."""
    example = read_vectors(f"jose-cookbook/{name}.json")
    content = example["input"]["payload"].encode()
    read = 0
    for form, output in outputs(example):
        detached = content if "payload" not in output and (form != "compact" or ".." in output) else None
        for key in keys_of(example):
            verify = jws.verify if form == "compact" else jws.verify_json
            assert verify(output, key, algorithms=SIGNATURES, payload=detached).payload == content
            read += 1
    assert read


@pytest.mark.parametrize("name", SIGNED)
def test_a_signature_that_has_one_form_is_made_again(name: str):
    """HS, RS and Ed25519 are deterministic: the same header and content give the same token."""
    example = read_vectors(f"jose-cookbook/{name}.json")
    if not example.get("reproducible") or "compact" not in example["output"] or "PS" in str(example["input"]["alg"]):
        pytest.skip("the book's own signature is random, or has no compact form")
    (key,) = keys_of(example)
    header = example["signing"]["protected"]
    expected = example["output"]["compact"]
    made = jws.sign(
        example["input"]["payload"].encode(),
        key,
        header["alg"],
        header={"alg": header["alg"], **header},
        detached=".." in expected,
    )
    assert made.rpartition(".")[2] == expected.rpartition(".")[2] or json_members_differ(made, expected)


def json_members_differ(made: str, expected: str) -> bool:
    """Tell whether the headers say the same in another order: then so must the signatures differ."""
    one, other = jws.read_header(made.split(".", maxsplit=1)[0]), jws.read_header(expected.split(".", maxsplit=1)[0])
    return dict(one) == dict(other) and list(one) != list(other)


def test_an_unencoded_payload_that_the_header_does_not_call_critical_is_refused():
    """RFC 7797, section 6, against the supplement's own example 4.2."""
    example = read_vectors(f"jose-cookbook/{NOT_CRITICAL}.json")
    with pytest.raises(TokenRefused, match="critical_header"):
        jws.verify_json(example["output"]["json_flat"], keys_of(example)[0], algorithms=["HS256"])


@pytest.mark.parametrize("name", ENCRYPTED)
def test_every_encrypted_example_is_opened_in_every_form(name: str):
    """But for RSA1_5 and compressed content, which are refused by name."""
    example = read_vectors(f"jose-cookbook/{name}.json")
    keys = [Key.from_secret(example["input"]["pwd"].encode())] if "pwd" in example["input"] else keys_of(example)
    opened = 0
    for form, output in outputs(example):
        decrypt = jwe.decrypt if form == "compact" else jwe.decrypt_json
        for key in keys:
            if name in REFUSED or (key.type == "RSA" and "5_13" in name):
                with pytest.raises(TokenRefused, match=r"algorithm_not_allowed|decryption_failed|key_unsuitable"):
                    decrypt(output, key, algorithms=MANAGEMENT, encryptions=CONTENT)
                continue
            found = decrypt(output, key, algorithms=MANAGEMENT, encryptions=CONTENT)
            assert found.plaintext == example["input"]["plaintext"].encode()
            opened += 1
    assert opened or name in REFUSED


def test_the_nested_example_is_opened_and_then_verified():
    """RFC 7520, section 6: a signed token inside an encrypted one."""
    example = read_vectors("jose-cookbook/6.nesting_signatures_and_encryption.json")
    outer = example["encrypt"]
    key = Key.from_jwk(outer["input"]["key"])
    found = jwe.decrypt(outer["output"]["compact"], key, algorithms=["RSA-OAEP"], encryptions=["A128GCM"])
    assert found.plaintext.decode() == example["sign"]["output"]["compact"]
    signer = Key.from_jwk(example["sign"]["input"]["key"])
    signed = jws.verify(found.plaintext.decode(), signer, algorithms=["PS256"])
    assert json.loads(signed.payload) == json.loads(example["sign"]["input"]["payload"])


@pytest.mark.parametrize("name", examples("jwk"))
def test_every_key_example_is_read_and_written_as_it_was(name: str):
    """RFC 7520, section 3."""
    jwk = read_vectors(f"jose-cookbook/{name}.json")
    key = Key.from_jwk(jwk)
    assert key.to_jwk(private=key.private is not None) == jwk
