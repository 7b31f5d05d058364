"""A session, signed for services that cannot ask: by keys that make, publish and withdraw themselves."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import jwt as pyjwt
import pytest
from fastapi import FastAPI

from tests.support.asgi import app_client
from tests.support.site import CHEAP, EMAIL, GENEROUS, PASSWORD, SECRET, Site
from watchword import Auth, ConfigurationError, Password, Session, SessionLimits, SessionTokens
from watchword.foundation.clock import DAY, MINUTE, SECOND, ManualClock
from watchword.http.request import Request
from watchword.tokens.refused import TokenRefused
from watchword.vendors.watchword.trust import Watchword
from watchword.web.fastapi import Session as CurrentSession
from watchword.web.fastapi import protect

AUDIENCE = "https://api.example.org"
ISSUER = "http://localhost:8000/auth"


@contextmanager
def site_with(url: str, clock: ManualClock, secret: str = SECRET, **options: Any) -> Iterator[Site]:
    """Give a site that signs session tokens, on this database."""
    limits = options.pop("session", None)
    tokens = SessionTokens(audience=AUDIENCE, **options)
    auth = Auth(
        store=url, secret=secret, clock=clock, password=Password(figures=CHEAP), limits=GENEROUS, features=[tokens],
        session=limits, environ={},
    )  # fmt: skip
    auth.prepare_store()
    yield Site(auth, clock)
    auth.stop()


@pytest.fixture
def site(store_url: str) -> Iterator[Site]:
    with site_with(store_url, ManualClock()) as site:
        site.auth.administration.create(email=EMAIL, password=PASSWORD, name="Ada")
        yield site


def key_set(site: Site) -> Any:
    return site.visitor().get("/auth/jwks.json").json


def elsewhere(site: Site, keys: Any = None, **options: Any) -> Callable[[str], Session]:
    """Return what verifies a token in a service that knows the keys alone."""
    audience = options.pop("audience", AUDIENCE)
    trust = Watchword(issuer=ISSUER, audience=audience, keys=keys or key_set(site), clock=site.clock, **options)
    return trust.verify


def test_a_token_is_the_session_for_whoever_has_the_keys_and_tells_neither_name_nor_address(site: Site) -> None:
    ada = site.visitor()
    ada.sign_in()
    answer = ada.post("/auth/session/token")
    assert answer.status == 200
    session, own = elsewhere(site)(answer.json["token"]), ada.get("/auth/session").json["session"]
    assert (session.user.id, session.id, session.user.role) == (own["user"]["id"], own["id"], "user")
    assert (session.factors, session.assurance, session.source) == (("password",), "aal1", "watchword-token")
    assert (session.user.email, session.user.name) == ("", "")
    keys = pyjwt.PyJWKSet.from_dict(key_set(site))
    kid = pyjwt.get_unverified_header(answer.json["token"])["kid"]
    options: Any = {"verify_exp": False, "verify_iat": False}
    claims = pyjwt.decode(
        answer.json["token"], keys[kid].key, ["ES256"], audience=AUDIENCE, issuer=ISSUER, options=options
    )
    assert claims["exp"] - claims["iat"] == 60
    assert EMAIL not in json.dumps(claims)


def test_a_token_ends_after_its_lifetime_and_never_outlives_the_session(site: Site) -> None:
    ada = site.visitor()
    ada.sign_in()
    verify = elsewhere(site, leeway=0)
    token = ada.post("/auth/session/token").json["token"]
    site.clock.advance(60 * SECOND)
    with pytest.raises(TokenRefused, match="exp"):
        verify(token)


def test_a_token_never_outlives_its_session(store_url: str) -> None:
    with site_with(store_url, ManualClock(), session=SessionLimits(absolute=90 * SECOND)) as site:
        site.auth.administration.create(email=EMAIL, password=PASSWORD, name="Ada")
        ada = site.visitor()
        ada.sign_in()
        site.clock.advance(60 * SECOND)
        ends = ada.get("/auth/session").json["session"]["expires_at"]
        assert elsewhere(site)(ada.post("/auth/session/token").json["token"]).expires_at == (
            datetime.fromisoformat(ends).replace(microsecond=0)
        )


def test_whoever_is_not_signed_in_gets_no_token(site: Site) -> None:
    assert site.visitor().post("/auth/session/token").status == 401
    ada = site.visitor()
    ada.sign_in()
    token = ada.post("/auth/session/token").json["token"]
    bearer = site.visitor().send("POST", "/auth/session/token", body={}, headers={"authorization": f"Bearer {token}"})
    assert bearer.status == 401, "a token begets no other"


@pytest.mark.parametrize(
    ("keys", "options"),
    [
        ("own", {"audience": "https://other.example.org"}),
        ("other", {}),
    ],
)
def test_a_token_for_another_service_or_of_other_keys_is_refused(
    site: Site, tmp_path: Any, keys: str, options: dict[str, str]
) -> None:
    ada = site.visitor()
    ada.sign_in()
    token = ada.post("/auth/session/token").json["token"]
    with site_with(f"sqlite:///{tmp_path}/other.sqlite3", site.clock) as other:
        verify = elsewhere(site, key_set(other if keys == "other" else site), **options)
        with pytest.raises(TokenRefused):
            verify(token)


def test_keys_are_published_a_day_before_they_sign_and_withdrawn_a_period_after(site: Site) -> None:
    def names() -> list[str]:
        return [key["kid"] for key in key_set(site)["keys"]]

    def signs() -> str:
        visitor = site.visitor()
        visitor.sign_in()
        return pyjwt.get_unverified_header(visitor.post("/auth/session/token").json["token"])["kid"]

    period = 30 * DAY
    site.clock.advance(period - site.clock.now() % period + DAY)  # a day into one
    (first,) = names()
    assert signs() == first
    site.clock.advance(28 * DAY + MINUTE)
    assert names() == [first, (second := names()[1])]
    assert signs() == first
    site.clock.advance(DAY)
    assert signs() == second
    assert first in names()
    site.clock.advance(30 * DAY)
    assert first not in names()
    assert second in names()


def test_a_handler_calls_another_service_in_the_name_of_whoever_is_signed_in(store_url: str) -> None:
    with site_with(store_url, ManualClock()) as site:
        site.auth.administration.create(email=EMAIL, password=PASSWORD, name="Ada")
        app = FastAPI()
        protect(app, site.auth)

        @app.get("/forward")
        async def forward(session: CurrentSession) -> str:
            return site.auth.session_token(session)

        with app_client(app) as client:
            body = {"identifier": EMAIL, "password": PASSWORD}
            assert client.post("/auth/sign-in/password", json=body).status_code == 200
            assert elsewhere(site)(client.get("/forward").json()).user.role == "user"


def test_without_the_feature_there_are_no_tokens_and_no_keys(sqlite_site: Site) -> None:
    assert sqlite_site.visitor().get("/auth/jwks.json").status == 404
    ada = sqlite_site.visitor()
    ada.sign_up()
    request = Request("GET", "/", headers=[(b"cookie", f"watchword={ada.cookies['watchword']}".encode())])
    session = sqlite_site.auth.gate.verify(request)
    assert session is not None
    with pytest.raises(ConfigurationError, match="SessionTokens"):
        sqlite_site.auth.session_token(session)


def test_workers_that_begin_at_the_same_moment_sign_with_one_key(store_url: str) -> None:
    clock = ManualClock()
    with site_with(store_url, clock) as one, site_with(store_url, clock) as two, ThreadPoolExecutor(8) as threads:
        found = list(threads.map(key_set, [one, two] * 8))
    assert len({json.dumps(keys) for keys in found}) == 1
    assert "d" not in found[0]["keys"][0]


def test_a_key_that_no_secret_opens_any_more_gives_way_to_a_new_one(store_url: str) -> None:
    clock = ManualClock()
    with site_with(store_url, clock) as before:
        old = key_set(before)
    with site_with(store_url, clock, secret="another secret of more than thirty-two characters") as after:
        assert key_set(after) != old
        assert len(key_set(after)["keys"]) == 1


def test_the_database_alone_signs_nothing(site: Site) -> None:
    key_set(site)
    with site.auth.store.read() as tx:
        from sqlalchemy import text

        (sealed,) = tx.execute(text("SELECT sealed FROM signing_keys")).scalars()
    assert b'"d"' not in bytes(sealed)


def test_options_that_would_be_unsafe_do_not_start(store_url: str) -> None:
    for options in ({"audience": ""}, {"audience": AUDIENCE, "lifetime": "1 day"}):
        with pytest.raises(ConfigurationError, match="SessionTokens"):
            Auth(store=store_url, secret=SECRET, features=[SessionTokens(**options)], environ={})
