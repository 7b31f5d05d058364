"""An answer that does not leave: why, and what its developer should do about it."""

from dataclasses import dataclass
from typing import Final, Literal, final

from watchword.foundation.errors import Code

RESPONSE_WITHHELD: Final = Code(
    "response_withheld",
    500,
    "The answer was withheld",
    "The server's log names the handler; in development mode this answer says what to add.",
)
Reason = Literal["undecided", "failed", "refused", "tainted", "unreadable"]

_EXPLANATIONS: Final[dict[Reason, str]] = {
    "undecided": (
        "It answered before anybody decided who may see this. Guard it with @guard(), declare it @public, or decide "
        "inside it: `await require(...)`, or `await verify_session()` in the handler itself, under @guard.inside."
    ),
    "failed": "It failed before anybody decided who may see this. The server's log has its traceback.",
    "refused": (
        "It went on after a refusal. Let the exception of require() pass; to ask without deciding, look at "
        "`session.user.role` or `session.may(...)`."
    ),
    "tainted": "It would have sent a value that must not leave.",
    "unreadable": "Its body is encoded in a way that can't be searched for secrets. Send it plain, or as gzip.",
}


@final
@dataclass(frozen=True, slots=True)
class Withheld:
    """Why an answer does not leave.

    Attributes:
        reason: what it lacks, or holds.
        handler: who answered; empty where it was no known handler.
        message: what the developer wrote when they tainted the value, if it is that.
    """

    reason: Reason
    handler: str
    message: str = ""

    def explain(self, path: str) -> str:
        """Return what happened and what to do, for the developer: never for a stranger."""
        who = self.handler or f"Something that is no handler of the app, such as a middleware, answered {path}."
        fix = _EXPLANATIONS[self.reason]
        if not self.handler and self.reason == "undecided":
            fix = f'If everyone may see it: protect(app, auth, public=["{path}"]).'
        return " ".join(filter(None, (f"{who}:" if self.handler else who, fix, self.message)))
