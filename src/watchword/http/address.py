"""Whose request it is, as far as the network tells: the caller's address and scheme, with or without proxies.

Forwarding headers count only when the connection comes from a declared proxy network; none is declared by default.
Of these headers `X-Forwarded-For` is the one that counts and `Forwarded` (RFC 7239) is not read: a proxy that writes
one passes the other on as the client sent it, so whoever reads both believes the client.
"""

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache

from watchword.foundation.errors import ConfigurationError
from watchword.http.request import Request

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Proxies = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]

_WITH_PORT = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<four>[0-9.]+))(?::\d{1,5})?\Z")
_LONGEST_ADDRESS = 64


def parse_proxies(networks: Iterable[str]) -> Proxies:
    """Return the declared proxy networks, each in CIDR form or one address.

    Raises:
        ConfigurationError: one of them is no network, or means every address there is.
    """
    return tuple(_parse_proxy(text) for text in networks)


def client_address(request: Request, proxies: Proxies) -> str:
    """Return the address of who sent the request, in its one canonical form.

    It is the connection's peer, unless that is a declared proxy. Then it is the right-most address of
    `X-Forwarded-For` that is no proxy: each proxy appends whom it saw, so what stands further left is the client's
    own invention (A05, A99). An entry that is no address makes the header worthless: the peer counts (A07).
    """
    peer = _parse_address(request.peer or "")
    if peer is None:
        return request.peer or ""
    nearest = peer
    if _is_proxy(peer, proxies):
        for entry in reversed(",".join(request.header_values("x-forwarded-for")).split(",")):
            address = _parse_entry(entry)
            if address is None:
                return str(peer)
            nearest = address
            if not _is_proxy(address, proxies):
                break
    return str(nearest)


def client_scheme(request: Request, proxies: Proxies) -> str:
    """Return `http` or `https`: as `X-Forwarded-Proto` says where a declared proxy sent it, else the connection's own."""
    peer = _parse_address(request.peer or "")
    if peer is not None and _is_proxy(peer, proxies):
        forwarded = (request.header("x-forwarded-proto") or "").strip(" \t").lower()
        if forwarded in ("http", "https"):
            return forwarded
    return request.scheme


def address_bucket(address: str) -> str:
    """Return what limits count under: one IPv4 address, or one IPv6 /64, which is what a single customer gets (A99)."""
    parsed = _parse_address(address)
    if parsed is None:
        return address[:_LONGEST_ADDRESS].lower()
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))


def _parse_proxy(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        network = ipaddress.ip_network(text.strip())
    except ValueError as error:
        raise ConfigurationError(f"{text!r} is no proxy network: write for example '10.0.0.0/8' or '::1'") from error
    if network.prefixlen == 0:
        raise ConfigurationError(f"{text!r} would believe everyone's headers: name the networks of your own proxies")
    return network


def _is_proxy(address: Address, proxies: Proxies) -> bool:
    return any(address in network for network in proxies)


def _parse_address(text: str) -> Address | None:
    """Return the address, IPv4-mapped IPv6 as the IPv4 address it is, without a zone; `None` where it is none."""
    text = text.partition("%")[0]
    return _parse_plain(text) if len(text) <= _LONGEST_ADDRESS else None


@lru_cache(maxsize=256)
def _parse_plain(text: str) -> Address | None:
    # Remembered: one request asks for the same address three times.
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _parse_entry(text: str) -> Address | None:
    """Return one entry of `X-Forwarded-For`; some proxies add the port."""
    text = text.strip(" \t")
    match = _WITH_PORT.match(text)
    return _parse_address((match["six"] or match["four"]) if match else text)
