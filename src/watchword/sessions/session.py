"""What `verify_session()` gives: a signed-in presence."""

from datetime import datetime
from typing import Literal

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
