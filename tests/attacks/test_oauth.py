"""Chapters 2 to 4, 7 to 10: the sign-in with other services, against a service that lies and browsers that are not theirs."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.factors import session_of
from tests.support.forged import Forged, asked, callback, refused, sign_in
from tests.support.provider import RealProvider, begin, come_back, make_oauth_site, query_of
from tests.support.site import EMAIL, Site, Visitor
from watchword.outgoing.fetch import Network


def test_the_service_that_tells_the_truth_is_believed(forged_site: Site, forged: Forged):
    """What the lies below are measured against."""
    visitor = forged_site.visitor()
    assert sign_in(visitor, forged).status == 303
    assert visitor.user["email"] == EMAIL


def test_a025_what_binds_a_sign_in_is_no_session(forged_site: Site, forged: Forged):
    """Neither the state nor the browser's own secret opens anything."""
    visitor = forged_site.visitor()
    state = asked(visitor)["state"]
    for value in (state, visitor.cookies["watchword-browser"], f"wws_{state}"):
        thief = forged_site.visitor()
        thief.cookies["watchword"] = value
        assert session_of(thief) is None


def test_a044_an_answer_for_another_browser_is_refused(forged_site: Site, forged: Forged):
    """The attacker's own answer, opened in the victim's browser, signs the victim in as nobody."""
    attacker, victim, fresh = (forged_site.visitor() for _ in range(3))
    target = callback(forged, asked(attacker))
    asked(victim)
    for browser in (victim, fresh):
        assert come_back(browser, target).status == 410
        assert session_of(browser) is None
    assert "/token" not in {path for _, path, _ in forged.asked}


def test_a045_an_answer_for_another_service_is_refused(forged_site: Site, forged: Forged):
    """Each service has an address of its own, and its state is worth nothing at another's."""
    visitor = forged_site.visitor()
    target = callback(forged, asked(visitor)).replace("/oauth/forged/", "/oauth/second/")
    assert come_back(visitor, target).status == 410
    assert session_of(visitor) is None
    assert "/token" not in {path for _, path, _ in forged.asked}


@pytest.mark.parametrize("state", ["", "att_aaaaaaaaaaaaaaaaaaaaaaaaaa", ...])
def test_a044_an_answer_with_a_tampered_state_is_refused(forged_site: Site, forged: Forged, state: Any):
    """Made up, empty, or missing."""
    visitor = forged_site.visitor()
    assert come_back(visitor, callback(forged, asked(visitor), state=state)).status == 410
    assert session_of(visitor) is None


def test_a047_afterwards_nobody_is_led_to_another_site(forged_site: Site, forged: Forged):
    """The default page stands in for what is none of ours."""
    visitor = forged_site.visitor()
    for page in [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example/",
        "/%2f%2fevil.example",
        "javascript:alert(1)",
    ]:
        sent = query_of(visitor.post("/auth/sign-in/oauth/forged", {"next": page}).json["url"])
        nonce = sent["nonce"]
        forged.token = lambda nonce=nonce: {"access_token": "t", "id_token": forged.id_token(nonce)}
        assert come_back(visitor, callback(forged, sent)).response.header("location") == "/"


def test_a051_the_address_to_come_back_to_is_of_the_configured_site(sqlite_url: str, forged: Forged):
    """A forged host names another one in vain."""
    site = make_oauth_site(sqlite_url, forged.declare(), base_url="https://example.org")
    visitor = site.visitor()
    begun = visitor.post("/auth/sign-in/oauth/forged", {}, host="evil.example", origin="https://example.org")
    assert query_of(begun.json["url"])["redirect_uri"] == "https://example.org/auth/oauth/forged/callback"
    site.auth.stop()


def test_a055_what_a_service_writes_of_an_error_is_not_shown(forged_site: Site, forged: Forged):
    """Neither its markup nor its words."""
    visitor = forged_site.visitor()
    lie = {"error": "access_denied", "error_description": "<script>alert(1)</script>", "code": ...}
    answer = come_back(visitor, callback(forged, asked(visitor), **lie))
    assert answer.status == 403
    assert "alert(1)" not in answer.text
    assert "access_denied" not in answer.text


def test_a065_an_address_that_is_not_verified_there_opens_no_account(forged_site: Site, forged: Forged):
    """The owner gets a mail that says so; the answer is the same as for an address that is new here."""
    owner = forged_site.visitor()
    owner.sign_up()
    attacker, newcomer = forged_site.visitor(), forged_site.visitor()
    taken = sign_in(attacker, forged, claims={"email_verified": False, "sub": "evil"})
    new = sign_in(newcomer, forged, claims={"email_verified": False, "sub": "new", "email": "new@example.org"})
    assert taken.status == new.status == 303
    where, other = (urlsplit(one.response.header("location") or "") for one in (taken, new))
    assert where.path == other.path == "/auth/confirm"
    assert "already" in forged_site.mail_to(EMAIL).subject
    guess = {"attempt": query_of(where.geturl())["attempt"], "code": "00000000"}
    assert attacker.post("/auth/attempt/email_code", guess).code == "code_invalid"
    assert forged_site.count("identities") == 0


def test_a065_an_account_whose_address_nobody_has_proven_is_not_linked(forged_site: Site, forged: Forged):
    """Whoever put a stranger's address there waits in vain for the stranger's own sign-in."""
    from sqlalchemy import update

    from watchword.identity.tables import identifiers

    squatter = forged_site.visitor()
    squatter.sign_up()
    with forged_site.auth.store.write() as tx:
        tx.revokes()
        tx.execute(update(identifiers).values(verified_at=None))
    victim = forged_site.visitor()
    assert sign_in(victim, forged).status == 409
    assert session_of(victim) is None
    assert forged_site.count("identities") == 0


def test_a066_the_word_of_a_service_that_is_not_trusted_links_nothing(sqlite_url: str, forged: Forged):
    """It may say that the address is verified: anyone there could have written it ("nOAuth")."""
    site = make_oauth_site(sqlite_url, forged.declare_plain(trust_email="never"))
    owner, attacker = site.visitor(), site.visitor()
    owner.sign_up()
    forged.answers["/profile"] = (200, {"id": "evil", "email": EMAIL, "email_verified": True})
    answer = sign_in(attacker, forged, "plain")
    assert urlsplit(answer.response.header("location") or "").path == "/auth/confirm"
    assert session_of(attacker) is None
    assert site.count("identities") == 0
    site.auth.stop()


def test_a066_a_new_address_there_leads_to_the_same_account_here(forged_site: Site, forged: Forged):
    """Who it is, issuer and subject say: an address that moved to somebody else takes no account along."""
    first, heir = forged_site.visitor(), forged_site.visitor()
    sign_in(first, forged, claims={"sub": "first"})
    other = forged_site.visitor()
    other.sign_up("other@example.org")
    sign_in(heir, forged, claims={"sub": "first", "email": "other@example.org"})
    assert heir.user["id"] == first.user["id"]
    assert heir.user["email"] == EMAIL


def test_a069_a_link_is_for_whoever_began_it(forged_site: Site, forged: Forged):
    """Another person who is signed in when the answer comes gets nothing, and neither does one who signed out."""
    visitor = forged_site.visitor()
    visitor.sign_up()
    sent = query_of(visitor.post("/auth/link/oauth/forged").json["url"])
    forged.token = lambda: {"access_token": "t", "id_token": forged.id_token(sent["nonce"], sub="mine")}
    visitor.post("/auth/sign-out")
    visitor.sign_up("eva@example.org")
    assert come_back(visitor, callback(forged, sent)).status == 410
    assert forged_site.count("identities") == 0


def test_a069_a_link_is_used_once(forged_site: Site, forged: Forged):
    """A second account there is not linked by the same answer."""
    visitor = forged_site.visitor()
    visitor.sign_up()
    sent = query_of(visitor.post("/auth/link/oauth/forged").json["url"])
    for subject, status in (("one", 303), ("two", 410)):
        forged.token = lambda subject=subject: {
            "access_token": "t",
            "id_token": forged.id_token(sent["nonce"], sub=subject),
        }
        assert come_back(visitor, callback(forged, sent)).status == status
    assert [one["label"] for one in visitor.get("/auth/identities").json["identities"]] == [EMAIL]


def test_a069_an_identity_opens_one_account(forged_site: Site, forged: Forged):
    """Whoever links one that opens another's account is refused, and the other keeps it."""
    owner, other = forged_site.visitor(), forged_site.visitor()
    sign_in(owner, forged)
    other.sign_up("eva@example.org")
    sent = query_of(other.post("/auth/link/oauth/forged").json["url"])
    forged.token = lambda: {"access_token": "t", "id_token": forged.id_token(sent["nonce"])}
    assert come_back(other, callback(forged, sent)).status == 409
    assert forged_site.count("identities") == 1


def test_a072_a_service_that_is_not_declared_signs_nobody_up(forged_site: Site):
    """By none of its calls."""
    visitor = forged_site.visitor()
    for path in ("/auth/sign-in/oauth/facebook", "/auth/sign-in/oauth/facebook/nonce"):
        assert visitor.post(path).status == 404
    body = {"id_token": "a.b.c", "nonce": "att_1"}
    assert visitor.post("/auth/sign-in/oauth/facebook/token", body).status == 404
    assert visitor.get("/auth/oauth/facebook/callback?code=a&state=b", accept="text/html").status == 404


def test_a073_a_link_under_way_ends_when_the_password_is_reset(forged_site: Site, forged: Forged):
    """What an attacker began before the owner came back finishes no more."""
    attacker = forged_site.visitor()
    attacker.sign_up()
    sent = query_of(attacker.post("/auth/link/oauth/forged").json["url"])
    owner = forged_site.visitor()
    owner.post("/auth/password/forgot", {"email": EMAIL})
    token = forged_site.link_for(EMAIL).rpartition("/")[2]
    assert owner.post("/auth/password/reset", {"token": token, "password": "another engine, no. 7"}).status == 200
    forged.token = lambda: {"access_token": "t", "id_token": forged.id_token(sent["nonce"], sub="evil")}
    assert come_back(attacker, callback(forged, sent)).status == 410
    assert forged_site.count("identities") == 0


def test_a073_linking_asks_for_a_fresh_proof(forged_site: Site, forged: Forged):
    """A session that was left open links nothing, when it begins or when it comes back."""
    visitor = forged_site.visitor()
    visitor.sign_up()
    sent = query_of(visitor.post("/auth/link/oauth/forged").json["url"])
    forged_site.clock.advance(11 * 60_000)
    now = forged_site.clock.now() // 1000
    forged.token = lambda: {"access_token": "t", "id_token": forged.id_token(sent["nonce"], iat=now, exp=now + 60)}
    assert visitor.post("/auth/link/oauth/forged").code == "insufficient_user_authentication"
    assert come_back(visitor, callback(forged, sent)).status == 303  # to the page that asks for the password
    assert forged_site.count("identities") == 0


def test_a093_the_other_service_is_no_second_factor_beside_a_password(forged_site: Site):
    """Each is something known; two of one kind are one."""
    from watchword.sessions.assurance import assurance_of, has_second_factor

    assert not has_second_factor(("password", "oauth", "email"))
    assert assurance_of(("password", "oauth")) == "aal1"


def test_a102_an_answer_with_a_parameter_given_twice_is_refused(forged_site: Site, forged: Forged):
    """Two readers could take different ones."""
    visitor = forged_site.visitor()
    sent = asked(visitor)
    target = f"{callback(forged, sent)}&code=another"
    assert come_back(visitor, target).status == 422
    assert session_of(visitor) is None


def test_a103_each_sign_in_has_a_challenge_of_its_own(forged_site: Site, forged: Forged):
    """S256, of 256 random bits; the verifier goes to the service alone, with the code."""
    visitor = forged_site.visitor()
    challenges = set[str]()
    for _ in range(3):
        sent = asked(visitor)
        assert sent["code_challenge_method"] == "S256"
        challenges.add(sent["code_challenge"])
        come_back(visitor, callback(forged, sent))
    verifiers = {fields["code_verifier"] for _, path, fields in forged.asked if path == "/token"}
    assert len(challenges) == len(verifiers) == 3
    assert all(len(verifier) == 43 for verifier in verifiers)


def test_a103_a104_a_code_that_was_injected_is_refused_by_its_challenge(oauth_site: Site, real_provider: RealProvider):
    """The attacker's code with the victim's state, and the victim's with the attacker's, against the real provider."""
    attacker, victim = oauth_site.visitor(), oauth_site.visitor()
    real_provider.person("attacker", "evil@example.org")
    stolen, _ = real_provider.visit(begin(attacker))
    real_provider.person("victim", EMAIL)
    own, _ = real_provider.visit(begin(victim))
    for visitor, target, code in ((victim, own, stolen), (attacker, stolen, own)):
        injected = target.replace(query_of(target)["code"], query_of(code)["code"])
        assert come_back(visitor, injected).status == 400
        assert session_of(visitor) is None
    assert oauth_site.count("users") == 0


def test_a105_one_answer_counts_once_of_twenty_at_once(oauth_site: Site, real_provider: RealProvider):
    """Replayed afterwards it is worth nothing either."""
    real_provider.person("racing", EMAIL)
    visitor = oauth_site.visitor()
    target, _ = real_provider.visit(begin(visitor))
    twins = [Visitor(oauth_site, visitor.address, dict(visitor.cookies)) for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        statuses = sorted(pool.map(lambda twin: come_back(twin, target).status, twins))
    assert statuses == [303, *[410] * 19]
    assert come_back(visitor, target).status == 410
    assert oauth_site.count("sessions") == oauth_site.count("users") == 1


@pytest.mark.parametrize("named", ["https://evil.example", "https://localhost", ""])
def test_a111_an_answer_of_another_issuer_is_refused(forged_site: Site, forged: Forged, named: str):
    """The code stays here: to send it to the service that was asked would hand it to the wrong one."""
    refused(forged_site, forged, named, iss=named)
    assert "/token" not in {path for _, path, _ in forged.asked}


def test_a111_an_answer_without_an_issuer_is_refused_where_the_service_names_itself(forged_site: Site, forged: Forged):
    """It said in its configuration that its answers name it (RFC 9207)."""
    refused(forged_site, forged, "no issuer", iss=...)
    refused(forged_site, forged, "an error without an issuer", error="access_denied", iss=...)


def test_a111_each_service_has_an_address_of_its_own_to_come_back_to(forged_site: Site):
    """Which of two the answer comes from, its address says where no issuer does."""
    visitor = forged_site.visitor()
    addresses = {asked(visitor, name)["redirect_uri"] for name in ("forged", "second", "plain")}
    assert len(addresses) == 3


def test_a141_nothing_is_asked_of_an_address_that_is_not_public(sqlite_url: str, forged: Forged):
    """The configuration of a service on this machine is not read, unless the site has said how to call it."""
    site = make_oauth_site(
        sqlite_url, forged.declare(network=None), forged.declare("open", network=Network(context=forged.context))
    )
    for name in ("forged", "open"):
        assert site.visitor().post(f"/auth/sign-in/oauth/{name}").code == "provider_unavailable"
    assert forged.asked == []
    site.auth.stop()


CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "of another issuer": {"issuer": "https://evil.example"},
    "without an issuer": {"issuer": None},
    "a script for an address": {"authorization_endpoint": "javascript:alert(1)"},
    "an address without https": {"token_endpoint": "http://169.254.169.254/token"},
    "keys in a file": {"jwks_uri": "file:///etc/passwd"},
    "a pushed request to elsewhere": {"pushed_authorization_request_endpoint": "http://127.0.0.1/"},
}


def test_a141_a_configuration_that_leads_elsewhere_is_not_taken(forged_site: Site, forged: Forged):
    """It is of the very issuer, and leads to https alone."""
    visitor = forged_site.visitor()
    for name, lie in CONFIGURATIONS.items():
        forged.configuration = lie
        forged_site.clock.advance(2_000)  # after which it is read again
        assert (name, visitor.post("/auth/sign-in/oauth/forged").status) == (name, 502)
    forged.configuration = {}
    forged_site.clock.advance(2_000)
    assert visitor.post("/auth/sign-in/oauth/forged").status == 200


@pytest.mark.parametrize("path", ["/token", "/keys", "/profile"])
def test_a141_a_redirect_of_the_service_is_not_followed(forged_site: Site, forged: Forged, path: str):
    """Not with the code, not for the keys, not with the token."""
    forged.answers[path] = (302, {})
    before = len(forged.asked)
    refused(forged_site, forged, path, service="plain" if path == "/profile" else "forged", code=502)
    followed = [asked for asked in forged.asked[before:] if asked[1] == "/keys"]
    assert len(followed) == (path == "/keys")
