"""Where an app without pages leads people: to its server, and from there back, and nowhere else."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.beside.conftest import APP
from tests.support.beside import SERVER, Beside
from tests.support.site import ORIGIN, PASSWORD, Site, Visitor, make_site
from watchword import Auth, ConfigurationError
from watchword.foundation.errors import STEP_UP_REQUIRED, UNAUTHENTICATED, Denied
from watchword.http.origin import safe_return
from watchword.http.request import Request

FOREIGN = [
    "https://evil.example",
    "https://evil.example/",
    "//evil.example/",
    f"{APP}@evil.example/",
    f"{APP}.evil.example/",
    f"{APP}",
    f"{APP}//evil.example",
    f"{APP}/..//evil.example",
    f"{APP}/%2f/evil.example",
    f"{APP}/\\evil.example",
    f"{APP}:80/",
    f" {APP}/",
    f"{APP.upper()}/",
    "http://localhost:8002/",
    "https://localhost:8001/",
    "javascript:alert(1)//http://localhost:8001/",
    f"{APP}/" + "a" * 2000,
]


@pytest.mark.parametrize("address", FOREIGN)
def test_an_address_that_is_not_of_a_declared_origin_leads_nowhere(address: str):
    """No open redirect: only what begins with a declared origin, letter by letter, and goes on with a plain path."""
    assert safe_return(address, "/default", (APP,)) == "/default"


@pytest.mark.parametrize("address", [f"{APP}/", f"{APP}/notes?page=2#end", "/account"])
def test_a_page_of_a_declared_origin_is_led_back_to(address: str):
    """So is a path of the site itself."""
    assert safe_return(address, "", (APP,)) == address


def refused(
    app: Beside, denied: Denied, path: str = "/notes?page=2", **headers: str
) -> tuple[str, dict[str, list[str]]]:
    host = (b"host", b"localhost:8001")
    lines = [host, (b"accept", b"text/html"), *((name.encode(), value.encode()) for name, value in headers.items())]
    path, _, query = path.partition("?")
    answer = app.auth.edge.refuse(Request("GET", path, query=query, headers=lines), denied)
    location = urlsplit(answer.header("location") or "")
    return f"{location.scheme}://{location.netloc}{location.path}", parse_qs(location.query)


def test_a_browser_that_is_not_signed_in_is_led_to_the_server_and_back(app: Beside, server: Site, ada: Visitor):
    """The whole way: the app's page, the server's sign-in, the app's page."""
    place, query = refused(app, Denied(UNAUTHENTICATED))
    assert (place, query["next"]) == (f"{SERVER}/auth/sign-in", [f"{APP}/notes?page=2"])
    eve = server.visitor()
    page = eve.get(f"/auth/sign-in?next={query['next'][0]}", accept="text/html")
    assert f"form-action 'self' {APP};" in (page.response.header("content-security-policy") or "")
    back = eve.submit("/auth/sign-in", identifier="ada@example.org", password=PASSWORD, next=query["next"][0])
    assert (back.status, back.response.header("location")) == (303, f"{APP}/notes?page=2")
    assert app.ask(eve) is not None


def test_who_is_sent_to_sign_in_with_another_sites_address_stays_on_the_server(server: Site, ada: Visitor):
    """A47: the address is dropped."""
    answer = server.visitor().submit(
        "/auth/sign-in", identifier="ada@example.org", password=PASSWORD, next="https://evil.example/"
    )
    assert answer.response.header("location") == "/"


def test_a_step_up_is_done_at_the_server(app: Beside):
    """With the strength that the guard has asked for."""
    place, query = refused(app, Denied(STEP_UP_REQUIRED, extra={"acr_values": "aal2"}))
    assert place == f"{SERVER}/auth/step-up"
    assert query == {"next": [f"{APP}/notes?page=2"], "level": ["aal2"]}


def test_a_client_that_is_no_browser_gets_a_problem_document(app: Beside):
    """It is told, not led."""
    answer = app.auth.edge.refuse(
        Request("GET", "/notes", headers=[(b"host", b"localhost:8001")]), Denied(UNAUTHENTICATED)
    )
    assert answer.status == 401
    assert answer.header("content-type") == "application/problem+json"


@pytest.mark.parametrize("path", ["sign-in", "sign-up", "forgot", "account", "step-up"])
def test_links_to_pages_lead_to_the_servers(app: Beside, path: str):
    """The app's templates need not know where the server is."""
    answer = app.get(f"/auth/{path}?next=/notes")
    assert answer.status == 303
    assert answer.header("location") == f"{SERVER}/auth/{path}?next=http%3A%2F%2Flocalhost%3A8001%2Fnotes"


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example/", "/\\evil.example"])
def test_the_apps_own_links_lead_back_to_the_app_alone(app: Beside, to: str):
    """Whatever stands in `next`, the way back is a page of this app."""
    answer = app.get(f"/auth/sign-in?next={to}")
    assert answer.header("location") == f"{SERVER}/auth/sign-in?next=http%3A%2F%2Flocalhost%3A8001%2F"


def test_the_way_back_is_not_learnt_from_the_host_header(server: Site):
    """With a base URL, it is that, whatever the request says."""
    from tests.support.beside import make_beside

    app = make_beside(server, base_url="http://localhost:8001")
    answer = app.get("/auth/sign-in", host="evil.example")
    assert "evil" not in (answer.header("location") or "")


def test_the_session_is_told_to_the_apps_own_scripts(app: Beside, ada: Visitor):
    """`GET /auth/session` answers as the server does."""
    assert b"ada@example.org" in app.get("/auth/session", ada).body
    assert app.get("/auth/session").body == b'{"session":null}'


@pytest.mark.parametrize(
    ("domain", "base_url"),
    [("com", "https://auth.example.com"), ("other.org", "https://auth.example.org"), ("127.0.0.1", "https://127.0.0.1"),
     (".example.org", "https://auth.example.org"), ("le.org", "https://auth.example.org"), ("example.org; x", "https://a.example.org")],
)  # fmt: skip
def test_a_cookie_domain_that_is_not_above_the_site_is_refused(domain: str, base_url: str):
    """Browsers would drop the cookie, or give it to strangers."""
    with pytest.raises(ConfigurationError, match="cookie domain"):
        Auth(cookie_domain=domain, base_url=base_url, environ={}, secret="s" * 32)


def test_on_a_shared_parent_domain_the_cookie_is_for_all_its_hosts(sqlite_url: str, clock):
    """`__Secure-`, since `__Host-` is for one host; the browser's own cookie stays with the server."""
    site = make_site(
        sqlite_url, clock, base_url="https://auth.example.org", cookie_domain="example.org", origins=[ORIGIN]
    )
    visitor = site.visitor()
    visitor.sign_up()
    lines = visitor.sign_in().cookies
    (line,) = [line for line in lines if line.startswith("__Secure-watchword=wws_")]
    assert "; Domain=example.org; Max-Age=" in line
    assert line.endswith("; Secure")
    assert visitor.user is not None
    (ended,) = visitor.post("/auth/sign-out").cookies
    assert ended.startswith("__Secure-watchword=; ")
    assert "Domain=example.org" in ended
    assert not any("Domain" in one for one in lines if one.startswith("__Host-"))
    site.auth.stop()
