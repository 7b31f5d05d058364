"""What the package gives to the tests of apps."""

import json
from pathlib import Path

from tests.clients.conftest import PASSWORD, Site
from tests.support.client import run


def test_apps_are_tested_with_made_sessions_and_signed_in_by_the_real_server(client_site: Site, client_package: Path):
    """A client without a server shows its session and fails each call; `signIn` is the server's own sign-in."""
    client_site.account("playwright@example.org")
    given = {"url": client_site.url, "identifier": "playwright@example.org", "password": PASSWORD}
    said = json.loads(run(client_package, "node", "bundled/testing.cjs", json.dumps(given)))
    assert "invalid_credentials" in said.pop("refused")
    assert said == {
        "shown": "for admins",
        "nobody": "signed_out",
        "refreshed": "admin",
        "called": "network A test client has no server: GET /sessions",
        "signedIn": "playwright@example.org",
    }
