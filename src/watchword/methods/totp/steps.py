"""What an authenticator app does: set up, confirm, prove, remove."""

from datetime import datetime
from typing import Any, final

import msgspec
from sqlalchemy import Row, delete, exists, insert, select, update

from watchword.admission import attempt as attempts
from watchword.admission import door, second_factor
from watchword.admission.attempt import ATTEMPT_EXPIRED, Attempt, Plan
from watchword.admission.browser import Browser
from watchword.admission.outcome import Complete, Pending
from watchword.admission.proof import Proof
from watchword.admission.second_factor import SECOND_FACTOR_INVALID, SECOND_FACTOR_REQUIRED, STEP_NOT_OFFERED
from watchword.admission.services import Services
from watchword.audit.events import AuditEvent
from watchword.foundation.clock import to_datetime
from watchword.foundation.errors import NOT_FOUND, Denied
from watchword.foundation.secrets import Secret
from watchword.http.request import Request
from watchword.identity.users import Account, account_by_id
from watchword.methods.totp.codes import Enrolment, enrolment, new_secret, step_of
from watchword.methods.totp.tables import totp_secrets
from watchword.sessions.session import Session
from watchword.storage.store import Transaction
from watchword.tokens.keyring import length_prefixed

ENROL = "totp_enrol"
"""Purpose of the attempt that holds a secret until its first code comes."""


Begun = tuple[Enrolment, tuple[str, ...]]
"""A secret on its way, and the cookies that bind it to this browser."""


class TOTPView(msgspec.Struct, frozen=True, kw_only=True):
    """The authenticator app, as its owner sees it."""

    created_at: datetime
    last_used_at: datetime


@final
class TOTPSteps:
    """The steps of the method, and what the door asks of it as a second factor."""

    method = "totp"
    enrolment: str | None = "totp/enrol"
    is_backup = False
    held = exists().where(totp_secrets.c.user_id == second_factor.USER)
    """Whether the user has an app."""

    def __init__(self, services: Services, issuer: str) -> None:
        self._services = services
        self._issuer = issuer

    def forget(self, tx: Transaction, user_id: str) -> None:
        """Remove the user's app."""
        tx.execute(delete(totp_secrets).where(totp_secrets.c.user_id == user_id))

    def view(self, session: Session) -> TOTPView | None:
        """Return the app of whoever is signed in, or `None`."""
        with self._services.store.read() as tx:
            row = _row(tx, session.user.id)
        if row is None:
            return None
        return TOTPView(created_at=to_datetime(row.created_at), last_used_at=to_datetime(row.last_used_at))

    def enrol(self, request: Request, session: Session) -> Begun | Denied:
        """Make a secret for whoever is signed in and has just shown who they are; one asked for before is void."""
        services = self._services
        with services.store.write() as tx:
            denied = second_factor.stale(tx, services, session)
            denied = denied or services.limiter.take(tx, "account_change", session.user.id)
            account = account_by_id(tx, session.user.id)
            if denied is not None or account is None:
                return denied or Denied(ATTEMPT_EXPIRED)
            return self._begin(tx, request, account, parent="")

    def enrol_within(self, request: Request, attempt_id: str) -> Begun | Denied:
        """Make a secret for somebody who has to have one to sign in, and has no second factor yet."""
        services = self._services
        with services.store.write() as tx:
            found = second_factor.look_up(tx, services, request, attempt_id)
            if found is None:
                return Denied(ATTEMPT_EXPIRED)
            attempt, account = found
            if not self._may_enrol_within(tx, attempt, account):
                return Denied(STEP_NOT_OFFERED)
            denied = services.limiter.take(tx, "account_change", account.user.id)
            return denied or self._begin(tx, request, account, parent=attempt.id)

    def again(self, request: Request, attempt_id: str) -> Enrolment | None:
        """Return the secret that waits for its first code, for a form that is shown once more after a wrong one."""
        services = self._services
        with services.store.read() as tx:
            browser = Browser(request, services.cookies)
            attempt = None if browser.is_new else attempts.load(tx, services.keyring, browser.hash, attempt_id)
            account = account_by_id(tx, attempt.user_id or "") if attempt and attempt.purpose == ENROL else None
        if attempt is None or account is None:
            return None
        return enrolment(attempt.id, attempt.plan.secret, account=account.user.email, issuer=self._issuer)

    def confirm(self, request: Request, attempt_id: str, code: Secret) -> Complete | Pending | Denied:
        """Set the app up with its first code: that shows that the secret has arrived (CB-195).

        Within a sign-in the code is the second factor that was missing. In a session it makes that one stronger.
        """
        services = self._services
        with services.store.write() as tx:
            browser = Browser(request, services.cookies)
            attempt = None if browser.is_new else attempts.load(tx, services.keyring, browser.hash, attempt_id)
            account = account_by_id(tx, attempt.user_id or "") if attempt else None
            if attempt is None or attempt.purpose != ENROL or account is None or account.disabled:
                return Denied(ATTEMPT_EXPIRED)
            user = account.user
            denied = services.limiter.take(tx, "second_factor_account", user.id)
            if denied is not None:
                return denied
            step = step_of(attempt.plan.secret, code, tx.now, after=-1)
            if step is None:
                return Denied(SECOND_FACTOR_INVALID)
            session = services.gate.verify(request, tx) if not attempt.plan.parent else None
            parent = second_factor.look_up(tx, services, request, attempt.plan.parent) if attempt.plan.parent else None
            # Whoever began must still be signed in here, or still be on the way in without another factor.
            if parent is None and (session is None or session.user.id != user.id):
                return Denied(ATTEMPT_EXPIRED)
            if parent is not None and not self._may_enrol_within(tx, *parent):
                return Denied(STEP_NOT_OFFERED)
            if not attempts.complete(tx, attempt):
                return Denied(ATTEMPT_EXPIRED)
            self._keep(tx, request, account, attempt.plan.secret, step)
            proof = Proof(factor="totp", at=tx.now)
            if parent is not None:
                return second_factor.proven(tx, services, request, parent[0], proof)
            services.limiter.give_back(tx, "second_factor_account", user.id)
            return door.step_up(tx, services, request, session, proof) if session else Denied(ATTEMPT_EXPIRED)

    def prove(self, request: Request, attempt_id: str, code: Secret) -> Complete | Pending | Denied:
        """Carry an attempt on with the code that the app shows now. Each counts once, of any number at once (A87)."""
        services = self._services
        with services.store.write() as tx:
            found = second_factor.open_attempt(tx, services, request, attempt_id, self.method)
            if isinstance(found, Denied):
                return found
            attempt, account = found
            if not self._use(tx, account.user.id, code):
                return second_factor.failed(tx, services, request, attempt, self.method)
            return second_factor.proven(tx, services, request, attempt, Proof(factor="totp", at=tx.now))

    def remove(self, request: Request, session: Session) -> Denied | None:
        """Remove the app of whoever is signed in and has just shown who they are; tell them by mail."""
        services = self._services
        with services.store.write() as tx:
            if denied := second_factor.stale(tx, services, session):
                return denied
            if second_factor.is_last_required(tx, services, session.user, self.method):
                return Denied(SECOND_FACTOR_REQUIRED)
            account = account_by_id(tx, session.user.id)
            if account is None or _row(tx, session.user.id) is None:
                return Denied(NOT_FOUND)
            self.forget(tx, account.user.id)
            services.note(tx, AuditEvent.FACTOR_REMOVED, request, account.user.id, factor="totp")
            services.send(tx, "totp_removed", account.user.email, account.language, self._link(request))
            return None

    def _begin(self, tx: Transaction, request: Request, account: Account, *, parent: str) -> Begun:
        services = self._services
        attempts.cancel(tx, account.user.id, ENROL)
        plan = Plan(secret=new_secret(), parent=parent)
        browser = Browser(request, services.cookies)
        attempt = attempts.begin(tx, services.keyring, browser.hash, purpose=ENROL, plan=plan, user_id=account.user.id)
        shown = enrolment(attempt.id, plan.secret, account=account.user.email, issuer=self._issuer)
        return shown, browser.set_cookie()

    def _may_enrol_within(self, tx: Transaction, attempt: Attempt, account: Account) -> bool:
        offered = second_factor.offered(tx, self._services, account, attempt.purpose)
        return self.enrolment in {step.method for step in offered}

    def _keep(self, tx: Transaction, request: Request, account: Account, secret: bytes, step: int) -> None:
        services, user_id = self._services, account.user.id
        self.forget(tx, user_id)
        # With its owner's id inside the seal, the secret is worth nothing in another person's row.
        sealed = services.keyring.seal("totp", length_prefixed(user_id.encode(), secret))
        row = {"user_id": user_id, "sealed": sealed, "last_step": step, "created_at": tx.now, "last_used_at": tx.now}
        tx.execute(insert(totp_secrets), row)
        services.note(tx, AuditEvent.FACTOR_ADDED, request, user_id, factor="totp")
        services.send(tx, "totp_added", account.user.email, account.language, self._link(request))

    def _use(self, tx: Transaction, user_id: str, code: Secret) -> bool:
        row = _row(tx, user_id)
        opened = self._services.keyring.unseal("totp", row.sealed) if row else None
        head = length_prefixed(user_id.encode())
        if row is None or opened is None or not opened.startswith(head):
            return False
        step = step_of(opened[len(head) + 8 :], code, tx.now, after=row.last_step)
        if step is None:
            return False
        # The row is compared again as it is written, so that of two who come at once one is refused.
        used = update(totp_secrets).where(totp_secrets.c.user_id == user_id, totp_secrets.c.last_step < step)
        return tx.execute(used.values(last_step=step, last_used_at=tx.now)).rowcount == 1

    def _link(self, request: Request) -> dict[str, str]:
        return {"link": self._services.url(request, "/account")}


def _row(tx: Transaction, user_id: str) -> Row[Any] | None:
    return tx.execute(select(totp_secrets).where(totp_secrets.c.user_id == user_id)).first()
