"""One call to a public https address. What it can be led to is bounded: no redirect, no private address, no endless body.

The name is resolved once, every address it has is checked, and the connection goes to the one that was checked: a name
that answers differently a moment later (DNS rebinding) changes nothing. It needs the extra `trust`.
"""

import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, final
from urllib.parse import urlsplit

import httpcore

from watchword.foundation.clock import Clock
from watchword.foundation.errors import WatchwordError

LONGEST: Final = 5.0
"""Seconds for all of it, from the name's resolution to the last byte."""
LARGEST: Final = 256 * 1024
"""Bytes of the answer."""
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_HTTPS: Final = 443
_OK: Final = 200


class FetchError(WatchwordError):
    """The document could not be had, or its address is one that is not called."""


class Answer(NamedTuple):
    """What a service answered."""

    status: int
    body: bytes


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How services of one's own network are called, that have no public address or authority.

    Attributes:
        context: whom to trust; the machine's authorities unless given.
        is_callable: which IP addresses are called; those of the public internet unless given.
    """

    context: ssl.SSLContext | None = None
    is_callable: Callable[[str], bool] | None = None


def fetch(
    url: str, clock: Clock, *, context: ssl.SSLContext | None = None, is_callable: Callable[[str], bool] | None = None
) -> bytes:
    """Return the document at this address.

    Args:
        url: `https://…`.
        clock: what measures the time that it takes.
        context: whom to trust; the machine's authorities unless given.
        is_callable: which addresses are called; `is_public` unless given.

    Raises:
        FetchError: the address is not https, or not public; the answer is late, too large, or other than 200.
    """
    answer = call("GET", url, clock, network=Network(context=context, is_callable=is_callable))
    if answer.status != _OK:
        raise FetchError(f"{url!r} answered {answer.status}; redirects are not followed")
    return answer.body


def call(
    method: str,
    url: str,
    clock: Clock,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    network: Network | None = None,
) -> Answer:
    """Return what the service answers, whatever its status; a redirect is an answer, and not followed.

    Args:
        method: `GET` or `POST`.
        url: `https://…`.
        clock: what measures the time that it takes.
        headers: beside `Host` and `Accept`.
        body: what is sent.
        network: how it is called.

    Raises:
        FetchError: the address is not https, or not public; the answer is late or too large.
    """
    network = network or Network()
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        raise FetchError(f"{url!r} is no https address: keys that anyone on the way can change are no keys")
    backend = _CheckedBackend(clock, clock.monotonic() + LONGEST, network.is_callable or is_public)
    sent: list[tuple[str, str]] = [
        *({"Host": parts.netloc, "Accept": "application/json"} | dict(headers or {})).items()
    ]
    try:
        with (
            httpcore.ConnectionPool(
                ssl_context=network.context or ssl.create_default_context(), network_backend=backend, max_connections=1
            ) as pool,
            pool.stream(method, url, headers=sent, content=body) as response,
        ):
            return Answer(response.status, _read(response.iter_stream(), url))
    except (OSError, httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, ValueError) as error:
        raise FetchError(f"{url!r} could not be read: {type(error).__name__}") from error


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public internet, also where an IPv6 address carries an IPv4 one."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo or (None, None))[1]
        if inner is None and parsed in _NAT64:
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFF_FFFF)
        if inner is not None:
            return inner.is_global and not inner.is_multicast
    return parsed.is_global and not parsed.is_multicast


def _read(chunks: Iterable[bytes], url: str) -> bytes:
    found = bytearray()
    for chunk in chunks:
        found += chunk
        if len(found) > LARGEST:
            raise FetchError(f"{url!r} answered more than {LARGEST} bytes")
    return bytes(found)


@final
class _CheckedBackend(httpcore.NetworkBackend):
    """Connects to addresses that were checked, and no longer than until a deadline."""

    def __init__(self, clock: Clock, deadline: float, is_callable: Callable[[str], bool]) -> None:
        self._sockets = httpcore.SyncBackend()
        self._clock = clock
        self._deadline = deadline
        self._is_callable = is_callable

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        refused = [address for address in found if not self._is_callable(address)]
        # One private address among public ones is an attempt, not a service.
        if refused or not found:
            raise FetchError(f"{host!r} has an address that is not public")
        address = min(found, key=lambda one: (":" in one, one))
        return _TimedStream(self._sockets.connect_tcp(address, port, timeout=self._left()), self._left)

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)

    def _left(self) -> float:
        left = self._deadline - self._clock.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the time is over")
        return left


@final
class _TimedStream(httpcore.NetworkStream):
    """A connection whose every step ends at one deadline, however slowly the other side drips, and no other limit."""

    def __init__(self, stream: httpcore.NetworkStream, left: Callable[[], float]) -> None:
        self._stream = stream
        self._left = left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, self._left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, self._left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, self._left()), self._left)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
