import json


def test_each_route_is_listed_with_its_guard(watchword):
    routes = {route["name"]: route for route in json.loads(watchword("routes", "--json").out)}
    assert routes["sign_out"]["path"] == "/auth/sign-out"
    assert routes["get_session"]["guard"] == "public"
    assert routes["list_sessions"] == {
        "method": "GET",
        "path": "/auth/sessions",
        "guard": "signed in",
        "name": "list_sessions",
    }


def test_the_table_of_routes_breaks_no_line(watchword):
    shown = watchword("routes").out
    assert "DELETE  /auth/sessions/{id}" in shown
