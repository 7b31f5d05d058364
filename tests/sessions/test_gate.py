"""The one gate that reads sessions."""

import pytest

from tests.support.site import EMAIL, Site, Visitor
from watchword import SessionLimits
from watchword.foundation.clock import DAY, HOUR, MINUTE
from watchword.http.request import Request
from watchword.sessions.session import Session


def ask(site: Site, *headers: tuple[str, str]) -> Session | None:
    """Return what the gate says to these header lines."""
    lines = [(name.encode(), value.encode()) for name, value in headers]
    return site.auth.gate.verify(Request("GET", "/", headers=lines))


@pytest.fixture
def ada(site: Site) -> Visitor:
    visitor = site.visitor()
    assert visitor.sign_up().status == 200
    return visitor


def token(visitor: Visitor) -> str:
    return visitor.cookies["watchword"]


def test_a_session_comes_by_cookie_or_as_a_bearer_token(site: Site, ada: Visitor) -> None:
    by_cookie = ask(site, ("cookie", f"watchword={token(ada)}"))
    by_header = ask(site, ("authorization", f"Bearer {token(ada)}"))
    assert by_cookie is not None
    assert by_header is not None
    assert (by_cookie.user.email, by_cookie.kind) == (EMAIL, "cookie")
    assert (by_header.user.email, by_header.kind) == (EMAIL, "bearer")


def test_the_session_tells_who_how_and_since_when(site: Site, ada: Visitor) -> None:
    session = ask(site, ("cookie", f"watchword={token(ada)}"))
    assert session is not None
    assert session.factors == ("password", "email")
    assert (session.user.role, session.assurance, session.organization) == ("user", "aal1", None)
    assert session.authenticated_at == session.created_at
    assert (session.expires_at - session.created_at).total_seconds() * 1000 == 30 * DAY


def test_another_scheme_beside_the_cookie_changes_nothing(site: Site, ada: Visitor) -> None:
    assert ask(site, ("cookie", f"watchword={token(ada)}"), ("authorization", "Basic YTpi")) is not None


def test_a_cookie_beside_a_bearer_token_is_no_session(site: Site, ada: Visitor) -> None:
    lines = [("cookie", f"watchword={token(ada)}"), ("authorization", f"Bearer {token(ada)}")]
    assert ask(site, *lines) is None


def test_an_idle_session_ends(site: Site, ada: Visitor) -> None:
    """CB-026, CB-027: refused when it is read, whether or not a sweeper came by."""
    site.clock.advance(7 * DAY - MINUTE)
    assert ada.user is not None
    site.clock.advance(7 * DAY + MINUTE)
    assert ada.user is None


def test_a_session_ends_after_its_absolute_time_however_busy(site: Site, ada: Visitor) -> None:
    """CB-024, CB-026."""
    for _ in range(10):
        site.clock.advance(3 * DAY - HOUR)
        assert ada.user is not None
    site.clock.advance(DAY)
    assert ada.user is None


def test_the_last_use_is_written_once_in_an_interval(site: Site, ada: Visitor) -> None:
    def last_use() -> str:
        return ada.get("/auth/sessions").json["sessions"][0]["last_used_at"]

    began = last_use()
    site.clock.advance(4 * MINUTE)
    assert began == last_use()
    site.clock.advance(2 * MINUTE)
    ada.get("/auth/session")
    assert began < last_use()


def test_a_session_is_looked_up_once_for_each_request(site: Site, ada: Visitor) -> None:
    request = Request("GET", "/", headers=[(b"cookie", f"watchword={token(ada)}".encode())])
    first = site.auth.gate.verify(request)
    site.auth.administration.end_sessions(EMAIL)
    assert site.auth.gate.verify(request) is first
    assert ask(site, ("cookie", f"watchword={token(ada)}")) is None


def test_a033_the_session_of_a_disabled_user_is_dead_at_once(site: Site, ada: Visitor) -> None:
    site.auth.administration.set_disabled(EMAIL, disabled=True)
    assert ada.user is None


def test_what_is_over_is_swept_away(site: Site, ada: Visitor) -> None:
    site.clock.advance(SessionLimits().absolute + MINUTE)
    site.auth._upkeep.run_once()
    assert site.count("sessions") == 0
