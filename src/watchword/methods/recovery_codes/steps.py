"""What recovery codes do: made, shown once, each used once."""

from typing import Final, final

from sqlalchemy import delete, exists, func, insert, select, update

from watchword.admission import second_factor
from watchword.admission.attempt import ATTEMPT_EXPIRED
from watchword.admission.outcome import Complete, Pending
from watchword.admission.proof import Proof
from watchword.admission.services import Services
from watchword.audit.events import AuditEvent
from watchword.foundation.errors import Denied
from watchword.foundation.ids import new_id
from watchword.foundation.secrets import Secret, random_secret
from watchword.http.request import Request
from watchword.identity.users import Account, account_by_id
from watchword.methods.recovery_codes.tables import recovery_codes
from watchword.sessions.session import Session
from watchword.storage.store import Transaction
from watchword.tokens.keyring import length_prefixed

COUNT: Final = 10
FEW: Final = 3
"""So many left, or fewer, and the mail about a use says to make new ones."""
_CODE_BYTES: Final = 10
"""80 bits, 16 letters: too many to guess even offline, so a keyed hash serves as well as a slow one (CB-205, CB-206)."""


@final
class RecoveryCodeSteps:
    """The steps of the method, and what the door asks of it as a second factor."""

    method = "recovery_code"
    enrolment: str | None = None
    is_backup = True
    held = exists().where(recovery_codes.c.user_id == second_factor.USER, recovery_codes.c.used_at.is_(None))
    """Whether the user has a code left."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def forget(self, tx: Transaction, user_id: str) -> None:
        """Remove the user's codes."""
        tx.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))

    def left(self, session: Session) -> int:
        """Return how many codes whoever is signed in has left."""
        with self._services.store.read() as tx:
            return self._count(tx, session.user.id)

    def make(self, request: Request, session: Session) -> list[str] | Denied:
        """Return new codes for whoever is signed in and has just shown who they are; the earlier ones are void.

        This is the only time that they are shown (CB-207, CB-208).
        """
        services = self._services
        with services.store.write() as tx:
            denied = second_factor.stale(tx, services, session)
            denied = denied or services.limiter.take(tx, "account_change", session.user.id)
            account = account_by_id(tx, session.user.id)
            if denied is not None or account is None:
                return denied or Denied(ATTEMPT_EXPIRED)
            user_id = account.user.id
            self.forget(tx, user_id)
            codes = [random_secret(_CODE_BYTES).reveal() for _ in range(COUNT)]
            rows = [
                {
                    "id": new_id("rec"),
                    "user_id": user_id,
                    "code_mac": services.keyring.mac("recovery_code", _text(user_id, code)),
                    "created_at": tx.now,
                    "used_at": None,
                }
                for code in codes
            ]
            tx.execute(insert(recovery_codes), rows)
            services.note(tx, AuditEvent.RECOVERY_CODES_MADE, request, user_id, count=COUNT)
            services.send(tx, "recovery_codes_made", account.user.email, account.language, self._link(request))
        return [grouped(code) for code in codes]

    def prove(self, request: Request, attempt_id: str, code: Secret) -> Complete | Pending | Denied:
        """Carry an attempt on with a code. It is gone then, and its owner is told by mail."""
        services = self._services
        with services.store.write() as tx:
            found = second_factor.open_attempt(tx, services, request, attempt_id, self.method)
            if isinstance(found, Denied):
                return found
            attempt, account = found
            if not self._use(tx, account.user.id, code):
                return second_factor.failed(tx, services, request, attempt, self.method)
            self._tell(tx, request, account)
            return second_factor.proven(tx, services, request, attempt, Proof(factor="recovery_code", at=tx.now))

    def _use(self, tx: Transaction, user_id: str, code: Secret) -> bool:
        """Use the code up; of any number of callers at once, one does."""
        text = _text(user_id, code.reveal().lower())
        unused = select(recovery_codes.c.id, recovery_codes.c.code_mac).where(
            recovery_codes.c.user_id == user_id, recovery_codes.c.used_at.is_(None)
        )
        keyring = self._services.keyring
        matching = [row.id for row in tx.execute(unused) if keyring.verifies("recovery_code", text, row.code_mac)]
        if not matching:
            return False
        used = update(recovery_codes).where(recovery_codes.c.id == matching[0], recovery_codes.c.used_at.is_(None))
        return tx.execute(used.values(used_at=tx.now)).rowcount == 1

    def _tell(self, tx: Transaction, request: Request, account: Account) -> None:
        services, left = self._services, self._count(tx, account.user.id)
        services.note(tx, AuditEvent.RECOVERY_CODE_USED, request, account.user.id, left=left)
        kind = "recovery_codes_low" if left <= FEW else "recovery_code_used"
        values = {"left": str(left), **self._link(request)}
        services.send(tx, kind, account.user.email, account.language, values)

    def _count(self, tx: Transaction, user_id: str) -> int:
        unused = (
            select(func.count())
            .select_from(recovery_codes)
            .where(recovery_codes.c.user_id == user_id, recovery_codes.c.used_at.is_(None))
        )
        return tx.execute(unused).scalar_one()

    def _link(self, request: Request) -> dict[str, str]:
        return {"link": self._services.url(request, "/account")}


def grouped(code: str) -> str:
    """Return the code in groups of four letters, for reading."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def _text(user_id: str, code: str) -> bytes:
    return length_prefixed(user_id.encode(), code.encode("utf-8", "surrogatepass"))
