"""Keys for every purpose: what one secret or one purpose made, no other accepts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.foundation.errors import ConfigurationError
from watchword.foundation.secrets import Secret
from watchword.tokens.keyring import Keyring, length_prefixed

OLD = Secret("an earlier secret of the application")
NEW = Secret("the present secret of the application")


def test_a_mac_is_accepted_for_its_purpose_and_data_alone():
    keyring = Keyring([NEW])
    mac = keyring.mac("code", b"data")
    assert len(mac) == 32
    assert keyring.verifies("code", b"data", mac)
    assert not keyring.verifies("reset", b"data", mac)
    assert not keyring.verifies("code", b"other", mac)


def test_a028_a_mac_cut_or_altered_is_refused():
    keyring = Keyring([NEW])
    mac = keyring.mac("code", b"data")
    for altered in (b"", mac[:-1], mac + b"\0", bytes([mac[0] ^ 1]) + mac[1:]):
        assert not keyring.verifies("code", b"data", altered)


def test_what_is_sealed_is_read_back_and_each_sealing_differs():
    keyring = Keyring([NEW])
    sealed = keyring.seal("outbox", b"clear text")
    assert keyring.unseal("outbox", sealed) == b"clear text"
    assert b"clear" not in sealed
    assert keyring.seal("outbox", b"clear text") != sealed


def test_a025_what_is_sealed_for_one_purpose_opens_for_no_other():
    keyring = Keyring([NEW])
    assert keyring.unseal("attempt", keyring.seal("outbox", b"clear text")) is None


@given(st.data())
def test_a028_a_seal_cut_or_altered_anywhere_is_refused(data):
    keyring = Keyring([NEW])
    sealed = keyring.seal("outbox", b"clear text")
    place = data.draw(st.integers(0, len(sealed) - 1))
    flipped = sealed[:place] + bytes([sealed[place] ^ data.draw(st.integers(1, 255))]) + sealed[place + 1 :]
    assert keyring.unseal("outbox", flipped) is None
    assert keyring.unseal("outbox", sealed[:place]) is None
    assert keyring.unseal("outbox", sealed + b"\0") is None


@given(st.binary(max_size=64))
def test_unsealing_noise_gives_nothing_and_never_raises(noise):
    assert Keyring([NEW]).unseal("outbox", noise) is None


def test_after_a_change_of_secret_old_values_are_read_and_new_ones_made_with_the_new():
    before, between, after = Keyring([OLD]), Keyring([NEW, OLD]), Keyring([NEW])
    assert between.unseal("outbox", before.seal("outbox", b"x")) == b"x"
    assert between.verifies("code", b"x", before.mac("code", b"x"))
    assert after.unseal("outbox", between.seal("outbox", b"x")) == b"x"
    assert after.mac("code", b"x") == between.mac("code", b"x")
    assert after.unseal("outbox", before.seal("outbox", b"x")) is None
    assert not after.verifies("code", b"x", before.mac("code", b"x"))


@pytest.mark.parametrize("secrets", [[], [Secret("")], [Secret("short")], [NEW, Secret("x" * 31)]])
def test_a_missing_or_short_secret_is_refused_with_the_remedy(secrets):
    with pytest.raises(ConfigurationError, match="`watchword secret`"):
        Keyring(secrets)


def test_a149_a_refused_secret_is_not_in_the_message():
    with pytest.raises(ConfigurationError) as refused:
        Keyring([Secret("hunter2")])
    assert "hunter2" not in str(refused.value)


@given(st.lists(st.binary(max_size=9), max_size=4), st.lists(st.binary(max_size=9), max_size=4))
def test_a037_different_parts_never_give_the_same_bytes(one, other):
    assert (length_prefixed(*one) == length_prefixed(*other)) == (one == other)


def test_a037_moving_a_separator_changes_the_bytes():
    assert length_prefixed(b"a|b", b"c") != length_prefixed(b"a", b"b|c")
