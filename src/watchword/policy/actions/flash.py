"""A form that was refused, shown again: what was wrong, and what had been entered, in a cookie for one minute.

An action does not draw the app's page. It leads the browser back there, and the page asks `action_errors()`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast, final

import msgspec

from watchword.foundation.clock import MINUTE, SECOND
from watchword.foundation.encodings import EncodingError, base64url_decode, base64url_encode
from watchword.foundation.errors import Denied
from watchword.foundation.secrets import Secret
from watchword.http.body import read_form
from watchword.http.cookies import set_cookie
from watchword.http.request import Request
from watchword.policy.actions.action import Action
from watchword.policy.actions.reference import action_of
from watchword.sessions.session import Session
from watchword.sessions.verify import current_context, read_session_sync
from watchword.tokens.keyring import Keyring

LIFETIME: Final = MINUTE
_PURPOSE: Final = "action-form"
_MOST: Final = 2_400
"""Bytes; a browser keeps at least 4,096 with the name (RFC 6265bis, section 6.1), and a third is added on the way."""
_HIDDEN: Final = re.compile(r"pass|secret|token|code|pin|otp|key|card|cvc|cvv|iban|ssn|credential", re.IGNORECASE)
"""Names of fields that are never shown again."""
_NONE: Final[Mapping[str, str]] = {}


@final
class _Flash(msgspec.Struct, frozen=True, array_like=True):
    action: str
    session: str | None
    expires_at: int
    fields: dict[str, str]
    values: dict[str, str]


@final
@dataclass(frozen=True, slots=True)
class ActionErrors:
    """What was wrong with a form, and what had been entered. Empty, and false, where nothing was.

    Attributes:
        fields: by the field's name, what was expected.
        values: by the field's name, what was sent; no password and no other secret.
    """

    fields: Mapping[str, str] = field(default_factory=lambda: _NONE)
    values: Mapping[str, str] = field(default_factory=lambda: _NONE)

    def __bool__(self) -> bool:
        return bool(self.fields)


def cookie_name(*, secure: bool) -> str:
    """Return the name of the cookie."""
    return "__Host-watchword-form" if secure else "watchword-form"


def flash_cookie(
    keyring: Keyring,
    request: Request,
    action: Action,
    session: Session | None,
    denied: Denied,
    *,
    secure: bool,
    now: int,
) -> str:
    """Return the `Set-Cookie` value that tells the form's page what was wrong."""
    sent = read_form(request)
    values = {name: text for name, text in sent.items() if _may_show(action, name)} if isinstance(sent, dict) else {}
    fields = {one.field: one.expected for one in denied.fields}
    flash = _Flash(action.name, session.id if session else None, now + LIFETIME, fields, values)
    packed = msgspec.msgpack.encode(flash)
    if len(packed) > _MOST:
        packed = msgspec.msgpack.encode(msgspec.structs.replace(flash, values={}))
    if len(packed) > _MOST:
        first = dict(list(fields.items())[:1])
        packed = msgspec.msgpack.encode(msgspec.structs.replace(flash, fields=first, values={}))
    value = base64url_encode(keyring.seal(_PURPOSE, packed))
    return set_cookie(cookie_name(secure=secure), value, max_age=LIFETIME // SECOND, secure=secure)


def action_errors(action: Any) -> ActionErrors:
    """Return what was wrong with the form of this action that this browser has just sent; else what is empty.

    For the page that shows the form: `errors = action_errors(set_role)`, then in the template `errors.fields.role` and
    `errors.values.role`. It holds for a minute, and for the session that sent the form.

    Raises:
        ActionError: the function is no action.
        NoRequestError: there is no request that the page could be for.
    """
    found, keyring = action_of(action)
    context = current_context()
    sealed = context.request.cookie(cookie_name(secure=context.gate.cookies.secure))
    flash = _unseal(keyring, sealed) if sealed else None
    if flash is None or flash.action != found.name or flash.expires_at <= context.gate.clock.now():
        return ActionErrors()
    session = read_session_sync(context)
    if flash.session != (session.id if session else None):
        return ActionErrors()
    return ActionErrors(flash.fields, flash.values)


def _unseal(keyring: Keyring, sealed: str) -> _Flash | None:
    try:
        opened = keyring.unseal(_PURPOSE, base64url_decode(sealed))
    except EncodingError:
        return None
    return None if opened is None else msgspec.msgpack.decode(opened, type=_Flash)


def _may_show(action: Action, name: str) -> bool:
    kind = action.arguments.types.get(name)
    return kind is not None and not _HIDDEN.search(name) and not _holds_secret(kind)


def _holds_secret(kind: Any) -> bool:
    return kind is Secret or any(_holds_secret(one) for one in cast("tuple[Any, ...]", getattr(kind, "__args__", ())))
