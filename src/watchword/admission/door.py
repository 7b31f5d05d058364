"""The one door: proofs become a session here and nowhere else."""

from collections.abc import Sequence

import msgspec

from watchword.admission import attempt as attempts
from watchword.admission import second_factor
from watchword.admission.attempt import ATTEMPT_EXPIRED, Plan
from watchword.admission.browser import Browser
from watchword.admission.outcome import Complete, Pending
from watchword.admission.proof import Proof
from watchword.admission.services import Services
from watchword.audit.events import AuditEvent
from watchword.foundation.clock import to_datetime
from watchword.foundation.errors import Denied
from watchword.http.request import Request
from watchword.identity.users import User
from watchword.sessions import records
from watchword.sessions.assurance import assurance_of
from watchword.sessions.session import Session
from watchword.storage.store import Transaction


def admit(
    tx: Transaction, services: Services, request: Request, user: User, proofs: Sequence[Proof], *, next_page: str = ""
) -> Complete | Pending:
    """Sign the user in, or begin an attempt that asks for what the policy still wants to see.

    Nothing is known of the person before the door opens: a pending attempt is no session and opens nothing (A26).
    The session is a new one with a new token, never one that was there before (A22, CB-048); one that the browser
    still carries is ended first: one browser has one session, and an old cookie can't come back to life (A34, A38).

    Args:
        tx: transaction that used the proofs up; the session commits with them or not at all.
        services: the rooms below.
        request: what asks for it.
        user: who is let in, an enabled account.
        proofs: what was shown, at least one.
        next_page: where the person wanted to go, for the pages of a pending attempt.
    """
    if not proofs:
        raise ValueError("no proof, no session: admit() takes at least one proof")
    factors = tuple(dict.fromkeys(proof.factor for proof in proofs))
    if steps := second_factor.demand(tx, services, user, factors):
        browser = Browser(request, services.cookies)
        plan = Plan(email=user.email, next_page=next_page, proofs=tuple(proofs))
        attempt = attempts.begin(tx, services.keyring, browser.hash, purpose="sign_in", plan=plan, user_id=user.id)
        services.note(tx, AuditEvent.SECOND_FACTOR_ASKED, request, user.id, factors=list(factors))
        return Pending(attempt.id, steps, browser.set_cookie())
    earlier = services.gate.verify(request, tx)
    if earlier is not None and earlier.kind == "cookie":
        records.end(tx, earlier.user.id, earlier.id)
    return _let_in(tx, services, request, user, factors)


def readmit(tx: Transaction, services: Services, request: Request, session: Session, proof: Proof) -> Complete:
    """Begin a new session for somebody whose sessions have all just ended by their own act, this one among them.

    What this session had shown still counts, so that whoever changes their password need not show the second factor
    twice: the act itself asked for it (`second_factor.stale`).
    """
    return _let_in(tx, services, request, session.user, tuple(dict.fromkeys((*session.factors, proof.factor))))


def step_up(tx: Transaction, services: Services, request: Request, session: Session, proof: Proof) -> Complete | Denied:
    """Add a fresh proof to the session under way, and give it a new token: the old one is worth nothing (A22)."""
    factors = tuple(dict.fromkeys((*session.factors, proof.factor)))
    token = records.renew(tx, session.user.id, session.id, factors)
    if token is None:
        return Denied(ATTEMPT_EXPIRED)
    services.gate.forget(request)
    services.note(tx, AuditEvent.STEPPED_UP, request, session.user.id, session=session.id, factor=proof.factor)
    stronger = msgspec.structs.replace(
        session, factors=factors, assurance=assurance_of(factors), authenticated_at=to_datetime(tx.now)
    )
    # The cookie lives as long as the session, whose end does not move.
    left = round(session.expires_at.timestamp()) - tx.now // 1000
    return Complete(stronger, (services.cookies.set_session(token, max(left, 1)),))


def _let_in(tx: Transaction, services: Services, request: Request, user: User, factors: tuple[str, ...]) -> Complete:
    limits = services.settings.session
    session_id, token = records.start(tx, limits, request, user.id, factors)
    browser = Browser(request, services.cookies)
    browser.remember(tx, user.id)
    services.gate.forget(request)
    services.note(tx, AuditEvent.SIGNED_IN, request, user.id, session=session_id, factors=list(factors))
    now = to_datetime(tx.now)
    session = Session(
        id=session_id,
        user=user,
        permissions=services.settings.all_roles.get(user.role, ()),
        factors=factors,
        assurance=assurance_of(factors),
        authenticated_at=now,
        created_at=now,
        last_used_at=now,
        expires_at=to_datetime(tx.now + limits.absolute),
    )
    cookies = (services.cookies.set_session(token, limits.absolute // 1000), *browser.set_cookie())
    return Complete(session, cookies)
