"""Session tokens."""

from hypothesis import given
from hypothesis import strategies as st

from watchword.foundation.ids import is_id, new_id
from watchword.sessions.token import new_token, session_id_of


def test_a_token_names_its_session_and_hides_256_bits() -> None:
    """CB-012, CB-020."""
    session_id = new_id("ses")
    token = new_token(session_id).reveal()
    assert session_id_of(token) == session_id
    assert len(token) == len("wws_") + 26 + 52


def test_two_tokens_of_one_session_differ() -> None:
    session_id = new_id("ses")
    assert not new_token(session_id).matches(new_token(session_id))


@given(st.text())
def test_whatever_is_sent_is_a_sessions_id_or_nothing(text: str) -> None:
    found = session_id_of(text)
    assert found is None or is_id(found, "ses")


def test_a028_a_token_that_is_cut_or_longer_has_no_session() -> None:
    token = new_token(new_id("ses")).reveal()
    for broken in (token[:-1], token + "a", token[1:], token.upper(), f" {token}", f"{token}\n", ""):
        assert session_id_of(broken) is None
