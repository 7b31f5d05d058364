"""What is tainted does not leave a WSGI app: in bodies, streams, headers, packed bodies and returned objects."""

import gzip
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, Response, jsonify, send_file

from tests.attacks.wire import events
from tests.support.flask import browser
from tests.support.site import Site
from watchword import public, taint_object_reference, taint_unique_value, untaint
from watchword.web.answer import WithheldError
from watchword.web.flask import Watchword

KEY = "sk_live_4f9a77c2b1e80d6653"
WHY = "Do not send the payment key to the browser"


@pytest.fixture(autouse=True)
def tainted() -> Iterator[None]:
    taint_unique_value(WHY, Flask, KEY)
    yield
    untaint(KEY)


def answering(site: Site, view: Any) -> Any:
    """Return a browser of an app whose one public view answers this."""
    app = Flask(__name__, static_folder=None)
    Watchword(app, site.auth)
    app.add_url_rule("/", "view", public(view))
    return browser(app)


@pytest.mark.parametrize(
    "answer",
    [
        lambda: jsonify(nested=[{"key": f"x{KEY}y"}]),
        lambda: Response("fine", headers={"x-debug": KEY}),
        lambda: Response([b"word ", KEY[:9].encode(), KEY[9:].encode()]),
        lambda: Response(gzip.compress(KEY.encode()), headers={"content-encoding": "gzip"}),
        lambda: Response(iter([gzip.compress(KEY.encode())]), headers={"content-encoding": "gzip"}),
        lambda: Response(b"?", headers={"content-encoding": "br"}),
        lambda: send_file(__file__),
    ],
)
def test_a020_a_tainted_value_in_an_answer_is_withheld(sqlite_site: Site, answer: Any) -> None:
    reply = answering(sqlite_site, answer).get("/")
    assert (reply.status_code, reply.json["code"]) == (500, "response_withheld")
    assert KEY not in reply.text
    assert KEY not in str(reply.headers)
    assert events(sqlite_site, "response_withheld") == 1


def test_a020_a_tainted_value_in_the_middle_of_a_stream_cuts_it(sqlite_site: Site) -> None:
    def view() -> Response:
        return Response(iter([b"word " * 10_000, KEY[:9].encode(), KEY[9:].encode(), b"word"]))

    sent: list[bytes] = []
    reply = answering(sqlite_site, view).get("/", buffered=False)
    with pytest.raises(WithheldError):
        sent.extend(reply.iter_encoded())
    assert KEY[:9].encode() not in b"".join(sent)
    assert events(sqlite_site, "response_withheld") == 1


def test_a020_a_tainted_object_that_a_view_returns_is_withheld(sqlite_site: Site) -> None:
    row = {"id": 1}

    class Row(dict[str, Any]):
        pass

    user = Row(row)
    taint_object_reference("Pass a view of it instead", user)
    reply = answering(sqlite_site, lambda: user).get("/")
    assert (reply.status_code, "Pass a view" in reply.json["detail"]) == (500, True)
    app = Flask(__name__, static_folder=None)
    Watchword(app, sqlite_site.auth, public=["/"])
    app.add_url_rule("/", view_func=lambda: user)
    assert browser(app).get("/").status_code == 500


def test_what_is_not_tainted_leaves_as_it_is(sqlite_site: Site) -> None:
    words = b"word " * 50_000
    packed = gzip.compress(words)
    client = answering(sqlite_site, lambda: Response(iter([words[:7], b"", words[7:]])))
    assert client.get("/").data == words
    client = answering(
        sqlite_site, lambda: Response(iter([packed[:50], packed[50:]]), headers={"content-encoding": "gzip"})
    )
    assert gzip.decompress(client.get("/").data) == words
    assert client.head("/").data == b""


def test_a_browser_is_answered_in_a_coding_that_can_be_searched(sqlite_site: Site) -> None:
    from flask import request

    client = answering(sqlite_site, lambda: str(request.accept_encodings))
    assert client.get("/", headers={"accept-encoding": "br, zstd, gzip"}).text == "gzip"
