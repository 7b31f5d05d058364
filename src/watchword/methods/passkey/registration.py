"""How a passkey comes to an account: added by whoever is signed in, within a sign-in, or with the account itself."""

from collections.abc import Sequence
from typing import Any, final

import msgspec
from sqlalchemy import Row

from watchword.admission import attempt as attempts
from watchword.admission import confirmation, door, second_factor, ways_in
from watchword.admission.attempt import ATTEMPT_EXPIRED, Attempt, Plan
from watchword.admission.browser import Browser
from watchword.admission.outcome import Complete, Pending
from watchword.admission.proof import Proof
from watchword.admission.second_factor import SECOND_FACTOR_REQUIRED, STEP_NOT_OFFERED
from watchword.admission.services import Services
from watchword.audit.events import AuditEvent
from watchword.foundation.errors import INPUT_INVALID, NOT_FOUND, Denied, FieldError
from watchword.foundation.secrets import random_bytes
from watchword.http.address import address_bucket
from watchword.http.request import Request
from watchword.identity.email_address import parse_email_address
from watchword.identity.users import Account, account_by_email, account_by_id, create_user
from watchword.methods.passkey import store
from watchword.methods.passkey.base import PASSKEY_INVALID, Ceremonies, read_answer
from watchword.methods.passkey.ceremony import NewPasskey, Registration, check_registration
from watchword.methods.passkey.keys import CeremonyError
from watchword.methods.passkey.options import (
    HANDLE_BYTES,
    Asked,
    CeremonyOptions,
    PasskeyKind,
    Question,
    ask,
    creation_options,
)
from watchword.sessions.session import Session
from watchword.storage.store import Transaction

ENROL, SIGN_UP, ACCOUNT = "passkey_enrol", "passkey_sign_up", "passkey_account"
"""Purposes of attempts: to add a passkey; to make one for an account to be; to prove that account's address."""
DEFAULT_NAME = "Passkey"
LONGEST_NAME = 100


@final
class PasskeyRegistration:
    """The steps that bring passkeys to accounts and take them away."""

    def __init__(self, ceremonies: Ceremonies) -> None:
        self._ceremonies = ceremonies
        self._services: Services = ceremonies.services

    def ask(self, request: Request, session: Session, kind: PasskeyKind) -> Question | Denied:
        """Ask for a new passkey of whoever is signed in and has just shown who they are."""
        services = self._services
        with services.store.write() as tx:
            denied = second_factor.stale(tx, services, session)
            denied = denied or services.limiter.take(tx, "account_change", session.user.id)
            account = account_by_id(tx, session.user.id)
            if denied is not None or account is None:
                return denied or Denied(ATTEMPT_EXPIRED)
            return self._ask(tx, request, account, kind, parent="")

    def ask_within(self, request: Request, attempt_id: str) -> Question | Denied:
        """Ask for the passkey that somebody has to have to sign in, and has no second factor yet."""
        services = self._services
        with services.store.write() as tx:
            found = second_factor.look_up(tx, services, request, attempt_id)
            if found is None:
                return Denied(ATTEMPT_EXPIRED)
            if not self._may_enrol_within(tx, *found):
                return Denied(STEP_NOT_OFFERED)
            denied = services.limiter.take(tx, "account_change", found[1].user.id)
            return denied or self._ask(tx, request, found[1], "passkey", parent=found[0].id)

    def add(self, request: Request, attempt_id: str, sent: dict[str, Any], name: str) -> Complete | Pending | Denied:
        """Keep the new passkey. It was just held, so it counts as shown: in the session, or in the sign-in."""
        services = self._services
        with services.store.write() as tx:
            taken = self._ceremonies.take(tx, request, attempt_id, ENROL)
            if isinstance(taken, Denied):
                return taken
            attempt, asked = taken
            account = account_by_id(tx, attempt.user_id or "")
            parent = second_factor.look_up(tx, services, request, attempt.plan.parent)
            session = None if attempt.plan.parent else services.gate.verify(request, tx)
            if account is None or account.disabled:
                return Denied(ATTEMPT_EXPIRED)
            if parent is None and (session is None or session.user.id != account.user.id):
                return Denied(ATTEMPT_EXPIRED)
            if parent is not None and not self._may_enrol_within(tx, *parent):
                return Denied(STEP_NOT_OFFERED)
            new = self._check(request, asked, sent)
            if isinstance(new, Denied) or not self._keep(tx, request, account, (asked, new), name):
                return new if isinstance(new, Denied) else Denied(PASSKEY_INVALID)
            proof = Proof(factor="passkey" if new.user_verified else "security_key", at=tx.now)
            if parent is not None:
                return second_factor.proven(tx, services, request, parent[0], proof)
            return door.step_up(tx, services, request, session, proof) if session else Denied(ATTEMPT_EXPIRED)

    def ask_newcomer(self, request: Request, email: str, name: str) -> Question | Denied:
        """Ask for the passkey of an account to be; the same question whether the address is taken or not (A77)."""
        services = self._services
        with services.store.write() as tx:
            denied = services.limiter.take(tx, "sign_up_address", address_bucket(request.address))
            denied = denied or services.limiter.take(tx, "sign_up_global", "")
            address = parse_email_address(email)
            if denied is not None or isinstance(address, FieldError):
                fields = (address,) if isinstance(address, FieldError) else ()
                return denied or Denied(INPUT_INVALID, fields=fields)
            asked = ask(user_verification=True, user_handle=random_bytes(HANDLE_BYTES))
            plan = Plan(email=address.address, email_key=address.key, language=services.language(request), name=name)
            attempt, cookies = self._ceremonies.remember(tx, request, asked, purpose=SIGN_UP, user_id=None, plan=plan)
        options = self._options(request, asked, address.address, name)
        return CeremonyOptions(attempt=attempt.id, public_key=options), cookies

    def sign_up(self, request: Request, attempt_id: str, sent: dict[str, Any]) -> Pending | Denied:
        """Begin the account of whoever has made a passkey for it: it exists once the address is proven (A65)."""
        services = self._services
        with services.store.write() as tx:
            taken = self._ceremonies.take(tx, request, attempt_id, SIGN_UP)
            if isinstance(taken, Denied):
                return taken
            attempt, asked = taken
            new = self._check(request, asked, sent)
            if isinstance(new, Denied):
                return new
            is_taken = account_by_email(tx, attempt.plan.email_key) is not None
            kept = msgspec.msgpack.encode((asked.user_handle, new))
            plan = msgspec.structs.replace(attempt.plan, secret=b"", passkey=kept, taken=is_taken)
            browser = Browser(request, services.cookies)
            begun = attempts.begin(tx, services.keyring, browser.hash, purpose=ACCOUNT, plan=plan)
            return confirmation.ask(tx, services, request, begun, browser)

    def make_account(
        self, tx: Transaction, request: Request, attempt: Attempt, proof: Proof
    ) -> Complete | Pending | Denied:
        """Make the account, without a password, now that its address is proven, and sign in."""
        plan = attempt.plan
        user_handle, new = msgspec.msgpack.decode(plan.passkey, type=tuple[bytes, NewPasskey])
        if store.find(tx, new.credential_id) is not None:
            return Denied(PASSKEY_INVALID)
        user = create_user(tx, email=plan.address, name=plan.name, language=plan.language or None)
        if user is None:
            return Denied(ATTEMPT_EXPIRED)
        if store.add(tx, user.id, user_handle, new, DEFAULT_NAME) is None:
            raise ValueError("the passkey was added meanwhile: nothing is written, try again")
        self._services.note(tx, AuditEvent.SIGNED_UP, request, user.id)
        passkey = Proof(factor="passkey", at=proof.at)
        return door.admit(tx, self._services, request, user, (passkey, proof), next_page=plan.next_page)

    def rename(self, session: Session, passkey_id: str, name: str) -> Denied | None:
        """Call one of one's passkeys otherwise."""
        with self._services.store.write() as tx:
            renamed = store.rename(tx, session.user.id, passkey_id, _named(name))
        return None if renamed else Denied(NOT_FOUND)

    def remove(self, request: Request, session: Session, passkey_id: str) -> Denied | None:
        """Remove a passkey of whoever is signed in and has just shown who they are; tell them by mail."""
        services = self._services
        with services.store.write() as tx:
            if denied := second_factor.stale(tx, services, session):
                return denied
            account = account_by_id(tx, session.user.id)
            rows = store.passkeys_of(tx, session.user.id)
            row = next((one for one in rows if one.id == passkey_id), None)
            if account is None or row is None:
                return Denied(NOT_FOUND)
            if len(rows) == 1 and second_factor.is_last_required(tx, services, session.user, "passkey"):
                return Denied(SECOND_FACTOR_REQUIRED)
            if row.verifies_user and ways_in.count(tx, services, account.user.id) == 1:
                return Denied(ways_in.LAST_WAY_IN)
            store.remove(tx, account.user.id, passkey_id)
            services.note(tx, AuditEvent.FACTOR_REMOVED, request, account.user.id, factor="passkey", passkey=row.id)
            services.send(tx, "passkey_removed", account.user.email, account.language, self._mail(request, row.name))
            return None

    def _ask(self, tx: Transaction, request: Request, account: Account, kind: PasskeyKind, *, parent: str) -> Question:
        rows = store.passkeys_of(tx, account.user.id)
        # One handle for each account, random, so that a device shows its passkeys as one account's (section 6.4.2).
        handle = rows[0].user_handle if rows else random_bytes(HANDLE_BYTES)
        asked = ask(user_verification=kind == "passkey", user_handle=handle, kind=kind)
        attempts.cancel(tx, account.user.id, ENROL)
        attempt, cookies = self._ceremonies.remember(
            tx, request, asked, purpose=ENROL, user_id=account.user.id, plan=Plan(parent=parent)
        )
        options = self._options(request, asked, account.user.email, account.user.name, rows)
        return CeremonyOptions(attempt=attempt.id, public_key=options), cookies

    def _options(
        self, request: Request, asked: Asked, account: str, display_name: str, rows: Sequence[Row[Any]] = ()
    ) -> dict[str, Any]:
        party, site = self._ceremonies.party(request), self._services.settings.brand.name
        return creation_options(party, asked, site=site, account=account, display_name=display_name, rows=rows)

    def _check(self, request: Request, asked: Asked, sent: dict[str, Any]) -> NewPasskey | Denied:
        registration = read_answer(sent, Registration)
        if isinstance(registration, Denied):
            return registration
        party = self._ceremonies.party(request)
        try:
            return check_registration(party, registration, asked.challenge, user_verification=asked.user_verification)
        except CeremonyError:
            return Denied(PASSKEY_INVALID)

    def _keep(
        self, tx: Transaction, request: Request, account: Account, made: tuple[Asked, NewPasskey], name: str
    ) -> bool:
        services, user_id, (asked, new) = self._services, account.user.id, made
        passkey_id = store.add(tx, user_id, asked.user_handle, new, _named(name))
        if passkey_id is None:
            return False
        services.note(tx, AuditEvent.FACTOR_ADDED, request, user_id, factor=asked.kind, passkey=passkey_id)
        values = self._mail(request, _named(name))
        services.send(tx, "passkey_added", account.user.email, account.language, values)
        return True

    def _may_enrol_within(self, tx: Transaction, attempt: Attempt, account: Account) -> bool:
        offered = second_factor.offered(tx, self._services, account, attempt.purpose)
        return "passkey/enrol" in {step.method for step in offered}

    def _mail(self, request: Request, name: str) -> dict[str, str]:
        return {"name": name, "link": self._services.url(request, "/account")}


def _named(name: str) -> str:
    return " ".join(name.split())[:LONGEST_NAME] or DEFAULT_NAME
