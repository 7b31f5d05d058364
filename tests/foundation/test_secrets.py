"""Randomness without bias, and a `Secret` that has one way out."""

import copy
import json
import logging
import pickle
import time
from collections import Counter

import msgspec
import pytest

from watchword.foundation.encodings import base32_decode
from watchword.foundation.secrets import Secret, random_bytes, random_code, random_secret, same_bytes, sha256

TEXT = "canary-4711-in-clear-text"
SECRET = Secret(TEXT)


@pytest.mark.parametrize(
    "leak",
    [
        lambda: Secret(TEXT) == SECRET,
        lambda: SECRET == TEXT,
        lambda: SECRET != TEXT,
        lambda: Secret("z") > SECRET,
        lambda: Secret("z") <= SECRET,
        lambda: SECRET in [TEXT, "another"],
        lambda: str(SECRET),
        lambda: format(SECRET),
        lambda: f"{SECRET}",
        lambda: f"{SECRET:>40}",
        lambda: "{}".format(SECRET),  # noqa: UP032 - each way is tried
        lambda: "x" + SECRET,
        lambda: hash(SECRET),
        lambda: {SECRET},
        lambda: bytes(SECRET),
        lambda: list(SECRET),
        lambda: len(SECRET),
        lambda: vars(SECRET),
        lambda: pickle.dumps(SECRET),
        lambda: copy.copy(SECRET),
        lambda: copy.deepcopy(SECRET),
        lambda: json.dumps(SECRET),
        lambda: json.dumps({"secret": SECRET}, default=str),
        lambda: msgspec.json.encode(SECRET),
        lambda: msgspec.msgpack.encode([SECRET]),
        lambda: msgspec.to_builtins({"secret": SECRET}),
    ],
)
def test_a_secret_is_not_compared_printed_hashed_or_serialised(leak):
    with pytest.raises(TypeError) as refused:
        leak()
    assert TEXT not in str(refused.value)


def test_a_refusal_says_what_to_do_instead():
    with pytest.raises(TypeError, match=r"use matches\(\) or reveal\(\)"):
        str(SECRET)


def test_the_repr_of_a_secret_tells_nothing_wherever_it_stands():
    for shown in (repr(SECRET), repr([SECRET]), f"{SECRET!r}", f"{SECRET!a}", repr({"password": SECRET})):
        assert TEXT not in shown
        assert "Secret" in shown


def test_a149_a_log_line_that_is_handed_a_secret_does_not_show_it(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO):
        logging.getLogger("watchword").info("the password is %r", SECRET)
    assert TEXT not in caplog.text
    assert "Secret(…)" in caplog.text


def test_a_secret_matches_the_same_text_and_no_other():
    assert SECRET.matches(TEXT)
    assert SECRET.matches(Secret(TEXT))
    for other in ("", TEXT[:-1], TEXT + "x", TEXT.upper(), "ｃ" + TEXT[1:]):
        assert not SECRET.matches(other)
    assert Secret("pässword \ud800").matches("pässword \ud800")
    assert SECRET.reveal() == TEXT


def test_an_empty_secret_is_false_and_another_true():
    assert not Secret("")
    assert Secret(" ")


def test_cb_016_the_digest_of_a_secret_is_its_sha_256():
    """FIPS 180-4, the example of one block."""
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert Secret("abc").digest().hex() == expected
    assert sha256(b"abc").hex() == expected


def test_cb_012_a_random_secret_has_256_bits_as_lower_case_base32():
    """CB-002, CB-014: made from bytes, in one case."""
    texts = {random_secret().reveal() for _ in range(1_000)}
    assert len(texts) == 1_000
    assert {len(base32_decode(text)) for text in texts} == {32}
    assert len(base32_decode(random_secret(20).reveal())) == 20


def test_random_bytes_are_as_many_as_asked_for_and_never_the_same():
    assert {len(random_bytes(count)) for count in (0, 1, 16)} == {0, 1, 16}
    assert len({random_bytes(16) for _ in range(1_000)}) == 1_000


def chi_square(drawn: str) -> float:
    counts, expected = Counter(drawn), len(drawn) / 10
    return sum((counts[digit] - expected) ** 2 / expected for digit in "0123456789")


def test_cb_003_a_million_digits_show_no_bias():
    """Nine degrees of freedom: 80 is exceeded by chance once in about 10^13 runs. CB-005, CB-006."""
    drawn = random_code(1_000_000).reveal()
    assert len(drawn) == 1_000_000
    assert set(drawn) == set("0123456789")
    assert chi_square(drawn) < 80


def test_the_test_for_bias_sees_the_one_that_modulo_makes():
    assert chi_square("".join(str(byte % 10) for byte in random_bytes(1_000_000))) > 80


def test_cb_101_a_code_has_eight_digits_unless_told():
    assert len(random_code().reveal()) == 8
    assert len(random_code(6).reveal()) == 6
    assert len({random_code(12).reveal() for _ in range(1_000)}) == 1_000


def test_a_code_may_begin_with_zero():
    assert any(random_code(6).reveal().startswith("0") for _ in range(1_000))


def test_same_bytes_tells_equal_from_different_at_any_length():
    assert same_bytes(b"abc", b"abc")
    assert same_bytes(b"", b"")
    for other in (b"", b"ab", b"abd", b"abcd"):
        assert not same_bytes(b"abc", other)


def test_cb_140_comparing_takes_no_longer_where_more_of_the_beginning_is_right():
    """A comparison that stops at the first difference is faster by a factor of hundreds at this length."""
    secret = Secret("a" * 1_000_000)
    early, late = "b" + "a" * 999_999, "a" * 999_999 + "b"

    def fastest(other: str) -> float:
        spent: list[float] = []
        for _ in range(15):
            begin = time.perf_counter()
            assert not secret.matches(other)
            spent.append(time.perf_counter() - begin)
        return min(spent)

    assert 0.5 < fastest(early) / fastest(late) < 2
