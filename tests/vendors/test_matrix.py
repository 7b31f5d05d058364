"""Every kind of token given to every verifier: accepted on the diagonal, and nowhere else."""

import random  # noqa: TID251  to make up tokens, not secrets
import time

import pytest

from tests.tokens.test_fuzz import ALPHABET, alter, cost
from tests.vendors.trusted import KINDS, NOW, VERIFIERS
from watchword.foundation.clock import SECOND, ManualClock
from watchword.tokens.refused import TokenRefused

CLOCK = ManualClock(NOW * SECOND)


def test_each_kind_is_accepted_by_its_own_verifier_alone():
    """Though all verifiers are given the same keys; the matrix is printed (`pytest -s`)."""
    print("\n" + " " * 16 + "".join(f"{name:>14}" for name in VERIFIERS))
    for token_of, kind in KINDS.items():
        accepted: list[str] = []
        for verifier, make in VERIFIERS.items():
            try:
                make(CLOCK).verify(kind.credential)
            except TokenRefused:
                continue
            accepted.append(verifier)
        print(f"{token_of:<16}" + "".join(f"{'accepted' if name in accepted else '·':>14}" for name in VERIFIERS))
        assert accepted == [kind.verifier]


def test_a_bearer_token_is_claimed_by_one_trust_alone():
    """`issued()` tells whose rules it goes to."""
    trusts = {name: make(CLOCK) for name, make in VERIFIERS.items()}
    for kind in KINDS.values():
        claimed = [other for other, trust in trusts.items() if trust.issued(kind.credential)]
        assert claimed == ([] if kind.header[0] == "cookie" else [kind.verifier])


def fuzz(rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    pairs = [(kind.credential, kind.make(CLOCK).verify) for kind in KINDS.values()]
    texts = [credential for credential, _ in pairs] + [ALPHABET]
    for credential, verify in pairs:
        assert verify(credential)
    for _ in range(rounds):
        credential, verify = pairs[chance.randrange(len(pairs))]
        altered = alter(credential, chance, texts)
        # Lines are chunks of one cookie to NextAuth: joined, they are the same token.
        if altered.replace("\n", "") != credential:
            assert cost(verify, altered) < 0.005, altered


def test_a_mutated_credential_is_refused_by_every_vendor_s_rules():
    """With our own refusal, and for little."""
    fuzz(3_000, seed=1)


@pytest.mark.all
def test_a_million_mutated_credentials_are_refused_by_the_vendors_rules():
    """Other ones in each run; the seed is told where it fails."""
    seed = time.time_ns()
    print(f"seed {seed}")
    fuzz(1_000_000, seed)
