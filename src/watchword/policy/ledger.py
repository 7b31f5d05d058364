"""The decision ledger: what was decided for one request, and so whether its answer may leave."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final, Literal, final

import msgspec

_NO_TASK: Final = object()
"""Stands for the task of a handler that has none, or for which it does not matter."""
Verdict = Literal["undecided", "refused", "tainted"]
"""Why an answer is withheld: nobody decided, the handler went on after a refusal, or returned a tainted object."""


@final
@dataclass(frozen=True, slots=True)
class Decision:
    """One decision.

    Attributes:
        rule: what was asked, in a few words: `role admin`.
        by: id of the session that it is about, or `None` where nobody is signed in.
        on: name of the handler.
        allowed: the answer.
    """

    rule: str
    by: str | None
    on: str
    allowed: bool


@final
class Ledger(msgspec.Struct, eq=False):
    """The decisions of one request, and of no other: every request has a ledger of its own.

    A refusal is final. A handler that catches one and answers as if nothing was has no answer.

    Attributes:
        handler: name and place of the handler that answers, as far as it is known.
        rule: the rule that let the request through to its handler, so that it is not asked twice.
        allowed: whether somebody let the request through.
        refused: whether somebody did not.
        tainted: what the developer wrote about an object that the handler returned, and must not.
    """

    handler: str = ""
    rule: Any = None
    allowed: bool = False
    refused: bool = False
    tainted: str | None = None
    _decisions: list[tuple[str, str | None, str, bool]] = msgspec.field(
        default_factory=list[tuple[str, str | None, str, bool]]
    )
    _task: Any = None

    def enter(self, handler: str, *, looks: bool = True) -> None:
        """Say that this handler begins, in this task: from here on, to look at the session counts as a decision.

        What let it in lets nothing else in: a handler that calls another guarded one asks that one's rule.

        Args:
            handler: its name.
            looks: whether it decides by itself; for another, its task need not be known.
        """
        self.handler = handler
        self.rule = None
        self._task = (_current_task() if looks else None) or _NO_TASK

    def note(self, rule: str, by: str | None, *, allowed: bool) -> None:
        """Write a decision down."""
        self._decisions.append((rule, by, self.handler, allowed))
        if allowed:
            self.allowed = True
        else:
            self.refused = True

    def looked(self, by: str | None) -> None:
        """Write down that the handler looked at the session to decide by itself.

        It counts in the handler alone: not before it, in a middleware that looks for a purpose of its own, and not in
        another task, whose outcome the answer does not wait for.
        """
        if self._task is not None and _current_task() in (None, self._task):
            self.note("looked at the session", by, allowed=True)

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What was decided, in order."""
        return tuple(Decision(*entry) for entry in self._decisions)

    def verdict(self, status: int) -> Verdict | None:
        """Return why an answer with this status is withheld, or `None` where it may leave.

        After a refusal the app may still say so in its own way: with a status that refuses, or leading elsewhere.
        """
        if self.tainted is not None:
            return "tainted"
        if self.refused:
            return None if 300 <= status < 500 else "refused"
        return None if self.allowed else "undecided"

    @property
    def is_untouched(self) -> bool:
        """Tell whether no handler has begun: what answers is the framework, to a path or an input that it refuses."""
        return self._task is None


def _current_task() -> Any:
    """Return the asyncio task that runs this; `None` in a thread without a loop, as a synchronous handler has it."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
