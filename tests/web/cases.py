"""What every framework must answer: each guard, for each visitor, by each kind of handler. One table for all of them.

An app of `tests/web/apps/` has these paths below `/async` and `/sync`, as far as its framework has such handlers, and
those of `WHOLE` as they stand here. A handler that lets the visitor in answers with the text `in`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

SECRET: Final = "what nobody decided about"
"""What a handler answers that should not have answered."""

VISITORS: Final = ("nobody", "user", "admin")
_ADMINS = (401, 403, 200)
_WITHHELD = (500, 500, 500)

EXPECTED: Final[dict[str, tuple[int, int, int]]] = {
    "/public": (200, 200, 200),
    "/signed-in": (401, 200, 200),
    "/admin": _ADMINS,
    "/permission": _ADMINS,      # permission="notes:write": the role admin may do everything
    "/any": _ADMINS,             # any_of=[role admin, permission notes:write]
    "/all": _ADMINS,             # all_of=[role admin, permission notes:write]
    "/organization": (401, 403, 403),
    "/assurance": (401, 401, 401),  # aal2, which a password alone is not
    "/fresh": (401, 200, 200),   # "10m", and the sign-in was a moment ago
    "/own/{user}": (401, 200, 403),  # when: session.user.id == user_id; the user's own id
    "/raises": (401, 500, 500),  # the guard's own code fails: denied
    "/truthy": (401, 500, 500),  # it answers 1 instead of True: denied
    "/inside": _ADMINS,          # require(role="admin")
    "/looks": _ADMINS,           # verify_session(), then its own 401 and 403
    "/forgets": _WITHHELD,       # nothing was decided
    "/early": _WITHHELD,         # it returns before its require()
    "/swallows": (401, 500, 200),  # it catches Forbidden and goes on
    "/stream": (401, 200, 200),
    "/stream-forgets": _WITHHELD,
}  # fmt: skip
"""Below `/async` and `/sync`: the status for nobody, for a user and for an admin."""

WHOLE: Final[dict[str, tuple[int, int, int]]] = {
    "/class/admin": _ADMINS,     # a class-based view, guarded as a whole
    "/router/one": _ADMINS,      # a router, blueprint, controller or include, guarded as a whole
    "/prefix/one": _ADMINS,      # guards={"/prefix": guard(role="admin")}
    "/no-such-path": (404, 404, 404),
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One visitor at one path."""

    path: str
    visitor: str
    status: int

    @property
    def text(self) -> str | None:
        """What comes with a 200."""
        if self.status != 200:
            return None
        if self.path.endswith("/swallows"):
            return SECRET
        return "one two " if self.path.endswith("/stream") else "in"

    @property
    def code(self) -> str | None:
        """The problem document's code, for a program; `None` where the framework answers by itself."""
        if self.status == 401:
            return "insufficient_user_authentication" if self._is_step_up else "unauthenticated"
        return {403: "forbidden"}.get(self.status)

    @property
    def _is_step_up(self) -> bool:
        return self.visitor != "nobody" and self.path.endswith("/assurance")


def cases(kinds: tuple[str, ...]) -> Iterator[Case]:
    """Yield every case of an app with these kinds of handlers."""
    paths = {f"/{kind}{path}": statuses for kind in kinds for path, statuses in EXPECTED.items()} | WHOLE
    for path, statuses in paths.items():
        for visitor, status in zip(VISITORS, statuses, strict=True):
            yield Case(path, visitor, status)
