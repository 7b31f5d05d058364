"""Credentials that only their maker can check: Clerk's API keys, and Stytch's opaque tokens."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.outgoing.https_server import serving, write_certificate
from tests.support.node import Node, NodeError
from tests.support.site import Site, make_site
from tests.vendors.trusted import CLERK_KEY, NOW, RSA, published
from watchword.foundation.clock import MINUTE, SECOND, ManualClock
from watchword.http.request import Request
from watchword.outgoing.fetch import Network
from watchword.sessions.session import Session
from watchword.tokens.refused import TokenRefused
from watchword.vendors.clerk import api_keys
from watchword.vendors.clerk.trust import Clerk
from watchword.vendors.remote import AT_ONCE
from watchword.vendors.stytch.trust import Stytch

KEY = "ak_0123456789abcdef0123456789"
OPAQUE = "mZAYn5aLEqKUlZ_Ad9U_fWr38GaAQ1oFAhT8ds245v7Q"
API_KEY: dict[str, Any] = {
    "id": "ak_id_1", "object": "api_key", "type": "api_key", "name": "deploys", "subject": "user_1",
    "scopes": ["notes:read", "notes:*"], "claims": None, "revoked": False, "revocation_reason": None, "expired": False,
    "expiration": (NOW + 3600) * SECOND, "created_by": None, "description": None, "last_used_at": None,
    "created_at": (NOW - 60) * SECOND, "updated_at": (NOW - 60) * SECOND,
}  # fmt: skip
FACTOR = {"type": "magic_link", "delivery_method": "email", "last_authenticated_at": "2027-01-15T07:50:00Z"}
TIMES = {"started_at": "2027-01-15T07:50:00Z", "expires_at": "2027-01-15T09:00:00Z", "authentication_factors": [FACTOR]}
B2C = {
    "status_code": 200,
    "session": {"session_id": "session-1", "user_id": "user-1", "roles": ["stytch_user"], **TIMES},
}
B2B = {
    "status_code": 200,
    "member_session": {
        "member_session_id": "session-1", "member_id": "member-1", "organization_id": "organization-1",
        "roles": ["editor"], **TIMES,
    },
}  # fmt: skip


@dataclass
class Cloud:
    """The vendor's API, for one test: what it answers, and what it was asked.

    Attributes:
        status, document: the answer.
        asked: path, `Authorization` and body of each call.
        meanwhile: runs before each answer.
    """

    status: int = 200
    document: Any = None
    asked: list[tuple[str, str, Any]] = field(default_factory=list[tuple[str, str, Any]])
    meanwhile: Callable[[], None] = lambda: None

    def answer(self, call: BaseHTTPRequestHandler) -> None:
        body = call.rfile.read(int(call.headers["content-length"]))
        self.asked.append((call.path, call.headers["authorization"], json.loads(body)))
        self.meanwhile()
        answer = self.document if isinstance(self.document, bytes) else json.dumps(self.document).encode()
        call.send_response(self.status)
        call.send_header("content-type", "application/json")
        call.send_header("content-length", str(len(answer)))
        call.end_headers()
        call.wfile.write(answer)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def address(certificate: Path, cloud: Cloud) -> Iterator[str]:
    """Where the cloud is, by https."""
    with serving(certificate, cloud.answer) as (port, _):
        yield f"https://localhost:{port}"


@pytest.fixture
def plain_address(cloud: Cloud) -> Iterator[str]:
    """Where it is without TLS, for the vendors' own libraries."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            cloud.answer(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def network(certificate: Path) -> Network:
    return Network(context=ssl.create_default_context(cafile=certificate), is_callable=lambda _: True)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW * SECOND)


@pytest.fixture
def clerk(address: str, network: Network, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Clerk:
    monkeypatch.setattr(api_keys.ApiKeys.__init__, "__defaults__", (None, address))
    return Clerk(
        publishable_key=CLERK_KEY, secret_key="sk_test_secret", keys=published(RSA), network=network, clock=clock
    )


def stytch(address: str, network: Network, clock: ManualClock, product: str = "b2c") -> Stytch:
    return Stytch(
        project_id="project-test-1", product=product, base_url=address, secret="secret-test-1", keys=published(RSA),
        network=network, clock=clock,
    )  # fmt: skip


def refusal(trust: Any, credential: str) -> str:
    with pytest.raises(TokenRefused) as caught:
        trust.verify(credential)
    assert "secret" not in str(caught.value)
    assert credential not in str(caught.value)
    return caught.value.code


def test_an_api_key_of_clerk_s_is_its_person(clerk: Clerk, cloud: Cloud):
    """With its scopes, until its end; a `*` of theirs means nothing here."""
    cloud.document = API_KEY
    assert clerk.issued(KEY)
    session = clerk.verify(KEY)
    assert (session.user.id, session.id, session.permissions) == ("user_1", "ak_id_1", ("notes:read",))
    assert (session.factors, session.expires_at.timestamp()) == (("api_key",), NOW + 3600)
    cloud.document = API_KEY | {"expiration": None}
    assert clerk.verify(KEY).expires_at.year == 9999


def test_clerk_is_asked_as_its_own_library_asks(
    clerk: Clerk, cloud: Cloud, plain_address: str, node: Node, address: str
):
    """The same path, authorization and body; and what one takes, so does the other."""
    cloud.document = API_KEY
    assert node("clerk_calls", "verifyApiKey", "sk_test_secret", plain_address, KEY)["subject"] == "user_1"
    clerk.verify(KEY)
    (theirs, theirs_by, their_body), (ours, ours_by, our_body) = cloud.asked
    assert (theirs.removeprefix("/v1"), theirs_by, their_body) == (ours, ours_by, our_body)
    cloud.status, cloud.document = 404, {"errors": [{"code": "api_key_invalid", "message": "no"}]}
    assert refusal(clerk, KEY) == "issuer_refused"
    with pytest.raises(NodeError):
        node("clerk_calls", "verifyApiKey", "sk_test_secret", plain_address, KEY)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"revoked": True}, "token_expired"),
        ({"revoked": None}, "token_expired"),
        ({"expired": True}, "token_expired"),
        ({"expiration": NOW * SECOND}, "token_expired"),
        ({"expiration": "never"}, "claim_invalid"),
        ({"created_at": None}, "claim_invalid"),
        ({"subject": "org_1"}, "claim_invalid"),
        ({"subject": None}, "claim_invalid"),
    ],
)
def test_an_api_key_that_does_not_count_is_refused(clerk: Clerk, cloud: Cloud, changes: dict[str, Any], code: str):
    """Revoked, expired, an organization's, or said in a way that nobody understands."""
    cloud.document = API_KEY | changes
    assert refusal(clerk, KEY) == code


def test_without_the_secret_key_no_api_key_is_clerk_s(clock: ManualClock):
    """Nobody is asked, and nobody let in."""
    trust = Clerk(publishable_key=CLERK_KEY, keys=published(RSA), clock=clock)
    assert not trust.issued(KEY)
    assert refusal(trust, KEY) == "token_malformed"


@pytest.mark.parametrize(
    ("product", "document", "user", "organization"),
    [("b2c", B2C, "user-1", None), ("b2b", B2B, "member-1", "organization-1")],
)
def test_an_opaque_token_of_stytch_is_its_session(
    address: str, network: Network, clock: ManualClock, cloud: Cloud, product: str, document: Any, user: str,
    organization: str | None,
):  # fmt: skip
    """In the cookie beside which there is no JWT, or as a bearer token."""
    cloud.document = document
    trust = stytch(address, network, clock, product)
    assert trust.issued(OPAQUE)
    assert trust.credential({"stytch_session": [OPAQUE]}) == OPAQUE
    assert trust.credential({"stytch_session": [OPAQUE], "stytch_session_jwt": ["a.b.c"]}) == "a.b.c"
    session = trust.verify(OPAQUE)
    assert (session.user.id, session.id, session.organization) == (user, "session-1", organization)
    assert (session.factors, session.expires_at.timestamp()) == (("magic_link",), NOW + 3600)


@pytest.mark.parametrize("product", ["b2c", "b2b"])
def test_stytch_is_asked_as_its_own_library_asks(
    address: str, plain_address: str, network: Network, clock: ManualClock, cloud: Cloud, node: Node, product: str
):
    """The same path, authorization and body."""
    cloud.document = B2C if product == "b2c" else B2B
    node("stytch_calls", "authenticate", product, "project-test-1", "secret-test-1", f"{plain_address}/", OPAQUE)
    stytch(address, network, clock, product).verify(OPAQUE)
    theirs, ours = cloud.asked
    assert theirs == ours


def test_what_stytch_says_of_another_product_or_of_the_past_is_refused(
    address: str, network: Network, clock: ManualClock, cloud: Cloud
):
    """A member is no consumer, and a session that has ended none."""
    trust = stytch(address, network, clock)
    cloud.document = B2B
    assert refusal(trust, OPAQUE) == "claim_missing"
    cloud.document = {"session": B2C["session"] | {"expires_at": "2027-01-15T08:00:00Z"}}
    assert refusal(trust, OPAQUE) == "token_expired"
    cloud.document = {"session": B2C["session"] | {"expires_at": "soon"}}
    assert refusal(trust, OPAQUE) == "claim_invalid"


@pytest.mark.parametrize(
    ("status", "document", "code"),
    [
        (401, {}, "issuer_refused"),
        (404, {}, "issuer_refused"),
        (302, {}, "issuer_unavailable"),
        (429, {}, "issuer_unavailable"),
        (500, {}, "issuer_unavailable"),
        (200, b"<html>", "token_malformed"),
        (200, b"[]", "token_malformed"),
        (200, b"{}" + b" " * 300_000, "issuer_unavailable"),
    ],
)
def test_whatever_the_vendor_answers_nobody_is_let_in_but_by_a_yes(
    clerk: Clerk, cloud: Cloud, status: int, document: Any, code: str
):
    """An error, a redirect, another document, an endless one."""
    cloud.status, cloud.document = status, document
    assert refusal(clerk, KEY) == code


def test_a_refused_credential_is_not_asked_about_again_for_a_minute(clerk: Clerk, cloud: Cloud, clock: ManualClock):
    """But one that could not be asked about is, at once."""
    cloud.status = 404
    assert refusal(clerk, KEY) == "issuer_refused"
    cloud.status, cloud.document = 200, API_KEY
    assert refusal(clerk, KEY) == "issuer_refused"
    assert len(cloud.asked) == 1
    clock.advance(MINUTE)
    assert clerk.verify(KEY)
    cloud.status = 500
    assert refusal(clerk, KEY + "x") == "issuer_unavailable"
    cloud.status = 200
    assert clerk.verify(KEY + "x")


def test_a_flood_of_made_up_keys_holds_no_more_than_eight_threads(clerk: Clerk, cloud: Cloud):
    """The ninth is refused at once, while the others wait for the vendor."""
    cloud.document, cloud.status = {}, 404
    go_on, begun = threading.Event(), threading.Semaphore(0)

    def wait() -> None:
        begun.release()
        go_on.wait(10)

    cloud.meanwhile = wait
    threads = [threading.Thread(target=refusal, args=(clerk, f"{KEY}{number}")) for number in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert begun.acquire(timeout=10)
    code, asked = refusal(clerk, f"{KEY}-one-more"), len(cloud.asked)
    go_on.set()
    for thread in threads:
        thread.join()
    assert (code, asked) == ("issuer_unavailable", AT_ONCE)


def test_a_verdict_of_the_vendor_s_is_remembered_for_its_minute(
    clerk: Clerk, cloud: Cloud, clock: ManualClock, sqlite_url: str
):
    """So long a key that was revoked may still be let in; then Clerk is asked again."""
    site = make_site(sqlite_url, clock, trust=[clerk])
    site.auth.prepare_store()
    with site.auth.store.write():
        pass
    cloud.document = API_KEY
    assert ask(site, ("authorization", f"Bearer {KEY}"))
    cloud.document = API_KEY | {"revoked": True}
    clock.advance(59 * SECOND)
    assert ask(site, ("authorization", f"Bearer {KEY}"))
    clock.advance(2 * SECOND)
    assert ask(site, ("authorization", f"Bearer {KEY}")) is None
    assert len(cloud.asked) == 2
    site.auth.stop()


def ask(site: Site, *headers: tuple[str, str]) -> Session | None:
    return site.auth.gate.verify(
        Request("GET", "/", headers=[(name.encode(), value.encode()) for name, value in headers])
    )
