"""Chapters 3, 4 and 9: answers that come by another site's form, and ID tokens that are got without this site."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.support.factors import session_of
from tests.support.forged import Forged, callback
from tests.support.provider import begin, come_back, make_oauth_site, query_of
from tests.support.site import EMAIL, Answer, Site, Visitor
from watchword.foundation.secrets import sha256
from watchword.methods.oauth.preset import preset_of

POSTING = msgspec.structs.replace(preset_of("oidc"), response_mode="form_post")
FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "text/html"}
FOREIGN = {"origin": "https://appleid.apple.com", "sec-fetch-site": "cross-site"}


@pytest.fixture
def posting_site(sqlite_url: str, forged: Forged) -> Iterator[Site]:
    """A site with two services that answer by a form, and one that answers in the address."""
    declared = (forged.declare("posting", preset=POSTING), forged.declare("second", preset=POSTING), forged.declare())
    site = make_oauth_site(sqlite_url, *declared)
    yield site
    site.auth.stop()


def answer_of(visitor: Visitor, forged: Forged, name: str = "posting") -> dict[str, str]:
    sent = query_of(begin(visitor, name))
    forged.token = lambda: {"access_token": "t", "id_token": forged.id_token(sent["nonce"])}
    return query_of(callback(forged, sent))


def post(visitor: Visitor, fields: dict[str, str], name: str = "posting") -> Answer:
    """Post a form as another site's page makes a browser do; where cookies come along, they must count for nothing."""
    raw = "&".join(f"{key}={value}" for key, value in fields.items()).replace(":", "%3A").replace("/", "%2F").encode()
    return visitor.send("POST", f"/auth/oauth/{name}/callback", raw=raw, headers={**FORM, **FOREIGN})


def test_a043_a_form_of_another_site_changes_nothing_by_itself(posting_site: Site, forged: Forged):
    """It is led on to an address of ours, with its content sealed; no cookie is set, and nothing is used up."""
    visitor = posting_site.visitor()
    fields = answer_of(visitor, forged)
    led = post(visitor, fields)
    assert (led.status, led.cookies) == (303, [])
    location = led.response.header("location") or ""
    assert location.startswith("/auth/oauth/posting/callback?answer=")
    assert fields["code"] not in location
    assert fields["state"] not in location
    assert "/token" not in {path for _, path, _ in forged.asked}
    assert session_of(visitor) is None
    assert visitor.get(location, accept="text/html").status == 303
    assert visitor.user["email"] == EMAIL


def test_a043_no_other_form_of_another_site_is_taken(posting_site: Site):
    """The pages that begin, link and unlink ask where a form comes from."""
    visitor = posting_site.visitor()
    visitor.sign_up()
    for path in ("/auth/oauth/posting/begin", "/auth/account/identities/posting/link", "/auth/oauth/email"):
        assert visitor.send("POST", path, raw=b"next=/", headers={**FORM, **FOREIGN}).status == 403


def test_a044_a_sealed_answer_is_for_the_browser_that_began(posting_site: Site, forged: Forged):
    """Opened in another, it signs nobody in."""
    attacker, victim = posting_site.visitor(), posting_site.visitor()
    led = post(attacker, answer_of(attacker, forged))
    begin(victim, "posting")
    assert victim.get(led.response.header("location") or "", accept="text/html").status == 410
    assert session_of(victim) is None


def test_a045_a_sealed_answer_is_for_one_service(posting_site: Site, forged: Forged):
    """The seal names it."""
    visitor = posting_site.visitor()
    location = post(visitor, answer_of(visitor, forged)).response.header("location") or ""
    assert visitor.get(location.replace("/posting/", "/second/"), accept="text/html").status == 410
    assert session_of(visitor) is None


def test_a024_a_sealed_answer_lives_for_a_minute(posting_site: Site, forged: Forged):
    """Its end is inside the seal; altered it is worth nothing."""
    visitor = posting_site.visitor()
    location = post(visitor, answer_of(visitor, forged)).response.header("location") or ""
    for altered in (f"{location}aaaa", location[:-4], location.replace("answer=", "answer=AAAA")):
        assert visitor.get(altered, accept="text/html").status == 410
    posting_site.clock.advance(60_000)
    assert visitor.get(location, accept="text/html").status == 410
    assert session_of(visitor) is None


def test_a045_who_answers_by_a_form_is_not_believed_in_an_address(posting_site: Site, forged: Forged):
    """And whoever answers in the address, not by a form."""
    visitor = posting_site.visitor()
    fields = answer_of(visitor, forged)
    target = f"/auth/oauth/posting/callback?code={fields['code']}&state={fields['state']}"
    assert visitor.get(target, accept="text/html").status == 410
    assert post(visitor, answer_of(visitor, forged, "forged"), "forged").status == 404
    assert session_of(visitor) is None


def test_a083_a_form_with_a_huge_answer_is_refused(posting_site: Site, forged: Forged):
    """An address is no place for it."""
    visitor = posting_site.visitor()
    fields = answer_of(visitor, forged)
    assert post(visitor, fields | {"code": "x" * 5_000}).status == 400


def nonce_of(visitor: Visitor, name: str = "forged") -> str:
    return visitor.post(f"/auth/sign-in/oauth/{name}/nonce").json["nonce"]


def show_token(visitor: Visitor, id_token: str, nonce: str, name: str = "forged") -> Answer:
    return visitor.post(f"/auth/sign-in/oauth/{name}/token", {"id_token": id_token, "nonce": nonce})


@pytest.mark.parametrize("hashed", [False, True])
def test_an_id_token_that_was_got_natively_signs_in(forged_site: Site, forged: Forged, hashed: bool):
    """With the nonce as it is, or as Apple's examples have it: the hex of its SHA-256."""
    visitor = forged_site.visitor()
    nonce = nonce_of(visitor)
    token = forged.id_token(sha256(nonce.encode()).hex() if hashed else nonce)
    assert show_token(visitor, token, nonce).json["status"] == "complete"
    assert visitor.user["email"] == EMAIL


def test_a132_a_native_token_is_taken_once_and_with_a_nonce_of_this_browser(forged_site: Site, forged: Forged):
    """One that was stolen elsewhere opens nothing, whatever nonce it has."""
    victim, thief = forged_site.visitor(), forged_site.visitor()
    nonce = nonce_of(victim)
    token = forged.id_token(nonce)
    assert show_token(thief, token, nonce).code == "attempt_expired"
    assert show_token(thief, token, nonce_of(thief)).code == "provider_answer_invalid"
    assert show_token(thief, forged.id_token(""), "").code == "attempt_expired"
    assert show_token(victim, token, nonce).status == 200
    assert show_token(victim, token, nonce).code == "attempt_expired"
    assert session_of(thief) is None


def test_a045_a_nonce_is_for_one_service_and_one_use(forged_site: Site, forged: Forged):
    """That of a redirect is none for a native token, nor the reverse."""
    visitor = forged_site.visitor()
    nonce = nonce_of(visitor)
    assert show_token(visitor, forged.id_token(nonce), nonce, "second").code == "attempt_expired"
    state = query_of(begin(visitor, "forged"))["state"]
    assert show_token(visitor, forged.id_token(state), state).code == "attempt_expired"
    native = nonce_of(visitor)
    target = f"{forged_site.auth.settings.prefix}/oauth/forged/callback?code=c&state={native}&iss={forged.issuer}"
    assert come_back(visitor, target).status == 410


@pytest.mark.parametrize("lie", [{"aud": "another"}, {"iss": "https://evil.example"}, {"exp": 1}, {"sub": ...}])
def test_a067_a126_a_native_token_that_lies_signs_nobody_in(forged_site: Site, forged: Forged, lie: dict[str, Any]):
    """It is checked as any other."""
    visitor = forged_site.visitor()
    nonce = nonce_of(visitor)
    assert show_token(visitor, forged.id_token(nonce, **lie), nonce).code == "provider_answer_invalid"
    assert session_of(visitor) is None


def test_a126_the_tokens_of_this_sites_apps_count_where_they_are_named(sqlite_url: str, forged: Forged):
    """And those of no other."""
    site = make_oauth_site(sqlite_url, forged.declare(native_client_ids=("app",)))
    visitor = site.visitor()
    for audience, status in (("app", 200), ("other-app", 400)):
        nonce = nonce_of(visitor)
        assert show_token(visitor, forged.id_token(nonce, aud=audience), nonce).status == status
    site.auth.stop()


def test_a042_a_native_token_is_not_taken_from_another_site(forged_site: Site, forged: Forged):
    """The call asks where it comes from, as every other that changes something."""
    visitor = forged_site.visitor()
    nonce = nonce_of(visitor)
    body = {"id_token": forged.id_token(nonce), "nonce": nonce}
    assert visitor.post("/auth/sign-in/oauth/forged/token", body, **FOREIGN).status == 403
    assert session_of(visitor) is None
