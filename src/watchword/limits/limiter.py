"""Rate limits: how often one thing may be tried.

The algorithm is GCRA (ITU-T I.371), a leaky bucket that needs one number for each counter: the moment at which it is
full again. Taking a unit moves this moment on by one interval, and is refused where that would put it further ahead
than all units together take to come back.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, Protocol, final

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    LargeBinary,
    bindparam,
    case,
    delete,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningInsert

from watchword.foundation.clock import MINUTE, SECOND
from watchword.foundation.errors import Code, Denied
from watchword.limits.declared import Rate, effective_rates, rate_of
from watchword.limits.tables import limits
from watchword.storage.engine import Dialect
from watchword.storage.store import Store, Transaction
from watchword.storage.upsert import insert_into
from watchword.tokens.keyring import Keyring, length_prefixed

CLOCK_TOLERANCE = MINUTE
"""How far apart the clocks of two servers may be before a row is taken to be of a clock that has been set back."""

RATE_LIMITED: Final = Code(
    "rate_limited", 429, "Too many tries", "Wait for `Retry-After` seconds, then try again: earlier calls are refused."
)


_KEY: Final[BindParameter[bytes]] = bindparam("counter", type_=LargeBinary)
_INTERVAL: Final[BindParameter[int]] = bindparam("interval", type_=BigInteger)
_FULL_AT: Final = select(limits.c.full_at).where(limits.c.key == _KEY)
_GIVE_BACK: Final = update(limits).where(limits.c.key == _KEY).values(full_at=limits.c.full_at - _INTERVAL)


class Rates(Protocol):
    """Counts calls of what an app limits itself: in the store, or at the server that it stands beside."""

    def declare(self, name: str, rate: str) -> None:
        """Add a limit, `10/minute`.

        Raises:
            ConfigurationError: the rate is none.
        """
        ...

    def take(self, name: str, subject: str) -> Denied | None:
        """Take one unit, or return the refusal."""
        ...


@final
class Limiter:
    """Counts tries in the database, so that all processes share the counters and a restart forgets none.

    Args:
        keyring: keys the counters, so that the table tells no account and no address.
        overrides: rates by name that replace the declared ones.

    Raises:
        ConfigurationError: a name that no limit has, or a rate that is none.
    """

    def __init__(self, keyring: Keyring, overrides: Mapping[str, str]) -> None:
        self._keyring = keyring
        self._rates = effective_rates(overrides)
        self.on_limit: Callable[[str], None] | None = None
        """Is told the name of each limit that is reached."""

    def declare(self, name: str, rate: str) -> None:
        """Add a limit of the app's own, such as that of an action: `10/minute`.

        Raises:
            ConfigurationError: the rate is none.
        """
        self._rates[name] = rate_of(name, rate)

    def take(self, tx: Transaction, name: str, subject: str = "") -> Denied | None:
        """Take one unit, or return the refusal.

        One statement does it: of any number at once exactly as many get a unit as there are (A88). The counter's
        row stays locked until the transaction ends, so take it in a short one of its own
        (`store.write(durable=False)`), not around a password hash.

        Args:
            tx: open transaction; a refusal leaves nothing to commit.
            name: which limit.
            subject: whose counter: the canonical account or e-mail address, the bucket of a network address
                (`http.address.address_bucket`), nothing for a limit of the whole service.
        """
        return self._note(name, self._take(tx, self._rates[name], self._key(name, subject)))

    def take_at(self, tx: Transaction, name: str, rate: str, subject: str) -> Denied | None:
        """Do what `take()` does, with a limit that another process declares.

        Raises:
            ConfigurationError: the rate is none.
        """
        return self._note("service", self._take(tx, rate_of(name, rate), self._key(name, subject)))

    def _note(self, name: str, denied: Denied | None) -> Denied | None:
        if denied is not None and self.on_limit is not None:
            self.on_limit(name)
        return denied

    def _take(self, tx: Transaction, rate: Rate, key: bytes) -> Denied | None:
        latest = tx.now + rate.capacity
        moments = {
            "counter": key,
            "now": tx.now,
            "interval": rate.interval,
            "first": tx.now + rate.interval,
            "last": latest - rate.interval,
            "believable": latest + CLOCK_TOLERANCE,
            "beyond": latest + 1,
        }
        full_at = tx.execute_prepared(_take_one(tx.dialect), moments).scalar_one_or_none()
        if full_at is not None and full_at <= latest:
            return None
        if full_at is None:
            full_at = tx.execute(_FULL_AT, {"counter": key}).scalar_one()
        wait = full_at + rate.interval - latest
        return Denied(RATE_LIMITED, retry_after=max(1, -(-wait // SECOND)))

    def give_back(self, tx: Transaction, name: str, subject: str = "") -> None:
        """Return the unit that was taken: the try did not count after all, as where the password was right."""
        unit = {"counter": self._key(name, subject), "interval": self._rates[name].interval}
        tx.execute_prepared(_GIVE_BACK, unit)

    def clear(self, tx: Transaction, name: str, subject: str = "") -> None:
        """Return all units."""
        tx.execute(delete(limits).where(limits.c.key == self._key(name, subject)))

    def sweep(self, tx: Transaction) -> int:
        """Delete counters that are full again, and return how many."""
        return tx.execute(delete(limits).where(limits.c.full_at < tx.now - CLOCK_TOLERANCE)).rowcount

    def _key(self, name: str, subject: str) -> bytes:
        return self._keyring.mac("limits", length_prefixed(name.encode(), subject.encode()))


@final
class StoredRates:
    """The limits of an app whose store is its own.

    Args:
        limiter: counts.
        store: where.
    """

    def __init__(self, limiter: Limiter, store: Store) -> None:
        self._limiter = limiter
        self._store = store
        self.declare = limiter.declare

    def take(self, name: str, subject: str) -> Denied | None:
        """Take one unit, or return the refusal."""
        with self._store.write(durable=False) as tx:
            return self._limiter.take(tx, name, subject)


@cache
def _take_one(dialect: Dialect) -> ReturningInsert[tuple[int]]:
    """Return the statement that takes a unit and gives the new moment, or gives no row where none is left.

    A moment that no honest clock can have written means that the clock was set back. The counter is then empty as of
    now, instead of being shut until the clock has caught up: nobody waits longer than after using all units, and
    nobody gains one (A154). Such a row is returned too, a millisecond beyond what a unit taken can give.
    """
    full_at: ColumnElement[int] = limits.c.full_at
    is_of_later_clock = full_at > _moment("believable")
    has_unit = full_at <= _moment("last")
    first = _moment("first")
    taken = case(
        (is_of_later_clock, _moment("beyond")),
        (full_at < _moment("now"), first),
        else_=full_at + _INTERVAL,
    )
    wanted = or_(is_of_later_clock, has_unit)
    new = insert_into(dialect, limits).values(key=_KEY, full_at=first)
    return new.on_conflict_do_update(index_elements=[limits.c.key], set_={"full_at": taken}, where=wanted).returning(
        limits.c.full_at
    )


def _moment(name: str) -> BindParameter[int]:
    # Sums are made before: a statement costs less the fewer parameters it has.
    return bindparam(name, type_=BigInteger)
