"""What a step of a sign-in leads to: a session, another step, or a refusal (`Denied`)."""

from dataclasses import dataclass, field
from typing import Literal, final

import msgspec

from watchword.sessions.session import Session


class NextStep(msgspec.Struct, frozen=True, kw_only=True):
    """What carries an attempt on.

    Attributes:
        method: name of the step: `POST /auth/attempt/{method}`.
        to: where its code went, masked (`a…@example.org`); empty where nothing was sent.
    """

    method: str
    to: str = ""


class PendingAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The attempt goes on: show the person the next step."""

    status: Literal["pending"] = "pending"
    attempt: str
    next: tuple[NextStep, ...]


class CompleteAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Signed in: the session, whose token came in the cookie."""

    status: Literal["complete"] = "complete"
    session: Session


@final
@dataclass(frozen=True, slots=True)
class Pending:
    """The attempt needs another step; `cookies` bind it to this browser."""

    attempt: str
    next: tuple[NextStep, ...]
    cookies: tuple[str, ...] = ()

    def answer(self) -> PendingAnswer:
        """Return the body of the 202."""
        return PendingAnswer(attempt=self.attempt, next=self.next)


@final
@dataclass(frozen=True, slots=True)
class Complete:
    """The person is signed in; `cookies` carry the session's token."""

    session: Session
    cookies: tuple[str, ...] = field(repr=False)

    def answer(self) -> CompleteAnswer:
        """Return the body of the 200."""
        return CompleteAnswer(session=self.session)
