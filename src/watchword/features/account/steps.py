"""What people do with their own account: look, rename, move to another address, take their data, leave."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, final

import msgspec

from watchword.admission import attempt as attempts
from watchword.admission import confirmation, door
from watchword.admission.attempt import ATTEMPT_EXPIRED, Attempt, Plan
from watchword.admission.browser import Browser
from watchword.admission.outcome import Complete, Pending
from watchword.admission.proof import Proof
from watchword.admission.services import Services
from watchword.audit.events import AuditEvent
from watchword.foundation.clock import to_datetime
from watchword.foundation.errors import INPUT_INVALID, Code, Denied, FieldError
from watchword.http.request import Request
from watchword.identity.email_address import parse_email_address
from watchword.identity.user_name import parse_user_name
from watchword.identity.users import (
    Account,
    User,
    account_by_email,
    account_by_id,
    change_email,
    change_name,
    change_user_name,
    delete_user,
    identifiers_of,
    is_last_admin,
)
from watchword.sessions import records
from watchword.sessions.session import Session
from watchword.storage.store import Transaction

Prove = Callable[[Request, Session, str], Account | Denied]
"""Shows the password again, given as the input's field `password`."""

LAST_ADMIN: Final = Code(
    "last_admin", 409, "The last admin can't leave", "Make somebody else an admin first, then delete this account."
)


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """One live session, as its owner sees it."""

    id: str
    current: bool
    address: str
    user_agent: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


@final
class AccountSteps:
    """The steps of the feature. `prove` is the sign-in method's way to show the credential once more."""

    def __init__(self, services: Services, prove: Prove) -> None:
        self._services = services
        self._prove = prove

    def sessions(self, session: Session) -> list[SessionView]:
        """Return the live sessions of whoever is signed in, last used first."""
        services = self._services
        with services.store.read() as tx:
            rows = records.live_sessions(tx, services.settings.session, session.user.id)
        return [
            SessionView(
                id=row.id,
                current=row.id == session.id,
                address=row.address,
                user_agent=row.user_agent,
                created_at=to_datetime(row.created_at),
                last_used_at=to_datetime(row.last_used_at),
                expires_at=to_datetime(row.expires_at),
            )
            for row in rows
        ]

    def end_session(self, request: Request, session: Session, session_id: str) -> bool:
        """End one of one's own sessions; `False` where there is none of that id (or it is another person's, A14)."""
        services = self._services
        with services.store.write() as tx:
            ended = records.end(tx, session.user.id, session_id)
            if ended:
                event = AuditEvent.SIGNED_OUT if session_id == session.id else AuditEvent.SESSION_ENDED
                services.note(tx, event, request, session.user.id, session=session_id)
        return ended

    def end_other_sessions(self, request: Request, session: Session) -> int:
        """End all of one's sessions but this one; return how many that were."""
        services = self._services
        with services.store.write() as tx:
            ended = records.end_all(tx, session.user.id, but=session.id)
            services.note(tx, AuditEvent.SESSIONS_ENDED, request, session.user.id, count=ended)
        return ended

    def change_profile(
        self, request: Request, session: Session, *, name: str | None, user_name: str | None
    ) -> User | Denied:
        """Change what one is called; an empty `user_name` takes the handle away, `None` leaves things as they are."""
        services = self._services
        handle = parse_user_name(user_name) if user_name else None
        if isinstance(handle, FieldError):
            return Denied(INPUT_INVALID, fields=(handle,))
        with services.store.write() as tx:
            if user_name is not None and not change_user_name(tx, session.user.id, handle):
                taken = FieldError("user_name", "a user name that nobody has", reason="user_name_taken")
                return Denied(INPUT_INVALID, fields=(taken,))
            if name is not None:
                change_name(tx, session.user.id, name)
            services.note(tx, AuditEvent.PROFILE_CHANGED, request, session.user.id)
            account = account_by_id(tx, session.user.id)
        services.gate.forget(request)
        return account.user if account else session.user

    def ask_for_email_change(
        self, request: Request, session: Session, *, email: str, password: str
    ) -> Pending | Denied:
        """Send code and link to the new address; nothing changes until it is proven (CB-120, CB-121)."""
        services = self._services
        address = parse_email_address(email)
        if isinstance(address, FieldError):
            return Denied(INPUT_INVALID, fields=(address,))
        account = self._prove(request, session, password)
        if isinstance(account, Denied):
            return account
        with services.store.write() as tx:
            plan = Plan(
                email=address.address,
                email_key=address.key,
                language=account.language or "",
                taken=account_by_email(tx, address.key) is not None,
            )
            browser = Browser(request, services.cookies)
            attempts.cancel_all(tx, session.user.id)
            attempt = attempts.begin(
                tx, services.keyring, browser.hash, purpose="email_change", plan=plan, user_id=session.user.id
            )
            services.note(tx, AuditEvent.EMAIL_CHANGE_REQUESTED, request, session.user.id)
            return confirmation.ask(tx, services, request, attempt, browser)

    def move(self, tx: Transaction, request: Request, attempt: Attempt, proof: Proof) -> Complete | Denied:
        """Give the account its new address, tell the old one, end all sessions and begin a new one (CB-112, CB-122).

        The person must still be signed in here: a code alone changes no account.
        """
        services = self._services
        session = services.gate.verify(request, tx)
        account = account_by_id(tx, attempt.user_id or "")
        if account is None or account.disabled or session is None or session.user.id != account.user.id:
            return Denied(ATTEMPT_EXPIRED)
        if not change_email(tx, account.user.id, attempt.plan.address):
            return Denied(ATTEMPT_EXPIRED)
        records.end_all(tx, account.user.id)
        attempts.cancel_all(tx, account.user.id)
        services.note(tx, AuditEvent.EMAIL_CHANGED, request, account.user.id)
        values = {"email": attempt.plan.email, "link": services.url(request, "/forgot")}
        services.send(tx, "email_changed", account.user.email, account.language, values)
        moved = msgspec.structs.replace(session.user, email=attempt.plan.email)
        return door.readmit(tx, services, request, msgspec.structs.replace(session, user=moved), proof)

    def export(self, request: Request, session: Session) -> dict[str, Any]:
        """Return everything that is kept about whoever is signed in, without a secret (A86)."""
        services = self._services
        user_id = session.user.id
        with services.store.write() as tx:
            services.note(tx, AuditEvent.ACCOUNT_EXPORTED, request, user_id)
            account = account_by_id(tx, user_id)
            identifiers = identifiers_of(tx, user_id)
            sessions = records.live_sessions(tx, services.settings.session, user_id)
            events = services.audit.events_of(tx, user_id)
            others = {name: export(tx, user_id) for name, export in services.exports.items()}
        return {
            "user": msgspec.to_builtins(account.user if account else session.user),
            "created_at": to_datetime(account.created_at) if account else None,
            "language": account.language if account else None,
            "identifiers": [_with_times(row) for row in identifiers],
            "sessions": [_with_times({name: getattr(row, name) for name in _SESSION_EXPORT}) for row in sessions],
            **others,
            "events": [{**dataclasses.asdict(event), "at": to_datetime(event.at)} for event in events],
        }

    def delete(self, request: Request, session: Session, *, password: str) -> Denied | None:
        """Delete the account with all that hangs on it, at once and for good; the audit log keeps ids alone."""
        services = self._services
        account = self._prove(request, session, password)
        if isinstance(account, Denied):
            return account
        with services.store.write() as tx:
            if is_last_admin(tx, account.user.id):
                return Denied(LAST_ADMIN)
            services.send(tx, "account_deleted", account.user.email, account.language, {})
            delete_user(tx, account.user.id)
            services.note(tx, AuditEvent.ACCOUNT_DELETED, request, account.user.id)
        services.gate.forget(request)
        return None


_SESSION_EXPORT: Sequence[str] = ("id", "address", "user_agent", "created_at", "last_used_at", "expires_at")


def _with_times(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: to_datetime(value) if key.endswith("_at") and value is not None else value for key, value in row.items()
    }
