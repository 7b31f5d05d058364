"""A service that lies where a test wants it to: real https on a loopback port, and ID tokens of a key that the test has."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.outgoing.https_server import write_certificate
from tests.support.factors import session_of
from tests.support.provider import begin, come_back, make_oauth_site, query_of
from tests.support.site import EMAIL, Answer, Site, Visitor
from watchword import OAuth, OAuthPreset
from watchword.foundation.clock import SECOND, SystemClock
from watchword.outgoing.fetch import Network
from watchword.tokens import jwt
from watchword.tokens.key import Key

KEY = Key.generate("RS256", kid="one")
CLIENT_SECRET = "the-secret-of-the-client-with-enough-letters"


@dataclass
class Forged:
    """The service.

    Attributes:
        configuration: changes of its configuration; `None` takes a member away.
        answers: what a path answers in place of what it would, as status and JSON.
        asked: the calls that came: method, path, fields.
    """

    port: int
    context: ssl.SSLContext
    configuration: dict[str, Any] = field(default_factory=dict[str, Any])
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict[str, tuple[int, Any]])
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list[tuple[str, str, dict[str, str]]])
    token: Callable[[], dict[str, Any]] = dict
    before_answer: Callable[[], None] = lambda: None

    @property
    def issuer(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def network(self) -> Network:
        return Network(context=self.context, is_callable=lambda _: True)

    def reset(self) -> None:
        self.configuration, self.answers, self.asked = {}, {}, []
        self.token = dict
        self.before_answer = lambda: None

    def declare(self, name: str = "forged", **more: Any) -> OAuth:
        """Return its declaration as an OpenID Connect provider."""
        given: dict[str, Any] = {"issuer": self.issuer, "client_id": "me", "client_secret": CLIENT_SECRET}
        given["network"] = self.network
        return OAuth(more.pop("preset", "oidc"), name=name, **(given | more))

    def declare_plain(self, name: str = "plain", **more: Any) -> OAuth:
        """Return its declaration as a service that speaks OAuth 2.0 alone."""
        preset = OAuthPreset(
            title="Plain",
            authorization=f"{self.issuer}/authorize",
            token=f"{self.issuer}/token",
            profile=f"{self.issuer}/profile",
            authentication="client_secret_post",
            subject="id",
            **more,
        )
        return OAuth(preset, name=name, client_id="me", client_secret=CLIENT_SECRET, network=self.network)

    def claims(self, nonce: str, /, **changes: Any) -> dict[str, Any]:
        now = SystemClock().now() // SECOND
        claims: dict[str, Any] = {"iss": self.issuer, "aud": "me", "sub": "ada", "nonce": nonce, "iat": now}
        claims |= {"exp": now + 300, "email": EMAIL, "email_verified": True, "name": "Ada"}
        return {name: value for name, value in (claims | changes).items() if value is not ...}

    def id_token(self, nonce: str, /, **changes: Any) -> str:
        return jwt.sign(self.claims(nonce, **changes), KEY, "RS256", header={"kid": "one"})

    def answer(self, method: str, path: str, fields: dict[str, str]) -> tuple[int, Any]:
        self.asked.append((method, path, fields))
        if path in self.answers:
            return self.answers[path]
        if path == "/.well-known/openid-configuration":
            known = {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "authorization_response_iss_parameter_supported": True,
            } | self.configuration
            return 200, {name: value for name, value in known.items() if value is not None}
        if path == "/keys":
            return 200, {"keys": [Key.from_jwk(KEY.to_jwk()).to_jwk()]}
        if path == "/token":
            self.before_answer()
            return 200, self.token()
        return 404, {}


def sign_in(visitor: Visitor, forged: Forged, name: str = "forged", *, claims: Any = None, **answer: Any) -> Answer:
    """Sign in with it; `claims` changes the ID token, `answer` what comes back in the address."""
    begun = visitor.post(f"/auth/sign-in/oauth/{name}")
    assert begun.status == 200, begun.text
    sent = query_of(begun.json["url"])
    forged.token = lambda: {
        "access_token": "an-access-token-of-them",
        "token_type": "Bearer",
        "expires_in": 3600,
        "id_token": forged.id_token(sent.get("nonce", ""), **(claims or {})),
    }
    return come_back(visitor, callback(forged, sent, **answer))


def callback(forged: Forged, sent: dict[str, str], **answer: Any) -> str:
    """Return the address that it leads back to."""
    given = {"code": "c0de", "state": sent["state"], "iss": forged.issuer} | answer
    return f"{sent['redirect_uri']}?{urlencode({name: value for name, value in given.items() if value is not ...})}"


def asked(visitor: Visitor, name: str = "forged") -> dict[str, str]:
    """Begin to sign in, and return what the service is asked."""
    return query_of(begin(visitor, name))


def refused(site: Site, forged: Forged, lie: str, *, service: str = "forged", code: int = 400, **told: Any) -> None:
    """See that nobody is signed in by this lie: no session, no account, no cookie of a session."""
    visitor = site.visitor()
    answer = sign_in(visitor, forged, service, **told)
    assert (lie, answer.status) == (lie, code), answer.text
    assert session_of(visitor) is None
    assert not any(line.startswith("watchword=") for line in answer.cookies)
    assert site.count("users") == site.count("identities") == 0


@pytest.fixture(scope="session")
def forged_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forged]:
    """The server, one for each worker of the tests."""
    certificate = write_certificate(tmp_path_factory.mktemp("forged"))
    with serve(certificate) as forged:
        yield forged


@pytest.fixture
def forged(forged_server: Forged) -> Forged:
    """The service, telling the truth again."""
    forged_server.reset()
    return forged_server


@pytest.fixture
def forged_site(sqlite_url: str, forged: Forged) -> Iterator[Site]:
    """A site that knows it under two names, by one issuer, and as a service without ID tokens."""
    site = make_oauth_site(sqlite_url, forged.declare(), forged.declare("second"), forged.declare_plain())
    yield site
    site.auth.stop()


class serve:
    """The server, as long as the block runs."""

    def __init__(self, certificate: Path) -> None:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self._server = server
        _Handler.forged = Forged(server.server_address[1], ssl.create_default_context(cafile=str(certificate)))
        self._thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Forged:
        self._thread.start()
        return _Handler.forged

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    forged: Forged

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self._send("GET", parts.path, dict(parse_qsl(parts.query)))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
        is_json = self.headers.get("content-type") == "application/json"
        self._send("POST", self.path, json.loads(body) if is_json else dict(parse_qsl(body)))

    def _send(self, method: str, path: str, fields: dict[str, str]) -> None:
        status, answer = self.forged.answer(method, path, fields)
        body = json.dumps(answer).encode()
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("location", f"{self.forged.issuer}/keys")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass
