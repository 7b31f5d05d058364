"""What `verify_session()` gives: a signed-in presence."""

from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from watchword.identity.users import User
from watchword.sessions.assurance import Assurance


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A live session.

    Attributes:
        id: `ses_…`; names the session, opens nothing.
        user: whose it is.
        organization: the organization it acts for, or `None`.
        permissions: what the user's role permits: `notes:write`; `notes:*` for all of `notes`, `*` for everything.
        factors: what was shown, for example `("password",)`.
        assurance: how strong that is (NIST SP 800-63B).
        authenticated_at: when a factor was last shown.
        created_at: when it began.
        last_used_at: last use, as far as written down (at most once in the activity interval).
        expires_at: when it ends whatever happens.
        source: who made it: `watchword`, or the trusted system, `clerk`.
        roles: what the trusted system calls its user; a guard's `role` asks for `user.role`, never for these.
        impersonator: who acts as the user, as the trusted system names them, or `None`: the support's e-mail address.
        kind: `cookie` when the browser sent it by itself, `bearer` when a client put it in `Authorization`.
    """

    id: str
    user: User
    factors: tuple[str, ...]
    authenticated_at: datetime
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    organization: str | None = None
    permissions: tuple[str, ...] = ()
    assurance: Assurance = "aal1"
    source: str = "watchword"
    roles: tuple[str, ...] = ()
    impersonator: str | None = None
    kind: Literal["cookie", "bearer"] = "cookie"

    def may(self, permission: str) -> bool:
        """Tell whether the session has this permission, `notes:write`, itself or by a `*`.

        It asks and decides nothing: a guard or `require(permission=…)` decides.
        """
        return any(
            held in (permission, "*") or (held.endswith(":*") and permission.startswith(held[:-1]))
            for held in self.permissions
        )


class Origin(NamedTuple):
    """What the trusted system itself calls a session of its own, whatever an app makes of it.

    Attributes:
        session_id: the session's id there, or nothing where it has none.
        user_id: its user's.
        begun_at: when it began, or its token was issued: milliseconds since the epoch.
    """

    session_id: str
    user_id: str
    begun_at: int


class ForeignSession(Session, frozen=True, kw_only=True):
    """A session as the rules of a trusted system made it.

    Attributes:
        origin: what that system itself calls it. It leaves no further than the gate: clients are not told.
        believed: for how long at most, in milliseconds, this is remembered; `None` leaves it to the app.
    """

    origin: Origin
    believed: int | None = None

    def plain(self) -> Session:
        """Return the session as an app gets it."""
        return Session(**{name: getattr(self, name) for name in Session.__struct_fields__})
