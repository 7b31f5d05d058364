"""A real OpenID Connect provider (npm `oidc-provider`) on a loopback port, and the browser of whoever signs in with it."""

import json
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from tests.outgoing.https_server import write_certificate
from tests.support.node import install
from tests.support.site import ORIGIN, Answer, Site, Visitor, make_site
from watchword import OAuth
from watchword.auth import INSTALLED
from watchword.foundation.clock import ManualClock, SystemClock
from watchword.outgoing.fetch import Network
from watchword.tokens.key import Key

CLIENT_SECRET = "a secret: of the client, with % and umlauts"
CLIENT_KEY = Key.generate("ES256", kid="client-key")
CALLBACK = "/auth/oauth/{name}/callback"


def clients(origin: str = ORIGIN) -> list[dict[str, Any]]:
    """Return one client for each way to show who it is; each with two addresses of ours."""
    base = {
        "redirect_uris": [f"{origin}{CALLBACK.format(name=name)}" for name in ("idp", "other", "posting")],
        "response_types": ["code"],
        "grant_types": ["authorization_code", "refresh_token"],
    }
    ways: list[dict[str, Any]] = [
        {"token_endpoint_auth_method": way, "client_secret": CLIENT_SECRET}
        for way in ("client_secret_basic", "client_secret_post")
    ]
    ways.append({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [CLIENT_KEY.to_jwk()]}})
    ways.append({"token_endpoint_auth_method": "none"})
    return [{**base, **way, "client_id": way["token_endpoint_auth_method"]} for way in ways]


@final
@dataclass
class RealProvider:
    """The provider. `person` says who signs in there from now on."""

    issuer: str
    context: ssl.SSLContext

    @property
    def network(self) -> Network:
        """How it is called: on this machine, which no site is otherwise."""
        return Network(context=self.context, is_callable=lambda _: True)

    def declare(self, name: str = "idp", way: str = "client_secret_basic", **more: Any) -> OAuth:
        """Return the declaration of a client of it."""
        given: dict[str, Any] = {"issuer": self.issuer, "client_id": way, "network": self.network, "title": "Acme"}
        if way.startswith("client_secret"):
            given["client_secret"] = CLIENT_SECRET
        if way == "private_key_jwt":
            given |= {"private_key": CLIENT_KEY.to_pem(private=True).decode(), "key_id": CLIENT_KEY.kid}
        return OAuth(more.pop("preset", "oidc"), name=name, **(given | more))

    def control(self, **wish: Any) -> Any:
        return httpx.post(f"{self.issuer}/control", json=wish, verify=self.context).json()

    def person(self, sub: str, email: str = "", *, verified: bool = True, name: str = "Ada Lovelace") -> None:
        """Say who signs in there; nobody where `sub` is empty."""
        claims = {"name": name, **({"email": email, "email_verified": verified} if email else {})}
        self.control(person={"sub": sub, "claims": claims})

    def visit(self, url: str) -> "tuple[str, dict[str, str]]":
        """Go where a sign-in leads, agree, and return what comes back: an address, and the fields of a form if it is one."""
        with httpx.Client(verify=self.context) as browser:
            answer = browser.get(url)
            for _ in range(10):
                if answer.is_redirect:
                    target = str(answer.headers["location"])
                    target = target if "://" in target else f"{self.issuer}{target}"
                    if not target.startswith(self.issuer):
                        return target, {}
                    answer = browser.get(target)
                elif "/interaction/" in str(answer.url):
                    answer = browser.post(answer.url)
                elif action := re.search(r'<form method="post" action="([^"]+)"', answer.text):
                    pairs = re.findall(r'name="([^"]+)" value="([^"]*)"', answer.text)
                    return action[1], dict(pairs)
                else:
                    raise AssertionError(f"{answer.status_code} {answer.url}: {answer.text[:500]}")
        raise AssertionError("too many steps")


@pytest.fixture(scope="session")
def real_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProvider]:
    """The provider, one for each worker of the tests."""
    folder = tmp_path_factory.mktemp("provider")
    with running_provider(folder, clients()) as provider:
        yield provider


def start(folder: Path, certificate: Path, listed: list[dict[str, Any]]) -> subprocess.Popen[str]:
    if shutil.which("npm") is None:
        pytest.skip("NO NODE: install Node.js 20 or later with npm, and the tests against a real provider run")
    home = install()
    node = home / "node_modules" / ".bin" / "node"
    links = ("--preserve-symlinks", "--preserve-symlinks-main")
    given = json.dumps({"certificate": str(certificate), "clients": listed})
    command = [str(node), *links, str(home / "oidc_server.mjs"), given]
    with (folder / "provider.log").open("w") as log:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)


class running_provider:
    """The provider, as long as the block runs."""

    def __init__(self, folder: Path, listed: list[dict[str, Any]]) -> None:
        self._certificate = write_certificate(folder)
        self._process = start(folder, self._certificate, listed)

    def __enter__(self) -> RealProvider:
        assert self._process.stdout
        issuer = self._process.stdout.readline().strip()
        assert issuer, "the provider did not start"
        return RealProvider(issuer, ssl.create_default_context(cafile=str(self._certificate)))

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def begin(visitor: Visitor, name: str = "idp", **body: str) -> str:
    """Begin to sign in, and return where that leads."""
    begun = visitor.post(f"/auth/sign-in/oauth/{name}", body)
    assert begun.status == 200, begun.text
    return begun.json["url"]


def come_back(visitor: Visitor, target: str, form: dict[str, str] | None = None) -> Answer:
    """Come back from the provider as a browser does: by an address, or by a form of another site's page."""
    parts = urlsplit(target)
    if not form:
        return visitor.get(f"{parts.path}?{parts.query}", accept="text/html")
    foreign = Visitor(visitor.site, visitor.address)
    headers = {"origin": "https://localhost", "sec-fetch-site": "cross-site", "accept": "text/html"}
    headers["content-type"] = "application/x-www-form-urlencoded"
    led = foreign.send("POST", parts.path, raw=str(httpx.QueryParams(form)).encode(), headers=headers)
    assert foreign.cookies == {}, "another site's form brings no cookie, and must set none"
    if led.status != 303:
        return led
    return visitor.get(led.response.header("location") or "", accept="text/html")


def sign_in_with(visitor: Visitor, provider: RealProvider, name: str = "idp", **body: str) -> Answer:
    """Sign in with the provider, as whoever is there now."""
    return come_back(visitor, *provider.visit(begin(visitor, name, **body)))


def query_of(target: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(target).query))


def make_oauth_site(url: str, *declared: OAuth, **options: Any) -> Site:
    """Return a site with these services, whose clock begins now, as the provider's does."""
    clock = ManualClock(SystemClock().now())
    return make_site(url, clock, methods=[*INSTALLED, *declared], **options)


@pytest.fixture
def oauth_site(store_url: str, real_provider: RealProvider) -> Iterator[Site]:
    """A site on each kind of database, with the provider declared three times."""
    import msgspec

    from watchword.methods.oauth.preset import preset_of

    posting = msgspec.structs.replace(preset_of("oidc"), response_mode="form_post")
    site = make_oauth_site(
        store_url,
        real_provider.declare("idp", keep_tokens=True),
        real_provider.declare("other", "client_secret_post"),
        real_provider.declare("posting", "private_key_jwt", preset=posting),
    )
    yield site
    site.auth.stop()
