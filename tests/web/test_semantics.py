"""The same rules mean the same in every framework, through its real server."""

from pathlib import Path

import httpx
import pytest

from tests.support.contest import make_auth
from tests.support.served import STORE
from tests.support.server import running
from tests.support.site import PASSWORD
from tests.web.cases import SECRET, VISITORS, Case, cases
from watchword import Auth

FRAMEWORKS = {
    "fastapi": ("asgi", ("async", "sync")),
    "flask": ("wsgi", ("async", "sync")),
    "starlette": ("asgi", ("async", "sync")),
    "litestar": ("asgi", ("async", "sync")),
}
"""By the module in `tests/web/apps`: the server's interface, and the kinds of handlers that there are."""


def people(auth: Auth, url: str) -> dict[str, httpx.Client]:
    """Return a client for each visitor, signed in through the app's own `/auth`."""
    clients = {name: httpx.Client(base_url=url, headers={"origin": url}, trust_env=False) for name in VISITORS}
    for name in ("user", "admin"):
        auth.administration.create(email=f"{name}@example.org", password=PASSWORD, role=name)
        body = {"identifier": f"{name}@example.org", "password": PASSWORD}
        assert clients[name].post("/auth/sign-in/password", json=body).status_code == 200
    return clients


def differences(case: Case, answer: httpx.Response) -> list[str]:
    """Return how the answer differs from the case."""
    found: list[str] = []
    if answer.status_code != case.status:
        found.append(f"{case.visitor} {case.path}: {answer.status_code} instead of {case.status}")
    if case.text is not None and answer.text != case.text:
        found.append(f"{case.visitor} {case.path}: answers {answer.text!r}")
    if case.text is None and SECRET in answer.text:
        found.append(f"{case.visitor} {case.path}: tells what nobody decided about")
    if case.code is not None and answer.text and answer.json()["code"] != case.code:
        found.append(f"{case.visitor} {case.path}: says {answer.json()['code']} instead of {case.code}")
    if case.status == 401 and answer.text and "Bearer" not in answer.headers.get("www-authenticate", ""):
        found.append(f"{case.visitor} {case.path}: a 401 without WWW-Authenticate")
    return found


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_guard_answers_every_visitor_alike(
    framework: str, store_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    interface, kinds = FRAMEWORKS[framework]
    auth = make_auth(store_url)
    target, log = f"tests.web.apps.{framework}:create()", tmp_path / "server.log"
    with running(target, log, environment={STORE: store_url}, interface=interface) as server:
        clients = people(auth, server.url)
        user_id = clients["user"].get("/auth/session").json()["session"]["user"]["id"]
        wrong: list[str] = []
        results: dict[str, list[int]] = {}
        for case in cases(kinds):
            answer = clients[case.visitor].get(case.path.replace("{user}", user_id))
            wrong += differences(case, answer)
            results.setdefault(case.path, []).append(answer.status_code)
        for kind in kinds:
            for number, name in enumerate(VISITORS):
                answer = clients[name].post(f"/{kind}/write", content=name)
                assert answer.status_code == (401, 200, 200)[number], (kind, name)
            foreign = clients["admin"].post(f"/{kind}/write", headers={"origin": "https://evil.example"})
            assert foreign.status_code == 403
        assert clients["nobody"].get("/written").text == str(2 * len(kinds))
        for client in clients.values():
            client.close()
    auth.stop()
    with capsys.disabled():
        print(table(framework, results))
    assert wrong == []


def table(framework: str, results: dict[str, list[int]]) -> str:
    """Return the results as text, for people."""
    rows = [f"  {path:<24} {' '.join(f'{status:>6}' for status in statuses)}" for path, statuses in results.items()]
    return "\n".join([f"\n{framework:<26} {' '.join(f'{name:>6}' for name in VISITORS)}", *rows])
