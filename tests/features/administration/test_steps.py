"""What whoever runs the service does with accounts."""

import pytest

from tests.support.site import EMAIL, PASSWORD, Site, Visitor
from watchword.foundation.errors import INPUT_INVALID, NOT_FOUND, Denied
from watchword.identity.users import User


@pytest.fixture
def ada(site: Site) -> Visitor:
    """Ada, signed up and signed in."""
    visitor = site.visitor()
    assert visitor.sign_up().status == 200
    return visitor


def made(found: User | Denied) -> User:
    assert isinstance(found, User), found
    return found


def refused(found: User | Denied) -> Denied:
    assert isinstance(found, Denied), found
    return found


def events(site: Site) -> list[tuple[str, str | None]]:
    """Return each event and who did it, oldest first."""
    with site.auth.store.read() as tx:
        return [(entry.event, entry.actor_id) for entry in site.auth.services.audit.recent(tx)][::-1]


def test_an_account_is_made_whose_address_needs_no_proof(site: Site):
    user = made(site.auth.administration.create(email=EMAIL, password=PASSWORD, name="Ada", role="admin"))
    visitor = site.visitor()
    assert (user.email, user.name, user.role) == (EMAIL, "Ada", "admin")
    assert visitor.sign_in().status == 200
    assert visitor.user["id"] == user.id
    assert events(site)[0] == ("user_created", None)


def test_an_account_without_a_password_waits_for_a_reset(site: Site):
    site.auth.administration.create(email=EMAIL)
    assert site.visitor().sign_in().status == 401
    site.visitor().post("/auth/password/forgot", {"email": EMAIL})
    token = site.link_for(EMAIL).removeprefix("/auth/reset/")
    assert site.visitor().post("/auth/password/reset", {"token": token, "password": PASSWORD}).status == 200
    assert site.visitor().sign_in().status == 200


@pytest.mark.parametrize(
    ("email", "password", "reason"),
    [
        ("ada", None, "email_invalid"),
        (EMAIL, None, "email_taken"),
        (EMAIL.upper(), None, "email_taken"),
        ("eva@example.org", "short", "too_short"),
        ("eva@example.org", "password", "too_common"),
    ],
)
def test_what_is_wrong_with_a_new_account_is_told(
    site: Site, ada: Visitor, email: str, password: str | None, reason: str
):
    """CB-170: no two accounts have one address, whoever makes them."""
    denied = refused(site.auth.administration.create(email=email, password=password))
    assert (denied.code, [fault.reason for fault in denied.fields]) == (INPUT_INVALID, [reason])
    assert site.count("users") == 1


def test_users_are_listed_page_by_page(site: Site):
    ids = {made(site.auth.administration.create(email=f"u{number}@example.org")).id for number in range(5)}
    first = site.auth.administration.users(limit=3)
    second = site.auth.administration.users(after=first[-1].id, limit=3)
    listed = [user.id for user in (*first, *second)]
    assert (len(first), len(second), set(listed), sorted(listed)) == (3, 2, ids, listed)


def test_a_user_is_found_by_id_or_address(site: Site, ada: Visitor):
    administration, user_id = site.auth.administration, ada.user["id"]
    found = [administration.find(who) for who in (user_id, EMAIL, "ADA@example.ORG")]
    assert [user and user.id for user in found] == [user_id] * 3
    assert [administration.find(who) for who in ("usr_none", "eva@example.org", "@", "")] == [None] * 4


def test_a_new_role_ends_the_sessions_and_counts_at_the_next_sign_in(site: Site, ada: Visitor):
    """CB-035."""
    assert made(site.auth.administration.set_role(EMAIL, "admin")).role == "admin"
    assert ada.user is None
    ada.sign_in()
    assert ada.user["role"] == "admin"
    site.auth.administration.set_role(EMAIL, "admin")
    assert ada.user["role"] == "admin", "nothing changed, so nothing ended"


def test_a_disabled_account_is_out_at_once_and_its_enabling_signs_nobody_in(site: Site, ada: Visitor):
    site.auth.administration.set_disabled(EMAIL, disabled=True)
    assert ada.user is None
    assert site.visitor().sign_in().status == 401
    site.auth.administration.set_disabled(EMAIL, disabled=False)
    assert ada.user is None
    assert ada.sign_in().status == 200


def test_all_sessions_of_a_user_are_ended(site: Site, ada: Visitor):
    eva = site.visitor()
    eva.sign_up("eva@example.org")
    site.auth.administration.end_sessions(ada.user["id"])
    assert (ada.user, eva.user["email"]) == (None, "eva@example.org")


def test_nobody_of_that_name_is_a_refusal_that_says_so(site: Site):
    administration = site.auth.administration
    denials = [
        administration.set_role("usr_none", "admin"),
        administration.set_disabled("eva@example.org", disabled=True),
        administration.end_sessions("eva@"),
    ]
    assert [refused(denial).code for denial in denials] == [NOT_FOUND] * 3
    assert "usr_none" in refused(denials[0]).detail


def test_each_change_is_in_the_audit_log_and_none_that_was_no_change(site: Site, ada: Visitor):
    administration = site.auth.administration
    before = len(events(site))
    for _ in range(2):
        administration.set_role(EMAIL, "admin")
        administration.set_disabled(EMAIL, disabled=True)
    administration.set_disabled(EMAIL, disabled=False)
    administration.end_sessions(EMAIL)
    names = [event for event, _ in events(site)[before:]]
    assert names == ["role_changed", "user_disabled", "user_enabled", "sessions_ended"]
