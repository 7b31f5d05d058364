"""Documents are fetched by https from public addresses, in bounded time and size; nothing leads elsewhere (A141)."""

import socket
import ssl
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.outgoing.https_server import serving, write_certificate
from watchword.foundation.clock import ManualClock, SystemClock
from watchword.outgoing import fetch as module
from watchword.outgoing.fetch import LARGEST, FetchError, fetch, is_public

BODY = b'{"keys": []}'


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def context(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


def send(handler: BaseHTTPRequestHandler, status: int = 200, body: bytes = BODY, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def anywhere(_: str) -> bool:
    return True


def test_a_document_is_fetched_under_the_name_of_its_certificate(certificate: Path, context: ssl.SSLContext):
    """The connection goes to the checked address, the certificate is still checked for the name."""
    with serving(certificate, send) as (port, asked):
        url = f"https://localhost:{port}/keys?a=b"
        assert fetch(url, SystemClock(), context=context, is_callable=anywhere) == BODY
        assert asked == ["/keys?a=b"]


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: Path):
    """The machine's authorities decide unless told otherwise."""
    with serving(certificate, send) as (port, asked):
        with pytest.raises(FetchError):
            fetch(f"https://localhost:{port}/keys", SystemClock(), is_callable=anywhere)
        assert asked == []


@pytest.mark.parametrize("address", ["127.0.0.1", "[::1]", "localhost", "0.0.0.0", "169.254.169.254", "10.0.0.1", "[::ffff:127.0.0.1]", "2130706433"])  # fmt: skip
def test_a141_a_private_address_is_not_called(certificate: Path, address: str):
    """The machine itself, its network, the cloud's metadata, in whatever spelling."""
    with serving(certificate, send) as (port, asked):
        with pytest.raises(FetchError, match="not public"):
            fetch(f"https://{address}:{port}/keys", SystemClock())
        assert asked == []


def test_a141_a_name_that_answers_differently_a_moment_later_is_resolved_once(
    certificate: Path, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
):
    """DNS rebinding: what was checked is what is connected to."""
    answers = ["8.8.8.8", "127.0.0.1"]
    resolve = socket.getaddrinfo
    connected: list[str] = []

    def rebinding(host: Any, *arguments: Any, **named: Any) -> Any:
        if host != "keys.example.org":
            return resolve(host, *arguments, **named)
        return resolve(answers.pop(0) if len(answers) > 1 else answers[0], *arguments, **named)

    def connect(self: Any, host: str, *_: Any, **__: Any) -> Any:
        connected.append(host)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr("httpcore.SyncBackend.connect_tcp", connect)
    with serving(certificate, send) as (port, _), pytest.raises(FetchError):
        fetch(f"https://keys.example.org:{port}/keys", SystemClock(), context=context)
    assert connected == ["8.8.8.8"]


def test_a141_a_name_with_one_private_address_among_public_ones_is_not_called(monkeypatch: pytest.MonkeyPatch):
    """Which one would be used is up to chance."""
    entries = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in ("8.8.8.8", "192.168.1.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)
    with pytest.raises(FetchError, match="not public"):
        fetch("https://keys.example.org/", SystemClock())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a141_a_redirect_is_not_followed(certificate: Path, context: ssl.SSLContext, status: int):
    """Wherever it leads."""
    with serving(certificate, lambda handler: send(handler, status, b"", Location="/elsewhere")) as (port, asked):
        with pytest.raises(FetchError, match="redirects"):
            fetch(f"https://localhost:{port}/keys", SystemClock(), context=context, is_callable=anywhere)
        assert asked == ["/keys"]


@pytest.mark.parametrize("url", ["http://example.org/keys", "file:///etc/passwd", "ftp://example.org", "https://", "https://user:word@example.org/", "", "//example.org"])  # fmt: skip
def test_a141_an_address_that_is_not_https_is_refused(url: str):
    """Nothing is sent."""
    with pytest.raises(FetchError, match="https"):
        fetch(url, SystemClock())


def test_an_answer_without_an_end_is_cut(certificate: Path, context: ssl.SSLContext):
    """Whether it says its length or not."""

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(2 * LARGEST // 1024):
            handler.wfile.write(b"x" * 1024)

    with serving(certificate, endless) as (port, _), pytest.raises(FetchError, match="more than"):
        fetch(f"https://localhost:{port}/", SystemClock(), context=context, is_callable=anywhere)


@pytest.mark.parametrize("part", ["head", "body"])
def test_an_answer_that_drips_ends_with_the_time(
    certificate: Path, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, part: str
):
    """Each byte comes in time, all of them don't: the clock moves with every one."""
    clock = ManualClock()
    monkeypatch.setattr(module, "LONGEST", 3.0)

    def drip(handler: BaseHTTPRequestHandler) -> None:
        if part == "body":
            handler.send_response(200)
            handler.end_headers()
        for number in range(100):
            clock.advance(100)
            handler.wfile.write(b"X-%d: x\r\n" % number if part == "head" and number else b"HTTP/1.1 200 OK\r\n")
            handler.wfile.flush()

    with serving(certificate, drip) as (port, _), pytest.raises(FetchError, match="could not be read"):
        fetch(f"https://localhost:{port}/", clock, context=context, is_callable=anywhere)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2001:4860:4860::8888", True), ("1.1.1.1", True),
        ("127.0.0.1", False), ("10.1.2.3", False), ("172.16.0.1", False), ("192.168.0.1", False), ("100.64.0.1", False),
        ("169.254.169.254", False), ("0.0.0.0", False), ("255.255.255.255", False), ("224.0.0.1", False),
        ("192.0.2.1", False), ("198.18.0.1", False), ("240.0.0.1", False),
        ("::1", False), ("::", False), ("fe80::1%eth0", False), ("fc00::1", False), ("ff02::1", False),
        ("::ffff:10.0.0.1", False), ("::ffff:8.8.8.8", True), ("64:ff9b::a00:1", False), ("64:ff9b::808:808", True),
        ("2002:a00:1::", False), ("2001:db8::1", False), ("name", False), ("", False),
    ],
)  # fmt: skip
def test_which_addresses_are_public(address: str, public: bool):
    """Also where an IPv6 address carries an IPv4 one."""
    assert is_public(address) is public
