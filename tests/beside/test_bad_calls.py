"""What apps beside a server send it, when it is not what they should send."""

import json
from typing import Any

import msgspec

from tests.support.beside import key_of
from tests.support.site import Site
from watchword.http.route import Route

WRONG: tuple[Any, ...] = (None, {}, [[]], "x", "\0", -1, 1.5, 2**70, "A" * 44, "wkr_" + "A" * 26)
"""Of none of the types that a field has; a few are of one, and mean nothing to it."""


def calls(site: Site) -> list[Route]:
    return [route for route in site.auth.routes if route.path.startswith("/service/") and route.input is not None]


def test_whatever_a_field_holds_the_server_refuses_or_finds_nothing(server: Site):
    """With a key that counts: a problem document, or an answer that says no; never a defect."""
    visitor, key = server.visitor(), key_of(server)
    for route in calls(server):
        names = [info.encode_name for info in msgspec.structs.fields(route.input)]
        for name in names:
            for value in WRONG:
                body = json.dumps(dict.fromkeys(names, "x") | {name: value}).encode()
                headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
                answer = visitor.send("POST", f"/auth{route.path}", raw=body, headers=headers)
                assert answer.status in (200, 422), (route.path, name, value, answer.text)
                if answer.status == 422:
                    assert {"title", "status", "code", "fields"} <= answer.json.keys()


def test_a_field_too_many_is_refused(server: Site):
    """Nothing is dropped in silence (A16)."""
    key = key_of(server)
    for route in calls(server):
        headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
        answer = server.visitor().send("POST", f"/auth{route.path}", raw=b'{"admin": true}', headers=headers)
        assert (answer.status, answer.json["code"]) == (422, "input_invalid")
