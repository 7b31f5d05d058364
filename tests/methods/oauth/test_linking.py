"""Linking accounts of other services to one's own, and taking them away again."""

from concurrent.futures import ThreadPoolExecutor

from tests.support.authenticator import Authenticator, add_passkey
from tests.support.factors import session_of
from tests.support.provider import RealProvider, come_back, sign_in_with
from tests.support.site import EMAIL, Site, Visitor


def link(visitor: Visitor, provider: RealProvider, name: str = "idp") -> None:
    begun = visitor.post(f"/auth/link/oauth/{name}")
    assert begun.status == 200, begun.text
    landed = come_back(visitor, *provider.visit(begun.json["url"]))
    assert landed.response.header("location") == "/auth/account?notice=identity_linked#identities"


def identities(visitor: Visitor) -> list[tuple[str, str]]:
    return [(one["id"], one["label"]) for one in visitor.get("/auth/identities").json["identities"]]


def test_whoever_is_signed_in_links_an_account_and_signs_in_with_it(oauth_site: Site, real_provider: RealProvider):
    """Whatever address it has there, for its owner has shown who they are on both sides."""
    owner = oauth_site.visitor()
    owner.sign_up()
    real_provider.person("my-other-account", "other@example.org", verified=False)
    before = session_of(owner)["id"]
    link(owner, real_provider)
    assert session_of(owner)["id"] == before
    assert "Acme" in oauth_site.mail_to(EMAIL).text
    visitor = oauth_site.visitor()
    assert sign_in_with(visitor, real_provider).status == 303
    assert visitor.user["id"] == owner.user["id"]
    link(owner, real_provider)
    assert len(identities(owner)) == 1


def test_the_account_page_shows_links_and_takes_them_away(oauth_site: Site, real_provider: RealProvider):
    """By forms, without a script."""
    owner = oauth_site.visitor()
    owner.sign_up()
    real_provider.person("on-the-page", "page@example.org")
    page = owner.get("/auth/account", accept="text/html").text
    assert 'action="/auth/account/identities/idp/link"' in page
    leaving = owner.submit("/auth/account/identities/idp/link")
    url = leaving.text.partition('href="https://')[2].partition('"')[0].replace("&amp;", "&")
    come_back(owner, *real_provider.visit(f"https://{url}"))
    page = owner.get("/auth/account", accept="text/html").text
    ((identity, label),) = identities(owner)
    assert label == "page@example.org"
    assert label in page
    gone = owner.submit(f"/auth/account/identities/{identity}/unlink")
    assert gone.response.header("location") == "/auth/account?notice=identity_unlinked#identities"
    assert identities(owner) == []
    again = oauth_site.visitor()
    assert sign_in_with(again, real_provider).status == 303
    assert again.user["id"] != owner.user["id"]


def test_the_last_way_in_is_not_taken_away(oauth_site: Site, real_provider: RealProvider):
    """Without a password it is kept, until there is a passkey; then that one is kept."""
    real_provider.person("only-way", EMAIL)
    owner = oauth_site.visitor()
    sign_in_with(owner, real_provider)
    ((identity, _),) = identities(owner)
    assert owner.delete(f"/auth/identities/{identity}").code == "last_way_in"
    device = Authenticator()
    add_passkey(owner, device)
    passkey = owner.get("/auth/passkeys").json["passkeys"][0]["id"]
    assert owner.delete(f"/auth/identities/{identity}").status == 200
    assert owner.delete(f"/auth/passkeys/{passkey}").code == "last_way_in"


def test_of_two_ways_in_that_go_at_once_one_stays(oauth_site: Site, real_provider: RealProvider):
    """Neither request knows of the other, and still nobody is locked out."""
    real_provider.person("two-ways", EMAIL)
    owner = oauth_site.visitor()
    sign_in_with(owner, real_provider)
    real_provider.person("two-ways-more", "more@example.org")
    link(owner, real_provider)
    paths = [f"/auth/identities/{one}" for one, _ in identities(owner)]
    twins = [Visitor(oauth_site, owner.address, dict(owner.cookies)) for _ in paths]
    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(pool.map(lambda pair: pair[0].delete(pair[1]).status, zip(twins, paths, strict=True)))
    assert statuses == [200, 409]
    assert oauth_site.count("identities") == 1


def test_a014_another_persons_link_is_not_there(oauth_site: Site, real_provider: RealProvider):
    """Neither to see nor to take away."""
    real_provider.person("mine", EMAIL)
    owner, other = oauth_site.visitor(), oauth_site.visitor()
    sign_in_with(owner, real_provider)
    other.sign_up("eva@example.org")
    ((identity, _),) = identities(owner)
    assert other.delete(f"/auth/identities/{identity}").code == "not_found"
    assert identities(other) == []
    assert oauth_site.count("identities") == 1


def test_taking_a_link_away_asks_for_a_fresh_proof(oauth_site: Site, real_provider: RealProvider):
    """A session that was left open changes nothing."""
    owner = oauth_site.visitor()
    owner.sign_up()
    real_provider.person("fresh", "fresh@example.org")
    link(owner, real_provider)
    ((identity, _),) = identities(owner)
    oauth_site.clock.advance(11 * 60_000)
    assert owner.delete(f"/auth/identities/{identity}").code == "insufficient_user_authentication"


def test_a_deleted_account_leaves_no_link(oauth_site: Site, real_provider: RealProvider):
    """The other service's account signs up anew, as somebody else."""
    real_provider.person("leaving", EMAIL)
    owner = oauth_site.visitor()
    sign_in_with(owner, real_provider)
    first = owner.user["id"]
    assert owner.post("/auth/user/delete", {}).status == 200
    assert oauth_site.count("identities") == oauth_site.count("provider_tokens") == 0
    assert sign_in_with(owner, real_provider).status == 303
    assert owner.user["id"] != first
