"""The first admin: a link on the server's console, good for one account."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.site import EMAIL, ORIGIN, PASSWORD, Answer, Site, Visitor
from watchword.admission.challenge import LINK_INVALID
from watchword.features.first_admin.steps import FirstAdmin
from watchword.foundation.clock import HOUR
from watchword.foundation.errors import Denied
from watchword.http.request import Request

REQUEST = Request("POST", "/auth/setup/token", headers=[(b"host", b"localhost:8000")], peer="192.0.2.1")


def link(site: Site) -> str:
    """Return the path of a fresh link."""
    url = site.auth.first_admin_link(ORIGIN)
    assert url, "there is an admin already"
    return url.removeprefix(ORIGIN)


def set_up(site: Site, path: str, email: str = EMAIL, password: str = PASSWORD) -> tuple[Visitor, Answer]:
    visitor = site.visitor()
    return visitor, visitor.submit(path, email=email, password=password, name="Ada")


def test_the_link_is_an_address_of_the_setup_page(site: Site):
    url = site.auth.first_admin_link("https://example.org")
    assert url
    assert url.startswith("https://example.org/auth/setup/")
    assert len(url.rpartition("/")[2]) == 52, "256 bits in base32"


def test_the_link_makes_an_admin_who_is_signed_in(site: Site):
    visitor, answer = set_up(site, link(site))
    assert (answer.status, answer.response.header("location")) == (303, "/")
    assert (visitor.user["email"], visitor.user["role"], visitor.user["name"]) == (EMAIL, "admin", "Ada")
    assert visitor.get("/auth/session").json["session"]["factors"] == ["console"]
    assert site.visitor().sign_in().status == 200
    assert site.mails() == [], "no mail has to work yet"


def test_the_link_works_once(site: Site):
    path = link(site)
    set_up(site, path)
    visitor, answer = set_up(site, path, "eva@example.org")
    assert (answer.status, visitor.user, site.count("users")) == (410, None, 1)


def test_there_is_no_link_once_there_is_an_admin(site: Site):
    site.auth.administration.create(email="root@example.org", role="admin")
    assert site.auth.first_admin_link(ORIGIN) is None


def test_a_link_from_before_makes_no_second_admin(site: Site):
    path = link(site)
    site.auth.administration.create(email="root@example.org", role="admin")
    assert site.visitor().get(path, accept="text/html").status == 410
    visitor, answer = set_up(site, path)
    assert (answer.status, visitor.user, site.count("users")) == (410, None, 1)


def test_an_admin_who_came_while_the_password_was_hashed_is_the_only_one(site: Site):
    def hash_slowly(field: str, password: str, words: tuple[str, ...]) -> str | Denied:
        site.auth.administration.create(email="root@example.org", role="admin")
        return site.auth.password.steps.hash_new(field, password, words)

    feature = FirstAdmin(site.auth.services, hash_slowly)
    token = link(site).rpartition("/")[2]
    refused = feature.create(REQUEST, token=token, email=EMAIL, password=PASSWORD, name="Ada")
    assert isinstance(refused, Denied)
    assert (refused.code, site.count("users")) == (LINK_INVALID, 1)


def test_a_newer_link_voids_the_former(site: Site):
    first, second = link(site), link(site)
    assert set_up(site, first)[1].status == 410
    assert set_up(site, second)[1].status == 303


def test_of_links_issued_at_once_one_works(site: Site):
    threads, steps = 8, site.auth.first_admin
    ready = threading.Barrier(threads)

    def issue(_: int) -> str:
        ready.wait()
        token = steps.link()
        assert token
        return token.reveal()

    with ThreadPoolExecutor(threads) as pool:
        for _ in range(20):
            tokens = list(pool.map(issue, range(threads)))
            assert [steps.is_open(token) for token in tokens].count(True) == 1


def test_a_link_lives_for_a_day(site: Site):
    path = link(site)
    site.clock.advance(24 * HOUR)
    assert set_up(site, path)[1].status == 410
    assert site.count("users") == 0


@pytest.mark.parametrize(
    ("email", "password"), [("ada", PASSWORD), (EMAIL, "short"), (EMAIL, "password"), ("taken@example.org", PASSWORD)]
)
def test_a_mistake_in_the_form_uses_nothing_up(site: Site, email: str, password: str):
    site.auth.administration.create(email="taken@example.org")
    path = link(site)
    visitor, answer = set_up(site, path, email, password)
    assert (answer.status, visitor.user) == (422, None)
    assert set_up(site, path)[1].status == 303


def test_a_disabled_admin_is_none(site: Site):
    """Whoever holds the console can always get in again."""
    site.auth.administration.create(email="root@example.org", role="admin")
    site.auth.administration.set_disabled("root@example.org", disabled=True)
    assert set_up(site, link(site))[0].user["role"] == "admin"


def test_it_is_in_the_audit_log(site: Site):
    visitor, _ = set_up(site, link(site))
    with site.auth.store.read() as tx:
        entries = site.auth.services.audit.recent(tx)
    made = next(entry for entry in entries if entry.event == "first_admin_created")
    assert (made.user_id, made.address) == (visitor.user["id"], "192.0.2.1")
