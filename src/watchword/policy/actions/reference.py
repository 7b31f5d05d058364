"""Sealed references: the only address of an action.

A reference holds which action it is, whose session it is for, until when, and the arguments that are bound, under
authenticated encryption. So a browser can neither read nor change one, nor make one up; and since the key follows
from the secret, every worker opens what another one has made, also while a deploy replaces them one by one.
"""

from typing import Any, Final, final

import msgspec

from watchword.foundation.clock import DAY
from watchword.foundation.encodings import EncodingError, base64url_decode, base64url_encode
from watchword.foundation.errors import Code, WatchwordError
from watchword.policy.actions.action import Action
from watchword.policy.actions.arguments import ArgumentError
from watchword.sessions.verify import current_context, read_session_sync
from watchword.tokens.keyring import Keyring

LIFETIME: Final = DAY
LONGEST: Final = 4_000
"""Letters; a path of 8 KiB is what servers and proxies take at least."""
_PURPOSE: Final = "action"
_ATTRIBUTE: Final = "__watchword_action__"

REFERENCE_INVALID: Final = Code(
    "action_reference_invalid",
    404,
    "This form is no longer valid",
    "Load the page again and send it from there: a reference is for one session and lasts a day.",
)


class ActionError(WatchwordError):
    """An action is referred to in a way that can't work: says what to write instead."""


@final
class Reference(msgspec.Struct, frozen=True, array_like=True):
    """What is sealed in a reference.

    Attributes:
        action: name of the action.
        session: id of the session that it is for, or `None` where nobody was signed in.
        expires_at: when it ends, in milliseconds.
        names: of the bound arguments.
        bound: these, encoded.
    """

    action: str
    session: str | None
    expires_at: int
    names: tuple[str, ...]
    bound: bytes


_decoder: Final = msgspec.msgpack.Decoder(Reference)


def seal(keyring: Keyring, reference: Reference) -> str:
    """Return the reference as its holder gets it: letters that a path takes as they are."""
    return base64url_encode(keyring.seal(_PURPOSE, msgspec.msgpack.encode(reference)))


def unseal(keyring: Keyring, text: str, now: int) -> Reference | None:
    """Return what a reference holds, or `None` where it is none of ours, or has ended."""
    if len(text) > LONGEST:
        return None
    try:
        opened = keyring.unseal(_PURPOSE, base64url_decode(text))
    except EncodingError:
        return None
    if opened is None:
        return None
    reference = _decoder.decode(opened)
    return reference if now < reference.expires_at else None


def mark(function: Any, action: Action, keyring: Keyring) -> None:
    """Note on a function that it is this action, for `action_ref()`."""
    setattr(function, _ATTRIBUTE, (action, keyring))


def action_of(function: Any) -> tuple[Action, Keyring]:
    """Return the action that a function is, and the keys of its `Auth`.

    Raises:
        ActionError: it is none.
    """
    found = getattr(function, _ATTRIBUTE, None)
    if found is None:
        name = getattr(function, "__qualname__", repr(function))
        raise ActionError(f"{name} is no action: put @auth.action(guard()) on it, and pass the function itself")
    return found


def action_ref(action: Any, /, **bound: Any) -> str:
    """Return a reference to an action, for the page that is being made: `POST /auth/actions/{reference}` runs it.

    For example: `<form method="post" action="/auth/actions/{{ action_ref(set_role, user_id=user.id) }}">`.

    It works for the session of this request alone, until that ends, and a day at most. Where nobody is signed in, it
    works only for those who are not. If the handler has not looked at the session yet, this reads it: in async code
    `await verify_session()` first, so that the event loop does not wait for the database.

    Args:
        action: the function that `@auth.action(...)` stands on.
        bound: arguments that the browser is neither to see nor to choose. The action gets these, whatever is sent.

    Raises:
        ActionError: the function is no action, it has no such parameter, the value is not of its type, or the
            reference would be longer than 4,000 letters.
        NoRequestError: there is no request that the page could be for.
    """
    found, keyring = action_of(action)
    context = current_context()
    session = read_session_sync(context)
    try:
        packed = found.arguments.bind(bound)
    except ArgumentError as error:
        raise ActionError(str(error)) from None
    end = context.gate.clock.now() + LIFETIME
    sealed = seal(keyring, Reference(found.name, session.id if session else None, end, tuple(bound), packed))
    if len(sealed) > LONGEST:
        raise ActionError(
            f"too much is bound to {found.name}: bind the id of a thing, and read the thing in the action"
        )
    return sealed
