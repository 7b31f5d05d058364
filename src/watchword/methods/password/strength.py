"""How strong a password is: the list of the most common ones, and an estimate of the guesses it withstands."""

import functools
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from watchword.foundation.errors import FieldError
from watchword.foundation.secrets import Secret

LONGEST_ESTIMATED = 48
"""Characters; the estimate takes more than linear time, and more of them only make a password stronger."""
_SIGNS = frozenset("4@8({[<369!1|70$5+%2")
"""What stands for a letter in a word in disguise (`p4$$word`)."""
_MOST_SIGNS = 6
"""Kinds of signs; the estimate tries all their readings, and with all kinds at once took seconds (A85)."""
_SHORTEST_WORD = 4
_one_at_a_time = threading.Lock()
"""zxcvbn keeps the words about the owner in a dictionary of the whole process."""


@final
@dataclass(frozen=True, slots=True)
class Strength:
    """An estimate.

    Attributes:
        score: 0 (guessed at once) to 4 (very hard), as zxcvbn counts.
        guesses_log10: decimal logarithm of the guesses.
        is_common: whether it is in the offline list of the most common passwords.
    """

    score: int
    guesses_log10: float
    is_common: bool


def estimate(password: Secret, context: Sequence[str] = ()) -> Strength:
    """Return how strong the password is against someone who knows these words about its owner."""
    from zxcvbn import zxcvbn

    text = password.reveal()
    words = [word[:LONGEST_ESTIMATED] for word in words_of(context)]
    with _one_at_a_time:
        found = zxcvbn(_readable(text[:LONGEST_ESTIMATED]), user_inputs=words)
    return Strength(int(found["score"]), float(found["guesses_log10"]), text.lower() in _common())


def objection(field: str, password: Secret, context: Sequence[str]) -> FieldError | None:
    """Return why the password can't be chosen, or `None`. There are no rules of composition (NIST SP 800-63B)."""
    text = password.reveal().lower()
    if text in {word.lower() for word in words_of(context)}:
        return FieldError(field, "a password that is not your name or address", reason="contains_your_details")
    if text in _common():
        return FieldError(field, "a password that is not among the most common ones", reason="too_common")
    if estimate(password, context).score == 0:
        return FieldError(field, "a password that is harder to guess", reason="too_common")
    return None


def words_of(context: Sequence[str]) -> list[str]:
    """Return the texts, the halves of addresses and the words in them that are long enough to make a password of."""
    words: list[str] = []
    for text in context:
        parts = [text, *text.split("@"), *text.replace("@", " ").replace(".", " ").split()]
        words += [part for part in dict.fromkeys(parts) if len(part) >= _SHORTEST_WORD]
    return words


def _readable(text: str) -> str:
    """Return the text without the signs past the sixth kind: they only make a password stronger."""
    kinds = list(dict.fromkeys(letter for letter in text if letter in _SIGNS))
    return "".join(letter for letter in text if letter not in kinds[_MOST_SIGNS:])


@functools.cache
def _common() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(FREQUENCY_LISTS["passwords"])
