"""The first admin: who has the server's console gets a link that makes one, once."""

from collections.abc import Callable
from typing import final

from watchword.admission import challenge, door
from watchword.admission.challenge import LINK_INVALID, SETUP_LIFETIME
from watchword.admission.outcome import Complete, Pending
from watchword.admission.proof import Proof
from watchword.admission.services import Services
from watchword.audit.events import AuditEvent
from watchword.foundation.errors import INPUT_INVALID, Denied, FieldError, StoreUnavailableError
from watchword.foundation.secrets import Secret
from watchword.http.address import address_bucket
from watchword.http.request import Request
from watchword.identity.email_address import parse_email_address
from watchword.identity.users import account_by_email, count_admins, create_user

HashNew = Callable[[str, str, tuple[str, ...]], str | Denied]
"""Name of the input's field, the new password, words it must not be made of: gives the hash to store."""


@final
class FirstAdmin:
    """Makes the first admin of a fresh installation, and no other."""

    def __init__(self, services: Services, hash_new: HashNew) -> None:
        self._services = services
        self._hash_new = hash_new

    def link(self) -> Secret | None:
        """Return a fresh one-time token for `/setup/{token}`, good for a day; `None` where an admin exists."""
        with self._services.store.write() as tx:
            return None if count_admins(tx) else challenge.issue_link(tx, "setup", None, SETUP_LIFETIME)

    def is_open(self, token: str) -> bool:
        """Tell whether the link still works; uses nothing up."""
        with self._services.store.read() as tx:
            return count_admins(tx) == 0 and challenge.peek_link(tx, "setup", token) is not None

    def create(
        self, request: Request, *, token: str, email: str, password: str, name: str
    ) -> Complete | Pending | Denied:
        """Make the admin and sign in. Whoever reads the console vouches for the address: no mail has to work yet."""
        services = self._services
        with services.store.write(durable=False) as tx:
            denied = services.limiter.take(tx, "code_address", address_bucket(request.address))
        if denied is not None:
            return denied
        if not self.is_open(token):
            return Denied(LINK_INVALID)
        address = parse_email_address(email)
        if isinstance(address, FieldError):
            return Denied(INPUT_INVALID, fields=(address,))
        hashed = self._hash_new("password", password, (email, name))
        if isinstance(hashed, Denied):
            return hashed
        with services.store.write() as tx:
            if account_by_email(tx, address.key) is not None:
                taken = FieldError("email", "an address that no account has", reason="email_taken")
                return Denied(INPUT_INVALID, fields=(taken,))
            if count_admins(tx) or challenge.use_link(tx, "setup", token) is None:
                return Denied(LINK_INVALID)
            user = create_user(tx, email=address, name=name, role="admin", password=hashed)
            if user is None:
                raise StoreUnavailableError("the address was taken meanwhile: nothing is written, try again")
            services.note(tx, AuditEvent.FIRST_ADMIN_CREATED, request, user.id)
            return door.admit(tx, services, request, user, (Proof(factor="console", at=tx.now),))
