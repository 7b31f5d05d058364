"""Proving an e-mail address: an attempt's code and link go to it, and come back once."""

from watchword.admission import attempt as attempts
from watchword.admission import challenge
from watchword.admission.attempt import ATTEMPT_EXPIRED, Attempt
from watchword.admission.browser import Browser
from watchword.admission.challenge import CODE_EXPIRED, CODE_INVALID, LINK_INVALID
from watchword.admission.outcome import Complete, NextStep, Pending
from watchword.admission.proof import Proof
from watchword.admission.second_factor import CARRIED_ON
from watchword.admission.services import Services
from watchword.audit.events import AuditEvent
from watchword.foundation.errors import Denied
from watchword.foundation.secrets import Secret
from watchword.http.address import address_bucket
from watchword.http.request import Request
from watchword.identity.email_address import masked
from watchword.storage.store import Transaction


def ask(tx: Transaction, services: Services, request: Request, attempt: Attempt, browser: Browser) -> Pending | Denied:
    """Send code and link to the address that the attempt has to prove, and say what comes next.

    An address that is taken gets a mail that says so, and the caller the same answer (A77).
    """
    plan = attempt.plan
    denied = services.limiter.take(tx, "mail_recipient", plan.email_key)
    denied = denied or services.limiter.take(tx, "mail_global", "")
    if denied is not None:
        return denied
    sent = challenge.issue(tx, services.keyring, attempt.id)
    if plan.taken:
        link = services.url(request, "/sign-in")
        values = {"link": link, "reset": services.url(request, "/forgot")}
        services.send(tx, "address_taken", plan.email, plan.language, values)
    else:
        kind = "email_change_confirm" if attempt.purpose == "email_change" else "confirm_address"
        link = services.url(request, f"/confirm/{sent.link.reveal()}")
        services.send(tx, kind, plan.email, plan.language, {"code": sent.code.reveal(), "link": link})
    step = NextStep(method="email_code", to=masked(plan.email))
    return Pending(attempt.id, (step,), browser.set_cookie())


def ask_again(services: Services, request: Request, attempt_id: str) -> Pending | Denied:
    """Send a new code to the same address; the earlier one is void."""
    with services.store.write() as tx:
        browser = Browser(request, services.cookies)
        attempt = _load(tx, services, browser, attempt_id)
        return ask(tx, services, request, attempt, browser) if attempt else Denied(ATTEMPT_EXPIRED)


def confirm_by_code(services: Services, request: Request, attempt_id: str, code: Secret) -> Complete | Pending | Denied:
    """Carry the attempt on with the code from the mail."""
    with services.store.write() as tx:
        denied = services.limiter.take(tx, "code_address", address_bucket(request.address))
        if denied is not None:
            return denied
        browser = Browser(request, services.cookies)
        attempt = _load(tx, services, browser, attempt_id)
        if attempt is None:
            return Denied(ATTEMPT_EXPIRED)
        denied = services.limiter.take(tx, "code_account", attempt.plan.email_key)
        if denied is not None:
            return denied
        result = challenge.try_code(tx, services.keyring, attempt.id, code)
        if result == "right" and not attempt.plan.taken:
            services.limiter.give_back(tx, "code_account", attempt.plan.email_key)
            return _carry_out(tx, services, request, attempt)
        # The Copenhagen Book's advice (CB-111): whoever types an old code gets a new one without asking.
        renewed = ask(tx, services, request, attempt, browser) if result == "expired" else None
        services.note(tx, AuditEvent.CODE_FAILED, request, attempt.user_id, attempt=attempt.id, reason=result)
        if isinstance(renewed, Denied):
            return renewed
        return Denied(CODE_EXPIRED if renewed else CODE_INVALID)


def attempt_under_way(services: Services, request: Request, attempt_id: str) -> Attempt | None:
    """Return the open attempt of this id if this very browser began it."""
    with services.store.read() as tx:
        return _load(tx, services, Browser(request, services.cookies), attempt_id)


def attempt_of_link(services: Services, request: Request, link: str) -> Attempt | None:
    """Return the attempt that the link carries on, if this very browser began it; uses nothing up (A95)."""
    with services.store.read() as tx:
        return _attempt_of_link(tx, services, request, link)


def confirm_by_link(services: Services, request: Request, link: str) -> Complete | Pending | Denied:
    """Carry the attempt on with the link from the mail, in the browser that began it and in no other.

    Whoever opens the link elsewhere may not be the one who signed up: confirming there would make an account with a
    stranger's password for the owner of the address (account pre-hijacking, A65). The code works across devices.
    """
    with services.store.write() as tx:
        denied = services.limiter.take(tx, "code_address", address_bucket(request.address))
        if denied is not None:
            return denied
        attempt = _attempt_of_link(tx, services, request, link)
        if attempt is None or attempt.plan.taken or challenge.use_link(tx, "attempt", link) is None:
            return Denied(LINK_INVALID)
        return _carry_out(tx, services, request, attempt)


def _attempt_of_link(tx: Transaction, services: Services, request: Request, link: str) -> Attempt | None:
    target = challenge.peek_link(tx, "attempt", link)
    if target is None or target.attempt_id is None:
        return None
    return _load(tx, services, Browser(request, services.cookies), target.attempt_id)


def _load(tx: Transaction, services: Services, browser: Browser, attempt_id: str) -> Attempt | None:
    """Return the open attempt if it is one that an address carries on.

    A code from a mail is no second factor: it neither signs in, nor steps up, nor resets a password beside one (A91).
    """
    attempt = None if browser.is_new else attempts.load(tx, services.keyring, browser.hash, attempt_id)
    if attempt is None or attempt.purpose in CARRIED_ON or attempt.purpose not in services.completions:
        return None
    return attempt


def _carry_out(tx: Transaction, services: Services, request: Request, attempt: Attempt) -> Complete | Pending | Denied:
    if not attempts.complete(tx, attempt):
        return Denied(ATTEMPT_EXPIRED)
    proof = Proof(factor="email", at=tx.now, address=attempt.plan.email_key)
    return services.completions[attempt.purpose](tx, request, attempt, proof)
