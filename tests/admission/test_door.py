"""The one door: a proof becomes a session, and the one that was there ends."""

import pytest

from tests.support.site import EMAIL, HOST, Site
from watchword.admission import door
from watchword.admission.outcome import Complete
from watchword.admission.proof import Proof
from watchword.foundation.clock import DAY, to_datetime
from watchword.foundation.encodings import base32_encode
from watchword.http.request import Request
from watchword.identity.users import User
from watchword.sessions.session import Session


def request(*cookies: str, bearer: str = "") -> Request:
    headers = [(b"host", HOST.encode()), (b"user-agent", b"Firefox")]
    if cookies:
        headers.append((b"cookie", "; ".join(cookies).encode()))
    if bearer:
        headers.append((b"authorization", f"Bearer {bearer}".encode()))
    return Request("POST", "/auth/sign-in/password", headers=headers, peer="192.0.2.1")


@pytest.fixture
def user(site: Site) -> User:
    user = site.auth.administration.create(email=EMAIL, name="Ada")
    assert isinstance(user, User)
    return user


def admit(site: Site, user: User, asking: Request, *factors: str) -> Complete:
    with site.auth.store.write() as tx:
        proofs = [Proof(factor=factor, at=tx.now) for factor in factors or ("password",)]  # pyright: ignore[reportArgumentType]
        return door.admit(tx, site.auth.services, asking, user, proofs)


def token_in(complete: Complete) -> str:
    """Return the token that the session cookie hands over."""
    (line,) = [line for line in complete.cookies if line.startswith("watchword=")]
    return line.removeprefix("watchword=").partition(";")[0]


def verify(site: Site, token: str) -> Session | None:
    return site.auth.gate.verify(request(f"watchword={token}"))


def test_without_a_proof_there_is_no_session(site: Site, user: User):
    with pytest.raises(ValueError, match="at least one proof"), site.auth.store.write() as tx:
        door.admit(tx, site.auth.services, request(), user, ())
    assert site.count("sessions") == 0


def test_the_answer_is_the_session_that_the_cookie_opens(site: Site, user: User):
    """CB-029: it tells when a factor was last shown."""
    complete = admit(site, user, request(), "password", "email", "password")
    now = site.clock.now()
    assert complete.session == verify(site, token_in(complete))
    assert complete.session.factors == ("password", "email")
    assert complete.session.authenticated_at == to_datetime(now)
    assert complete.session.expires_at == to_datetime(now + 30 * DAY)
    assert f"Max-Age={30 * 24 * 3600}" in complete.cookies[0]


def test_a_session_is_kept_with_where_it_came_from(site: Site, user: User):
    complete = admit(site, user, request())
    (view,) = site.auth.account.steps.sessions(complete.session)
    assert (view.id, view.current, view.address, view.user_agent) == (complete.session.id, True, "192.0.2.1", "Firefox")


def test_one_browser_has_one_session(site: Site, user: User):
    """CB-022, CB-048: each sign-in makes a new one, and the one that was there has ended."""
    first = token_in(admit(site, user, request()))
    second = token_in(admit(site, user, request(f"watchword={first}")))
    assert first != second
    assert verify(site, first) is None
    assert verify(site, second)
    assert site.count("sessions") == 1


def test_the_session_of_whoever_was_here_before_ends_too(site: Site, user: User):
    other = site.auth.administration.create(email="eva@example.org")
    assert isinstance(other, User)
    first = token_in(admit(site, user, request()))
    admit(site, other, request(f"watchword={first}"))
    assert verify(site, first) is None


def test_a_program_with_a_bearer_token_keeps_its_session(site: Site, user: User):
    first = token_in(admit(site, user, request()))
    admit(site, user, request(bearer=first))
    assert verify(site, first)


def test_the_browser_gets_its_name_and_is_known_from_then_on(site: Site, user: User):
    secret = base32_encode(b"b" * 32)
    complete = admit(site, user, request(f"watchword-browser={secret}"))
    assert complete.cookies[1].startswith(f"watchword-browser={secret};")
    admit(site, user, request(f"watchword-browser={secret}"))
    assert site.count("devices") == 1


def test_what_the_request_remembered_of_an_earlier_session_is_forgotten(site: Site, user: User):
    asking = request()
    assert site.auth.gate.verify(asking) is None
    admit(site, user, asking)
    assert "session" not in asking.memo


def test_a_rollback_leaves_no_session(site: Site, user: User):
    def fail() -> None:
        with site.auth.store.write() as tx:
            door.admit(tx, site.auth.services, request(), user, [Proof(factor="password", at=tx.now)])
            raise RuntimeError("later in the transaction")

    with pytest.raises(RuntimeError):
        fail()
    assert [site.count(table) for table in ("sessions", "devices")] == [0, 0]


def test_it_is_noted_with_what_was_shown(site: Site, user: User):
    complete = admit(site, user, request(), "password", "email")
    with site.auth.store.read() as tx:
        entry = site.auth.services.audit.recent(tx)[0]
    assert (entry.event, entry.user_id) == ("signed_in", user.id)
    assert entry.details == {"session": complete.session.id, "factors": ["password", "email"]}
