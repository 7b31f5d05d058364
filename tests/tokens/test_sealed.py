"""Sealed cookies: both ways with iron-session 8 and 9, run for real; whatever is altered does not open."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.node import Node
from watchword.foundation.clock import SECOND
from watchword.foundation.errors import ConfigurationError
from watchword.tokens.refused import TokenRefused
from watchword.tokens.sealed import FOURTEEN_DAYS, SKEW, passwords_of, seal, unseal

NOW = 1_800_000_000_000
OLD, NEW = "an-old-password-of-32-characters!", "the-new-password-of-32-characters"
DATA = {"user": {"id": 7, "name": "Ada Lovelace ✓"}, "cart": [1, 2.5, None, True]}
ONE = passwords_of(NEW)


@pytest.mark.parametrize("version", [8, 9])
def test_what_iron_session_seals_is_opened_here(node: Node, version: int):
    """With a password, with several, and with and without an end."""
    sealed = node("iron_calls", "seal", version, DATA, {"password": NEW, "ttl": 3600}, NOW)
    assert unseal(sealed, ONE, now=NOW) == (DATA, NOW + 3600 * SECOND)
    sealed = node("iron_calls", "seal", version, DATA, {"password": {1: OLD, 2: NEW}, "ttl": 0}, NOW)
    assert unseal(sealed, passwords_of({1: OLD, 2: NEW}), now=NOW) == (DATA, None)


@pytest.mark.parametrize("version", [8, 9])
def test_what_is_sealed_here_iron_session_opens(node: Node, version: int):
    """The same in the other direction, with its default time to live."""
    sealed = seal(DATA, ONE, now=NOW)
    assert node("iron_calls", "unseal", version, sealed, {"password": NEW}, NOW) == DATA
    late = NOW + (FOURTEEN_DAYS + SKEW) * SECOND
    assert node("iron_calls", "unseal", version, sealed, {"password": NEW}, late) == {}
    sealed = seal(DATA, passwords_of({1: OLD, 2: NEW}), now=NOW, ttl=0)
    assert node("iron_calls", "unseal", version, sealed, {"password": {1: OLD, 2: NEW}}, NOW) == DATA


def test_the_end_and_its_skew_are_those_of_iron_session(node: Node):
    """A seal opens until 60 seconds after its end, on both sides to the millisecond."""
    sealed = seal(DATA, ONE, now=NOW, ttl=10)
    last = NOW + (10 + SKEW) * SECOND - 1
    assert (
        unseal(sealed, ONE, now=last).data == DATA == node("iron_calls", "unseal", 8, sealed, {"password": NEW}, last)
    )
    assert node("iron_calls", "unseal", 8, sealed, {"password": NEW}, last + 1) == {}
    with pytest.raises(TokenRefused, match="token_expired"):
        unseal(sealed, ONE, now=last + 1)


def test_seals_of_a_rotated_password_are_read_until_it_is_taken_away():
    """The newest seals; each opens what it sealed."""
    sealed = seal(DATA, passwords_of(OLD), now=NOW)
    both = passwords_of({1: OLD, 2: NEW})
    assert unseal(sealed, both, now=NOW).data == DATA
    assert seal(DATA, both, now=NOW).split("*")[1] == "2"
    with pytest.raises(TokenRefused, match="seal_wrong"):
        unseal(sealed, passwords_of({2: NEW}), now=NOW)


@pytest.mark.parametrize("mark", ["", "~1"])
def test_seals_of_the_older_form_are_read(node: Node, mark: str):
    """iron-session before 7 kept the data in `persistent`, and ended its seals in `~1` or nothing."""
    sealed = node("iron_calls", "seal", 8, {"persistent": DATA}, {"password": NEW, "ttl": 60}, NOW)
    assert unseal(sealed.removesuffix("~2") + mark, ONE, now=NOW).data == DATA


@pytest.mark.parametrize("mark", ["", "~", "~1", "~3", "~2~2", "~2 ", "~02"])
def test_a028_another_mark_behind_a_seal_opens_no_other_data(node: Node, mark: str):
    """The mark is outside the MAC: iron-session 8 then takes a member `persistent` for the session."""
    data = {"role": "user", "persistent": {"role": "admin"}}
    sealed = seal(data, ONE, now=NOW)
    forged = sealed.removesuffix("~2") + mark
    if mark in ("", "~1"):
        assert node("iron_calls", "unseal", 8, forged, {"password": NEW}, NOW) == {"role": "admin"}
    with pytest.raises(TokenRefused, match="token_malformed"):
        unseal(forged, ONE, now=NOW)


@given(st.data())
def test_a028_a_seal_altered_anywhere_does_not_open(data: st.DataObject):
    """Every letter is under the MAC, or is the MAC's, or the mark's."""
    sealed = SEALED
    place = data.draw(st.integers(0, len(sealed) - 1))
    letter = data.draw(st.characters(min_codepoint=32, max_codepoint=126).filter(lambda one: one != sealed[place]))
    with pytest.raises(TokenRefused):
        unseal(sealed[:place] + letter + sealed[place + 1 :], ONE, now=NOW)


@given(
    st.text() | st.lists(st.text(max_size=5), min_size=8, max_size=8).map(lambda parts: "Fe26.2*" + "*".join(parts[1:]))
)
def test_a_text_that_is_no_seal_is_refused_and_nothing_else_is_raised(text: str):
    """Whatever stands in the cookie."""
    with pytest.raises(TokenRefused):
        unseal(text, ONE, now=NOW)


def test_passwords_that_a_person_could_have_chosen_are_refused():
    """One round of PBKDF2 protects none that can be guessed."""
    for wrong in ("short", {}, {1: NEW, 2: "short"}, {-1: NEW}):
        with pytest.raises(ConfigurationError):
            passwords_of(wrong)


SEALED = seal(DATA, ONE, now=NOW)
