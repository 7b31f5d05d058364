"""Strength: what is too easy to guess, and that asking costs little."""

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from watchword.foundation.secrets import Secret
from watchword.methods.password.strength import LONGEST_ESTIMATED, estimate, objection, words_of


def reason(text: str, *context: str) -> str | None:
    found = objection("password", Secret(text), context)
    return found.reason if found else None


@pytest.mark.parametrize("text", ["password", "12345678", "Password", "PASSWORD", "qwertyuiop", "iloveyou"])
def test_cb_135_a_common_password_is_refused_in_any_case(text: str):
    assert reason(text) == "too_common"
    assert estimate(Secret(text)).is_common


def test_cb_135_the_list_reaches_further_than_what_is_guessed_at_once():
    """The last of 30,000 common passwords would pass for its number of guesses."""
    last = next(text for text in reversed(FREQUENCY_LISTS["passwords"]) if len(text) >= 8)
    assert estimate(Secret(last)).score > 0
    assert reason(last) == "too_common"


@pytest.mark.parametrize("text", ["aaaaaaaa", "abababab", "p4$$word", "a" * 4_096])
def test_cb_134_what_is_guessed_at_once_is_refused(text: str):
    assert reason(text) == "too_common"
    assert estimate(Secret(text)).score == 0


@pytest.mark.parametrize(
    "text",
    ["correct horse battery staple", "tr0ub4dour&3xyz", "mein Vater erklärt mir", "ключ от квартиры",
     "1234567890!correct horse battery", "4839 2017 5611 0382", "🐙🦑🦐🦞🦀🐡🐠🐟"],
)  # fmt: skip
def test_no_rule_of_composition_stands_in_the_way_of_a_strong_password(text: str):
    assert reason(text, "ada@example.org", "Ada Lovelace", "Watchword") is None


@pytest.mark.parametrize(
    "text",
    [
        "ada.lovelace@example.org",
        "ADA.LOVELACE@example.org",
        "ada.lovelace",
        "example.org",
        "ada lovelace",
        "Lovelace",
        "watchword",
    ],
)
def test_a_password_that_is_ones_own_name_address_or_the_sites_is_refused(text: str):
    assert reason(text, "ada.lovelace@example.org", "Ada Lovelace", "Watchword") == "contains_your_details"


def test_words_about_the_owner_lower_the_estimate():
    password = Secret("kirchenschiff1815")
    assert estimate(password, ["Kirchenschiff"]).guesses_log10 < estimate(password).guesses_log10


def test_short_parts_of_a_name_are_no_words_to_look_for():
    assert set(words_of(["a.b@example.org", "Jo Li"])) == {"a.b@example.org", "example.org", "example", "Jo Li"}


def test_the_estimate_grows_with_the_password():
    scores = [
        estimate(Secret(text)).score for text in ("password", "zebra1907", "tulip mending 41 crow", "xq7!vN4#kd2$Lw")
    ]
    assert scores == sorted(scores)
    assert (scores[0], scores[-1]) == (0, 4)


@pytest.mark.parametrize(
    "text",
    ["4@8({[<369&#!1/|0$5+7%2" * 178, "a" * 4_096, "ab" * 2_048, "1|7!5$xyzqwvbn" * 292, "1234567890" * 409,
     "qwertyuiop" * 409, "19901990" * 512, "🔑" * 1_024, "(A{B[C<D1E!F|G7H+I4J@K6L9M$N5O8P3Q0R%S2T" * 100],
)  # fmt: skip
def test_a085_no_password_takes_long_to_estimate(text: str):
    """Read whole and with every sign, the first of them takes 5 seconds at 72 characters."""
    estimate(Secret("the first call loads the lists"))
    begin = time.thread_time()
    estimate(Secret(text), ["ada.lovelace@example.org", "Ada Lovelace"])
    assert time.thread_time() - begin < 0.4


def test_characters_past_the_longest_estimated_change_no_estimate():
    text = "tulip mending 41 crow " * 4
    assert estimate(Secret(text[:LONGEST_ESTIMATED])) == estimate(Secret(text))


def test_words_about_one_person_do_not_count_for_another_at_the_same_time():
    """zxcvbn keeps them in one place for the whole process."""
    password, wrong = Secret("kirchenschiff1815"), []
    expected = {"Kirchenschiff": estimate(password, ["Kirchenschiff"]), "Somebody": estimate(password, ["Somebody"])}
    assert len({found.guesses_log10 for found in expected.values()}) == 2

    def work(word: str) -> None:
        wrong.extend(word for _ in range(40) if estimate(password, [word]) != expected[word])

    threads = [threading.Thread(target=work, args=(word,)) for word in expected for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@given(st.text(min_size=1, max_size=80), st.lists(st.text(max_size=30), max_size=3))
@settings(max_examples=50)
def test_any_password_and_any_context_give_an_estimate_and_never_an_error(text: str, context: list[str]):
    found = estimate(Secret(text), context)
    assert 0 <= found.score <= 4
    assert found.guesses_log10 >= 0
