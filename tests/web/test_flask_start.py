"""The start-up check of a Flask app: every route, mount and folder, before the first answer."""

import threading
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.cli import FlaskGroup, ScriptInfo
from flask.views import MethodView
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from tests.support.flask import browser
from tests.support.site import Site
from watchword import ConfigurationError, guard, public
from watchword.web.endpoints import endpoints_of
from watchword.web.flask import Watchword


def app_with(site: Site, **options: Any) -> Flask:
    app = Flask(__name__, static_folder=None)
    Watchword(app, site.auth, **options)
    return app


def mounted(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("content-type", "text/plain")])
    return [b"mounted"]


def test_an_app_with_open_routes_answers_nothing_and_lists_each_with_file_and_line(sqlite_site: Site) -> None:
    app = Flask(__name__, static_folder=str(Path(__file__).parent), static_url_path="/static")
    Watchword(app, sqlite_site.auth)
    folder = {"static_folder": str(Path(__file__).parent), "static_url_path": "/static"}
    blueprint = Blueprint("inner", __name__, url_prefix="/inner", **folder)

    @app.get("/forgotten")
    def forgotten() -> str:
        return "oops"

    class Whole(MethodView):
        def get(self) -> str:
            return "oops"

        @guard()
        def post(self) -> str:
            return "in"

    @blueprint.post("/deep")
    def deep() -> str:
        return "oops"

    app.add_url_rule("/class", view_func=Whole.as_view("whole"))
    app.register_blueprint(blueprint)
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/metrics": mounted})
    for path in ("/metrics", "/forgotten", "/auth/health", "/nowhere"):
        with pytest.raises(ConfigurationError) as refused:
            browser(app).get(path)
        report = str(refused.value)
        assert "6 route(s)" in report
    for path in ("/forgotten", "GET      /class", "/inner/deep", "/static", "/inner/static", "/metrics"):
        assert path in report
    line = forgotten.__code__.co_firstlineno
    assert f"tests/web/test_flask_start.py:{line}" in report
    assert 'Watchword(app, auth, public=["/static"])' in report


def test_the_check_runs_in_the_commands_and_before_the_development_server(
    sqlite_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_app(site: Site) -> Flask:
        app = app_with(site)
        with app.app_context():
            """A command that makes tables, say, is not stopped before the routes are there."""
        app.add_url_rule("/forgotten", view_func=lambda: "oops", endpoint="forgotten")
        return app

    app = open_app(sqlite_site)
    # In a context of its own: the command ends its process, and leaves Flask's app context as it is.
    invoke = partial(app.test_cli_runner().invoke, FlaskGroup(), ["routes"])
    outcome = copy_context().run(invoke, obj=ScriptInfo(create_app=lambda: open_app(sqlite_site)))
    assert isinstance(outcome.exception, ConfigurationError)
    served: list[object] = []
    monkeypatch.setattr("werkzeug.serving.run_simple", lambda *given, **_: served.append(given))
    with pytest.raises(ConfigurationError):
        app.run()
    assert served == []


def test_an_app_made_in_a_command_serves_requests_in_threads_of_its_own(sqlite_site: Site) -> None:
    """As `flask run` does, and granian, whose own command is one of click too."""
    made: list[Flask] = []
    statuses: list[int] = []

    def create() -> Flask:
        made.append(app_with(sqlite_site))
        made[0].add_url_rule("/", "home", public(lambda: "hello"))
        return made[0]

    outcome = (
        app_with(sqlite_site).test_cli_runner().invoke(FlaskGroup(), ["routes"], obj=ScriptInfo(create_app=create))
    )
    assert outcome.exit_code == 0, (outcome.output, outcome.exception)
    thread = threading.Thread(target=lambda: statuses.append(browser(made[0]).get("/").status_code))
    thread.start()
    thread.join()
    assert statuses == [200]


def test_a_factory_makes_several_apps_with_one_extension(sqlite_site: Site) -> None:
    watchword = Watchword(auth=sqlite_site.auth)

    def create() -> Flask:
        app = Flask(__name__, static_folder=None)
        watchword.init_app(app)
        app.add_url_rule("/", "home", public(lambda: "hello"))
        return app

    first, second = create(), create()
    assert browser(first).get("/").text == browser(second).get("/").text == "hello"
    assert first.extensions["watchword"] is second.extensions["watchword"] is watchword
    with pytest.raises(ConfigurationError, match="already"):
        watchword.init_app(first)
    with pytest.raises(ConfigurationError, match="auth"):
        Watchword(first)


def test_the_app_stays_what_it_was(sqlite_site: Site) -> None:
    class Shop(Flask):
        pass

    app = Shop(__name__)
    Watchword(app, sqlite_site.auth)
    assert isinstance(app, Shop)
    assert repr(app) == "<Shop 'tests.web.test_flask_start'>"


def test_static_folders_open_when_they_are_named(sqlite_site: Site) -> None:
    app = Flask(__name__, static_folder=str(Path(__file__).parent), static_url_path="/static")
    Watchword(app, sqlite_site.auth, public=["/static"])
    with browser(app).get("/static/test_flask_start.py") as answer:
        assert answer.status_code == 200


def test_a_static_folder_that_appears_later_is_open_to_nobody(sqlite_site: Site, tmp_path: Path) -> None:
    app = Flask(__name__, static_folder=str(tmp_path / "static"))
    Watchword(app, sqlite_site.auth)
    client = browser(app)
    assert client.get("/nowhere").status_code == 404
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "key.txt").write_text("secret")
    assert client.get("/static/key.txt").status_code == 401


def test_a_prefix_guards_what_stands_below_it(sqlite_site: Site) -> None:
    app = app_with(sqlite_site, guards={"/back": guard(role="admin")})
    for path in ("/back/one", "/back", "/backward"):
        app.add_url_rule(path, path, lambda: "in")
    with pytest.raises(ConfigurationError, match="/backward"):
        browser(app).get("/back/one")
    app.view_functions["/backward"] = public(lambda: "in")
    assert [browser(app).get(path).status_code for path in ("/back/one", "/back", "/backward")] == [401, 401, 200]


def test_a_guard_before_all_requests_stands_on_everything(sqlite_site: Site) -> None:
    app = app_with(sqlite_site)
    app.before_request(guard())
    app.add_url_rule("/", "home", public(lambda: "hello"))
    app.add_url_rule("/plain", "plain", lambda: "plain")

    @app.before_request
    @guard(role="admin")
    def only_admins() -> None:
        """The decorated function is a guard as well."""

    assert [browser(app).get(path).status_code for path in ("/", "/plain", "/nowhere")] == [401, 401, 401]
    listed = endpoints_of(app)
    assert listed is not None
    assert {endpoint.rule.description for endpoint in listed if endpoint.rule} == {"signed in, role admin"}


@pytest.mark.parametrize("is_inside", [True, False])
def test_an_app_that_is_mounted_beside_is_held_to_the_promise(sqlite_site: Site, is_inside: bool) -> None:
    app = Flask(__name__, static_folder=None)
    mounts: dict[str, Any] = {"/metrics": mounted, "/open": mounted, "/own": guard()(mounted)}
    if is_inside:
        app.wsgi_app = DispatcherMiddleware(app.wsgi_app, mounts)
    Watchword(app, sqlite_site.auth, guards={"/metrics": guard(role="admin")}, public=["/open"])
    if not is_inside:
        app.wsgi_app = ProxyFix(DispatcherMiddleware(app.wsgi_app, mounts))
    app.add_url_rule("/", "home", public(lambda: "hello"))
    client = browser(app)
    answers = {path: client.get(path).status_code for path in ("/metrics", "/metrics/x", "/open", "/own", "/")}
    assert answers == {"/metrics": 401, "/metrics/x": 401, "/open": 200, "/own": 401, "/": 200}


def test_a_protected_app_may_be_mounted_in_another(sqlite_site: Site) -> None:
    inner, outer = app_with(sqlite_site), app_with(sqlite_site)
    inner.add_url_rule("/one", "one", guard()(lambda: "in"))
    inner.add_url_rule("/two", "two", public(lambda: "open"))
    outer.wsgi_app = DispatcherMiddleware(outer.wsgi_app, {"/inner": inner})
    client = browser(outer)
    assert [client.get(path).status_code for path in ("/inner/one", "/inner/two")] == [401, 200]
    assert [endpoint.path for endpoint in endpoints_of(outer) or ()] == ["/inner/one", "/inner/two"]


def test_what_a_middleware_answers_by_itself_is_withheld_unless_it_is_named(sqlite_site: Site) -> None:
    app = app_with(sqlite_site, public=["/health"])
    below = app.wsgi_app

    def health(environ: Any, start_response: Any) -> Any:
        return mounted(environ, start_response) if "heal" in environ["PATH_INFO"] else below(environ, start_response)

    app.wsgi_app = health
    assert [browser(app).get(path).status_code for path in ("/health", "/healthz")] == [200, 500]


def test_a_route_that_the_app_adds_while_it_runs_is_checked_then(sqlite_site: Site) -> None:
    from werkzeug.routing import Rule

    app, ran = app_with(sqlite_site), []
    assert browser(app).get("/late").status_code == 404
    app.view_functions["late"] = lambda: ran.append("ran") or "oops"
    app.url_map.add(Rule("/late", endpoint="late"))
    app.testing = True
    with pytest.raises(ConfigurationError, match="/late"):
        browser(app).get("/late")
    assert ran == []
    app.view_functions["late"] = guard()(app.view_functions["late"])
    assert browser(app).get("/late").status_code == 401


def test_the_list_of_routes_tells_who_may_call_each(sqlite_site: Site) -> None:
    app = app_with(sqlite_site)
    app.add_url_rule("/things/<int:number>", "thing", guard(role="admin")(lambda number: ""), methods=["GET", "PUT"])
    (endpoint,) = endpoints_of(app) or ()
    assert endpoint.rule is not None
    assert (endpoint.path, endpoint.methods, endpoint.rule.description) == (
        "/things/<int:number>",
        "GET,PUT",
        "role admin",
    )
    assert "tests/web/test_flask_start.py" in endpoint.where


def test_a_guard_that_asks_about_what_its_path_does_not_have_stops_the_start(sqlite_site: Site) -> None:
    app = app_with(sqlite_site)

    def owns(session: Any, note_id: int) -> bool:
        return bool(note_id)

    @app.get("/notes/<int:id>")
    @guard(when=owns)
    def note(id: int) -> str:
        return str(id)

    @app.get("/first", defaults={"note_id": 1})
    @guard(when=owns)
    def first(note_id: int) -> str:
        return str(note_id)

    with pytest.raises(ConfigurationError, match="asks for note_id; the path has id") as refused:
        browser(app).get("/first")
    assert "1 guard(s)" in str(refused.value)
