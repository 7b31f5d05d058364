"""What a vendor's token says of its bearer, and how that becomes the one `Session`."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

import msgspec

from watchword.foundation.clock import SECOND, to_datetime
from watchword.foundation.ids import is_id
from watchword.identity.users import User
from watchword.sessions.session import Assurance, ForeignSession, Origin, Session
from watchword.tokens.refused import TokenRefused


class Facts(msgspec.Struct, kw_only=True):
    """What was verified. A `map` function may change it: `facts.role = "admin"`, `facts.organization = …`.

    Attributes:
        subject: the user's id, as the vendor has it.
        session_id: the session's, or where the vendor has none, the user's.
        issued_at, expires_at, authenticated_at: seconds since the epoch.
        email, name, user_name: as far as the token says.
        role: the role in *this* app that guards ask for. No vendor's word makes anyone `admin`: only `map` does.
        roles: the vendor's roles.
        permissions: the vendor's permissions; names that end in `*` are left out, since here they mean many.
        organization: the organization that the session acts for.
        factors: what was shown, in the vendor's words.
        assurance: how strong that is.
        impersonator: who acts as the user, where it is somebody else.
    """

    subject: str
    session_id: str = ""
    issued_at: float
    expires_at: float
    authenticated_at: float | None = None
    email: str = ""
    name: str = ""
    user_name: str | None = None
    role: str = "user"
    roles: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    organization: str | None = None
    factors: tuple[str, ...] = ()
    assurance: Assurance = "aal1"
    impersonator: str | None = None


Map = Callable[[Facts, Mapping[str, Any]], Facts]
"""Changes what is taken from a token: gets the facts and the verified claims, returns the facts."""


def session_of(
    source: str, facts: Facts, claims: Mapping[str, Any], map_: Map | None, *, believed: int | None = None
) -> Session:
    """Return the session of verified facts.

    Args:
        source: the vendor's name.
        facts: what was verified.
        claims: where it stands.
        map_: takes further facts.
        believed: for how long at most, in milliseconds, it is remembered.

    Raises:
        TokenRefused: the user's id is missing, or has the form of one of our own: no other system names our users.
    """
    origin = Origin(facts.session_id, facts.subject, _milliseconds(facts.issued_at))
    facts = map_(facts, claims) if map_ else facts
    session_id = facts.session_id or f"{source}:{facts.subject}"
    if not facts.subject or is_id(facts.subject, "usr") or is_id(session_id, "ses"):
        raise TokenRefused("claim_invalid", "the user's id is missing, or is one of Watchword's own", claim="sub")
    facts.session_id = session_id
    facts.permissions = tuple(one for one in facts.permissions if not one.endswith("*"))
    return begun_by(source, facts, origin, believed)


def begun_by(source: str, facts: Facts, origin: Origin | None = None, believed: int | None = None) -> Session:
    """Return the session of facts whose names are believed as they are."""
    begun = to_datetime(_milliseconds(facts.issued_at))
    at = facts.authenticated_at
    shown = begun if at is None or at >= facts.issued_at else to_datetime(_milliseconds(at))
    made = partial(ForeignSession, origin=origin, believed=believed) if origin else Session
    return made(
        id=facts.session_id,
        user=User(id=facts.subject, email=facts.email, name=facts.name, user_name=facts.user_name, role=facts.role),
        organization=facts.organization,
        roles=facts.roles,
        impersonator=facts.impersonator,
        permissions=facts.permissions,
        factors=facts.factors,
        assurance=facts.assurance,
        authenticated_at=shown,
        created_at=begun,
        last_used_at=begun,
        expires_at=to_datetime(_milliseconds(facts.expires_at)),
        source=source,
    )


def text_of(claims: Mapping[str, Any], name: str) -> str:
    """Return the claim where it is a text, else nothing."""
    value = claims.get(name)
    return value if isinstance(value, str) else ""


def texts_of(value: object) -> tuple[str, ...]:
    """Return the texts of a list, or the words of one text (`scope`)."""
    if isinstance(value, str):
        return tuple(value.split())
    return tuple(one for one in cast("list[object]", value) if isinstance(one, str)) if isinstance(value, list) else ()


def members_of(value: object) -> Mapping[str, Any]:
    """Return the members of an object; none where it is something else."""
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _milliseconds(seconds: float) -> int:
    return min(int(seconds * SECOND), 253_402_300_799_000)  # the end of the year 9999, where `datetime` ends
