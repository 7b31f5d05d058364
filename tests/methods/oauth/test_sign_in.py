"""Signing in, and up, with a real OpenID Connect provider."""

from urllib.parse import urlsplit

import pytest

from tests.support.factors import App, enrol, session_of, show
from tests.support.provider import RealProvider, begin, come_back, make_oauth_site, query_of, sign_in_with
from tests.support.site import EMAIL, Site


def test_somebody_new_signs_up_with_an_address_that_the_provider_vouches_for(
    oauth_site: Site, real_provider: RealProvider
):
    """The account is there at once, without a password, and the next sign-in finds it by its subject."""
    real_provider.person("new-1", "ada@example.org")
    visitor = oauth_site.visitor()
    landed = sign_in_with(visitor, real_provider, next="/notes")
    assert (landed.status, landed.response.header("location")) == (303, "/notes"), landed.text
    assert (visitor.user["email"], visitor.user["name"]) == ("ada@example.org", "Ada Lovelace")
    assert session_of(visitor)["factors"] == ["oauth"]
    real_provider.person("new-1", "moved@example.org")
    again = oauth_site.visitor()
    assert sign_in_with(again, real_provider).status == 303
    assert again.user["id"] == visitor.user["id"]
    assert again.user["email"] == "ada@example.org"


@pytest.mark.parametrize("name", ["idp", "other", "posting"])
def test_each_way_to_show_the_client_and_to_answer_signs_in(oauth_site: Site, real_provider: RealProvider, name: str):
    """By secret in a header, in a body, and by a signed assertion; in the query, and by a form of another site."""
    real_provider.person(f"way-{name}", f"{name}@example.org")
    visitor = oauth_site.visitor()
    target, form = real_provider.visit(begin(visitor, name))
    assert bool(form) == (name == "posting")
    assert (form or query_of(target))["iss"] == real_provider.issuer
    landed = come_back(visitor, target, form)
    assert (landed.status, landed.response.header("location")) == (303, "/"), landed.text
    assert visitor.user["email"] == f"{name}@example.org"


@pytest.mark.parametrize("pushed", [True, False])
def test_a_public_client_signs_in_with_and_without_a_pushed_request(
    sqlite_url: str, real_provider: RealProvider, pushed: bool
):
    """PKCE is required by the provider; a pushed request leaves nothing to change in the address."""
    real_provider.control(pushed=pushed)
    site = make_oauth_site(sqlite_url, real_provider.declare("idp", "none"))
    try:
        real_provider.person(f"public-{pushed}", EMAIL)
        visitor = site.visitor()
        url = begin(visitor)
        assert ("request_uri" in query_of(url), "code_challenge" in query_of(url)) == (pushed, not pushed)
        assert come_back(visitor, *real_provider.visit(url)).status == 303
        assert visitor.user["email"] == EMAIL
    finally:
        real_provider.control(pushed=True)
        site.auth.stop()


def test_keys_that_the_provider_changed_are_read_again(sqlite_url: str, real_provider: RealProvider):
    """A sign-in right after the change works as well as one before."""
    site = make_oauth_site(sqlite_url, real_provider.declare("idp"))
    real_provider.person("rotated", EMAIL)
    assert sign_in_with(site.visitor(), real_provider).status == 303
    real_provider.control(rotate=True)
    site.clock.advance(31_000)
    visitor = site.visitor()
    assert sign_in_with(visitor, real_provider).status == 303
    assert visitor.user["email"] == EMAIL
    site.auth.stop()


def test_whoever_does_not_agree_there_is_not_signed_in_here(oauth_site: Site, real_provider: RealProvider):
    """They read so on a page, without a word of what the provider wrote."""
    real_provider.person("")
    visitor = oauth_site.visitor()
    landed = sign_in_with(visitor, real_provider)
    assert landed.status == 403
    assert "did not agree" in landed.text
    assert "<b>no</b>" not in landed.text
    assert session_of(visitor) is None


def test_an_address_that_is_not_verified_there_is_confirmed_by_our_own_code(
    oauth_site: Site, real_provider: RealProvider
):
    """Until then there is no account."""
    real_provider.person("unverified", "eva@example.org", verified=False)
    visitor = oauth_site.visitor()
    landed = sign_in_with(visitor, real_provider, next="/notes")
    where = urlsplit(landed.response.header("location") or "")
    assert where.path == "/auth/confirm"
    assert oauth_site.count("users") == oauth_site.count("identities") == 0
    body = {"attempt": query_of(where.geturl())["attempt"], "code": oauth_site.code_for("eva@example.org")}
    assert visitor.post("/auth/attempt/email_code", body).json["status"] == "complete"
    assert session_of(visitor)["factors"] == ["oauth", "email"]
    again = oauth_site.visitor()
    assert sign_in_with(again, real_provider).response.header("location") == "/"
    assert again.user["email"] == "eva@example.org"


def test_whoever_has_no_address_there_is_asked_for_one(oauth_site: Site, real_provider: RealProvider):
    """On a page, and by the HTTP API."""
    real_provider.person("no-address")
    visitor = oauth_site.visitor()
    landed = sign_in_with(visitor, real_provider)
    page = landed.response.header("location") or ""
    assert urlsplit(page).path == "/auth/oauth/email"
    assert "Your e-mail address" in visitor.get(page, accept="text/html").text
    attempt = query_of(page)["attempt"]
    assert visitor.submit("/auth/oauth/email", attempt=attempt, email="nonsense").status == 422
    pending = visitor.submit("/auth/oauth/email", attempt=attempt, email="noa@example.org")
    where = pending.response.header("location") or ""
    assert urlsplit(where).path == "/auth/confirm"
    code = oauth_site.code_for("noa@example.org")
    assert visitor.submit("/auth/confirm", attempt=query_of(where)["attempt"], code=code).status == 303
    assert visitor.user["email"] == "noa@example.org"
    other = oauth_site.visitor()
    real_provider.person("no-address-2")
    page = sign_in_with(other, real_provider).response.header("location") or ""
    body = {"attempt": query_of(page)["attempt"], "email": "nob@example.org"}
    assert visitor.post("/auth/attempt/oauth_email", body).code == "attempt_expired"
    assert other.post("/auth/attempt/oauth_email", body).json["next"][0]["method"] == "email_code"


def test_an_account_whose_address_both_sides_have_proven_is_linked(oauth_site: Site, real_provider: RealProvider):
    """Its owner is told by mail, and keeps the password."""
    owner = oauth_site.visitor()
    owner.sign_up()
    real_provider.person("linked", EMAIL)
    visitor = oauth_site.visitor()
    assert sign_in_with(visitor, real_provider).status == 303
    assert visitor.user["id"] == owner.user["id"]
    assert "Acme" in oauth_site.mail_to(EMAIL).text
    assert oauth_site.visitor().sign_in().status == 200
    exported = visitor.get("/auth/user/export").json
    assert [(one["provider"], one["subject"], one["label"]) for one in exported["identities"]] == [
        ("idp", "linked", EMAIL)
    ]


def test_a_second_factor_is_asked_for_after_the_other_service(oauth_site: Site, real_provider: RealProvider):
    """Whoever has set one up shows it, however they come in."""
    owner = oauth_site.visitor()
    owner.sign_up()
    app: App = enrol(owner)
    real_provider.person("two-factors", EMAIL)
    visitor = oauth_site.visitor()
    landed = sign_in_with(visitor, real_provider, next="/notes")
    where = landed.response.header("location") or ""
    assert urlsplit(where).path == "/auth/second-factor"
    assert session_of(visitor) is None
    assert show(visitor, query_of(where)["attempt"], app.wait()).status == 200
    session = session_of(visitor)
    assert (session["factors"], session["assurance"]) == (["oauth", "totp"], "aal2")


def test_a_disabled_account_is_not_opened(oauth_site: Site, real_provider: RealProvider):
    """The other service knows nothing of that."""
    real_provider.person("disabled", EMAIL)
    visitor = oauth_site.visitor()
    sign_in_with(visitor, real_provider)
    assert oauth_site.auth.administration
    from watchword.identity.users import set_disabled

    with oauth_site.auth.store.write() as tx:
        set_disabled(tx, visitor.user["id"], disabled=True)
    again = oauth_site.visitor()
    assert sign_in_with(again, real_provider).status == 403
    assert session_of(again) is None


def test_the_pages_lead_to_the_service_by_a_form_and_a_page(oauth_site: Site, real_provider: RealProvider):
    """Without a script: the page on the way refreshes itself, and has a link."""
    real_provider.person("by-page", EMAIL)
    visitor = oauth_site.visitor()
    for path in ("/auth/sign-in", "/auth/sign-up"):
        page = visitor.get(f"{path}?next=/notes", accept="text/html").text
        assert 'action="/auth/oauth/idp/begin"' in page
        assert "Continue with Acme" in page
    leaving = visitor.submit("/auth/oauth/idp/begin", next="/notes")
    assert leaving.status == 200
    assert 'http-equiv="refresh"' in leaving.text
    url = leaving.text.partition('href="https://')[2].partition('"')[0].replace("&amp;", "&")
    landed = come_back(visitor, *real_provider.visit(f"https://{url}"))
    assert landed.response.header("location") == "/notes"


def test_a_service_that_can_not_be_reached_is_told_from_one_that_refuses(sqlite_url: str, real_provider: RealProvider):
    """Nobody is signed in, and nothing is a defect."""
    site = make_oauth_site(sqlite_url, real_provider.declare("idp", issuer="https://localhost:1"))
    visitor = site.visitor()
    refused = visitor.post("/auth/sign-in/oauth/idp")
    assert (refused.status, refused.code) == (502, "provider_unavailable")
    assert visitor.submit("/auth/oauth/idp/begin").status == 502
    assert visitor.post("/auth/sign-in/oauth/nobody").code == "not_found"
    site.auth.stop()
