"""How an app calls the server: over connections that stay open, within bounds of time and size, and nowhere else."""

import logging
import math
import os
import ssl
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, TypeVar, final

import msgspec

from watchword.foundation.clock import Clock
from watchword.foundation.errors import ConfigurationError, StoreUnavailableError
from watchword.foundation.secrets import Secret

try:
    import httpcore
except ModuleNotFoundError:
    raise ConfigurationError("an app beside a server needs its HTTP client: pip install 'watchword[beside]'") from None

LONGEST: Final = 2.0
"""Seconds for each step of a call: to connect, to send, to hear something."""
SILENCE: Final = 3.0
"""Seconds of silence after which the stream of events is taken to be cut."""
LARGEST: Final = 256 * 1024
"""Bytes of an answer."""
PAUSE: Final = 0.5
"""Seconds for which nobody calls a server that could not be reached: checks are answered 503 at once meanwhile."""
_CONNECTIONS: Final = 64
_BROKEN = (OSError, httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, httpcore.ProxyError)
_STALE = (httpcore.ReadError, httpcore.WriteError, httpcore.RemoteProtocolError)
"""What a connection says that the server has closed just as it was used again."""
_log = logging.getLogger("watchword.beside")
Answer = TypeVar("Answer")


class ServerUnavailableError(StoreUnavailableError):
    """The server can't be reached, or says nothing that could be believed. Answered as 503."""


class KeyRefusedError(ServerUnavailableError):
    """The server does not know this app's key (any more)."""


class Reply(NamedTuple):
    """What came back."""

    status: int
    body: bytes
    retry_after: int | None


@final
class ServerClient:
    """Calls one server.

    No redirect is followed, no proxy of the environment is asked, and the key goes to this address alone.

    Args:
        url: `https://auth.example.org`.
        key: of this app.
        clock: measures pauses.
        prefix: where the server's calls are mounted.
        context: whom to trust; the machine's authorities unless given.
    """

    def __init__(
        self, url: str, key: Secret, clock: Clock, *, prefix: str = "/auth", context: ssl.SSLContext | None = None
    ) -> None:
        self._base = f"{url}{prefix}/service"
        self.headers: dict[str | bytes, str | bytes] = {
            "authorization": f"Bearer {key.reveal()}",
            "accept": "application/json",
        }
        self._clock = clock
        self._context = context
        self._away_until = -math.inf
        self._pools: dict[int, httpcore.ConnectionPool] = {}

    def call(self, path: str, body: msgspec.Struct, answer: type[Answer], *, again: bool = False) -> Answer:
        """Return what the server answers.

        Args:
            path: `session`, `lease/look`.
            body: what to ask.
            answer: what is expected.
            again: whether the call may be made twice: it changes nothing.

        Raises:
            ServerUnavailableError: there is no such answer.
        """
        reply = self.send(path, body, again=again)
        if reply.status != 200:
            _log.error("the server answered %d to a call that it should know: are both of one version?", reply.status)
            raise ServerUnavailableError("the server answered something else")
        try:
            return msgspec.json.decode(reply.body, type=answer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise ServerUnavailableError("the server answered something else") from None

    def send(self, path: str, body: msgspec.Struct, *, again: bool = False) -> Reply:
        """Do what `call()` does, whatever the answer is.

        Raises:
            KeyRefusedError: the key opens nothing.
            ServerUnavailableError: nothing came back.
        """
        if self._clock.monotonic() < self._away_until:
            raise ServerUnavailableError("the server could not be reached a moment ago")
        try:
            reply = self.post(path, body)
        except _STALE as error:
            reply = self._send_again(path, body, error) if again else self._give_up(error)
        except _BROKEN as error:
            reply = self._give_up(error)
        if reply.status == 401:
            _log.error("the server refuses this app's key: make one there with `watchword keys create NAME`")
            raise KeyRefusedError("the server refuses this app's key")
        if reply.status >= 500:
            raise ServerUnavailableError(f"the server answered {reply.status}")
        return reply

    @contextmanager
    def events(self) -> Generator[Iterator[bytes]]:
        """Open the stream of events for the length of the block; what comes is not parsed.

        Raises:
            ServerUnavailableError: it can't be had, or it is cut.
        """
        timeout = {"connect": LONGEST, "read": SILENCE, "write": LONGEST, "pool": LONGEST}
        headers = {**self.headers, "accept": "text/event-stream"}
        try:
            with self._pool.stream(
                "GET", f"{self._base}/events", headers=headers, extensions={"timeout": timeout}
            ) as response:
                if response.status != 200:
                    raise ServerUnavailableError(f"the server answered {response.status}")
                yield response.iter_stream()
        except _BROKEN as error:
            raise ServerUnavailableError(f"the stream of events ended: {type(error).__name__}") from error

    @property
    def _pool(self) -> httpcore.ConnectionPool:
        """The connections of this process: a child made by fork must not use its parent's."""
        process = os.getpid()
        pool = self._pools.get(process)
        if pool is None:
            context = self._context or ssl.create_default_context()
            pool = httpcore.ConnectionPool(ssl_context=context, max_connections=_CONNECTIONS, keepalive_expiry=30)
            pool = self._pools.setdefault(process, pool)
        return pool

    def post(self, path: str, body: msgspec.Struct) -> Reply:
        """Make one call, whatever comes of it."""
        timeout = dict.fromkeys(("connect", "read", "write", "pool"), LONGEST)
        headers = {**self.headers, "content-type": "application/json"}
        request: dict[str, Any] = {"headers": headers, "content": msgspec.json.encode(body)}
        ends = self._clock.monotonic() + 2 * LONGEST
        with self._pool.stream("POST", f"{self._base}/{path}", **request, extensions={"timeout": timeout}) as response:
            found = bytearray()
            for chunk in response.iter_stream():
                found += chunk
                if len(found) > LARGEST or self._clock.monotonic() > ends:
                    raise ServerUnavailableError("the server's answer is too long, or too slow")
            named = {name.lower(): value for name, value in response.headers}
            wait = named.get(b"retry-after", b"")
            return Reply(response.status, bytes(found), int(wait) if wait.isdigit() else None)

    def _send_again(self, path: str, body: msgspec.Struct, first: Exception) -> Reply:
        try:
            return self.post(path, body)
        except _BROKEN:
            return self._give_up(first)

    def _give_up(self, error: Exception) -> Reply:
        now = self._clock.monotonic()
        if now > self._away_until + 2 * PAUSE:
            _log.warning("the server can't be reached: %s", type(error).__name__)
        self._away_until = now + PAUSE
        raise ServerUnavailableError("the server can't be reached") from error
