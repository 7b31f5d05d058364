"""What a password does: sign up, sign in, forgot, reset, change."""

from dataclasses import dataclass
from typing import Final, final

from watchword.admission import attempt as attempts
from watchword.admission import challenge, confirmation, door, second_factor
from watchword.admission.attempt import ATTEMPT_EXPIRED, Attempt, Plan
from watchword.admission.browser import Browser, forget_devices
from watchword.admission.challenge import LINK_INVALID, RESET_LIFETIME
from watchword.admission.outcome import Complete, NextStep, Pending
from watchword.admission.proof import Proof
from watchword.admission.services import Services
from watchword.audit.events import AuditEvent
from watchword.foundation.errors import INPUT_INVALID, Code, Denied, FieldError
from watchword.foundation.secrets import Secret
from watchword.http.address import address_bucket
from watchword.http.request import Request
from watchword.identity.email_address import email_key, masked, parse_email_address
from watchword.identity.user_name import user_name_key
from watchword.identity.users import (
    Account,
    account_by_email,
    account_by_id,
    account_by_user_name,
    create_user,
    password_in_use,
    set_password,
)
from watchword.methods.password.hashing import Mismatch, PasswordHasher, Verified, normalise_password
from watchword.methods.password.screening import Screening
from watchword.sessions import records
from watchword.sessions.session import Session
from watchword.storage.store import Transaction

INVALID_CREDENTIALS: Final = Code(
    "invalid_credentials",
    401,
    "The name or the password is not right",
    "Check both. The answer is the same whether the account exists or not.",
)


@final
@dataclass(frozen=True, slots=True)
class Found:
    """Who an identifier leads to, if anyone, and what their tries are counted under."""

    account: Account | None
    limit: str
    subject: str


@final
class PasswordSteps:
    """The steps of the method. Each opens its own transactions: none is open while a password is hashed."""

    def __init__(self, services: Services, hasher: PasswordHasher, screening: Screening) -> None:
        self._services = services
        self._hasher = hasher
        self._screening = screening

    def sign_up(
        self, request: Request, *, email: str, password: str, name: str = "", next_page: str = ""
    ) -> Pending | Denied:
        """Begin an account: it exists once the address is proven, so nobody can take a stranger's (A65).

        The answer, its time and its cookies are the same when the address is taken; only the mail differs (A77).
        """
        # First of all: to estimate a password's strength costs more than anything else here but its hash (A85).
        denied = self._take(("sign_up_address", address_bucket(request.address)), ("sign_up_global", ""))
        if denied is not None:
            return denied
        address = parse_email_address(email)
        chosen = self._new_password("password", password, (email, name))
        errors = tuple(found for found in (address, chosen) if isinstance(found, FieldError))
        if isinstance(address, FieldError) or isinstance(chosen, FieldError):
            return Denied(INPUT_INVALID, fields=errors)
        hashed = self._hasher.hash(chosen)
        if isinstance(hashed, Denied):
            return hashed
        services = self._services
        with services.store.write() as tx:
            taken = account_by_email(tx, address.key) is not None
            plan = Plan(
                email=address.address,
                email_key=address.key,
                language=services.language(request),
                next_page=next_page,
                name=name,
                password=hashed,
                taken=taken,
            )
            browser = Browser(request, services.cookies)
            attempt = attempts.begin(tx, services.keyring, browser.hash, purpose="sign_up", plan=plan)
            return confirmation.ask(tx, services, request, attempt, browser)

    def make_account(
        self, tx: Transaction, request: Request, attempt: Attempt, proof: Proof
    ) -> Complete | Pending | Denied:
        """Make the account that the attempt was begun for, now that its address is proven, and sign in."""
        plan = attempt.plan
        user = create_user(
            tx, email=plan.address, name=plan.name, password=plan.password, language=plan.language or None
        )
        if user is None:
            return Denied(ATTEMPT_EXPIRED)
        self._services.note(tx, AuditEvent.SIGNED_UP, request, user.id)
        password = Proof(factor="password", at=proof.at)
        return door.admit(tx, self._services, request, user, (password, proof), next_page=plan.next_page)

    def sign_in(
        self, request: Request, *, identifier: str, password: str, next_page: str = ""
    ) -> Complete | Pending | Denied:
        """Sign in with an e-mail address or user name, and the password.

        Every try is counted before the password is looked at, so that any number at once gets no more than the
        limit (A88). An unknown name costs the same hash, the same statements and gets the same answer (A76).
        """
        services = self._services
        found = self._find(request, identifier)
        if isinstance(found, Denied):
            return found
        account, chosen = found.account, normalise_password(password)
        stored = account.password if account and not account.disabled else None
        secret = Secret("") if isinstance(chosen, FieldError) else chosen
        verified = self._hasher.verify(stored, secret)
        if isinstance(verified, Denied):
            return verified
        rehashed = self._hasher.hash(secret) if isinstance(verified, Verified) and verified.needs_rehash else None
        with services.store.write() as tx:
            if account is None or not isinstance(verified, Verified) or not _unchanged(tx, account):
                services.note(tx, AuditEvent.SIGN_IN_FAILED, request, account.user.id if account else None)
                return Denied(INVALID_CREDENTIALS)
            services.limiter.give_back(tx, found.limit, found.subject)
            if isinstance(rehashed, str):
                set_password(tx, account.user.id, rehashed)
                services.note(tx, AuditEvent.PASSWORD_REHASHED, request, account.user.id)
            proof = Proof(factor="password", at=tx.now)
            return door.admit(tx, services, request, account.user, (proof,), next_page=next_page)

    def forgot(self, request: Request, *, email: str) -> Pending | Denied:
        """Send a link that resets the password, where the address leads to an account; answer alike where not."""
        services = self._services
        address = parse_email_address(email)
        if isinstance(address, FieldError):
            return Denied(INPUT_INVALID, fields=(address,))
        with services.store.write() as tx:
            denied = self._take_in(
                tx,
                ("reset_address", address_bucket(request.address)),
                ("reset_account", address.key),
                ("mail_recipient", address.key),
                ("mail_global", ""),
            )
            if denied is not None:
                return denied
            account = account_by_email(tx, address.key)
            user_id = account.user.id if account and not account.disabled else None
            link = challenge.issue_link(tx, "reset" if user_id else "decoy", user_id, RESET_LIFETIME)
            # An unknown address gets the same rows, made of the same work, and a mail that the worker throws away.
            to = account.user.email if account else address.address
            values = {"link": services.url(request, f"/reset/{link.reveal()}")}
            language = (account.language if account else None) or services.language(request)
            services.send(tx, "password_reset", to, language, values, decoy=user_id is None)
            services.note(tx, AuditEvent.PASSWORD_RESET_REQUESTED, request, user_id)
            return Pending("", (NextStep(method="password_reset", to=masked(address.address)),))

    def reset_is_open(self, link: str) -> bool:
        """Tell whether this link would reset a password; uses nothing up."""
        with self._services.store.read() as tx:
            return challenge.peek_link(tx, "reset", link) is not None

    def reset(self, request: Request, *, token: str, password: str) -> Pending | Denied | None:
        """Set a new password with the link from the mail. Every session, attempt and known browser ends (A41, A73).

        Nobody is signed in by it: who holds the mail box signs in with the new password, and whatever else that asks.
        Whoever has a second factor is asked for it first, and the password changes only then (CB-180).
        """
        services = self._services
        denied = self._take(("code_address", address_bucket(request.address)))
        if denied is not None:
            return denied
        account = self._account_of_reset(token)
        if account is None:
            return Denied(LINK_INVALID)
        chosen = self._new_password("password", password, (account.user.email, account.user.name))
        if isinstance(chosen, FieldError):
            return Denied(INPUT_INVALID, fields=(chosen,))
        hashed = self._hasher.hash(chosen)
        if isinstance(hashed, Denied):
            return hashed
        with services.store.write() as tx:
            if challenge.use_link(tx, "reset", token) is None:
                return Denied(LINK_INVALID)
            if second_factor.set_up(tx, services, account.user.id):
                browser = Browser(request, services.cookies)
                plan = Plan(password=hashed, proofs=(Proof(factor="email", at=tx.now, address=account.email_key),))
                attempt = attempts.begin(
                    tx, services.keyring, browser.hash, purpose="reset", plan=plan, user_id=account.user.id
                )
                steps = second_factor.offered(tx, services, account, "reset")
                return Pending(attempt.id, steps, browser.set_cookie())
            self._reset_to(tx, request, account, hashed)
            return None

    def finish_reset(
        self, tx: Transaction, request: Request, attempt: Attempt, proof: Proof
    ) -> Complete | Pending | Denied:
        """Set the password that a reset waits with, now that the second factor is shown, and sign in."""
        account = account_by_id(tx, attempt.user_id or "")
        if account is None or account.disabled or attempt.plan.password is None:
            return Denied(ATTEMPT_EXPIRED)
        self._reset_to(tx, request, account, attempt.plan.password)
        password = Proof(factor="password", at=tx.now)
        return door.admit(tx, self._services, request, account.user, (password, *attempt.plan.proofs, proof))

    def show_again(self, request: Request, attempt_id: str, password: str) -> Complete | Pending | Denied:
        """Carry a step-up on with the password: for accounts that have no second factor."""
        services = self._services
        with services.store.write(durable=False) as tx:
            found = second_factor.open_attempt(tx, services, request, attempt_id, "password")
            if isinstance(found, Denied):
                return found
        attempt, account = found
        verified = self._verify(account, password)
        if isinstance(verified, Denied):
            return verified
        with services.store.write() as tx:
            if not isinstance(verified, Verified) or not _unchanged(tx, account):
                second_factor.failed(tx, services, request, attempt, "password")
                return _password_wrong("password")
            return second_factor.proven(tx, services, request, attempt, Proof(factor="password", at=tx.now))

    def change(self, request: Request, session: Session, *, current: str, new: str) -> Complete | Denied:
        """Change the password of whoever is signed in; every other session ends, and this one gets a new token."""
        services = self._services
        account = self.prove(request, session, current, "current")
        if isinstance(account, Denied):
            return account
        chosen = self._new_password("new", new, (account.user.email, account.user.name))
        if isinstance(chosen, FieldError):
            return Denied(INPUT_INVALID, fields=(chosen,))
        hashed = self._hasher.hash(chosen)
        if isinstance(hashed, Denied):
            return hashed
        with services.store.write() as tx:
            if password_in_use(tx, account.user.id) != account.password:
                return Denied(INVALID_CREDENTIALS)
            set_password(tx, account.user.id, hashed)
            records.end_all(tx, account.user.id)
            attempts.cancel_all(tx, account.user.id)
            services.note(tx, AuditEvent.PASSWORD_CHANGED, request, account.user.id)
            services.send(tx, "password_changed", account.user.email, account.language, self._links(request))
            proof = Proof(factor="password", at=tx.now)
            return door.readmit(tx, services, request, session, proof)

    def prove(self, request: Request, session: Session, password: str, field: str = "password") -> Account | Denied:
        """Return the account of whoever is signed in, once they have shown their password again.

        Sensitive changes ask for it (CB-120, CB-161). `field` names the input that is at fault when it is wrong.
        Whoever has a second factor, or no password, must have shown that a moment ago.
        """
        services = self._services
        denied = self._take(("account_change", session.user.id))
        if denied is not None:
            return denied
        with services.store.read() as tx:
            account = account_by_id(tx, session.user.id)
            is_strong = account is not None and (
                account.password is None or second_factor.has_any(tx, services, account)
            )
            stale = second_factor.stale(tx, services, session) if is_strong else None
        if stale is not None:
            return stale
        if account is not None and account.password is None:
            return account
        verified = self._verify(account, password)
        if isinstance(verified, Denied):
            return verified
        if account is None or not isinstance(verified, Verified):
            with services.store.write() as tx:
                services.note(tx, AuditEvent.SIGN_IN_FAILED, request, session.user.id, field=field)
            return _password_wrong(field)
        return account

    def hash_new(self, field: str, password: str, context: tuple[str, ...]) -> str | Denied:
        """Return the hash of a new password, or say what is wrong with it: for accounts made by an admin."""
        chosen = self._new_password(field, password, context)
        if isinstance(chosen, FieldError):
            return Denied(INPUT_INVALID, fields=(chosen,))
        return self._hasher.hash(chosen)

    def _verify(self, account: Account | None, password: str) -> Verified | Mismatch | Denied:
        chosen = normalise_password(password)
        secret = Secret("") if isinstance(chosen, FieldError) else chosen
        return self._hasher.verify(account.password if account else None, secret)

    def _reset_to(self, tx: Transaction, request: Request, account: Account, hashed: str) -> None:
        services, user_id = self._services, account.user.id
        set_password(tx, user_id, hashed)
        records.end_all(tx, user_id)
        attempts.cancel_all(tx, user_id)
        forget_devices(tx, user_id)
        services.note(tx, AuditEvent.PASSWORD_RESET, request, user_id)
        services.send(tx, "password_changed", account.user.email, account.language, self._links(request))
        services.gate.forget(request)

    def _new_password(self, field: str, password: str, context: tuple[str, ...]) -> Secret | FieldError:
        chosen = normalise_password(password, field)
        if isinstance(chosen, FieldError):
            return chosen
        return self._screening.objection(field, chosen, (*context, self._services.settings.brand.name)) or chosen

    def _take(self, *limits: tuple[str, str]) -> Denied | None:
        with self._services.store.write(durable=False) as tx:
            return self._take_in(tx, *limits)

    def _take_in(self, tx: Transaction, *limits: tuple[str, str]) -> Denied | None:
        for name, subject in limits:
            denied = self._services.limiter.take(tx, name, subject)
            if denied is not None:
                return denied
        return None

    def _find(self, request: Request, identifier: str) -> Found | Denied:
        services = self._services
        by_email = "@" in identifier
        key = email_key(identifier) if by_email else user_name_key(identifier)
        with services.store.write(durable=False) as tx:
            bucket = address_bucket(request.address)
            denied = self._take_in(tx, ("sign_in_address", bucket), ("sign_in_global", ""))
            if denied is not None:
                return denied
            account = account_by_email(tx, key) if by_email else account_by_user_name(tx, key)
            browser = Browser(request, services.cookies)
            subject = account.user.id if account else f"unknown:{key}"
            # Asked of nobody too: an unknown name takes no statement less (A76).
            known = browser.knows(tx, account.user.id if account else "")
            limit = "sign_in_device" if known else "sign_in_account"
            counted = f"{subject}:{browser.hash.hex()}" if known else subject
            denied = services.limiter.take(tx, limit, counted)
            if denied is not None:
                services.note(tx, AuditEvent.LIMIT_REACHED, request, account.user.id if account else None, limit=limit)
                return denied
        return Found(account, limit, counted)

    def _account_of_reset(self, token: str) -> Account | None:
        with self._services.store.read() as tx:
            target = challenge.peek_link(tx, "reset", token)
            return account_by_id(tx, target.user_id) if target and target.user_id else None

    def _links(self, request: Request) -> dict[str, str]:
        return {"link": self._services.url(request, "/forgot")}


def _password_wrong(field: str) -> Denied:
    return Denied(INPUT_INVALID, fields=(FieldError(field, "your current password", reason="password_wrong"),))


def _unchanged(tx: Transaction, account: Account) -> bool:
    """Tell whether the account still has the password that was checked, and may still sign in."""
    return account.password is not None and password_in_use(tx, account.user.id) == account.password
