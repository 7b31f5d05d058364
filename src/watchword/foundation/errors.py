"""Refusals and defects.

A refusal is a value: a `Denied` with a `Code`, returned, so that its transaction commits. A defect is an exception.
The three exceptions that `require()` raises say what the caller of a route lacks; the web adapters answer them.
"""

from dataclasses import dataclass, field
from typing import Final, final

_registry: dict[str, "Code"] = {}


@final
@dataclass(frozen=True, slots=True)
class Code:
    """A stable machine-readable name for one kind of refusal, with its HTTP status and its title for people.

    The set is closed: a code is declared once, as a constant in the room that refuses, and listed in the docs.
    """

    name: str
    status: int
    title: str
    fix: str
    """What the client's developer can do about it."""

    def __post_init__(self) -> None:
        if self.name in _registry:
            raise ValueError(f"the code {self.name!r} is declared twice: use the first declaration")
        _registry[self.name] = self


def declared_codes() -> tuple[Code, ...]:
    """Return every code that the loaded rooms declare, by name."""
    return tuple(_registry[name] for name in sorted(_registry))


@final
@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of the input: where it is (`email`, `address.city`) and what was expected."""

    field: str
    expected: str
    reason: str = ""
    """A stable name of the fault, for texts in other languages: `too_short`, `email_invalid`."""


@final
@dataclass(frozen=True, slots=True)
class Denied:
    """A refusal: what a step returns when it says no. Never raised, so what it counted and audited is kept."""

    code: Code
    detail: str = ""
    fields: tuple[FieldError, ...] = ()
    retry_after: int | None = None
    """Seconds until the same call can succeed, for `Retry-After`."""
    headers: tuple[tuple[str, str], ...] = ()
    extra: dict[str, object] = field(default_factory=dict[str, object])
    """Further members of the problem document (RFC 9457, section 3.2)."""


INPUT_INVALID: Final = Code(
    "input_invalid", 422, "The input is not what this call expects", "Send what each entry of `fields` names."
)
UNAUTHENTICATED: Final = Code(
    "unauthenticated", 401, "Sign in first", "Send the session cookie or `Authorization: Bearer` with a live session."
)
FORBIDDEN: Final = Code("forbidden", 403, "Not allowed", "Use an account that has the right this route asks for.")
STEP_UP_REQUIRED: Final = Code(
    "insufficient_user_authentication", 401, "Sign in again", "Prove who you are once more, then repeat the call."
)
NOT_FOUND: Final = Code("not_found", 404, "There is no such thing here", "Check the path and the ids in it.")
UNAVAILABLE: Final = Code(
    "unavailable", 503, "The service can't answer right now", "Try again after `Retry-After` seconds."
)
BUSY: Final = Code("busy", 503, "Too many sign-ins at once", "Try again after `Retry-After` seconds.")


class WatchwordError(Exception):
    """Base of every exception that Watchword raises on purpose."""


class ConfigurationError(WatchwordError):
    """The settings can't work or are not safe: says what was expected and how to fix it."""


class StoreUnavailableError(WatchwordError):
    """The database can't be reached, is full or is locked for too long. Answered as 503, nothing changed."""


class AccessError(WatchwordError):
    """The request may not do this. Web adapters answer it as a problem document, or lead a browser to sign in."""

    code: Code = FORBIDDEN

    def __init__(self, detail: str = "", *, extra: dict[str, object] | None = None) -> None:
        super().__init__(detail or self.code.title)
        self.detail = detail
        self.extra = extra or {}


class Unauthenticated(AccessError):
    """No live session came with the request: 401."""

    code = UNAUTHENTICATED


class Forbidden(AccessError):
    """The session is live but has not the right: 403."""

    code = FORBIDDEN


class StepUpRequired(AccessError):
    """The sign-in is too weak or too old for this: 401 with `insufficient_user_authentication` (RFC 9470)."""

    code = STEP_UP_REQUIRED


class NotFound(AccessError):
    """There is nothing here that this session may know of: 404, for things that belong to somebody else."""

    code = NOT_FOUND
