"""What a Flask app answers by itself: errors, hooks, streams, files; and what of it leaves."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    copy_current_request_context,
    jsonify,
    request,
    send_file,
    stream_with_context,
)

from tests.support.flask import browser, sign_in
from tests.support.site import EMAIL, PASSWORD, Site
from tests.web.test_flask import make_app
from watchword import Forbidden, guard, public, require_sync, verify_session_sync
from watchword.sessions.verify import NoRequestError
from watchword.web.flask import Watchword, current_session


@pytest.fixture
def site(sqlite_site: Site) -> Site:
    sqlite_site.auth.prepare_store()
    sqlite_site.auth.administration.create(email=EMAIL, password=PASSWORD, name="Ada")
    return sqlite_site


def test_flasks_errors_follow_the_ledger(site: Site) -> None:
    app = make_app(site)

    @app.get("/gone/<decides>")
    @guard.inside
    def gone(decides: str) -> str:
        if decides == "yes":
            require_sync()
        abort(410, "secret")

    @app.errorhandler(404)
    def missing(error: Any) -> Any:
        return "our own page", 404

    client = browser(app)
    assert client.get("/nowhere").text == "our own page"
    assert client.post("/me").status_code == 405
    assert client.get("/gone/no").status_code == 500
    assert "secret" not in client.get("/gone/no").text
    assert client.get("/gone/yes").status_code == 401
    sign_in(client)
    assert client.get("/gone/yes").status_code == 410


def test_the_app_answers_refusals_in_its_own_way_and_never_as_defects(site: Site) -> None:
    app = make_app(site)
    blueprint = Blueprint("careless", __name__)

    @blueprint.errorhandler(Exception)
    def careless(error: Exception) -> Any:
        return f"oops {error}", 500

    @blueprint.get("/careless")
    @guard.inside
    def view() -> str:
        return require_sync(role="admin").id

    @blueprint.get("/broken")
    @public
    def broken() -> str:
        raise ValueError("broken")

    app.register_blueprint(blueprint)

    @app.errorhandler(Forbidden)
    def forbidden(error: Forbidden) -> Any:
        return "ask an admin", 403

    client = browser(app)
    assert (client.get("/careless").status_code, client.get("/careless").json["code"]) == (401, "unauthenticated")
    assert client.get("/broken").text == "oops broken"
    sign_in(client)
    assert client.get("/admin/1").text == "ask an admin"


def test_what_fails_before_a_decision_is_told_to_the_developer_as_a_failure(site: Site) -> None:
    app = Flask(__name__)
    Watchword(app, site.auth)

    @app.get("/fails")
    @guard.inside
    def fails() -> str:
        raise ValueError("secret")

    answer = browser(app).get("/fails", headers={"accept": "application/json"})
    assert (answer.status_code, answer.json["code"]) == (500, "response_withheld")
    assert "failed before anybody decided" in answer.json["detail"]
    assert "secret" not in answer.text


def test_a_handler_may_refuse_by_itself(site: Site) -> None:
    app = Flask(__name__)
    Watchword(app, site.auth)

    @app.get("/refuses")
    @guard.inside
    def refuses() -> str:
        raise Forbidden("not today")

    assert browser(app).get("/refuses").json["detail"] == "not today"


@pytest.mark.parametrize(("status", "leaves"), [(200, False), (204, False), (302, True), (429, True), (503, True)])
def test_what_a_before_request_function_answers_leaves_as_a_middlewares_answer_does(
    site: Site, status: int, leaves: bool
) -> None:
    app = Flask(__name__)
    Watchword(app, site.auth)
    app.before_request(lambda: ("from the hook", status))

    @app.get("/inside")
    @guard.inside
    def inside() -> str:
        return require_sync().id

    client = browser(app)
    for path in ("/inside", "/nowhere"):
        assert client.get(path).status_code == (status if leaves else 500), path


def test_after_request_functions_see_refusals(site: Site) -> None:
    app = make_app(site)

    @app.after_request
    def add(response: Response) -> Response:
        response.headers["access-control-allow-origin"] = "https://app.example.org"
        return response

    answer = browser(app).get("/me")
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, "https://app.example.org")


def test_a_preflight_is_answered_by_flask_without_a_function_of_the_app(site: Site) -> None:
    app, ran = make_app(site), []
    app.before_request(lambda: ran.append("ran"))
    client = browser(app)
    answer = client.options("/above/below/one", headers={"access-control-request-method": "GET"})
    assert (answer.status_code, answer.text, ran) == (200, "", [])
    assert client.options("/above/below/one").status_code == 401


def test_a_thread_with_a_copied_request_decides_nothing_for_it(site: Site) -> None:
    app, outcomes = Flask(__name__), []
    Watchword(app, site.auth)

    @app.get("/threads")
    @guard.inside
    def threads() -> str:
        @copy_current_request_context
        def work() -> None:
            try:
                verify_session_sync()
            except NoRequestError as error:
                outcomes.append((request.path, type(error)))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return "secret"

    client = browser(app)
    sign_in(client)
    assert "secret" not in client.get("/threads").text
    assert outcomes == [("/threads", NoRequestError)]


def test_streams_and_files_leave_with_a_decision_alone(site: Site) -> None:
    app = Flask(__name__)
    Watchword(app, site.auth)

    @app.get("/stream")
    @guard.inside
    def stream() -> Response:
        def parts() -> Iterator[str]:
            yield request.path
            yield current_session.user.email

        return Response(stream_with_context(parts()))

    @app.get("/decides-first")
    @guard.inside
    def decides_first() -> Response:
        def parts() -> Iterator[str]:
            yield current_session.user.email
            yield request.path

        return Response(stream_with_context(parts()))

    @app.get("/file/<decides>")
    @guard.inside
    def file(decides: str) -> Response:
        if decides == "yes":
            require_sync()
        return send_file(__file__)

    client = browser(app)
    assert [client.get(path).status_code for path in ("/stream", "/decides-first", "/file/no", "/file/yes")] == [
        500,
        401,
        500,
        401,
    ]
    sign_in(client)
    assert client.get("/stream").status_code == 500
    assert client.get("/decides-first").text == f"{EMAIL}/decides-first"
    with client.get("/file/no") as withheld, client.get("/file/yes") as sent:
        assert withheld.status_code == 500
        assert "test_streams_and_files" in sent.text


def test_what_is_torn_down_still_knows_the_session(site: Site) -> None:
    app, order = make_app(site), []
    app.teardown_request(lambda error: order.append(("request", current_session.user.email)))
    app.teardown_appcontext(lambda error: order.append(("app", current_session.user.email)))

    @app.after_request
    def close(response: Response) -> Response:
        response.call_on_close(lambda: order.append(("closed", current_session.user.email)))
        return response

    client = browser(app)
    sign_in(client)
    client.get("/me").close()
    assert order == [("request", EMAIL), ("app", EMAIL), ("closed", EMAIL)]


def test_without_its_database_nobody_gets_in_and_the_answer_is_503(site: Site) -> None:
    from sqlalchemy import text

    client = browser(make_app(site))
    sign_in(client)
    with site.auth.store.engine.begin() as connection:
        connection.execute(text("ALTER TABLE sessions RENAME TO hidden"))
    for path in ("/me", "/inside", "/async"):
        assert client.get(path).status_code >= 500


def test_the_json_that_a_view_returns_is_flasks_own(site: Site) -> None:
    app = Flask(__name__)
    Watchword(app, site.auth)

    @app.get("/json")
    @public
    def data() -> Response:
        return jsonify(a=1)

    assert browser(app).get("/json").json == {"a": 1}
