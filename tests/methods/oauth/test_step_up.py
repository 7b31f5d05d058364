"""Whoever has neither a password nor a second factor shows by the other service who they are."""

from typing import Any

from tests.support.factors import session_of
from tests.support.forged import Forged, callback, sign_in
from tests.support.provider import come_back, query_of
from tests.support.site import Answer, Site, Visitor

STALE = 11 * 60_000


def stale_owner(site: Site, forged: Forged) -> Visitor:
    owner = site.visitor()
    sign_in(owner, forged)
    site.clock.advance(STALE)
    assert owner.post("/auth/user/delete", {}).code == "insufficient_user_authentication"
    return owner


def show_again(visitor: Visitor, forged: Forged, **claims: Any) -> Answer:
    begun = visitor.post("/auth/step-up/oauth/forged", {"next": "/notes"})
    assert begun.status == 200, begun.text
    sent = query_of(begun.json["url"])
    assert (sent["prompt"], sent["max_age"]) == ("login", "0")
    now = visitor.site.clock.now() // 1000
    given = {"iat": now, "exp": now + 300, **claims}
    forged.token = lambda: {"access_token": "t", "id_token": forged.id_token(sent["nonce"], **given)}
    return come_back(visitor, callback(forged, sent))


def test_a_step_up_by_the_other_service_lets_sensitive_things_be_done(forged_site: Site, forged: Forged):
    """The session gets a new token; the one before is worth nothing."""
    owner = stale_owner(forged_site, forged)
    assert owner.post("/auth/step-up").json["next"] == [{"method": "oauth", "to": ""}]
    page = owner.get("/auth/step-up?next=/notes", accept="text/html").text
    assert 'action="/auth/oauth/forged/again"' in page
    assert 'action="/auth/oauth/second/again"' not in page
    assert 'http-equiv="refresh"' in owner.submit("/auth/oauth/forged/again", next="/notes").text
    before = Visitor(forged_site, owner.address, dict(owner.cookies))
    assert show_again(owner, forged).response.header("location") == "/notes"
    assert session_of(before) is None
    assert owner.post("/auth/user/delete", {}).status == 200


def test_a069_another_account_there_shows_nothing_of_whoever_is_signed_in(forged_site: Site, forged: Forged):
    """Neither one that opens nothing here, nor one that opens another account."""
    other = forged_site.visitor()
    sign_in(other, forged, claims={"sub": "eva", "email": "eva@example.org"})
    owner = stale_owner(forged_site, forged)
    for subject in ("nobody", "eva"):
        assert show_again(owner, forged, sub=subject).status == 410
        assert owner.post("/auth/user/delete", {}).code == "insufficient_user_authentication"


def test_a026_what_the_service_remembers_is_no_fresh_proof(forged_site: Site, forged: Forged):
    """Where it says when it asked, that must be since it was told to."""
    owner = stale_owner(forged_site, forged)
    now = forged_site.clock.now() // 1000
    assert show_again(owner, forged, auth_time=now - 600).status == 400
    assert owner.post("/auth/user/delete", {}).code == "insufficient_user_authentication"
    assert show_again(owner, forged, auth_time=now).status == 303
    assert owner.post("/auth/user/delete", {}).status == 200


def test_a017_whoever_has_a_password_or_a_second_factor_is_not_offered_it(forged_site: Site, forged: Forged):
    """And with a second factor, the other service alone makes no session fresh."""
    from tests.support.factors import enrol

    owner = forged_site.visitor()
    owner.sign_up()
    sign_in(owner, forged)
    assert owner.post("/auth/step-up").json["next"] == [{"method": "password", "to": ""}]
    enrol(owner)
    forged_site.clock.advance(STALE)
    assert owner.post("/auth/step-up").json["next"] == [{"method": "totp", "to": ""}]
    assert show_again(owner, forged).status == 409
    assert owner.post("/auth/user/delete", {"password": "x"}).code == "insufficient_user_authentication"
