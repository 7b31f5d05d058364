"""What whoever runs the service does with accounts, from the command line or their own code."""

from collections.abc import Callable
from typing import final

from watchword.admission import second_factor
from watchword.admission.services import Services
from watchword.audit.events import AuditEvent
from watchword.foundation.errors import INPUT_INVALID, NOT_FOUND, Denied, FieldError
from watchword.identity.email_address import parse_email_address
from watchword.identity.users import (
    Account,
    Role,
    User,
    account_by_email,
    account_by_id,
    accounts,
    create_user,
    set_disabled,
    set_role,
)
from watchword.sessions import records
from watchword.storage.store import Transaction

HashNew = Callable[[str, str, tuple[str, ...]], str | Denied]
"""Name of the input's field, the new password, words it must not be made of: gives the hash to store."""


@final
class Administration:
    """Accounts, as their administrator sees them. Whoever holds this object may do all of it: guard who gets it."""

    def __init__(self, services: Services, hash_new: HashNew) -> None:
        self._services = services
        self._hash_new = hash_new

    def users(self, *, after: str = "", limit: int = 100) -> list[User]:
        """Return users in the order of their ids, those after the id `after`."""
        with self._services.store.read() as tx:
            return accounts(tx, after=after, limit=limit)

    def find(self, who: str) -> User | None:
        """Return the user with this id or e-mail address."""
        with self._services.store.read() as tx:
            account = _account(tx, who)
            return account.user if account else None

    def create(self, *, email: str, password: str | None = None, name: str = "", role: Role = "user") -> User | Denied:
        """Make an account whose address the administrator vouches for; without a password, a reset sets one."""
        address = parse_email_address(email)
        if isinstance(address, FieldError):
            return Denied(INPUT_INVALID, fields=(address,))
        if (unknown := self._unknown_role(role)) is not None:
            return unknown
        hashed = self._hash_new("password", password, (email, name)) if password is not None else None
        if isinstance(hashed, Denied):
            return hashed
        with self._services.store.write() as tx:
            user = create_user(tx, email=address, name=name, role=role, password=hashed)
            if user is None:
                taken = FieldError("email", "an address that no account has", reason="email_taken")
                return Denied(INPUT_INVALID, fields=(taken,))
            self._services.audit.record(tx, AuditEvent.USER_CREATED, user_id=user.id, details={"role": role})
            return user

    def set_role(self, who: str, role: Role) -> User | Denied:
        """Give the user this role. Their sessions end, so that none carries the old right on (CB-035)."""

        def change(tx: Transaction, account: Account) -> None:
            if set_role(tx, account.user.id, role):
                records.end_all(tx, account.user.id)
                self._services.audit.record(
                    tx, AuditEvent.ROLE_CHANGED, user_id=account.user.id, details={"role": role}
                )

        return self._unknown_role(role) or self._change(who, change)

    def set_disabled(self, who: str, *, disabled: bool) -> User | Denied:
        """Shut the account or open it again. Shutting it ends its sessions at once (A33)."""
        event = AuditEvent.USER_DISABLED if disabled else AuditEvent.USER_ENABLED

        def change(tx: Transaction, account: Account) -> None:
            if set_disabled(tx, account.user.id, disabled=disabled):
                records.end_all(tx, account.user.id)
                self._services.audit.record(tx, event, user_id=account.user.id)

        return self._change(who, change)

    def end_sessions(self, who: str) -> User | Denied:
        """End all the user's sessions."""

        def change(tx: Transaction, account: Account) -> None:
            ended = records.end_all(tx, account.user.id)
            self._services.audit.record(
                tx, AuditEvent.SESSIONS_ENDED, user_id=account.user.id, details={"count": ended}
            )

        return self._change(who, change)

    def forget_factors(self, who: str) -> User | Denied:
        """Remove every second factor of somebody who has lost theirs and has shown you who they are.

        Their sessions end, and they are told by mail. Where the policy requires one, the next sign-in sets it up.
        """

        def change(tx: Transaction, account: Account) -> None:
            second_factor.forget_all(tx, self._services, account.user.id)
            records.end_all(tx, account.user.id)
            self._services.audit.record(tx, AuditEvent.FACTORS_FORGOTTEN, user_id=account.user.id)
            self._services.send(tx, "factors_forgotten", account.user.email, account.language, {})

        return self._change(who, change)

    def _unknown_role(self, role: Role) -> Denied | None:
        known = self._services.settings.all_roles
        if role in known:
            return None
        return Denied(INPUT_INVALID, fields=(FieldError("role", f"one of {', '.join(known)}"),))

    def _change(self, who: str, change: Callable[[Transaction, Account], None]) -> User | Denied:
        with self._services.store.write() as tx:
            account = _account(tx, who)
            if account is None:
                return Denied(NOT_FOUND, f"no user has the id or e-mail address {who!r}")
            change(tx, account)
            after = account_by_id(tx, account.user.id)
            return after.user if after else account.user


def _account(tx: Transaction, who: str) -> Account | None:
    if "@" not in who:
        return account_by_id(tx, who)
    address = parse_email_address(who)
    return None if isinstance(address, FieldError) else account_by_email(tx, address.key)
