"""A server and an app beside it, in one process, with a clock that moves by hand."""

from collections.abc import Iterator

import pytest

from tests.support.beside import Beside, Clock, make_beside
from tests.support.site import Site, Visitor, make_site

APP = "http://localhost:8001"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(store_url: str, clock: Clock) -> Iterator[Site]:
    """A server that knows the app's origin."""
    site = make_site(store_url, clock, origins=[APP])
    site.auth.prepare_store()
    yield site
    site.auth.stop()


@pytest.fixture
def app(server: Site, clock: Clock) -> Beside:
    """An app whose lease is trusted, and renewed whenever the server waits for it."""
    beside = make_beside(server)
    beside.take()
    clock.meanwhile = beside.renew
    return beside


@pytest.fixture
def ada(server: Site) -> Visitor:
    visitor = server.visitor()
    assert visitor.sign_up().status == 200
    return visitor
