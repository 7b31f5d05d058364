"""The tokens of other services, kept sealed: handed to the app, and refreshed by one process at a time."""

import asyncio
from concurrent.futures import Executor
from typing import Any, Final, cast, final

import msgspec
from sqlalchemy import Row, select, update

from watchword.admission.services import Services
from watchword.foundation.clock import MINUTE, SECOND
from watchword.foundation.errors import WatchwordError
from watchword.methods.oauth.discovery import ProviderError
from watchword.methods.oauth.provider import Grant, Provider
from watchword.methods.oauth.tables import identities, provider_tokens
from watchword.policy.taint import taint_unique_value
from watchword.sessions.verify import NoRequestError, current_context
from watchword.storage.store import Transaction
from watchword.storage.upsert import insert_into
from watchword.tokens.keyring import Keyring, length_prefixed

AHEAD: Final = MINUTE
"""How long before its end a token is refreshed, so that it still counts when it arrives."""
TURN: Final = 30 * SECOND
"""How long one process may take to refresh, before another tries."""
_PAUSE: Final = 0.05
_PURPOSE: Final = "provider-token"


class ProviderTokenError(WatchwordError):
    """There is no token of that service for this person, or none that still counts: they have to sign in with it again."""


@final
class ProviderToken:
    """A token of another service. It is tainted: an answer of the app that holds it does not leave.

    Attributes:
        access_token: for `Authorization: Bearer`.
        scope: what it permits, as the service wrote it.
        expires_at: when it ends, in milliseconds since the epoch, or `None` where the service does not say.
    """

    def __init__(self, access_token: str, scope: str, expires_at: int | None) -> None:
        self.access_token = access_token
        self.scope = scope
        self.expires_at = expires_at
        if len(access_token) >= 12:
            taint_unique_value("A token of another service is for the server alone", self, access_token)

    def __repr__(self) -> str:
        return f"ProviderToken(scope={self.scope!r}, expires_at={self.expires_at!r})"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What is sealed."""

    access_token: str
    refresh_token: str = ""
    scope: str = ""


def keep(tx: Transaction, keyring: Keyring, identity_id: str, grant: Grant) -> None:
    """Keep the tokens, in place of earlier ones. A refresh token that is not given anew stays."""
    earlier = _open(keyring, tx.execute(select(provider_tokens).where(_of(identity_id))).first())
    refresh_token = grant.refresh_token or (earlier.refresh_token if earlier else "")
    row = {
        "identity_id": identity_id,
        "sealed": _seal(keyring, identity_id, grant, refresh_token),
        "expires_at": grant.expires_at,
        "version": tx.now,
        "refreshing_until": 0,
    }
    put = insert_into(tx.dialect, provider_tokens).values(row)
    tx.execute(put.on_conflict_do_update(index_elements=[provider_tokens.c.identity_id], set_=row))


@final
class ProviderTokens:
    """Hands tokens out."""

    def __init__(self, services: Services, providers: dict[str, Provider]) -> None:
        self._services = services
        self._providers = providers

    async def hand(self, user_id: str, provider: str, executor: Executor) -> ProviderToken:
        """Do what `of()` does, once for the request under way, in a thread of its own.

        Raises:
            ProviderTokenError: as `of()`.
        """
        memo, name = _memo(), _name(user_id, provider)
        if name not in memo:
            loop = asyncio.get_running_loop()
            memo[name] = await loop.run_in_executor(executor, self.of, user_id, provider)
        return cast("ProviderToken", memo[name])

    def hand_sync(self, user_id: str, provider: str) -> ProviderToken:
        """Do what `hand()` does, in code that is not async."""
        memo, name = _memo(), _name(user_id, provider)
        if name not in memo:
            memo[name] = self.of(user_id, provider)
        return cast("ProviderToken", memo[name])

    def of(self, user_id: str, provider: str) -> ProviderToken:
        """Return the user's token of that service, refreshed where it is due.

        Raises:
            ProviderTokenError: there is none, or the service takes it no more.
        """
        store, keyring = self._services.store, self._services.keyring
        if provider not in self._providers or not self._providers[provider].keeps_tokens:
            raise ProviderTokenError(f"no tokens of {provider!r} are kept: declare it with OAuth(…, keep_tokens=True)")
        gives_up = store.clock.monotonic() + TURN / SECOND
        while True:
            with store.read() as tx:
                row = _row(tx, user_id, provider)
                now = tx.now
            kept = _open(keyring, row)
            if row is None or kept is None:
                raise ProviderTokenError(
                    f"there is no token of {provider!r} for this person: they sign in with it again"
                )
            if row.expires_at is None or now < row.expires_at - AHEAD:
                return ProviderToken(kept.access_token, kept.scope, row.expires_at)
            if not kept.refresh_token:
                if now < row.expires_at:
                    return ProviderToken(kept.access_token, kept.scope, row.expires_at)
                raise ProviderTokenError(f"the token of {provider!r} is over, and there is none to refresh it with")
            if self._take_turn(row):
                return self._refresh(row, provider, kept)
            if store.clock.monotonic() >= gives_up:
                raise ProviderTokenError(f"the token of {provider!r} is being refreshed for too long")
            store.clock.sleep(_PAUSE)

    def _take_turn(self, row: Row[Any]) -> bool:
        """Be the one that refreshes, of any number at once: a refresh token counts once at many services."""
        with self._services.store.write(durable=False) as tx:
            free = (provider_tokens.c.refreshing_until <= tx.now, provider_tokens.c.version == row.version)
            taken = update(provider_tokens).where(_of(row.identity_id), *free)
            return tx.execute(taken.values(refreshing_until=tx.now + TURN)).rowcount == 1

    def _refresh(self, row: Row[Any], provider: str, kept: Kept) -> ProviderToken:
        store, keyring = self._services.store, self._services.keyring
        mine = (_of(row.identity_id), provider_tokens.c.version == row.version)
        try:
            # No transaction is open while the service is asked.
            grant = self._providers[provider].refresh(kept.refresh_token)
        except ProviderError as error:
            with store.write(durable=False) as tx:
                tx.execute(update(provider_tokens).where(*mine).values(refreshing_until=0))
            raise ProviderTokenError(f"{provider!r} gives no new token: {error.reason}") from error
        scope = grant.scope or kept.scope
        grant = msgspec.structs.replace(grant, scope=scope)
        sealed = _seal(keyring, row.identity_id, grant, grant.refresh_token)
        with store.write() as tx:
            changed = update(provider_tokens).where(*mine)
            version = max(tx.now, row.version + 1)
            values = {"sealed": sealed, "expires_at": grant.expires_at, "version": version, "refreshing_until": 0}
            tx.execute(changed.values(values))
        return ProviderToken(grant.access_token, scope, grant.expires_at)


def _memo() -> dict[str, object]:
    """Return what is remembered for the request under way; nothing where there is none."""
    try:
        return current_context().request.memo
    except NoRequestError:
        return {}


def _name(user_id: str, provider: str) -> str:
    return f"provider token {user_id} {provider}"


def _row(tx: Transaction, user_id: str, provider: str) -> Row[Any] | None:
    """Return the tokens that were used last, where the user has several accounts at the service."""
    joined = provider_tokens.join(identities, identities.c.id == provider_tokens.c.identity_id)
    mine = (identities.c.user_id == user_id, identities.c.provider == provider)
    found = select(provider_tokens).select_from(joined).where(*mine)
    return tx.execute(found.order_by(identities.c.last_used_at.desc()).limit(1)).first()


def _of(identity_id: str) -> Any:
    return provider_tokens.c.identity_id == identity_id


def _seal(keyring: Keyring, identity_id: str, grant: Grant, refresh_token: str) -> bytes:
    kept = Kept(access_token=grant.access_token, refresh_token=refresh_token, scope=grant.scope)
    # With its row's id inside the seal, a token is worth nothing in another person's row.
    return keyring.seal(_PURPOSE, length_prefixed(identity_id.encode(), msgspec.msgpack.encode(kept)))


def _open(keyring: Keyring, row: Row[Any] | None) -> Kept | None:
    opened = keyring.unseal(_PURPOSE, row.sealed) if row else None
    head = length_prefixed(row.identity_id.encode()) if row else b""
    if opened is None or not opened.startswith(head):
        return None
    return msgspec.msgpack.decode(opened[len(head) + 8 :], type=Kept)
