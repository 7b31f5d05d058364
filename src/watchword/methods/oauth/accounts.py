"""Which account an identity opens: the one that it is linked to, one whose address both sides have proven, or a new one."""

from typing import Any, Final, final

import msgspec
from sqlalchemy import Row

from watchword.admission import attempt as attempts
from watchword.admission import confirmation, door, second_factor, ways_in
from watchword.admission.attempt import ATTEMPT_EXPIRED, Attempt, Plan
from watchword.admission.browser import Browser
from watchword.admission.outcome import Complete, NextStep, Pending
from watchword.admission.proof import Proof
from watchword.admission.services import Services
from watchword.audit.events import AuditEvent
from watchword.foundation.errors import INPUT_INVALID, NOT_FOUND, Code, Denied, FieldError
from watchword.http.address import address_bucket
from watchword.http.request import Request
from watchword.identity.email_address import parse_email_address
from watchword.identity.users import Account, account_by_email, account_by_id, create_user, has_verified_email
from watchword.methods.oauth import store, tokens
from watchword.methods.oauth.profile import Profile
from watchword.methods.oauth.provider import Grant, Provider
from watchword.sessions.session import Session
from watchword.storage.store import Transaction

ACCOUNT, ADDRESS, LINK, AGAIN = "oauth_account", "oauth_address", "oauth_link", "oauth_again"
"""Purposes of attempts: to prove the address of an account to be; to be told one; to link an account that there is; to
show once more who is signed in."""
AGAIN_STEP: Final = "oauth"
"""Name of the step that shows it, of whoever has nothing else to show."""
ADDRESS_STEP: Final = "oauth_email"
"""Name of the step that gives the address that a service did not tell."""
IDENTITY_TAKEN: Final = Code(
    "identity_taken", 409, "This account of the other service opens another account here", "Sign in with it instead."
)
IDENTITY_DISABLED: Final = Code(
    "account_disabled", 403, "This account is disabled", "Ask the people who run this site."
)


@final
class Known(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whom a service knows, and its tokens if they are kept."""

    provider: str
    profile: Profile
    grant: Grant | None = None


@final
class Accounts:
    """The rules by which identities open accounts."""

    def __init__(self, services: Services, providers: dict[str, Provider]) -> None:
        self._services = services
        self._providers = providers

    def enter(self, tx: Transaction, request: Request, known: Known, next_page: str) -> Complete | Pending | Denied:
        """Sign somebody in whom a service knows, or begin their account.

        An address that the service vouches for leads to the account whose owner has proven the same one; one that it
        does not vouch for leads nowhere until a code from our own mail comes back (A65, A66).
        """
        services, profile = self._services, known.profile
        proof = Proof(factor="oauth", at=tx.now)
        row = store.find(tx, profile)
        if row is not None:
            account = account_by_id(tx, row.user_id)
            if account is None or account.disabled:
                services.note(tx, AuditEvent.SIGN_IN_FAILED, request, row.user_id, provider=known.provider)
                return Denied(IDENTITY_DISABLED)
            store.used(tx, row, known.provider, profile)
            self._keep(tx, row.id, known)
            return door.admit(tx, services, request, account.user, (proof,), next_page=next_page)
        denied = services.limiter.take(tx, "sign_up_address", address_bucket(request.address))
        denied = denied or services.limiter.take(tx, "sign_up_global", "")
        if denied is not None:
            return denied
        address = parse_email_address(profile.email) if profile.email else None
        if address is None or isinstance(address, FieldError):
            return self._ask_for_address(tx, request, known, next_page)
        account = account_by_email(tx, address.key)
        if not profile.is_proven:
            plan = self._plan(request, known, next_page)
            plan = msgspec.structs.replace(plan, email=address.address, email_key=address.key)
            return self._confirm(tx, request, plan, Browser(request, services.cookies))
        if account is None:
            user = create_user(tx, email=address, name=profile.name, language=services.language(request))
            if user is None:
                return Denied(ATTEMPT_EXPIRED)
            services.note(tx, AuditEvent.SIGNED_UP, request, user.id, provider=known.provider)
            self._add(tx, user.id, known)
            return door.admit(tx, services, request, user, (proof,), next_page=next_page)
        if account.disabled:
            return Denied(IDENTITY_DISABLED)
        if not has_verified_email(tx, account.user.id):
            # Somebody may have put a stranger's address there, and wait: such an account is never linked (A65).
            return Denied(IDENTITY_TAKEN)
        self._link(tx, request, account, known)
        return door.admit(tx, services, request, account.user, (proof,), next_page=next_page)

    def link(self, tx: Transaction, request: Request, attempt: Attempt, known: Known) -> Denied | None:
        """Let an identity open the account of whoever began to link it, and is still signed in here."""
        services = self._services
        session = services.gate.verify(request, tx)
        account = account_by_id(tx, attempt.user_id or "")
        if account is None or account.disabled or session is None or session.user.id != account.user.id:
            return Denied(ATTEMPT_EXPIRED)
        if denied := second_factor.stale(tx, services, session):
            return denied
        row = store.find(tx, known.profile)
        if row is not None and row.user_id != account.user.id:
            return Denied(IDENTITY_TAKEN)
        if row is not None:
            store.used(tx, row, known.provider, known.profile)
            self._keep(tx, row.id, known)
            return None
        self._link(tx, request, account, known)
        return None

    def show_again(self, tx: Transaction, request: Request, attempt: Attempt, known: Known) -> Complete | Denied:
        """Make the session of whoever is signed in fresh, with an identity that opens their account and no other."""
        services = self._services
        session = services.gate.verify(request, tx)
        row = store.find(tx, known.profile)
        if session is None or session.user.id != attempt.user_id or row is None or row.user_id != session.user.id:
            return Denied(ATTEMPT_EXPIRED)
        if second_factor.set_up(tx, services, session.user.id):
            return Denied(second_factor.STEP_NOT_OFFERED)
        store.used(tx, row, known.provider, known.profile)
        self._keep(tx, row.id, known)
        return door.step_up(tx, services, request, session, Proof(factor="oauth", at=tx.now))

    def give_address(self, request: Request, attempt_id: str, email: str) -> Pending | Denied:
        """Take the address that a service did not tell; a code and a link go to it."""
        services = self._services
        address = parse_email_address(email)
        if isinstance(address, FieldError):
            return Denied(INPUT_INVALID, fields=(address,))
        with services.store.write() as tx:
            browser = Browser(request, services.cookies)
            attempt = self._under_way(tx, browser, attempt_id)
            if attempt is None:
                return Denied(ATTEMPT_EXPIRED)
            denied = services.limiter.take(tx, "sign_up_address", address_bucket(request.address))
            if denied is not None:
                return denied
            plan = msgspec.structs.replace(attempt.plan, email=address.address, email_key=address.key)
            return self._confirm(tx, request, plan, browser)

    def waits_for_address(self, request: Request, attempt_id: str) -> Attempt | None:
        """Return the attempt of this browser that an address carries on."""
        with self._services.store.read() as tx:
            return self._under_way(tx, Browser(request, self._services.cookies), attempt_id)

    def make_account(
        self, tx: Transaction, request: Request, attempt: Attempt, proof: Proof
    ) -> Complete | Pending | Denied:
        """Make the account that an identity opens, now that its address is proven, and sign in."""
        services, plan = self._services, attempt.plan
        known = msgspec.msgpack.decode(plan.secret, type=Known)
        if known.provider not in self._providers or store.find(tx, known.profile) is not None:
            return Denied(ATTEMPT_EXPIRED)
        user = create_user(tx, email=plan.address, name=plan.name, language=plan.language or None)
        if user is None:
            return Denied(ATTEMPT_EXPIRED)
        services.note(tx, AuditEvent.SIGNED_UP, request, user.id, provider=known.provider)
        self._add(tx, user.id, known)
        shown = Proof(factor="oauth", at=proof.at)
        return door.admit(tx, services, request, user, (shown, proof), next_page=plan.next_page)

    def unlink(self, request: Request, session: Session, identity_id: str) -> Denied | None:
        """Let an identity open the account no more, of whoever is signed in and has just shown who they are."""
        services = self._services
        with services.store.write() as tx:
            if denied := second_factor.stale(tx, services, session):
                return denied
            account = account_by_id(tx, session.user.id)
            row = next((one for one in store.identities_of(tx, session.user.id) if one.id == identity_id), None)
            if account is None or row is None:
                return Denied(NOT_FOUND)
            if row.provider in self._providers and ways_in.count(tx, services, account.user.id) == 1:
                return Denied(ways_in.LAST_WAY_IN)
            store.remove(tx, account.user.id, identity_id)
            services.note(tx, AuditEvent.IDENTITY_UNLINKED, request, account.user.id, provider=row.provider)
            self._tell(tx, request, account, "identity_unlinked", row.provider)
            return None

    def held(self, tx: Transaction, user_id: str) -> list[Row[Any]]:
        """Return the user's identities."""
        return list(store.identities_of(tx, user_id))

    def _ask_for_address(self, tx: Transaction, request: Request, known: Known, next_page: str) -> Pending:
        services = self._services
        browser = Browser(request, services.cookies)
        plan = self._plan(request, known, next_page)
        attempt = attempts.begin(tx, services.keyring, browser.hash, purpose=ADDRESS, plan=plan)
        return Pending(attempt.id, (NextStep(method=ADDRESS_STEP),), browser.set_cookie())

    def _confirm(self, tx: Transaction, request: Request, plan: Plan, browser: Browser) -> Pending | Denied:
        """Send a code to the address. Where it leads to an account already, the mail says so, and nothing else (A77)."""
        services = self._services
        plan = msgspec.structs.replace(plan, taken=account_by_email(tx, plan.email_key) is not None)
        attempt = attempts.begin(tx, services.keyring, browser.hash, purpose=ACCOUNT, plan=plan)
        return confirmation.ask(tx, services, request, attempt, browser)

    def _plan(self, request: Request, known: Known, next_page: str) -> Plan:
        kept = msgspec.msgpack.encode(known)
        language = self._services.language(request)
        return Plan(language=language, name=known.profile.name, next_page=next_page, secret=kept)

    def _under_way(self, tx: Transaction, browser: Browser, attempt_id: str) -> Attempt | None:
        attempt = None if browser.is_new else attempts.load(tx, self._services.keyring, browser.hash, attempt_id)
        return attempt if attempt is not None and attempt.purpose == ADDRESS else None

    def _link(self, tx: Transaction, request: Request, account: Account, known: Known) -> None:
        self._add(tx, account.user.id, known)
        self._services.note(tx, AuditEvent.IDENTITY_LINKED, request, account.user.id, provider=known.provider)
        self._tell(tx, request, account, "identity_linked", known.provider)

    def _add(self, tx: Transaction, user_id: str, known: Known) -> None:
        identity_id = store.add(tx, user_id, known.provider, known.profile)
        if identity_id is None:
            raise ValueError("the identity was linked meanwhile: nothing is written, try again")
        self._keep(tx, identity_id, known)

    def _keep(self, tx: Transaction, identity_id: str, known: Known) -> None:
        if known.grant is not None:
            tokens.keep(tx, self._services.keyring, identity_id, known.grant)

    def _tell(self, tx: Transaction, request: Request, account: Account, kind: Any, provider: str) -> None:
        title = self._providers[provider].title if provider in self._providers else provider
        values = {"name": title, "link": self._services.url(request, "/account")}
        self._services.send(tx, kind, account.user.email, account.language, values)
