"""What a passkey does once it is there: sign in, be a second factor, step up."""

from typing import Any, final

from sqlalchemy import Row, exists

from watchword.admission import door, second_factor
from watchword.admission.attempt import ATTEMPT_EXPIRED, Plan
from watchword.admission.outcome import Complete, Pending
from watchword.admission.proof import Proof
from watchword.admission.services import Services
from watchword.audit.events import AuditEvent
from watchword.foundation.encodings import EncodingError, base64url_decode
from watchword.foundation.errors import Denied
from watchword.foundation.secrets import same_bytes
from watchword.http.address import address_bucket
from watchword.http.origin import safe_return
from watchword.http.request import Request
from watchword.identity.users import account_by_id
from watchword.methods.passkey import store
from watchword.methods.passkey.base import PASSKEY_INVALID, PASSKEY_UNKNOWN, Ceremonies, read_answer
from watchword.methods.passkey.ceremony import Assertion, Shown, check_assertion
from watchword.methods.passkey.keys import CeremonyError
from watchword.methods.passkey.options import Asked, CeremonyOptions, ask, request_options
from watchword.methods.passkey.tables import passkeys
from watchword.storage.store import Transaction

SIGN_IN, WITHIN = "passkey_sign_in", "passkey_within"
"""Purposes of the attempts that hold a challenge."""


@final
class PasskeySteps:
    """The steps of the method, and what the door asks of it as a second factor."""

    method = "passkey"
    enrolment: str | None = "passkey/enrol"
    is_backup = False
    held = exists().where(passkeys.c.user_id == second_factor.USER)
    """Whether the user has a passkey or a security key."""

    def __init__(self, ceremonies: Ceremonies) -> None:
        self._ceremonies = ceremonies
        self._services: Services = ceremonies.services

    def forget(self, tx: Transaction, user_id: str) -> None:
        """Remove all of the user's passkeys."""
        store.remove(tx, user_id)

    def ask_anyone(self, request: Request, next_page: str = "") -> tuple[CeremonyOptions, tuple[str, ...]] | Denied:
        """Ask for any passkey of this site, of whoever it may be: no name is given, so none is tried out (A79)."""
        services = self._services
        with services.store.write(durable=False) as tx:
            denied = services.limiter.take(tx, "passkey_address", address_bucket(request.address))
            if denied is not None:
                return denied
            asked = ask(user_verification=True)
            plan = Plan(next_page=safe_return(next_page, "", services.settings.origins))
            attempt, cookies = self._ceremonies.remember(tx, request, asked, purpose=SIGN_IN, user_id=None, plan=plan)
        public_key = request_options(self._ceremonies.party(request), asked)
        return CeremonyOptions(attempt=attempt.id, public_key=public_key), cookies

    def sign_in(self, request: Request, attempt_id: str, sent: dict[str, Any]) -> Complete | Pending | Denied:
        """Sign in with a passkey alone. It has verified its user, so it is two factors in one act (SP 800-63B-4, 3.1.7)."""
        services = self._services
        with services.store.write() as tx:
            denied = services.limiter.take(tx, "sign_in_address", address_bucket(request.address))
            denied = denied or services.limiter.take(tx, "sign_in_global", "")
            taken = denied or self._ceremonies.take(tx, request, attempt_id, SIGN_IN)
            if isinstance(taken, Denied):
                return taken
            attempt, asked = taken
            row = self._row_of(tx, sent)
            account = account_by_id(tx, row.user_id) if row else None
            if row is None or account is None or account.disabled:
                services.note(tx, AuditEvent.SIGN_IN_FAILED, request, row.user_id if row else None)
                return Denied(PASSKEY_UNKNOWN)
            # A key that was made without user verification is no passkey, whatever it claims now (section 7.2).
            shown = self._check(tx, request, row, asked, sent) if row.verifies_user else Denied(PASSKEY_INVALID)
            if isinstance(shown, Denied):
                return shown
            proof = Proof(factor="passkey", at=tx.now)
            return door.admit(tx, services, request, account.user, (proof,), next_page=attempt.plan.next_page)

    def ask_within(self, request: Request, attempt_id: str) -> CeremonyOptions | Denied:
        """Ask, in a sign-in or a step-up under way, for one of the passkeys of the person whose attempt it is."""
        services = self._services
        with services.store.write(durable=False) as tx:
            denied = services.limiter.take(tx, "passkey_address", address_bucket(request.address))
            found = denied or second_factor.look_up(tx, services, request, attempt_id) or Denied(ATTEMPT_EXPIRED)
            if isinstance(found, Denied):
                return found
            parent, account = found
            asked = ask(user_verification=False)
            attempt, _ = self._ceremonies.remember(
                tx, request, asked, purpose=WITHIN, user_id=account.user.id, plan=Plan(parent=parent.id)
            )
            rows = store.passkeys_of(tx, account.user.id)
            public_key = request_options(self._ceremonies.party(request), asked, rows)
        return CeremonyOptions(attempt=attempt.id, public_key=public_key)

    def prove(self, request: Request, attempt_id: str, sent: dict[str, Any]) -> Complete | Pending | Denied:
        """Carry the attempt on with a passkey of the person whose attempt it is, and of nobody else (CB-240)."""
        services = self._services
        with services.store.write() as tx:
            taken = self._ceremonies.take(tx, request, attempt_id, WITHIN)
            if isinstance(taken, Denied):
                return taken
            attempt, asked = taken
            found = second_factor.open_attempt(tx, services, request, attempt.plan.parent, self.method)
            if isinstance(found, Denied):
                return found
            parent, account = found
            row = self._row_of(tx, sent)
            if row is None or row.user_id != account.user.id:
                return second_factor.failed(tx, services, request, parent, self.method)
            shown = self._check(tx, request, row, asked, sent)
            if isinstance(shown, Denied):
                second_factor.failed(tx, services, request, parent, self.method)
                return shown
            # Something known has been shown in this attempt or session; so this one may count as verifying from now on.
            if shown.user_verified and not row.verifies_user and parent.purpose == "sign_in":
                store.may_verify(tx, row)
            is_passkey = shown.user_verified and (row.verifies_user or parent.purpose == "sign_in")
            proof = Proof(factor="passkey" if is_passkey else "security_key", at=tx.now)
            return second_factor.proven(tx, services, request, parent, proof)

    def _row_of(self, tx: Transaction, sent: dict[str, Any]) -> Row[Any] | None:
        assertion = read_answer(sent, Assertion)
        if isinstance(assertion, Denied):
            return None
        try:
            row = store.find(tx, base64url_decode(assertion.id))
            handle = base64url_decode(assertion.response.user_handle or "")
        except EncodingError:
            return None
        # Where the authenticator says whose it is, that must be so (section 7.2, step 6).
        return row if row is not None and (not handle or same_bytes(handle, row.user_handle)) else None

    def _check(
        self, tx: Transaction, request: Request, row: Row[Any], asked: Asked, sent: dict[str, Any]
    ) -> Shown | Denied:
        """Return what the passkey showed, and write its use down."""
        services = self._services
        assertion = read_answer(sent, Assertion)
        if isinstance(assertion, Denied):
            return assertion
        try:
            shown = check_assertion(
                self._ceremonies.party(request),
                assertion,
                asked.challenge,
                public_key=row.public_key,
                sign_count=row.sign_count,
                backup_eligible=row.backup_eligible,
                user_verification=asked.user_verification,
            )
        except CeremonyError as error:
            services.note(tx, AuditEvent.SIGN_IN_FAILED, request, row.user_id, passkey=row.id, reason=str(error))
            return Denied(PASSKEY_INVALID)
        if shown.is_cloned or not store.used(tx, row, shown):
            store.suspect(tx, row)
            services.note(tx, AuditEvent.PASSKEY_CLONED, request, row.user_id, passkey=row.id)
            return Denied(PASSKEY_INVALID)
        return shown
