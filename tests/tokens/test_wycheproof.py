"""Wycheproof's JOSE files: no invalid case is accepted, no exception but ours; the valid ones refused are listed."""

import binascii
import json
from collections.abc import Callable
from typing import Any

from tests.support.vectors import read_vectors
from watchword.tokens import jwe, jws
from watchword.tokens.algorithms import SIGNATURES
from watchword.tokens.jwe_algorithms import CONTENT, MANAGEMENT
from watchword.tokens.key import Key
from watchword.tokens.key_set import Keys, KeySet
from watchword.tokens.refused import TokenRefused

REFUSED_SIGNATURES = {
    346: "the header says PS256, the key says another algorithm",
    347: "the header says ES521, which is no registered name",
    350: "the header says PS256, the key says another algorithm",
    351: "the header says ES521, which is no registered name",
    372: "a stray character inside base64url",
    373: "a stray character inside base64url",
}
NOT_DIFFERENT = {367: 357, 370: 357}
"""Cases marked invalid whose token is, letter for letter, that of a valid case: no verdict on it can be right for both."""
REFUSED_ENCRYPTIONS = {
    **dict.fromkeys((100, 101, 102, 103, 104, 105, 112, 128), "RSA1_5 is not to be had"),
    135: "compressed content is not taken",
}


def keys_of(group: dict[str, Any], part: str) -> Keys:
    document = group.get(part) or group["private"]
    if "keys" not in document:
        return Key.from_jwk(document)
    # As they are, without passing over what is wrong with them: that is what the cases are about.
    return KeySet(Key.from_jwk(jwk) for jwk in document["keys"])


def compact(token: str | dict[str, Any]) -> str:
    """Return the token as it is given to who expects the compact form, also where it has the JSON form."""
    return token if isinstance(token, str) else json.dumps(token)


def verify_case(group: dict[str, Any], case: dict[str, Any]) -> bytes:
    return jws.verify(compact(case["jws"]), keys_of(group, "public"), algorithms=SIGNATURES).payload


def decrypt_case(group: dict[str, Any], case: dict[str, Any]) -> bytes:
    keys = keys_of(group, "private")
    return jwe.decrypt(compact(case["jwe"]), keys, algorithms=MANAGEMENT, encryptions=CONTENT).plaintext


def judge(file: str, wrong: Callable[[dict[str, Any], bytes], bool] = lambda _, __: False) -> tuple[set[int], set[int]]:
    """Return the invalid cases that were accepted, and the valid ones that were refused."""
    accepted, refused = set[int](), set[int]()
    for group in read_vectors(f"wycheproof/{file}.json")["testGroups"]:
        for case in group["tests"]:
            try:
                content = (verify_case if "jws" in case else decrypt_case)(group, case)
            except TokenRefused:
                if case["result"] == "valid":
                    refused.add(case["tcId"])
            else:
                if case["result"] != "valid" or wrong(case, content):
                    accepted.add(case["tcId"])
    return accepted, refused


def test_a133_no_invalid_signature_of_401_is_accepted():
    """All valid ones are, but for those listed; two marked invalid are letter for letter a valid one."""
    accepted, refused = judge("json_web_signature_test")
    assert (accepted - set(NOT_DIFFERENT), refused) == (set(), set(REFUSED_SIGNATURES))


def test_the_two_cases_that_count_as_accepted_are_the_text_of_a_valid_one():
    """Their padding was lost when the file was made; were it there, they would be refused."""
    groups = read_vectors("wycheproof/json_web_signature_test.json")["testGroups"]
    cases = {case["tcId"]: case for group in groups for case in group["tests"]}
    for invalid, valid in NOT_DIFFERENT.items():
        assert cases[invalid]["jws"] == cases[valid]["jws"]
        assert (cases[invalid]["result"], cases[valid]["result"]) == ("invalid", "valid")


def test_no_invalid_encryption_of_139_is_accepted():
    """All valid ones are, with the right content, but for those listed."""

    def wrong(case: dict[str, Any], content: bytes) -> bool:
        return content != binascii.unhexlify(case["pt"])

    assert judge("json_web_encryption_test", wrong) == (set(), set(REFUSED_ENCRYPTIONS))


def test_no_key_that_is_weak_or_ambiguous_is_used():
    """Duplicate names, mixed sets, keys too short or of a broken generator: each makes a token refused."""
    assert judge("json_web_key_test") == (set(), set())


def test_no_invalid_case_of_the_mixed_file_is_accepted():
    """The file repeats cases of the others with further keys."""
    assert judge("json_web_crypto_test") == (set(), set())
