"""The tokens of other services: kept only where asked for, sealed, and refreshed by one of any number."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from tests.support.forged import Forged
from tests.support.forged import sign_in as sign_in_with_forged
from tests.support.provider import RealProvider, make_oauth_site, sign_in_with
from tests.support.site import EMAIL, Site
from watchword import ConfigurationError
from watchword.foundation.clock import HOUR
from watchword.methods.oauth.tokens import ProviderToken, ProviderTokenError, ProviderTokens
from watchword.policy.taint_filter import scan


def tokens_of(site: Site) -> ProviderTokens:
    assert site.auth.oauth
    return site.auth.oauth.tokens


def test_the_token_calls_the_service_and_is_refreshed_when_it_is_due(oauth_site: Site, real_provider: RealProvider):
    """Against the real provider, which takes each refresh token once."""
    real_provider.person("keeping", EMAIL)
    visitor = oauth_site.visitor()
    sign_in_with(visitor, real_provider)
    user_id = visitor.user["id"]
    first = tokens_of(oauth_site).of(user_id, "idp")
    assert tokens_of(oauth_site).of(user_id, "idp").access_token == first.access_token
    oauth_site.clock.advance(HOUR)
    second = tokens_of(oauth_site).of(user_id, "idp")
    oauth_site.clock.advance(HOUR)
    third = tokens_of(oauth_site).of(user_id, "idp")
    assert len({first.access_token, second.access_token, third.access_token}) == 3


def test_a036_of_many_that_refresh_at_once_one_asks_the_service(oauth_site: Site, real_provider: RealProvider):
    """The real provider ends the whole family where a refresh token comes twice."""
    real_provider.person("refreshing", EMAIL)
    visitor = oauth_site.visitor()
    sign_in_with(visitor, real_provider)
    user_id = visitor.user["id"]
    old = tokens_of(oauth_site).of(user_id, "idp").access_token
    oauth_site.clock.advance(HOUR)
    with ThreadPoolExecutor(8) as pool:
        found = {one.access_token for one in pool.map(lambda _: tokens_of(oauth_site).of(user_id, "idp"), range(8))}
    assert len(found) == 1
    assert old not in found
    oauth_site.clock.advance(HOUR)
    assert tokens_of(oauth_site).of(user_id, "idp").access_token not in found


def test_a_service_that_refuses_ends_the_wait(forged: Forged, sqlite_url: str):
    """Whoever asks is told to let the person sign in again; the turn is free for the next."""
    site = make_oauth_site(sqlite_url, forged.declare(keep_tokens=True))
    visitor = site.visitor()
    sign_in_with_forged(visitor, forged)
    user_id = visitor.user["id"]
    site.clock.advance(HOUR)
    with pytest.raises(ProviderTokenError, match="none to refresh"):
        tokens_of(site).of(user_id, "forged")
    forged.token = lambda: {"access_token": "first-token-of-them", "refresh_token": "r1", "expires_in": "3600"}
    site.auth.stop()


def test_a_refused_refresh_is_told_and_tried_again_by_the_next(forged: Forged, sqlite_url: str):
    """The turn does not stay taken."""
    site = make_oauth_site(sqlite_url, forged.declare(keep_tokens=True))
    visitor = site.visitor()
    begun = visitor.post("/auth/sign-in/oauth/forged")
    from tests.support.forged import callback
    from tests.support.provider import come_back, query_of

    sent = query_of(begun.json["url"])
    forged.token = lambda: {
        "access_token": "first-token-of-them",
        "refresh_token": "r1",
        "expires_in": 3600,
        "id_token": forged.id_token(sent["nonce"]),
    }
    come_back(visitor, callback(forged, sent))
    user_id = visitor.user["id"]
    site.clock.advance(HOUR)
    forged.answers["/token"] = (400, {"error": "invalid_grant"})
    for _ in range(2):
        with pytest.raises(ProviderTokenError, match="invalid_grant"):
            tokens_of(site).of(user_id, "forged")
    forged.answers.clear()
    forged.token = lambda: {"access_token": "second-token-of-them", "expires_in": 3600}
    assert tokens_of(site).of(user_id, "forged").access_token == "second-token-of-them"
    site.clock.advance(HOUR)
    assert tokens_of(site).of(user_id, "forged").access_token == "second-token-of-them"
    assert [fields["refresh_token"] for _, path, fields in forged.asked if "refresh_token" in fields] == ["r1"] * 4
    site.auth.stop()


def test_tokens_are_kept_sealed_and_only_where_they_are_asked_for(oauth_site: Site, real_provider: RealProvider):
    """In the database there is nothing to read; of a service that was not asked to keep them, nothing at all."""
    real_provider.person("sealed", EMAIL)
    visitor = oauth_site.visitor()
    sign_in_with(visitor, real_provider, "other")
    user_id = visitor.user["id"]
    assert oauth_site.count("provider_tokens") == 0
    with pytest.raises(ProviderTokenError, match="keep_tokens"):
        tokens_of(oauth_site).of(user_id, "other")
    sign_in_with(visitor, real_provider, "idp")
    token = tokens_of(oauth_site).of(user_id, "idp")
    with oauth_site.auth.store.read() as tx:
        rows = tx.execute(text("SELECT * FROM provider_tokens")).all()
        attempts = tx.execute(text("SELECT sealed FROM attempts")).all()
    assert token.access_token.encode() not in b"".join(bytes(row.sealed) for row in (*rows, *attempts))
    assert token.access_token not in repr(token)


def test_a_token_in_another_persons_row_is_worth_nothing(oauth_site: Site, real_provider: RealProvider):
    """Whoever can write to the database moves none from one to another."""
    owner, thief = oauth_site.visitor(), oauth_site.visitor()
    real_provider.person("row-1", EMAIL)
    sign_in_with(owner, real_provider)
    real_provider.person("row-2", "eva@example.org")
    sign_in_with(thief, real_provider)
    with oauth_site.auth.store.write() as tx:
        rows = tx.execute(text("SELECT p.identity_id, p.sealed, i.user_id FROM provider_tokens p JOIN identities i ON i.id = p.identity_id")).all()  # fmt: skip
        mine = next(row for row in rows if row.user_id == owner.user["id"])
        tx.execute(text("UPDATE provider_tokens SET sealed = :sealed"), {"sealed": mine.sealed})
    with pytest.raises(ProviderTokenError):
        tokens_of(oauth_site).of(thief.user["id"], "idp")


def test_a020_a_token_does_not_leave_in_an_answer():
    """It is tainted as long as it is held, however it is written."""
    token = ProviderToken("ya29.a0AfH6SMBx-a-token-of-google", "openid", None)
    for body in (token.access_token.encode(), token.access_token.encode().hex().encode()):
        assert scan(b"a page with " + body) is not None
    assert scan(b"a page without it") is None


def test_the_site_hands_tokens_out_to_async_and_to_other_code(oauth_site: Site, real_provider: RealProvider):
    """Also where no request is under way."""
    real_provider.person("handed", EMAIL)
    visitor = oauth_site.visitor()
    sign_in_with(visitor, real_provider)
    from tests.support.site import HOST
    from watchword.http.request import Request

    cookie = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    request = Request("GET", "/", headers=[(b"host", HOST.encode()), (b"cookie", cookie.encode())])
    session = oauth_site.auth.gate.verify(request)
    assert session
    one = oauth_site.auth.provider_token_sync(session, "idp")
    other = asyncio.run(oauth_site.auth.provider_token(session, "idp"))
    assert one.access_token == other.access_token


def test_a_site_without_other_services_says_what_is_missing(site: Site):
    """The error names the option."""
    visitor = site.visitor()
    visitor.sign_up()
    with pytest.raises(ConfigurationError, match="keep_tokens"):
        site.auth.provider_token_sync(None, "google")  # type: ignore[arg-type]
