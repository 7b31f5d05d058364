"""The guide's code and what else `/next` gives, in a production build of Next.js in front of a real server."""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.clients.conftest import PASSWORD
from tests.support.client import run
from tests.support.client_site import AUDIENCE, BASE, PAGES, STORE, make_auth
from tests.support.next_app import EXAMPLE, build, serving
from tests.support.server import Server, free_port, running
from watchword import Auth
from watchword.tokens import jwt
from watchword.tokens.key import Key

pytestmark = [pytest.mark.browser, pytest.mark.all]


@dataclass
class NextSite:
    """Next.js in front, Watchword behind."""

    url: str
    server: Server
    auth: Auth
    folder: Path
    visitors: list[httpx.Client] = field(default_factory=list[httpx.Client])

    def visitor(self, **headers: str) -> httpx.Client:
        given = {"origin": self.url, **headers}
        made = httpx.Client(base_url=self.url, trust_env=False, headers=given, timeout=30)
        self.visitors.append(made)
        return made

    def member(self, email: str, role: Any = "user") -> httpx.Client:
        """Somebody with an account of this role, signed in through Next.js."""
        self.auth.administration.create(email=email, password=PASSWORD, name="Ada", role=role)
        return self.signed_in(email)

    def signed_in(self, email: str) -> httpx.Client:
        visitor = self.visitor()
        answer = visitor.post("/auth/sign-in/password", json={"identifier": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return visitor

    def asked(self) -> int:
        return httpx.get(f"{self.server.url}/api/asked", params={"path": "/auth/session"}, trust_env=False).json()


@pytest.fixture(scope="module")
def next_site(client_package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NextSite]:
    folder = tmp_path_factory.mktemp("next")
    app, port, inner = build(client_package), free_port(), free_port()
    base, store = f"http://localhost:{port}", f"sqlite:///{folder}/accounts.sqlite3"
    environment = {STORE: store, PAGES: str(folder), BASE: base, "NO_PROXY": "*"}
    with running("tests.support.client_site:create()", folder / "log", environment=environment, port=inner) as server:
        reached = {
            "WATCHWORD_URL": f"{server.url}/auth",
            "WATCHWORD_ISSUER": f"{base}/auth",
            "WATCHWORD_AUDIENCE": AUDIENCE,
        }
        with serving(app, port, folder / "next-log", reached) as url:
            auth = make_auth(store, base)
            site = NextSite(url, server, auth, app)
            yield site
            for visitor in site.visitors:
                visitor.close()
            auth.stop()


def body_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.text


def test_the_guides_route_handler_answers_401_403_and_the_data(next_site: NextSite):
    """Unchanged from the guide: nobody, a user, an admin, and an admin demoted a moment ago."""
    assert body_of(next_site.visitor().get("/api")) == (401, "")
    assert body_of(next_site.member("user@example.org").get("/api")) == (403, "")
    admin = next_site.member("admin@example.org", "admin")
    assert admin.get("/api").json() == {"secret": "for admins"}
    next_site.auth.administration.set_role("admin@example.org", "user")
    assert body_of(admin.get("/api")) == (401, "")
    assert body_of(next_site.signed_in("admin@example.org").get("/api")) == (403, "")


def carry(page: Page, visitor: httpx.Client, url: str) -> None:
    page.context.add_cookies([{"name": one.name, "value": one.value or "", "url": url} for one in visitor.cookies.jar])


def test_the_guides_action_profile_and_provider_work_in_a_browser(next_site: NextSite, page: Page):
    """The action gives nothing to others; `useSession()` gives `userId`, with which SWR gets the person's own data."""
    page.goto(f"{next_site.url}/guide")
    page.get_by_role("button", name="Call").click()
    expect(page.get_by_role("status")).to_have_text("null")
    carry(page, next_site.member("guide@example.org", "admin"), next_site.url)
    page.goto(f"{next_site.url}/guide")
    expect(page.locator("#profile")).to_have_text("Hello Ada")
    page.get_by_role("button", name="Call").click()
    expect(page.get_by_role("status")).to_have_text("done")
    next_site.auth.administration.set_role("guide@example.org", "user")
    page.get_by_role("button", name="Call").click()
    expect(page.get_by_role("status")).to_have_text("null")


def action_call(page: Page, next_site: NextSite) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body with which a page calls the guide's action."""
    page.goto(f"{next_site.url}/guide")
    with page.expect_request(lambda request: request.method == "POST" and "next-action" in request.headers) as caught:
        page.get_by_role("button", name="Call").click()
    request = caught.value
    return {"next-action": request.headers["next-action"], "content-type": request.headers["content-type"]}, (
        request.post_data_buffer or b""
    )


def test_an_action_called_without_a_browser_decides_for_itself(next_site: NextSite, page: Page):
    """By its id and a foreign Origin it is not run; from nowhere, for nobody, it gives nothing."""
    headers, content = action_call(page, next_site)
    admin = next_site.member("curl@example.org", "admin")
    assert "done" in admin.post("/guide", headers=headers, content=content).text
    assert "done" not in next_site.visitor().post("/guide", headers=headers, content=content).text
    foreign = admin.post("/guide", headers={**headers, "origin": "https://evil.example"}, content=content)
    assert foreign.status_code >= 400
    assert "done" not in foreign.text


FORGED = (
    {"x-middleware-subrequest": "middleware"},
    {"x-middleware-subrequest": "src/middleware:src/middleware:src/middleware:src/middleware:src/middleware"},
    {"x-middleware-subrequest": "proxy:proxy:proxy:proxy:proxy"},
    {"x-watchword-session": json.dumps({"user": {"role": "admin"}})},
    {"x-user-role": "admin", "x-user-id": "usr_1"},
    {"authorization": "Bearer wws_" + "a" * 78},
    {"cookie": "watchword=wws_" + "a" * 78},
    {"cookie": "watchword=" + json.dumps({"role": "admin"})},
    {"cookie": "watchword-token=eyJhbGciOiJub25lIn0.eyJyb2xlIjoiYWRtaW4ifQ."},
)


@pytest.mark.parametrize("headers", FORGED, ids=str)
def test_no_header_makes_a_stranger_somebody(next_site: NextSite, headers: dict[str, str]):
    """CVE-2025-29927's sub-request header, forged sessions, roles and tokens: 401, and no admin's page."""
    visitor = next_site.visitor(**headers)
    assert body_of(visitor.get("/api")) == (401, "")
    assert visitor.get("/rights").status_code == 401
    page = visitor.get("/admin")
    assert page.status_code in (307, 401), page.text
    assert "For admins" not in page.text


def test_two_session_cookies_are_nobodys(next_site: NextSite):
    """Whoever plants a second cookie gains nothing: both go to the server, which refuses two."""
    admin = next_site.member("two@example.org", "admin")
    own = admin.cookies["watchword"]
    both = next_site.visitor(cookie=f"watchword={own}; watchword=wws_{'a' * 78}")
    assert body_of(both.get("/api")) == (401, "")


def test_strangers_are_led_to_sign_in_and_back(next_site: NextSite):
    """The proxy's redirect is of this site, whatever the path looks like."""
    led = next_site.visitor().get("/admin?tab=2")
    assert (led.status_code, led.headers["location"]) == (307, "/auth/sign-in?next=%2Fadmin%3Ftab%3D2")
    evil = next_site.visitor().get("/%5Cevil.example/x")
    assert "evil" not in evil.headers.get("location", "").split("next=")[0]
    assert next_site.visitor().get("/auth/sign-in").status_code == 200


def test_a_page_is_for_whom_require_lets_in(next_site: NextSite):
    """`require({ role })` in a page, and `withRole` around a handler: 401, 403 and the thing itself; kept by no cache."""
    user, admin = next_site.member("u@example.org"), next_site.member("a@example.org", "admin")
    assert [user.get(path).status_code for path in ("/admin", "/rights")] == [403, 403]
    page = admin.get("/admin")
    assert "For admins" in page.text
    assert "no-store" in page.headers["cache-control"]
    assert admin.get("/rights").json() == {"email": "a@example.org"}
    assert user.post("/rights").status_code == 403
    assert next_site.visitor().post("/rights").status_code == 401
    next_site.auth.administration.end_sessions("a@example.org")
    ended = admin.get("/admin")
    assert (ended.status_code, "For admins" in ended.text) == (401, False)


def test_a_render_asks_once(next_site: NextSite):
    """However many components ask: one round trip, by React's `cache`."""
    member = next_site.member("once@example.org")
    before = next_site.asked()
    assert member.get("/thrice").text.count("<b>Ada</b>") == 2
    assert next_site.asked() - before == 1


def test_what_is_tainted_fails_the_render(next_site: NextSite):
    """The session, its id, or a further value handed to a client component; a plain field may go."""
    member = next_site.member("taint@example.org")
    assert "taint@example.org" in member.get("/tainted?what=email").text
    for what in ("id", "whole", "key"):
        answer = member.get(f"/tainted?what={what}")
        assert not re.search(r"ses_[a-z2-7]{26}|a-key-of-the-server-alone", answer.text), what
        assert answer.status_code == 500 or "E{" in answer.text or "digest" in answer.text, answer.text[:2000]


def test_a_signed_token_is_checked_here_and_kept_fresh(next_site: NextSite):
    """The proxy brings it on the first request; from then on nothing is asked, and it names nobody's address."""
    member = next_site.member("local@example.org", "admin")
    before = next_site.asked()
    first, second = member.get("/local"), member.get("/local")
    assert ("admin local" in first.text, "admin local" in second.text) == (True, True)
    assert next_site.asked() == before
    cookie = next(line for line in first.headers.get_list("set-cookie") if line.startswith("watchword-token="))
    assert "HttpOnly" in cookie and "samesite=lax" in cookie.lower()
    assert "set-cookie" not in second.headers
    member.post("/auth/sign-out")
    assert "watchword" not in member.cookies
    assert member.get("/local").status_code == 307


def forged_tokens(next_site: NextSite, good: str) -> dict[str, str]:
    own = Key.generate("ES256")
    claims = jwt_claims(good)
    head, _, signature = good.split(".")
    admin = json.dumps(claims | {"role": "admin"}).encode()
    body = base64.urlsafe_b64encode(admin).decode().rstrip("=")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    return {
        "another key": jwt.sign(claims | {"role": "admin"}, own, "ES256", header={"kid": own.thumbprint()}),
        "none": f"{none}.{body}.",
        "changed": f"{head}.{body}.{signature}",
    }


def jwt_claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_a_forged_or_foreign_token_is_not_believed(next_site: NextSite):
    """Another key, no signature, changed claims, or somebody else's token beside one's own session: the server is asked."""
    admin, user = next_site.member("t1@example.org", "admin"), next_site.member("t2@example.org")
    admin.get("/local")
    user.get("/local")
    stolen, own = admin.cookies["watchword-token"], user.cookies["watchword-token"]
    session = user.cookies["watchword"]
    for name, token in {**forged_tokens(next_site, own), "of another session": stolen}.items():
        visitor = next_site.visitor(cookie=f"watchword={session}; watchword-token={token}")
        said = visitor.get("/local").text
        assert "user" in said and "admin local" not in said, name


def test_a_promised_session_is_in_the_first_picture(next_site: NextSite, page: Page):
    """The layout hands the promise on; React streams what it shows."""
    member = next_site.member("promise@example.org")
    scripts = re.compile(r"<script.*?</script>", re.DOTALL)
    pictures = [scripts.sub("", one.get("/promised").text) for one in (next_site.visitor(), member)]
    assert [("inside" in text, "outside" in text) for text in pictures] == [(False, True), (True, False)]
    carry(page, member, next_site.url)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{next_site.url}/promised")
    expect(page.get_by_text("inside")).to_be_visible()
    assert errors == []


def test_the_bundles_for_browsers_hold_nothing_of_the_server(next_site: NextSite):
    """Neither secrets, nor addresses, nor server code."""
    files = [file for file in (next_site.folder / ".next/static").rglob("*") if file.suffix in (".js", ".map")]
    text = "\n".join(file.read_text() for file in files)
    assert len(files) > 5
    words = ("WATCHWORD_", "wws_", "jwks.json", "jwtVerify", "next/headers", next_site.server.url, "for admins")
    assert [word for word in words if word in text] == []


def test_the_example_passes_its_own_check(next_site: NextSite, client_package: Path):
    """`watchword-next check`, as its build runs it."""
    said = run(client_package, "node", "dist/next/cli.js", "check", str(EXAMPLE))
    assert "every exported action, route handler and page decides" in said
