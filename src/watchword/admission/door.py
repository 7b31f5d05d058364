"""The one door: proofs become a session here and nowhere else."""

from collections.abc import Sequence

from watchword.admission.browser import Browser
from watchword.admission.outcome import Complete
from watchword.admission.proof import Proof
from watchword.admission.services import Services
from watchword.audit.events import AuditEvent
from watchword.foundation.clock import to_datetime
from watchword.http.request import Request
from watchword.identity.users import User
from watchword.sessions import records
from watchword.sessions.session import Session
from watchword.storage.store import Transaction


def admit(tx: Transaction, services: Services, request: Request, user: User, proofs: Sequence[Proof]) -> Complete:
    """Sign the user in: a new session with a new token, never one that was there before (A22, CB-048).

    A session that the browser still carries is ended first: one browser has one session, and an old cookie can't
    come back to life (A34, A38).

    Args:
        tx: transaction that used the proofs up; the session commits with them or not at all.
        services: the rooms below.
        request: what asks for it.
        user: who is let in, an enabled account.
        proofs: what was shown, at least one.
    """
    if not proofs:
        raise ValueError("no proof, no session: admit() takes at least one proof")
    limits = services.settings.session
    earlier = services.gate.verify(request, tx)
    if earlier is not None and earlier.kind == "cookie":
        records.end(tx, earlier.user.id, earlier.id)
    factors = tuple(dict.fromkeys(proof.factor for proof in proofs))
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
        authenticated_at=now,
        created_at=now,
        last_used_at=now,
        expires_at=to_datetime(tx.now + limits.absolute),
    )
    cookies = (services.cookies.set_session(token, limits.absolute // 1000), *browser.set_cookie())
    return Complete(session, cookies)
