"""Where an app's gate finds sessions, and its actions their limits and idempotency keys: at the server."""

import os
from typing import final
from weakref import WeakSet

from watchword.beside.client import ServerClient, ServerUnavailableError
from watchword.beside.lease import ServerSource
from watchword.features.service_keys.messages import (
    ClaimAnswer,
    ClaimInput,
    DoneAnswer,
    FindInput,
    FoundAnswer,
    KeepInput,
    LimitInput,
    ReleaseInput,
)
from watchword.foundation.clock import Clock
from watchword.foundation.errors import Denied
from watchword.limits.declared import rate_of
from watchword.limits.limiter import RATE_LIMITED
from watchword.policy.actions.keys import Known
from watchword.sessions.endings import Endings
from watchword.sessions.session import Origin
from watchword.sessions.stored import REREAD, Found
from watchword.storage.keeper import LeaseKeeper
from watchword.storage.store import Transaction
from watchword.tokens.keyring import Keyring, length_prefixed


@final
class ServedSessions:
    """The server's sessions. What is found counts under a lease, as on a PostgreSQL worker (`storage.lease`).

    The server notes with each look-up that the session is used, at most once in its activity interval; what is
    remembered is asked again when the next note is due.

    Args:
        client: calls the server.
        clock: what tells the time.

    Attributes:
        keeper: keeps the lease.
    """

    def __init__(self, client: ServerClient, clock: Clock) -> None:
        self.clock = clock
        self.keeper = LeaseKeeper(ServerSource(client, clock), clock)
        self.mark = self.keeper.mark
        self._client = client
        _served.add(self)

    def find(self, session_id: str, digest: bytes, tx: Transaction | None = None) -> Found | None:  # noqa: ARG002
        """Return the live session, or `None`.

        Raises:
            ServerUnavailableError: the server can't say.
        """
        answer = self._client.call("session", FindInput(id=session_id, digest=digest), FoundAnswer, again=True)
        if answer.session is None:
            return None
        if answer.session.id != session_id:
            # Something on the way has mixed answers up: none of them can be believed.
            raise ServerUnavailableError("the server's answer is about another session")
        return Found(answer.session, min(answer.left, REREAD))

    def has_ended(self, endings: Endings, origin: Origin) -> bool:  # noqa: ARG002
        """Tell that none has: no trusted system tells an app beside a server (`beside.options`)."""
        return False


@final
class ServedRates:
    """Limits of actions, counted by the server, for all processes of the app.

    Args:
        client: calls the server.
        keyring: hides whose calls they are.
    """

    def __init__(self, client: ServerClient, keyring: Keyring) -> None:
        self._client = client
        self._keyring = keyring
        self._rates: dict[str, str] = {}

    def declare(self, name: str, rate: str) -> None:
        """Add a limit, `10/minute`.

        Raises:
            ConfigurationError: the rate is none.
        """
        rate_of(name, rate)
        self._rates[name] = rate

    def take(self, name: str, subject: str) -> Denied | None:
        """Take one unit, or return the refusal."""
        hidden = self._keyring.mac("limits", length_prefixed(name.encode(), subject.encode()))
        reply = self._client.send("limit", LimitInput(limit=name, rate=self._rates[name], subject=hidden))
        if reply.status == 200:
            return None
        if reply.status != RATE_LIMITED.status:
            raise ServerUnavailableError(f"the server answered {reply.status}")
        return Denied(RATE_LIMITED, retry_after=reply.retry_after or 1)


@final
class ServedClaims:
    """Idempotency keys of actions, kept by the server: sealed, so that it reads neither calls nor answers.

    Args:
        client: calls the server.
    """

    def __init__(self, client: ServerClient) -> None:
        self._client = client

    def claim(self, key: bytes, body: bytes) -> Known | None:
        """Take the key: `None` where it was free, else who holds it."""
        answer = self._client.call("action-key", ClaimInput(key=key, body=body), ClaimAnswer)
        return None if answer.claimed else Known(answer.body, answer.sealed)

    def keep(self, key: bytes, sealed: bytes) -> None:
        """Have the answer written down."""
        self._client.call("action-key/keep", KeepInput(key=key, sealed=sealed), DoneAnswer)

    def release(self, key: bytes) -> None:
        """Give the key back."""
        self._client.call("action-key/release", ReleaseInput(key=key), DoneAnswer)


_served: WeakSet[ServedSessions] = WeakSet()


def _after_fork() -> None:
    for one in list(_served):
        one.keeper.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
