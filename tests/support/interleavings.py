"""Every order in which the steps of several processes can happen, tried."""

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

State = TypeVar("State", bound=Hashable)


class Violated(AssertionError):
    """A property does not hold; the message tells the steps that lead there."""


def explore(start: State, moves: Callable[[State], Iterable[State]], wrong: Callable[[State], str | None]) -> int:
    """Visit every state that can be reached, and return how many there are.

    Args:
        start: the first state.
        moves: the states that one step of one process leads to.
        wrong: says what is wrong with a state, or `None`.
    """
    came_from: dict[State, State | None] = {start: None}
    waiting = [start]
    while waiting:
        state = waiting.pop()
        if (what := wrong(state)) is not None:
            raise Violated("\n".join([what, *_trace(came_from, state)]))
        for following in moves(state):
            if following not in came_from:
                came_from[following] = state
                waiting.append(following)
    return len(came_from)


def _trace(came_from: dict[State, State | None], state: State | None) -> list[str]:
    lines: list[str] = []
    while state is not None:
        lines.append(repr(state))
        state = came_from[state]
    return lines[::-1]
