"""The small app in Flask does what it says, and each of its routes for whom it says."""

from examples.flask.app import create_app
from tests.support.flask import browser
from tests.support.site import EMAIL, PASSWORD, Site
from watchword.web.endpoints import endpoints_of


def test_the_small_app_in_flask_serves_each_visitor_what_is_theirs(sqlite_site: Site) -> None:
    sqlite_site.auth.prepare_store()
    sqlite_site.auth.administration.create(email=EMAIL, password=PASSWORD, name="Ada")
    sqlite_site.auth.administration.create(email="grace@example.org", password=PASSWORD, role="admin")
    app = create_app(sqlite_site.auth)
    clients = {"nobody": browser(app), EMAIL: browser(app), "grace@example.org": browser(app)}
    found: dict[str, list[object]] = {}
    own = ""
    for email, client in clients.items():
        if email != "nobody":
            signed_in = client.post("/auth/sign-in/password", json={"identifier": email, "password": PASSWORD})
            own = own or signed_in.json["session"]["user"]["id"]
    for client in clients.values():
        for path in ("/", "/me", "/admin", "/people/usr_ada", f"/people/{own}", "/greeting"):
            found.setdefault(path, []).append(client.get(path).status_code)
        found.setdefault("/notes", []).append(client.post("/notes?text=hello").status_code)
    assert found == {
        "/": [200, 200, 200],
        "/me": [401, 200, 200],
        "/admin": [401, 403, 200],
        "/people/usr_ada": [401, 403, 200],
        f"/people/{own}": [401, 200, 200],
        "/greeting": [200, 200, 200],
        "/notes": [401, 200, 200],
    }
    assert [client.get("/greeting").json["hello"] for client in clients.values()] == [
        "stranger",
        EMAIL,
        "grace@example.org",
    ]


def test_the_table_of_its_routes_names_every_rule(sqlite_site: Site) -> None:
    listed = endpoints_of(create_app(sqlite_site.auth)) or ()
    assert {endpoint.path: endpoint.rule.description if endpoint.rule else None for endpoint in listed} == {
        "/static/<path:filename>": "role admin",
        "/": "public",
        "/me": "signed in",
        "/admin": "role admin",
        "/people/<user_id>": "(role admin or when is_themselves)",
        "/notes": "decides inside",
        "/greeting": "decides inside",
    }
