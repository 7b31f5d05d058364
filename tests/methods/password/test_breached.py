"""The range service, asked over real HTTP: it learns five digits, and its failures stop nobody."""

import hashlib
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from watchword.foundation.errors import ConfigurationError
from watchword.foundation.secrets import Secret
from watchword.methods.password.breached import RangeService
from watchword.methods.password.screening import Screening

PASSWORD = Secret("tulip mending 41 crow")
DIGEST = hashlib.sha1(b"tulip mending 41 crow").hexdigest().upper()
PADDING = "".join(f"{hashlib.sha1(bytes([number])).hexdigest().upper()[5:]}:0\r\n" for number in range(200))

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Service:
    """A range service on this machine, and what it was asked."""

    url: str
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@contextmanager
def served(answer: Answer) -> Iterator[Service]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            service.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service = Service(f"http://127.0.0.1:{server.server_port}/range")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()


def says(body: str, status: int = 200, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body.encode())))
        handler.end_headers()
        handler.wfile.write(body.encode())

    return answer


def known(answer: Answer, timeout: float = 5.0) -> bool:
    with served(answer) as service:
        client = RangeService(service.url, timeout)
        try:
            return client.knows(PASSWORD)
        finally:
            client._client.close()


def test_cb_135_a_password_of_a_breach_is_known_and_another_is_not():
    assert known(says(f"{PADDING}{DIGEST[5:]}:3\r\n{PADDING}"))
    assert known(says(f"{DIGEST[5:].lower()}:1"))
    assert not known(says(PADDING))
    assert not known(says(""))


def test_a_line_of_padding_with_count_zero_is_no_breach():
    assert not known(says(f"{DIGEST[5:]}:0\r\n{PADDING}"))


def test_the_service_learns_five_digits_of_the_digest_and_no_more():
    with served(says(PADDING)) as service:
        client = RangeService(service.url + "/")
        client.knows(PASSWORD)
        client._client.close()
    [(path, headers)] = service.asked
    assert path == f"/range/{DIGEST[:5]}"
    assert headers["add-padding"] == "true"
    assert DIGEST[5:12] not in str(headers)


def test_no_log_line_holds_anything_of_the_password(caplog: pytest.LogCaptureFixture):
    """httpx logs each URL at level INFO: five digits of a digest beside a time of day would narrow a guess."""
    with caplog.at_level(logging.DEBUG):
        assert known(says(f"{DIGEST[5:]}:3"))
        assert not known(says("", 500))
    text = " ".join(f"{record.getMessage()} {record.args}" for record in caplog.records)
    assert "HTTP Request: GET" in text, "httpx does log"
    assert DIGEST[:5] not in text
    assert "tulip" not in text


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.close()


def breaks_off(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.wfile.write(b"0" * 35)
    handler.close_connection = True


@pytest.mark.parametrize(
    "answer",
    [
        says(f"{DIGEST[5:]}:3", 500),
        says(f"{DIGEST[5:]}:3", 404),
        says(f"{DIGEST[5:]}:3", 429),
        says("x" * 600_000 + f"\r\n{DIGEST[5:]}:3"),
        says("not gzip", **{"Content-Encoding": "gzip"}),
        hangs_up,
        breaks_off,
    ],
    ids=["500", "404", "429", "too long", "broken encoding", "hangs up", "breaks off"],
)
def test_a_service_that_fails_stops_nobody_and_is_logged_without_the_password(
    answer: Answer, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.WARNING, "watchword"):
        assert not known(answer)
    [line] = [record.getMessage() for record in caplog.records if record.name == "watchword"]
    assert line.startswith("the range service of breached passwords does not answer: ")
    assert "tulip" not in line
    assert DIGEST[:5] not in line


def test_a_redirect_is_not_followed():
    with served(says(f"{DIGEST[5:]}:3")) as elsewhere:
        assert not known(says("", 302, Location=f"{elsewhere.url}/{DIGEST[:5]}"))
    assert elsewhere.asked == []


def test_a_service_that_is_gone_or_drips_stops_nobody():
    with served(says("")) as service:
        gone = RangeService(service.url)
    assert not gone.knows(PASSWORD)
    gone._client.close()
    stop = threading.Event()

    def drips(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(150):
            if stop.wait(0.02):
                return
            try:
                handler.wfile.write(f"{DIGEST[5:]}:3\r\n".encode())
            except OSError:
                return

    try:
        assert not known(drips, timeout=0.2)
    finally:
        stop.set()


@pytest.mark.parametrize(
    "url", ["", "api.pwnedpasswords.com/range", "ftp://example.org", "https://", "https://[::1", "file:///etc"]
)
def test_a_url_that_is_none_is_refused_at_start_with_an_example(url: str):
    with pytest.raises(ConfigurationError, match=r"https://api\.pwnedpasswords\.com/range"):
        RangeService(url)


def test_screening_asks_the_service_last_and_only_where_there_is_one():
    with served(says(f"{DIGEST[5:]}:3")) as service:
        screening = Screening.of(service.url)
        common = screening.objection("new", Secret("password"), ())
        assert (common and common.reason, service.asked) == ("too_common", [])
        breached = screening.objection("new", PASSWORD, ())
        assert breached
        assert (breached.field, breached.reason) == ("new", "found_in_breach")
        assert screening.service
        screening.service._client.close()
    assert Screening.of(None).objection("new", PASSWORD, ()) is None
