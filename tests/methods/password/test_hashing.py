"""Argon2id: the reference's hashes, equal time for every refusal, bounds on cost, length and number."""

import unicodedata
from types import SimpleNamespace

import pytest
from argon2 import extract_parameters
from argon2.low_level import Type, core, ffi, hash_secret, lib
from hypothesis import given
from hypothesis import strategies as st

from tests.support.site import CHEAP
from watchword.foundation.errors import ConfigurationError, FieldError
from watchword.foundation.secrets import Secret
from watchword.methods.password import hashing
from watchword.methods.password.hashing import Figures, Mismatch, PasswordHasher, Verified, normalise_password

PASSWORD = Secret("analytical engine no. 1")
OTHER = Secret("analytical engine no. 2")


def made(hasher: PasswordHasher, password: Secret = PASSWORD) -> str:
    stored = hasher.hash(password)
    assert isinstance(stored, str)
    return stored


def normal(text: str) -> str:
    found = normalise_password(text)
    assert isinstance(found, Secret)
    return found.reveal()


def reason(text: str) -> str:
    found = normalise_password(text)
    assert isinstance(found, FieldError)
    return found.reason


def test_the_library_gives_the_tag_of_rfc_9106():
    """RFC 9106, section 5.3: Argon2id with a key and associated data."""
    tag = ffi.new("uint8_t[]", 32)
    parts = {"pwd": b"\x01" * 32, "salt": b"\x02" * 16, "secret": b"\x03" * 8, "ad": b"\x04" * 12}
    held = {name: ffi.new("uint8_t[]", value) for name, value in parts.items()}
    lengths = {f"{name}len": len(value) for name, value in parts.items()}
    context = ffi.new(
        "argon2_context *",
        {"out": tag, "outlen": 32, "version": 0x13, "t_cost": 3, "m_cost": 32, "lanes": 4, "threads": 4,
         "allocate_cbk": ffi.NULL, "free_cbk": ffi.NULL, "flags": lib.ARGON2_DEFAULT_FLAGS, **held, **lengths},
    )  # fmt: skip
    assert core(context, Type.ID.value) == lib.ARGON2_OK
    assert bytes(tag).hex() == "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"


@pytest.mark.parametrize(
    ("stored", "password"),
    [
        ("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"),
        ("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password"),
        ("$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password"),
        ("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94", "differentpassword"),
        ("$argon2id$v=19$m=65536,t=2,p=1$ZGlmZnNhbHQ$vfMrBczELrFdWP0ZsfhWsRPaHppYdP3MVEMIVlqoFBw", "password"),
    ],
)
def test_hashes_of_the_reference_implementation_are_verified_and_to_be_made_anew(stored: str, password: str):
    """Test strings of phc-winner-argon2."""
    hasher = PasswordHasher(CHEAP)
    assert hasher.verify(stored, Secret(password)) == Verified(needs_rehash=True)
    assert hasher.verify(stored, Secret(password + " ")) == Mismatch()


def test_cb_136_and_138_a_hash_is_a_phc_string_with_a_salt_of_128_bits_of_its_own():
    one, other = made(PasswordHasher(Figures())), made(PasswordHasher(Figures()))
    assert one.startswith("$argon2id$v=19$m=31744,t=3,p=1$")
    salt, tag = one.split("$")[4:]
    assert (len(salt), len(tag)) == (22, 43)
    assert salt != other.split("$")[4]


def test_the_right_password_is_verified_and_another_is_not():
    hasher = PasswordHasher(CHEAP)
    stored = made(hasher)
    assert hasher.verify(stored, PASSWORD) == Verified(needs_rehash=False)
    assert hasher.verify(stored, OTHER) == Mismatch()
    assert hasher.verify(None, PASSWORD) == Mismatch()


def test_a081_passwords_equal_in_their_first_4000_bytes_differ():
    hasher = PasswordHasher(CHEAP)
    stored = made(hasher, Secret("x" * 4_000 + "a"))
    assert hasher.verify(stored, Secret("x" * 4_000 + "a")) == Verified(needs_rehash=False)
    assert hasher.verify(stored, Secret("x" * 4_000 + "b")) == Mismatch()
    assert hasher.verify(stored, Secret("x" * 4_000)) == Mismatch()


@pytest.mark.parametrize("figures", [Figures(64, 2), Figures(128, 1), Figures(64, 1, 2)])
def test_a_hash_of_other_figures_is_to_be_made_anew(figures: Figures):
    assert PasswordHasher(figures).verify(made(PasswordHasher(CHEAP)), PASSWORD) == Verified(needs_rehash=True)


def test_cb_142_the_default_figures_are_at_owasps_minimum_or_above():
    Figures().check()
    Figures(19_456, 2).check()
    Figures(19_456, 5).check()
    Figures(47_104, 1).check()


@pytest.mark.parametrize(
    "figures", [Figures(19_455, 2), Figures(47_103, 1), Figures(38_912, 1), Figures(12_288, 3), CHEAP]
)
def test_cb_142_figures_below_owasps_minimum_are_refused_with_the_remedy(figures: Figures):
    with pytest.raises(ConfigurationError, match="at least memory=19456, iterations=2 or memory=47104, iterations=1"):
        figures.check()


@pytest.mark.parametrize(
    "figures", [(0, 2, 1), (7, 2, 1), (32, 1, 8), (64, 0, 1), (64, 1, 0), (262_145, 1, 1), (64, 11, 1), (128, 1, 9)]
)
def test_figures_whose_hashes_could_not_be_checked_again_are_refused(figures: tuple[int, int, int]):
    with pytest.raises(ConfigurationError, match="up to 262144 KiB"):
        Figures(*figures)


def test_the_dearest_figures_allowed_make_hashes_that_are_accepted(monkeypatch: pytest.MonkeyPatch):
    dearest = Figures(262_144, 10, 8)
    stored = f"$argon2id$v=19$m={dearest.memory},t=10,p=8$c2FsdHNhbHRzYWx0c2FsdA${'A' * 43}"
    monkeypatch.setattr(hashing, "verify_secret", lambda *_: True)
    assert PasswordHasher(dearest).verify(stored, PASSWORD) == Verified(needs_rehash=False)


@pytest.mark.parametrize(
    "cost", ["m=262145,t=1,p=1", "m=64,t=11,p=1", "m=128,t=1,p=9", "m=4294967295,t=4294967295,p=1", "m=-8,t=1,p=1"]
)
def test_a084_a_hash_of_absurd_cost_is_a_mismatch_that_costs_one_hash(cost: str, monkeypatch: pytest.MonkeyPatch):
    hasher = PasswordHasher(CHEAP)
    work: list[int] = []
    real = hashing.hash_secret
    monkeypatch.setattr(hashing, "hash_secret", lambda *given: work.append(given[2] * given[3]) or real(*given))
    monkeypatch.setattr(hashing, "verify_secret", lambda *_: pytest.fail("it was computed"))
    assert hasher.verify(f"$argon2id$v=19${cost}$c2FsdHNhbHRzYWx0c2FsdA${'A' * 43}", PASSWORD) == Mismatch()
    assert work == [CHEAP.memory * CHEAP.iterations]


def test_a076_unknown_names_and_cheaper_hashes_cost_what_a_wrong_password_costs(monkeypatch: pytest.MonkeyPatch):
    """CB-158. The clock of this test counts Argon2's work, so that a busy machine changes nothing."""
    work, hash_really, verify_really = 0, hashing.hash_secret, hashing.verify_secret

    def hash_counted(text: bytes, salt: bytes, iterations: int, memory: int, *rest: object) -> bytes:
        nonlocal work
        work += iterations * memory
        return hash_really(text, salt, iterations, memory, *rest)

    def verify_counted(stored: bytes, *rest: object) -> bool:
        nonlocal work
        figures = extract_parameters(stored.decode())
        work += figures.time_cost * figures.memory_cost
        return verify_really(stored, *rest)

    monkeypatch.setattr(hashing, "hash_secret", hash_counted)
    monkeypatch.setattr(hashing, "verify_secret", verify_counted)
    monkeypatch.setattr(hashing, "time", SimpleNamespace(perf_counter_ns=lambda: work))
    hasher = PasswordHasher(Figures(4_096, 2))
    cheaper = [
        made(PasswordHasher(figures)) for figures in (CHEAP, Figures(1_024, 3), Figures(4_000, 2), Figures(64, 1, 2))
    ]
    for stored in (made(hasher), None, *cheaper):
        before = work
        assert hasher.verify(stored, OTHER) == Mismatch()
        assert work - before == pytest.approx(8_192, rel=0.01)


@given(
    st.text(max_size=120)
    | st.text("$argon2id=v19mtp,0A/+ -_", max_size=120).map("$argon2id$v=19$m=64,t=1,p=1$".__add__)
)
def test_any_stored_text_is_a_mismatch_and_never_an_error(stored: str):
    assert PasswordHasher(CHEAP).verify(stored, PASSWORD) == Mismatch()


@given(st.data())
def test_a_hash_altered_in_one_place_verifies_nothing(data: st.DataObject):
    hasher = PasswordHasher(CHEAP)
    stored = hash_secret(PASSWORD.reveal().encode(), b"salt" * 4, 1, 64, 1, 32, Type.ID).decode()
    place = data.draw(st.integers(0, len(stored) - 1))
    letter = data.draw(st.sampled_from(sorted(set("$argon2idv=19,mtp0AZ/+z") - {stored[place]})))
    assert hasher.verify(stored[:place] + letter + stored[place + 1 :], PASSWORD) == Mismatch()
    assert hasher.verify(stored[:place], PASSWORD) == Mismatch()


def test_cb_130_eight_characters_are_enough_and_seven_are_not():
    assert normal("12345678") == "12345678"
    assert reason("1234567") == "too_short"
    assert reason("") == "too_short"
    assert reason("e\u0301" * 7) == "too_short"


@pytest.mark.parametrize(
    "text", [" " * 8, "\t a b c d ", "🔑" * 64, "пароль-пароль", "x" * 4_096, "🔑" * 1_024, "ö" * 2_048]
)
def test_a082_spaces_emoji_and_the_longest_password_stay_exactly_as_typed(text: str):
    """CB-131, CB-132, CB-133."""
    assert normal(text) == text


@pytest.mark.parametrize("text", ["x" * 4_097, "ö" * 2_049, "🔑" * 1_025, "e\u0301" * 1_366])
def test_a083_more_than_4096_bytes_are_refused_and_never_cut(text: str):
    assert reason(text) == "too_long"


def test_a083_a_longer_text_is_not_normalised_at_all(monkeypatch: pytest.MonkeyPatch):
    """NFC puts combining marks in order in quadratic time."""
    monkeypatch.setattr(hashing, "unicodedata", None)
    assert reason("a" + "\u0300\u0316" * 500_000) == "too_long"
    assert reason("a" + "\u0300\u0316" * 1_024) == "too_long"


@pytest.mark.parametrize(
    "text", ["with a \0 inside", "\0" * 8, "lone \ud800 half", "lone \udfff half", "\udc00\ud800 swapped"]
)
def test_a082_nul_and_lone_surrogates_are_refused(text: str):
    found = normalise_password(text, "new")
    assert isinstance(found, FieldError)
    assert (found.field, found.expected) == ("new", "text without NUL characters and lone surrogates")


def test_two_ways_to_type_one_letter_are_one_password():
    assert normal("cafe\u0301 creme\u0300") == normal("café cremè") == "café cremè"
    assert normal("ﬁnance ２０２６") == "ﬁnance ２０２６", "NFC, not NFKC"


@given(st.text(st.characters(), max_size=40) | st.text("e\u0301\u0316\0\ud800 🔑\ufb2c", max_size=5_000))
def test_any_text_is_a_normal_password_or_a_refusal_and_never_an_error(text: str):
    found = normalise_password(text)
    if isinstance(found, Secret):
        assert unicodedata.is_normalized("NFC", found.reveal())
        assert found.reveal() == unicodedata.normalize("NFC", text)
        assert 8 <= len(found.reveal()) <= len(found.reveal().encode()) <= 4_096
