"""Who has to show what: the second-factor policy, asked by the door and by every step that carries an attempt on."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Protocol

from sqlalchemy import BindParameter, ColumnElement, Select, String, bindparam, select

from watchword.admission import attempt as attempts
from watchword.admission.attempt import ATTEMPT_EXPIRED, Attempt
from watchword.admission.browser import Browser
from watchword.admission.outcome import Complete, NextStep, Pending
from watchword.admission.proof import Proof
from watchword.admission.tables import grace_periods
from watchword.audit.events import AuditEvent
from watchword.foundation.clock import MINUTE
from watchword.foundation.errors import STEP_UP_REQUIRED, Code, Denied
from watchword.http.address import address_bucket
from watchword.http.request import Request
from watchword.identity.users import Account, User, account_by_id
from watchword.sessions.assurance import has_second_factor
from watchword.sessions.session import Session
from watchword.storage.store import Transaction
from watchword.storage.upsert import insert_or_ignore

if TYPE_CHECKING:
    from watchword.admission.services import Services

USER: Final[BindParameter[str]] = bindparam("user", type_=String)
"""Whose factors a query is about."""
FRESH: Final = 10 * MINUTE
"""How long after a proof sensitive changes are taken without another."""
CARRIED_ON: Final = ("sign_in", "step_up", "reset")
"""Purposes of attempts that a second factor carries on."""
STEP_NOT_OFFERED: Final = Code(
    "step_not_offered", 409, "This attempt does not ask for that", "Show what `next` of the pending answer names."
)
SECOND_FACTOR_REQUIRED: Final = Code(
    "second_factor_required", 409, "This account needs a second factor", "Set up another one before this one goes."
)
SECOND_FACTOR_INVALID: Final = Code(
    "second_factor_invalid", 422, "This code is not right", "Type the code that the app shows now: each works once."
)


class SecondFactor(Protocol):
    """What the door asks of a method that can be a second factor."""

    @property
    def method(self) -> str:
        """Name of its step: `POST /auth/attempt/{method}`."""
        ...

    @property
    def is_backup(self) -> bool:
        """Whether it only stands in for another, and asks for nothing by being there."""
        ...

    @property
    def enrolment(self) -> str | None:
        """Name of the step that sets it up within a sign-in, where it can be."""
        ...

    @property
    def held(self) -> ColumnElement[bool]:
        """Whether the user `USER` can show it, as a part of a query: the door asks about all methods at once."""
        ...

    def forget(self, tx: Transaction, user_id: str) -> None:
        """Remove all of it from this user."""
        ...


def set_up(tx: Transaction, services: "Services", user_id: str) -> Sequence[SecondFactor]:
    """Return the second factors that this user can show, backups last; none where only backups are there."""
    return () if services.settings.second_factor.mode == "off" else _shown_by(tx, services, user_id)


def has_any(tx: Transaction, services: "Services", account: Account) -> bool:
    """Tell whether this account has a second factor that the policy asks for."""
    return bool(set_up(tx, services, account.user.id))


def demand(tx: Transaction, services: "Services", user: User, factors: Iterable[str]) -> tuple[NextStep, ...]:
    """Return what this user has to show beside these factors before they are let in; nothing where that is all."""
    if has_second_factor(factors):
        return ()
    if found := set_up(tx, services, user.id):
        return _steps(found)
    policy = services.settings.second_factor
    if not policy.requires(user.role) or _is_in_grace(tx, user.id, policy.grace):
        return ()
    return _enrolments(services)


def offered(tx: Transaction, services: "Services", account: Account, purpose: str) -> tuple[NextStep, ...]:
    """Return the steps that carry an attempt of this purpose on, as things are now.

    Whoever has a second factor shows that: to step up with the password alone would let in who only stole it. In an
    attempt to sign in or to reset a password, one proof is there already and the second factor is all that is missing.
    """
    if purpose == "step_up":
        # Asked for even where the policy is off: whoever has no password has nothing else to show.
        if found := _shown_by(tx, services, account.user.id):
            return _steps(found)
        if account.password is not None:
            return (NextStep(method="password"),)
        return tuple(step for offer in services.shown_again for step in offer(tx, account.user.id))
    if found := set_up(tx, services, account.user.id):
        return _steps(found)
    return _enrolments(services) if services.settings.second_factor.requires(account.user.role) else ()


def open_attempt(
    tx: Transaction, services: "Services", request: Request, attempt_id: str, method: str
) -> tuple[Attempt, Account] | Denied:
    """Return the open attempt that this browser began, and whose it is, if it asks for this step.

    Every try is counted, by network address and by account, before anything is compared, so that any number at once
    gets no more than the limit (A88, CB-197). Whoever proves the factor returns the account's unit: `proven()`.
    """
    denied = services.limiter.take(tx, "second_factor_address", address_bucket(request.address))
    if denied is not None:
        return denied
    found = look_up(tx, services, request, attempt_id)
    if found is None:
        return Denied(ATTEMPT_EXPIRED)
    attempt, account = found
    if method not in {step.method for step in offered(tx, services, account, attempt.purpose)}:
        return Denied(STEP_NOT_OFFERED)
    denied = services.limiter.take(tx, "second_factor_account", account.user.id)
    if denied is not None:
        _tell_of_failures(tx, services, request, account)
        return denied
    return attempt, account


def look_up(tx: Transaction, services: "Services", request: Request, attempt_id: str) -> tuple[Attempt, Account] | None:
    """Return the open attempt that a second factor carries on, if this browser began it, and whose it is."""
    browser = Browser(request, services.cookies)
    attempt = None if browser.is_new else attempts.load(tx, services.keyring, browser.hash, attempt_id)
    if attempt is None or attempt.purpose not in CARRIED_ON or attempt.user_id is None:
        return None
    account = account_by_id(tx, attempt.user_id)
    return None if account is None or account.disabled else (attempt, account)


def failed(tx: Transaction, services: "Services", request: Request, attempt: Attempt, method: str) -> Denied:
    """Write down that the wrong thing was shown, and return the refusal."""
    services.note(tx, AuditEvent.SECOND_FACTOR_FAILED, request, attempt.user_id, method=method)
    return Denied(SECOND_FACTOR_INVALID)


def proven(
    tx: Transaction, services: "Services", request: Request, attempt: Attempt, proof: Proof
) -> Complete | Pending | Denied:
    """Carry the attempt on with what was just shown: it closes here, for one caller of any number at once."""
    if not attempts.complete(tx, attempt):
        return Denied(ATTEMPT_EXPIRED)
    services.limiter.give_back(tx, "second_factor_account", attempt.user_id or "")
    return services.completions[attempt.purpose](tx, request, attempt, proof)


def stale(tx: Transaction, services: "Services", session: Session) -> Denied | None:
    """Return the refusal of a sensitive change: the last proof is too old, or the second factor was not among them.

    Sensitive are password, address, factors and the account's end (CB-028, CB-120). RFC 9470 is how a client learns
    what to reach; a browser is led to the page that asks.
    """
    extra: dict[str, object] = {}
    if not has_second_factor(session.factors) and set_up(tx, services, session.user.id):
        extra["acr_values"] = "aal2"
    if session.authenticated_at.timestamp() * 1000 + FRESH <= tx.now:
        extra["max_age"] = FRESH // 1000
    return Denied(STEP_UP_REQUIRED, extra=extra) if extra else None


def is_last_required(tx: Transaction, services: "Services", user: User, method: str) -> bool:
    """Tell whether the policy forbids that this user goes without this method: no other factor would be left."""
    if not services.settings.second_factor.requires(user.role):
        return False
    return all(factor.is_backup or factor.method == method for factor in set_up(tx, services, user.id))


def forget_all(tx: Transaction, services: "Services", user_id: str) -> None:
    """Remove every second factor of this user: an admin's way back for somebody who has lost theirs."""
    for factor in services.second_factors.values():
        factor.forget(tx, user_id)
    attempts.cancel_all(tx, user_id)


def _shown_by(tx: Transaction, services: "Services", user_id: str) -> Sequence[SecondFactor]:
    factors = tuple(services.second_factors.values())
    if not factors:
        return ()
    held = tx.execute_prepared(_question(factors), {USER.key: user_id}).one()
    found = [factor for factor, is_held in zip(factors, held, strict=True) if is_held]
    if all(factor.is_backup for factor in found):
        return ()
    return sorted(found, key=lambda factor: factor.is_backup)


@lru_cache(16)
def _question(factors: tuple[SecondFactor, ...]) -> Select[*tuple[bool, ...]]:
    """Return the query that tells of each whether the user can show it."""
    return select(*(factor.held.label(factor.method) for factor in factors))


def _steps(found: Sequence[SecondFactor]) -> tuple[NextStep, ...]:
    return tuple(NextStep(method=factor.method) for factor in found)


def _enrolments(services: "Services") -> tuple[NextStep, ...]:
    return tuple(NextStep(method=factor.enrolment) for factor in services.second_factors.values() if factor.enrolment)


def _is_in_grace(tx: Transaction, user_id: str, grace: int) -> bool:
    if grace == 0:
        return False
    first = insert_or_ignore(tx.dialect, grace_periods)
    tx.execute(first, {"user_id": user_id, "until": tx.now + grace})
    until = tx.execute(select(grace_periods.c.until).where(grace_periods.c.user_id == user_id)).scalar_one()
    return until > tx.now


def _tell_of_failures(tx: Transaction, services: "Services", request: Request, account: Account) -> None:
    """Tell the owner, once a day, that somebody who has their password fails at the second factor (CB-198)."""
    services.note(tx, AuditEvent.LIMIT_REACHED, request, account.user.id, limit="second_factor_account")
    if services.limiter.take(tx, "second_factor_notice", account.user.id) is None:
        values = {"link": services.url(request, "/forgot")}
        services.send(tx, "second_factor_blocked", account.user.email, account.language, values)
