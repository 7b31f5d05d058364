"""Watchword in a Litestar app: what is guarded, and what does not start."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Controller, Litestar, Request, Router, get, post
from litestar.params import FromPath, FromQuery
from litestar.testing import TestClient

from tests.support.asgi import AppClient, app_client
from tests.support.site import EMAIL, PASSWORD, Site
from watchword import guard, public, require
from watchword.web.litestar import OptionalSession, Session, Watchword


@get("/")
@public
async def home(session: OptionalSession) -> str:
    return session.user.name if session else "nobody"


@get("/me")
async def me(session: Session) -> str:
    return session.user.email


@get("/admin/{number:int}")
@guard(role="admin")
async def admin(number: FromPath[int], times: FromQuery[int] = 1) -> int:
    """Tell a number."""
    return number * times


@get("/sync", sync_to_thread=False)
@guard()
def sync() -> str:
    return "sync"


@get("/thread", sync_to_thread=True, guards=[guard()])
def thread() -> str:
    return "thread"


@get("/inside")
@guard.inside
async def inside() -> str:
    return (await require()).id


@get("/one")
async def one() -> int:
    return 1


@guard(role="admin")
class Whole(Controller):
    path = "/whole"

    @get("/one")
    async def one(self) -> int:
        return 1

    @get("/open")
    @public
    async def open(self) -> int:
        return 1


@guard.inside
class Each(Controller):
    path = "/each"

    @get("/one")
    async def one(self) -> str:
        return (await require()).id

    @get("/forgets")
    async def forgets(self) -> str:
        return "secret"


def make_app(site: Site, *handlers: Any, **options: Any) -> Litestar:
    return Litestar(route_handlers=[*handlers], plugins=[Watchword(site.auth, **options)])


def everything(site: Site) -> Litestar:
    below = Router("/below", route_handlers=[one], guards=[guard(role="admin")])
    return make_app(site, home, me, admin, sync, thread, inside, Whole, Each, below)


@pytest.fixture
def client(sqlite_site: Site) -> Iterator[AppClient]:
    with app_client(everything(sqlite_site)) as client:
        sqlite_site.auth.administration.create(email=EMAIL, password=PASSWORD, name="Ada")
        yield client


def sign_in(client: AppClient) -> None:
    body = {"identifier": EMAIL, "password": PASSWORD}
    assert client.post("/auth/sign-in/password", json=body).status_code == 200


ADMINS = ["/admin/1", "/below/one", "/whole/one", "/schema", "/schema/openapi.json", "/schema/no-such-page"]
GUARDED = ["/me", "/sync", "/thread", "/inside", "/each/one", *ADMINS]


@pytest.mark.parametrize("path", GUARDED)
def test_nobody_gets_in_and_is_told_how(client: AppClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthenticated"
    assert "Bearer" in answer.headers["www-authenticate"]


def test_whoever_is_signed_in_reaches_what_is_theirs_and_no_more(client: AppClient) -> None:
    sign_in(client)
    statuses = {path: client.get(path).status_code for path in GUARDED}
    assert {path: 403 if path in ADMINS else 200 for path in GUARDED} == statuses


def test_the_session_is_a_typed_parameter(client: AppClient) -> None:
    assert client.get("/").text == "nobody"
    sign_in(client)
    assert client.get("/").text == "Ada"
    assert client.get("/me").text == EMAIL


@pytest.mark.filterwarnings("ignore:.*Inferred dependency field")
def test_a_dependency_that_takes_the_session_guards_the_routes_that_take_it(sqlite_site: Site) -> None:
    async def email(session: Session) -> str:
        return session.user.email

    @get("/depends", dependencies={"email": email})
    async def depends(email: str) -> str:
        return email

    with app_client(make_app(sqlite_site, depends)) as client:
        assert client.get("/depends").status_code == 401
        sqlite_site.auth.administration.create(email=EMAIL, password=PASSWORD)
        sign_in(client)
        assert client.get("/depends").text == EMAIL


def test_a_controller_that_decides_inside_owes_a_decision_in_each_handler(client: AppClient) -> None:
    assert client.get("/each/forgets").status_code == 500
    assert client.get("/whole/open").status_code == 200


def test_nobody_learns_from_a_wrong_input_what_a_right_one_would_be(client: AppClient) -> None:
    """The guard comes before the input is read: 401, then 403, and 400 only for those who may."""
    assert client.get("/admin/1?times=x").status_code == 401
    sign_in(client)
    assert client.get("/admin/1?times=x").status_code == 403


def test_a_browser_that_wants_a_page_is_led_to_sign_in_and_back(client: AppClient) -> None:
    answer = client.get("/me?tab=2", headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/auth/sign-in?next=%2Fme%3Ftab%3D2")


def test_a031_an_answer_that_depends_on_who_asks_stays_out_of_shared_caches(client: AppClient) -> None:
    assert "Cookie" in client.get("/").headers["vary"]
    sign_in(client)
    answer = client.get("/")
    assert (answer.headers["cache-control"], answer.headers["vary"]) == ("no-store", "Cookie, Authorization")


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ([], [401, 401, 401]),
        (["/schema"], [200, 200, 200]),
        (["/schema/openapi.json"], [401, 401, 200]),
        (["/schema/swagger"], [401, 200, 401]),
        (["/"], [401, 401, 401]),
    ],
)
def test_generated_documentation_opens_where_it_is_named(
    sqlite_site: Site, named: list[str], expected: list[int]
) -> None:
    with app_client(make_app(sqlite_site, home, public=named)) as client:
        paths = ("/schema", "/schema/swagger", "/schema/openapi.json")
        assert [client.get(path).status_code for path in paths] == expected


def test_the_openapi_document_tells_who_may_call(sqlite_site: Site) -> None:
    document = everything(sqlite_site).openapi_schema.to_schema()
    assert document["components"]["securitySchemes"]["watchwordCookie"]["in"] == "cookie"
    operations = {path: item["get"] for path, item in document["paths"].items()}
    assert operations["/admin/{number}"]["security"] == [{"watchwordCookie": []}, {"watchwordBearer": []}]
    assert operations["/admin/{number}"]["description"] == "Who may call: role admin."
    assert {"401", "403"} <= operations["/below/one"]["responses"].keys()
    assert "403" not in operations["/me"]["responses"]
    assert "security" not in operations["/"]


def test_guards_of_all_layers_must_let_through(sqlite_site: Site) -> None:
    asked: list[str] = []

    def ask(name: str) -> Any:
        def asks(session: Any) -> bool:
            asked.append(name)
            return True

        return guard(when=asks)

    class Inner(Controller):
        path = "/inner"
        guards = (ask("controller"),)

        @get("/both", guards=[ask("handler")])
        @ask("decorator")
        async def both(self) -> str:
            return "in"

    app = Litestar(
        route_handlers=[Router("/outer", route_handlers=[Inner], guards=[ask("router")])],
        guards=[ask("app")],
        plugins=[Watchword(sqlite_site.auth)],
    )
    with app_client(app) as client:
        sqlite_site.auth.administration.create(email=EMAIL, password=PASSWORD)
        sign_in(client)
        assert client.get("/outer/inner/both").text == "in"
    assert asked == ["app", "router", "controller", "handler", "decorator"]


def test_what_litestar_calls_exclude_from_auth_is_public_where_no_guard_stands_closer(sqlite_site: Site) -> None:
    excluded = {"exclude_from_auth": True}

    @get("/login", exclude_from_auth=True)
    async def login() -> str:
        return "open"

    @get("/guarded", guards=[guard()])
    async def guarded() -> str:
        return "in"

    class Guarded(Controller):
        path = "/controller"
        guards = (guard(),)

        @get("/one")
        async def one(self) -> str:
            return "in"

    app = make_app(
        sqlite_site,
        Router("/closed", route_handlers=[login], guards=[guard()]),
        Router("/open", route_handlers=[login, guarded, Guarded], opt=excluded),
    )
    with app_client(app) as client:
        paths = ("/closed/login", "/open/login", "/open/guarded", "/open/controller/one")
        assert [client.get(path).status_code for path in paths] == [200, 200, 401, 401]


def test_a_handler_on_two_paths_has_the_rule_of_each(sqlite_site: Site) -> None:
    @get(["/here", "/admin/here"], opt={"exclude_from_auth": False})
    @guard()
    async def here() -> str:
        return "in"

    @get(["/there", "/open/there"])
    async def there() -> str:
        return "in"

    guards = {"/admin": guard(role="admin"), "/there": guard()}
    with app_client(make_app(sqlite_site, here, there, guards=guards, public=["/open/there"])) as client:
        assert client.get("/open/there").status_code == 200
        assert client.get("/there").status_code == 401
        sqlite_site.auth.administration.create(email=EMAIL, password=PASSWORD)
        sign_in(client)
        assert [client.get(path).status_code for path in ("/there", "/here", "/admin/here")] == [200, 200, 403]


def test_no_guard_costs_a_thread(sqlite_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def hop(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("Litestar spends a thread")

    @get("/plain", guards=[guard()])
    async def plain() -> str:
        return "in"

    app = make_app(sqlite_site, plain)
    monkeypatch.setattr("litestar.utils.sync.sync_to_thread", hop)
    with app_client(app) as client:
        sqlite_site.auth.administration.create(email=EMAIL, password=PASSWORD)
        sign_in(client)
        assert client.get("/plain").text == "in"


def test_a043_another_sites_form_can_not_use_the_visitors_cookie(sqlite_site: Site) -> None:
    done: list[str] = []

    @post("/transfer", status_code=200)
    async def transfer(session: Session) -> str:
        done.append(session.id)
        return "done"

    with app_client(make_app(sqlite_site, transfer)) as client:
        sqlite_site.auth.administration.create(email=EMAIL, password=PASSWORD)
        sign_in(client)
        for origin in ("https://evil.example", "null", "http://localhost:8001"):
            assert client.post("/transfer", headers={"origin": origin}).status_code == 403
        assert done == []
        assert client.post("/transfer").status_code == 200


def test_litestars_own_test_client_works(sqlite_site: Site) -> None:
    with TestClient(everything(sqlite_site), base_url="http://127.0.0.1:8000") as client:
        assert client.get("/").text == "nobody"
        assert client.get("/me").status_code == 401
        assert client.get("/auth/health").status_code == 200


def test_the_request_of_a_handler_is_litestars(sqlite_site: Site) -> None:
    @get("/who")
    @public
    async def who(request: Request[Any, Any, Any]) -> bool:
        return request.app is app and isinstance(request.app, Litestar)

    app = make_app(sqlite_site, who)
    with app_client(app) as client:
        assert client.get("/who").json() is True
