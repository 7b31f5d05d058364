"""What an attempt does once a further factor is shown: let in, or make the session stronger."""

from typing import Final, final

from watchword.admission import attempt as attempts
from watchword.admission import door, second_factor
from watchword.admission.attempt import ATTEMPT_EXPIRED, Attempt, Plan
from watchword.admission.browser import Browser
from watchword.admission.outcome import Complete, NextStep, Pending
from watchword.admission.proof import Proof
from watchword.admission.services import Services
from watchword.foundation.errors import Code, Denied
from watchword.http.request import Request
from watchword.identity.users import account_by_id
from watchword.sessions.session import Session
from watchword.storage.store import Transaction

NOTHING_TO_SHOW: Final = Code(
    "nothing_to_show", 409, "This account has nothing that could be shown again", "Sign out, and sign in anew."
)


@final
class StepUpSteps:
    """The steps of the feature."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def begin(self, request: Request, session: Session) -> Pending | Denied:
        """Begin an attempt to show once more who is signed in: with the second factor where there is one."""
        services = self._services
        with services.store.write() as tx:
            denied = services.limiter.take(tx, "account_change", session.user.id)
            steps = self._steps(tx, session)
            if denied is not None or not steps:
                return denied or Denied(NOTHING_TO_SHOW)
            browser = Browser(request, services.cookies)
            plan = Plan(email=session.user.email)
            attempt = attempts.begin(
                tx, services.keyring, browser.hash, purpose="step_up", plan=plan, user_id=session.user.id
            )
            return Pending(attempt.id, steps, browser.set_cookie())

    def steps_of(self, request: Request, attempt_id: str) -> tuple[Attempt, tuple[NextStep, ...]] | None:
        """Return the open attempt that this browser began and the steps that carry it on; changes nothing."""
        services = self._services
        with services.store.read() as tx:
            found = second_factor.look_up(tx, services, request, attempt_id)
            return (found[0], second_factor.offered(tx, services, found[1], found[0].purpose)) if found else None

    def steps_for(self, session: Session) -> tuple[NextStep, ...]:
        """Return what whoever is signed in can show to step up; changes nothing."""
        with self._services.store.read() as tx:
            return self._steps(tx, session)

    def sign_in(self, tx: Transaction, request: Request, attempt: Attempt, proof: Proof) -> Complete | Pending | Denied:
        """Go to the door again with all that was shown in this attempt."""
        account = account_by_id(tx, attempt.user_id or "")
        if account is None or account.disabled:
            return Denied(ATTEMPT_EXPIRED)
        proofs = (*attempt.plan.proofs, proof)
        return door.admit(tx, self._services, request, account.user, proofs, next_page=attempt.plan.next_page)

    def step_up(self, tx: Transaction, request: Request, attempt: Attempt, proof: Proof) -> Complete | Denied:
        """Make the session stronger and fresh; it must be the same person's that began."""
        session = self._services.gate.verify(request, tx)
        if session is None or session.user.id != attempt.user_id:
            return Denied(ATTEMPT_EXPIRED)
        return door.step_up(tx, self._services, request, session, proof)

    def _steps(self, tx: Transaction, session: Session) -> tuple[NextStep, ...]:
        account = account_by_id(tx, session.user.id)
        return second_factor.offered(tx, self._services, account, "step_up") if account else ()
