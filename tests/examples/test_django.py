"""The small app in Django, through a real server."""

from pathlib import Path

import httpx

from tests.support.contest import make_auth
from tests.support.server import running
from tests.support.site import PASSWORD


def test_each_visitor_of_the_app_reaches_what_is_theirs(sqlite_url: str, tmp_path: Path):
    auth = make_auth(sqlite_url)
    ada = auth.administration.create(email="ada@example.org", password=PASSWORD)
    auth.administration.create(email="root@example.org", password=PASSWORD, role="admin")
    environment = {"WATCHWORD_STORE": sqlite_url}
    with running("examples.django.app:create()", tmp_path / "log", environment=environment) as server:

        def visit(email: str | None) -> list[int]:
            with httpx.Client(base_url=server.url, headers={"origin": server.url}, trust_env=False) as client:
                if email is not None:
                    body = {"identifier": email, "password": PASSWORD}
                    assert client.post("/auth/sign-in/password", json=body).status_code == 200
                paths = ("/", "/me", "/admin", f"/people/{ada.id}", "/people/usr_bob", "/greeting")
                return [*(client.get(path).status_code for path in paths), client.post("/notes?text=x").status_code]

        assert visit(None) == [200, 401, 401, 401, 401, 200, 401]
        assert visit("ada@example.org") == [200, 200, 403, 200, 403, 200, 200]
        assert visit("root@example.org") == [200, 200, 200, 200, 200, 200, 200]
    auth.stop()
