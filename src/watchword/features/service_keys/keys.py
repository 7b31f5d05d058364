"""The keys of apps beside the server: made, listed, withdrawn, and looked up with each of their calls."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple, final

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update

from watchword.admission.services import Services
from watchword.audit.events import AuditEvent
from watchword.features.service_keys.tables import service_keys
from watchword.foundation.clock import MINUTE
from watchword.foundation.encodings import base32_encode
from watchword.foundation.errors import Code, Denied
from watchword.foundation.ids import new_id
from watchword.foundation.secrets import Secret, random_bytes, same_bytes, sha256
from watchword.http.request import Request
from watchword.storage.lease import OVER
from watchword.storage.tables import leases

_SHAPE: Final = re.compile(r"wwk_([a-z2-7]{26})[a-z2-7]{52}\Z")
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?\Z")
_BY_ID: Final = select(service_keys.c.service, service_keys.c.key_hash, service_keys.c.used_at).where(
    service_keys.c.id == bindparam("id")
)
_USED: Final = MINUTE
"""How exactly it is written down when a key was last used."""
_MEMO: Final = "service_key"

SERVICE_KEY_INVALID: Final = Code(
    "service_key_invalid",
    401,
    "This is no key of an app that the server knows",
    "Make one with `watchword keys create NAME` on the server, and send it as `Authorization: Bearer wwk_…`.",
)
SERVICE_NAME_INVALID: Final = Code(
    "service_name_invalid",
    422,
    "This is no name for an app",
    "Use 1 to 64 small letters, digits and hyphens: shop-api.",
)
SERVICE_KEY_UNKNOWN: Final = Code(
    "service_key_unknown", 404, "There is no such key", "Take an id that `watchword keys list` shows."
)


class ServiceKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key, as its list shows it: the key itself is kept nowhere.

    Attributes:
        id: `key_…`.
        service: what the operator calls the app.
        created_at, used_at: in milliseconds since the Unix epoch; last used, to the minute.
    """

    id: str
    service: str
    created_at: int
    used_at: int | None


class Holder(NamedTuple):
    """Who calls: an app beside the server.

    Attributes:
        id: of its key.
        service: its name, the same for all keys of one app.
    """

    id: str
    service: str


@final
class ServiceKeys:
    """The keys of one server.

    Args:
        services: the rooms below.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._store = services.store

    def create(self, service: str) -> Secret | Denied:
        """Return a new key of this app, shown once; earlier ones stay valid, so that it can be replaced without a pause."""
        if not _NAME.match(service):
            return Denied(SERVICE_NAME_INVALID)
        key_id = new_id("key")
        key = Secret(f"wwk_{key_id.removeprefix('key_')}{base32_encode(random_bytes(32))}")
        with self._store.write() as tx:
            row = {"id": key_id, "service": service, "key_hash": key.digest(), "created_at": tx.now, "used_at": None}
            tx.execute(insert(service_keys), row)
            self._services.audit.record(tx, AuditEvent.SERVICE_KEY_CREATED, details={"key": key_id, "service": service})
        return key

    def list_all(self) -> Sequence[ServiceKey]:
        """Return all keys, oldest first."""
        columns = (service_keys.c.id, service_keys.c.service, service_keys.c.created_at, service_keys.c.used_at)
        with self._store.read() as tx:
            rows = tx.execute(select(*columns).order_by(service_keys.c.created_at, service_keys.c.id)).all()
        return [
            ServiceKey(id=one.id, service=one.service, created_at=one.created_at, used_at=one.used_at) for one in rows
        ]

    def revoke(self, key_id: str) -> ServiceKey | Denied:
        """Withdraw a key. When this has returned, nobody answers a check from memory by it any more."""
        found = next((one for one in self.list_all() if one.id == key_id), None)
        if found is None:
            return Denied(SERVICE_KEY_UNKNOWN)
        with self._store.write() as tx:
            tx.execute(delete(service_keys).where(service_keys.c.id == key_id))
            details = {"key": key_id, "service": found.service}
            self._services.audit.record(tx, AuditEvent.SERVICE_KEY_REVOKED, details=details)
        # Not before: a row is what makes a revocation wait for whoever may still trust its memory.
        self._store.clock.sleep(OVER)
        with self._store.write() as tx:
            tx.execute(delete(leases).where(leases.c.service_key == key_id))
        return found

    def holder(self, request: Request) -> Holder | None:
        """Return whose key the request carries, or `None`."""
        sent = request.header_values("authorization")
        key = sent[0][7:] if len(sent) == 1 and sent[0][:7].lower() == "bearer " else ""
        shape = _SHAPE.match(key)
        if shape is None:
            return None
        key_id = f"key_{shape[1]}"
        row = self._store.prepared(_BY_ID, {"id": key_id})
        if row is None or not same_bytes(row[1], sha256(key.encode())):
            return None
        if row[2] is None or row[2] + _USED <= self._store.clock.now():
            with self._store.write(durable=False) as tx:
                tx.execute(update(service_keys).where(service_keys.c.id == key_id).values(used_at=tx.now))
        return Holder(key_id, row[0])


@final
class HoldsKey:
    """Lets in who holds a key of an app beside the server.

    Args:
        keys: all of them.
    """

    description = "key of an app beside the server"
    codes = (SERVICE_KEY_INVALID,)

    def __init__(self, keys: ServiceKeys) -> None:
        self._keys = keys

    def check(self, request: Request) -> Denied | None:
        """Return the refusal, or `None` when the caller may go on."""
        holder = self._keys.holder(request)
        request.memo[_MEMO] = holder
        return None if holder is not None else Denied(SERVICE_KEY_INVALID)

    @staticmethod
    def holder(request: Request) -> Holder:
        """Return whom `check` let in."""
        found = request.memo[_MEMO]
        if not isinstance(found, Holder):
            raise TypeError("the guard has let nobody in")
        return found
