"""Mutated tokens: nothing but our own refusal is raised, none is accepted, and none costs more than 5 ms of a core."""

import base64
import contextlib
import json
import random  # noqa: TID251  to make up tokens, not secrets
import time
from collections.abc import Callable
from typing import Any

import pytest

from watchword.tokens import jwe, jws, jwt
from watchword.tokens.algorithms import SIGNATURES
from watchword.tokens.jwe_algorithms import CONTENT, MANAGEMENT
from watchword.tokens.key import Key
from watchword.tokens.refused import TokenRefused
from watchword.tokens.sealed import passwords_of, seal, unseal

NOW = 1_800_000_000_000
CLAIMS = {"iss": "https://issuer.example", "aud": ["api"], "sub": "ada", "iat": NOW // 1000, "exp": NOW // 1000 + 60}
PASSWORDS = passwords_of("a-password-of-at-least-32-characters")
MOST_SECONDS = 0.005
Verify = Callable[[str], object]
ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/.*~ {}[]",:\\\0\x7fé\ud800'
VALUES: list[Any] = [
    None, True, 0, -1, 2**63, 1.5, "", "none", "HS256", "RS256", "ES256", "dir", "A256GCM", "RSA1_5", [], {}, [[]], ["exp"],
    {"kty": "oct", "k": "AA"}, "https://attacker.example", "\x00", "x" * 500, NOW, "DEF", False,
]  # fmt: skip
MEMBERS = ["alg", "enc", "kid", "crit", "b64", "zip", "jwk", "jku", "x5c", "typ", "cty", "epk", "apu", "iv", "tag", "p2s", "p2c", "exp", "iss", "aud", "nbf"]  # fmt: skip


def samples() -> list[tuple[str, Verify]]:
    """Return a good token of each kind, and what verifies it."""
    found: list[tuple[str, Verify]] = []
    for algorithm in ("HS256", "RS256", "PS384", "ES256", "ES512", "EdDSA", "ML-DSA-44"):
        key = Key.generate(algorithm, kid="1")

        def verify(token: str, key: Key = key) -> object:
            return jwt.verify(token, key, algorithms=SIGNATURES, now=NOW, issuer=CLAIMS["iss"], audience="api")

        found.append((jwt.sign(CLAIMS, key, algorithm), verify))
    for algorithm, encryption in (("dir", "A256GCM"), ("A128KW", "A128CBC-HS256"), ("A256GCMKW", "A256GCM"), ("RSA-OAEP-256", "A192GCM"), ("ECDH-ES", "A256CBC-HS512"), ("ECDH-ES+A128KW", "A128GCM")):  # fmt: skip
        key = Key.generate(encryption if algorithm == "dir" else algorithm)

        def decrypt(token: str, key: Key = key) -> object:
            # PBES2's allowed count costs what it costs; tests/attacks bounds it.
            allowed = [name for name in MANAGEMENT if not name.startswith("PBES2")]
            return jwe.decrypt(token, key, algorithms=allowed, encryptions=CONTENT)

        found.append((jwe.encrypt(json.dumps(CLAIMS).encode(), key, algorithm, encryption), decrypt))
    found.append((seal({"user": 1}, PASSWORDS, now=NOW), lambda text: unseal(text, PASSWORDS, now=NOW)))
    return found


def alter(token: str, chance: random.Random, others: list[str]) -> str:
    """Return another text."""
    kind = chance.randrange(8)
    place = chance.randrange(len(token))
    if kind == 0:
        return token[:place] + chance.choice(ALPHABET) + token[place + 1 :]
    if kind == 1:
        return token[:place] + token[place + chance.randrange(1, 9) :]
    if kind == 2:
        return token[:place] + "".join(chance.choices(ALPHABET, k=chance.randrange(1, 9))) + token[place:]
    parts = token.split(".")
    if kind == 3:
        other = chance.choice(others).split(".")
        parts[chance.randrange(len(parts))] = chance.choice(other)
    elif kind == 4:
        parts.insert(chance.randrange(len(parts) + 1), chance.choice(["", "e30", *parts]))
    elif kind == 5:
        del parts[chance.randrange(len(parts))]
    else:
        # Two kinds of eight: a header, or claims, with other members.
        index = 0 if kind == 6 else min(1, len(parts) - 1)
        parts[index] = alter_members(parts[index], chance)
    return ".".join(parts)


def alter_members(part: str, chance: random.Random) -> str:
    try:
        members = json.loads(base64.urlsafe_b64decode(part + "=="))
    except ValueError:
        return part[::-1]
    if not isinstance(members, dict):
        return part[::-1]
    for _ in range(chance.randrange(1, 4)):
        members[chance.choice(MEMBERS)] = chance.choice(VALUES)
    return base64.urlsafe_b64encode(json.dumps(members).encode("utf-8", "surrogatepass")).decode().rstrip("=")


def cost(verify: Verify, text: str) -> float:
    """Return the seconds of processor time of a refusal; a second and third try rule out what else the process does."""
    spent: list[float] = []
    while len(spent) < 3 and (not spent or min(spent) > MOST_SECONDS):
        begin = time.process_time()
        try:
            verify(text)
        except TokenRefused:
            spent.append(time.process_time() - begin)
        else:
            pytest.fail(f"ACCEPTED: {text!r}")
    return min(spent)


def fuzz(rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    kinds = samples()
    texts = [token for token, _ in kinds]
    for token, verify in kinds:
        assert verify(token), "the token itself is good"
    for _ in range(rounds):
        token, verify = kinds[chance.randrange(len(kinds))]
        altered = alter(token, chance, texts)
        while chance.randrange(4) == 0 and altered:
            altered = alter(altered, chance, texts)
        if altered != token:
            assert cost(verify, altered) < MOST_SECONDS, altered


def test_a_mutated_token_is_refused_and_costs_little():
    """Five thousand, the same in each run."""
    fuzz(5_000, seed=1)


@pytest.mark.all
def test_a_million_mutated_tokens_are_refused_and_cost_little():
    """Other ones in each run; the seed is told where it fails."""
    seed = time.time_ns()
    print(f"seed {seed}")
    fuzz(1_000_000, seed)


def test_a_mutated_json_serialization_raises_nothing_but_our_refusal():
    """Its unprotected members may change and be accepted; whatever else comes is refused."""
    chance = random.Random(2)
    key, secret = Key.generate("ES256"), Key.generate("A256GCM")
    documents = [
        jws.sign_json(b"content", [(key, "ES256", {})]),
        jws.sign_json(b"content", [(key, "ES256", {}), (key, "ES256", {"kid": "2"})]),
        jwe.encrypt_json(b"content", [(secret, "dir")], "A256GCM", aad=b"more"),
    ]
    names = ["payload", "protected", "header", "signature", "signatures", "recipients", "unprotected", "encrypted_key", "iv", "tag", "ciphertext", "aad"]  # fmt: skip
    for _ in range(3_000):
        document = json.loads(json.dumps(chance.choice(documents)))
        document[chance.choice(names)] = chance.choice([*VALUES, [{}], [{"protected": "e30", "signature": ""}], [None]])
        for form in (document, json.dumps(document), json.dumps(document).encode()):
            with contextlib.suppress(TokenRefused):
                jws.verify_json(form, key, algorithms=["ES256"])
            with contextlib.suppress(TokenRefused):
                jwe.decrypt_json(form, secret, algorithms=["dir"], encryptions=["A256GCM"])
