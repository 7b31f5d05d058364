"""Watchword in a Flask app: what is let in, and by whom."""

from typing import Any

import pytest
from flask import (
    Blueprint,
    Flask,
    render_template_string,
    request,
)
from flask.testing import FlaskClient
from flask.views import MethodView
from werkzeug.routing import BaseConverter

from tests.support.flask import browser, sign_in
from tests.support.site import EMAIL, PASSWORD, Site
from watchword import Session, guard, public, require_sync, verify_session
from watchword.web.flask import Watchword, current_session


def make_app(site: Site) -> Flask:
    app = Flask(__name__)
    Watchword(app, site.auth)

    @app.get("/")
    @public
    def home() -> str:
        return render_template_string("{{ s.user.name if s else 'nobody' }}", s=current_session)

    @app.get("/me")
    @guard()
    def me() -> str:
        return current_session.user.email

    @app.get("/admin/<int:number>")
    @guard(role="admin")
    def admin(number: int) -> str:
        return str(number)

    @app.get("/async")
    @guard()
    async def coroutine() -> str:
        session = await verify_session()
        return session.user.email if session else ""

    @app.get("/inside")
    @guard.inside
    def inside() -> str:
        return current_session.id

    @app.get("/own/<user_id>")
    @guard(when=is_own)
    def own(user_id: str) -> str:
        return user_id

    @app.get("/own-async/<user_id>")
    @guard(any_of=[guard(when=is_own_async)])
    async def own_async(user_id: str) -> str:
        return user_id

    above = Blueprint("above", __name__, url_prefix="/above")
    above.before_request(guard())
    below = Blueprint("below", __name__, url_prefix="/below")

    @below.get("/one")
    @guard(role="admin")
    def one() -> str:
        return "1"

    @below.get("/two")
    def two() -> str:
        return "2"

    @below.get("/three")
    @public
    def three() -> str:
        return "3"

    above.register_blueprint(below)
    app.register_blueprint(above)
    return app


def is_own(session: Session, user_id: str) -> bool:
    return session.user.id == user_id


async def is_own_async(session: Session, user_id: str) -> bool:
    return session.user.id == user_id


@pytest.fixture
def site(sqlite_site: Site) -> Site:
    sqlite_site.auth.prepare_store()
    sqlite_site.auth.administration.create(email=EMAIL, password=PASSWORD, name="Ada")
    return sqlite_site


@pytest.fixture
def client(site: Site) -> FlaskClient:
    return browser(make_app(site))


GUARDED = [
    "/me",
    "/admin/1",
    "/async",
    "/inside",
    "/own/x",
    "/above/below/one",
    "/above/below/two",
    "/above/below/three",
]


@pytest.mark.parametrize("path", GUARDED)
def test_nobody_gets_in_and_is_told_how(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 401
    assert answer.json["code"] == "unauthenticated"
    assert "Bearer" in answer.headers["www-authenticate"]


def test_whoever_is_signed_in_reaches_what_is_theirs_and_no_more(client: FlaskClient) -> None:
    own = sign_in(client)
    forbidden = {"/admin/1", "/own/x", "/own-async/x", "/above/below/one"}
    paths = [*GUARDED, "/own-async/x", f"/own/{own}", f"/own-async/{own}"]
    assert {path: client.get(path).status_code for path in paths} == {
        path: 403 if path in forbidden else 200 for path in paths
    }


def test_the_session_stands_in_templates_and_in_views(client: FlaskClient) -> None:
    assert client.get("/").text == "nobody"
    sign_in(client)
    assert client.get("/").text == "Ada"
    assert client.get("/me").text == EMAIL
    assert client.get("/async").text == EMAIL


def test_a_browser_that_wants_a_page_is_led_to_sign_in_and_back(client: FlaskClient) -> None:
    answer = client.get("/me?tab=2", headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/auth/sign-in?next=%2Fme%3Ftab%3D2")


def test_a031_an_answer_that_depends_on_who_asks_stays_out_of_shared_caches(client: FlaskClient) -> None:
    assert "Cookie" in client.get("/").headers["vary"]
    sign_in(client)
    assert client.get("/").headers["cache-control"] == "no-store"


def test_a010_the_guard_decides_before_every_function_of_the_app_and_every_other_decorator(site: Site) -> None:
    """A cache above the guard would hand the admin's answer to everyone."""
    app, ran, cached = Flask(__name__), [], {}
    Watchword(app, site.auth)
    blueprint = Blueprint("notes", __name__)

    def cache(view: Any) -> Any:
        from functools import wraps

        @wraps(view)
        def cached_view(**arguments: Any) -> Any:
            ran.append("cache")
            if request.path not in cached:
                cached[request.path] = view(**arguments)
            return cached[request.path]

        return cached_view

    app.before_request(lambda: ran.append("app"))
    app.url_value_preprocessor(lambda endpoint, values: ran.append("values"))
    blueprint.before_request(lambda: ran.append("blueprint"))

    @blueprint.get("/cached")
    @cache
    @guard()
    def cached_notes() -> str:
        return f"of {current_session.user.email}"

    app.register_blueprint(blueprint)
    client = browser(app)
    sign_in(client)
    assert client.get("/cached").text == f"of {EMAIL}"
    ran.clear()
    answer = browser(app).get("/cached")
    assert (answer.status_code, ran) == (401, [])
    assert EMAIL not in answer.text


def test_a_cache_below_the_ledger_answers_nothing_for_a_view_that_decides_inside(site: Site) -> None:
    app, cached = Flask(__name__), []
    Watchword(app, site.auth)

    def cache(view: Any) -> Any:
        from functools import wraps

        @wraps(view)
        def cached_view() -> Any:
            if not cached:
                cached.append(view())
            return cached[0]

        return cached_view

    @app.get("/cached")
    @cache
    @guard.inside
    def notes() -> str:
        return f"of {require_sync().user.email}"

    client = browser(app)
    sign_in(client)
    assert client.get("/cached").text == f"of {EMAIL}"
    answer = browser(app).get("/cached")
    assert (answer.status_code, EMAIL in answer.text) == (500, False)


def test_classes_of_views_are_guarded_as_a_whole_or_handler_by_handler(site: Site) -> None:
    app = Flask(__name__)
    Watchword(app, site.auth)

    @guard(role="admin")
    class Whole(MethodView):
        def get(self) -> str:
            return "in"

    class Decorated(MethodView):
        decorators = (guard(role="admin"),)

        async def get(self) -> str:
            return "in"

    class Each(MethodView):
        @public
        def delete(self) -> str:
            return "deleted"

        @guard(role="admin")
        def get(self) -> str:
            return "in"

        @guard()
        def post(self) -> str:
            return "posted"

    for view in (Whole, Decorated, Each):
        app.add_url_rule(f"/{view.__name__.lower()}", view_func=view.as_view(view.__name__))
    client = browser(app)
    asked = [("GET", "/whole"), ("GET", "/decorated"), ("GET", "/each"), ("HEAD", "/each"), ("POST", "/each")]
    assert [client.open(path, method=method).status_code for method, path in asked] == [401] * 5
    assert client.delete("/each").text == "deleted"
    sign_in(client)
    assert [client.open(path, method=method).status_code for method, path in asked] == [403, 403, 403, 403, 200]
    assert client.options("/each").headers["allow"]


def test_a043_another_sites_form_can_not_use_the_visitors_cookie(site: Site) -> None:
    app, done = Flask(__name__), []
    Watchword(app, site.auth)

    @app.post("/transfer")
    @guard()
    def transfer() -> str:
        done.append(current_session.id)
        return "done"

    client = browser(app)
    sign_in(client)
    for origin in ("https://evil.example", "null", "http://localhost:8001"):
        assert client.post("/transfer", headers={"origin": origin}).status_code == 403
    assert done == []
    assert client.post("/transfer").status_code == 200


def test_a043_a_method_that_a_middleware_overrides_is_checked_as_what_it_becomes(site: Site) -> None:
    app, done = Flask(__name__), []

    def override(environ: Any, start_response: Any) -> Any:
        environ["REQUEST_METHOD"] = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE", environ["REQUEST_METHOD"])
        return wsgi_app(environ, start_response)

    wsgi_app, app.wsgi_app = app.wsgi_app, override
    Watchword(app, site.auth)

    @app.post("/transfer")
    @guard()
    def transfer() -> str:
        done.append(current_session.id)
        return "done"

    client = browser(app)
    sign_in(client)
    override_to_post = {"x-http-method-override": "POST"}
    foreign = {"origin": "https://evil.example", **override_to_post}
    assert client.get("/transfer", headers=foreign).status_code == 403
    assert done == []
    assert client.get("/transfer", headers=override_to_post).text == "done"


def test_a_refusal_in_a_url_converter_is_one(site: Site) -> None:
    app = Flask(__name__)
    Watchword(app, site.auth)

    class Mine(BaseConverter):
        def to_python(self, value: str) -> str:
            return require_sync().id + value

    app.url_map.converters["mine"] = Mine

    @app.get("/things/<mine:thing>")
    @guard()
    def thing(thing: str) -> str:
        return thing

    assert browser(app).get("/things/1").status_code == 401
