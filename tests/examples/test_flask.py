"""The small app in Flask, as its table of routes tells it."""

from examples.flask.app import create
from tests.support.site import Site
from watchword.web.endpoints import endpoints_of


def test_the_table_of_its_routes_names_every_rule(sqlite_site: Site) -> None:
    listed = endpoints_of(create(sqlite_site.auth)) or ()
    assert {endpoint.path: endpoint.rule.description if endpoint.rule else None for endpoint in listed} == {
        "/static/<path:filename>": "role admin",
        "/": "public",
        "/me": "signed in",
        "/admin": "role admin",
        "/people/<user_id>": "(role admin or when is_themselves)",
        "/notes": "decides inside",
        "/greeting": "decides inside",
    }
