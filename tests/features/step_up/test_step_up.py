"""A step-up from a guard of the app and back: for programs as RFC 9470 says, for people by pages."""

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import Depends, FastAPI

from tests.support.asgi import AppClient, app_client
from tests.support.factors import App
from tests.support.site import EMAIL, PASSWORD, Site, make_site
from watchword import guard, require
from watchword.foundation.clock import MINUTE, ManualClock
from watchword.web.fastapi import protect

HTML = {"accept": "text/html"}
FORM = HTML | {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def site(store_url: str, clock: ManualClock) -> Iterator[Site]:
    """A site with one account."""
    made = make_site(store_url, clock)
    made.auth.prepare_store()
    made.auth.administration.create(email=EMAIL, password=PASSWORD)
    yield made


@pytest.fixture
def client(site: Site) -> Iterator[AppClient]:
    """Somebody who has signed in with the password, in an app with guards that want more."""
    app = FastAPI()

    @app.get("/vault")
    @guard(assurance="aal2")
    def vault() -> str:
        return "in the vault"

    @app.get("/fresh", dependencies=[Depends(guard(fresh="10m"))])
    def fresh() -> str:
        return "fresh"

    @app.get("/both")
    @guard.inside
    async def both() -> str:
        await require(assurance="aal2", fresh="10m")
        return "both"

    protect(app, site.auth)
    with app_client(app) as client:
        body = {"identifier": EMAIL, "password": PASSWORD}
        assert client.post("/auth/sign-in/password", json=body).status_code == 200
        yield client


def enrol(client: AppClient, site: Site) -> App:
    begun = client.post("/auth/totp", json={}).json()
    app = App(site, begun["secret"])
    body = {"attempt": begun["attempt"], "code": app.code()}
    assert client.post("/auth/totp/confirm", json=body).status_code == 200
    return app


def test_a_program_is_told_what_to_reach_and_reaches_it(client: AppClient, site: Site):
    """401 with `acr_values` and `max_age`, an attempt, a code, and the same call again."""
    refused = client.get("/both")
    assert (refused.status_code, refused.json()["code"]) == (401, "insufficient_user_authentication")
    assert 'acr_values="aal2"' in refused.headers["www-authenticate"]
    app = enrol(client, site)
    assert client.get("/both").status_code == 200
    site.clock.advance(11 * MINUTE)
    refused = client.get("/both")
    assert 'max_age="600"' in refused.headers["www-authenticate"]
    assert "acr_values" not in refused.headers["www-authenticate"]
    begun = client.post("/auth/step-up", json={}).json()
    assert begun["next"] == [{"method": "totp", "to": ""}]
    body = {"attempt": begun["attempt"], "code": app.code()}
    assert client.post("/auth/attempt/totp", json=body).status_code == 200
    assert client.get("/both").status_code == 200


def test_a_browser_is_led_through_it_and_back(client: AppClient, site: Site):
    """First to set a second factor up, later to show it, each time to the page that was wanted."""
    led = client.get("/vault", headers=HTML)
    assert (led.status_code, led.headers["location"]) == (303, "/auth/step-up?next=%2Fvault&level=aal2")
    page = client.get(led.headers["location"], headers=HTML).text
    setup = client.post("/auth/second-factor/enrol", content=f"next={_field(page, 'next')}", headers=FORM).text
    secret = re.search(r'id="secret">([A-Z2-7 ]+)<', setup)
    assert secret
    app = App(site, secret[1].replace(" ", ""))
    form = f"attempt={_field(setup, 'attempt')}&next={_field(setup, 'next')}&code={app.code()}"
    back = client.post("/auth/second-factor/confirm", content=form, headers=FORM)
    assert (back.status_code, back.headers["location"]) == (303, "/vault")
    assert client.get("/vault").json() == "in the vault"
    site.clock.advance(11 * MINUTE)
    led = client.get("/fresh", headers=HTML)
    assert parse_qs(urlsplit(led.headers["location"]).query) == {"next": ["/fresh"]}
    form = f"next=/fresh&code={app.code()}"
    back = client.post("/auth/second-factor/totp", content=form, headers=FORM)
    assert (back.status_code, back.headers["location"]) == (303, "/fresh")
    assert client.get("/fresh").json() == "fresh"


def test_without_a_second_factor_the_password_makes_the_sign_in_fresh(client: AppClient, site: Site):
    """And no stronger."""
    site.clock.advance(11 * MINUTE)
    assert client.get("/fresh").status_code == 401
    begun = client.post("/auth/step-up", json={}).json()
    assert begun["next"] == [{"method": "password", "to": ""}]
    body = {"attempt": begun["attempt"], "password": PASSWORD}
    assert client.post("/auth/attempt/password", json=body).status_code == 200
    assert client.get("/fresh").status_code == 200
    assert client.get("/vault").status_code == 401


def _field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, page
    return unescape(found[1])
