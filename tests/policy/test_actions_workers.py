"""Actions on a real server: several workers, and a secret that is replaced while they run."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.server import Server, running
from tests.support.shop_app import RUNS, SECRETS, STORE
from tests.support.site import EMAIL, PASSWORD, SECRET, Site

APP = "tests.support.shop_app:create()"
NEWER = "a-newer-secret-of-more-than-thirty-two-characters"
TRIES = 24
"""Calls until every worker has surely answered one."""


@pytest.fixture
def environment(site: Site, tmp_path: Path) -> Iterator[dict[str, str]]:
    assert site.visitor().sign_up().status == 200
    site.auth.stop()
    url = site.auth.store.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    (tmp_path / "runs").touch()
    yield {STORE: url, SECRETS: SECRET, RUNS: str(tmp_path / "runs")}


@dataclass
class Browser:
    """Somebody signed in, each call on a connection of its own: whichever worker is free takes it."""

    server: Server
    cookies: dict[str, str]

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"origin": self.server.url, **options.pop("headers", {})}
        with httpx.Client(trust_env=False, cookies=self.cookies, timeout=60) as client:
            return client.request(method, self.server.url + path, headers=headers, **options)

    def references(self) -> Any:
        return self.send("GET", "/references").json()

    def total(self, reference: str, key: str = "") -> httpx.Response:
        headers = {"idempotency-key": key} if key else {}
        return self.send("POST", f"/auth/actions/{reference}", json={"numbers": [1, 2]}, headers=headers)


def signed_in(server: Server) -> Browser:
    body = {"identifier": EMAIL, "password": PASSWORD}
    answer = Browser(server, {}).send("POST", "/auth/sign-in/password", json=body)
    assert answer.status_code == 200, answer.text
    return Browser(server, dict(answer.cookies))


def test_every_worker_opens_the_references_of_every_other_and_one_key_runs_once(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with running(APP, tmp_path / "log", workers=2, environment=environment) as server:
        browser = signed_in(server)
        references = [browser.references() for _ in range(TRIES)]
        by_worker = {one["worker"]: one["total"] for one in references}
        assert len(by_worker) == 2
        answers = [browser.total(reference).json() for reference in by_worker.values() for _ in range(TRIES)]
        assert {(answer["total"], answer["worker"]) for answer in answers} == {(3, worker) for worker in by_worker}
        before = len(Path(environment[RUNS]).read_text().splitlines())
        with ThreadPoolExecutor(8) as threads:
            at_once = list(threads.map(lambda _: browser.total(references[0]["total"], "one"), range(16)))
        assert {answer.status_code for answer in at_once} <= {200, 409}
        assert len({answer.text for answer in at_once if answer.status_code == 200}) == 1
        assert len(Path(environment[RUNS]).read_text().splitlines()) == before + 1


@pytest.mark.all
def test_a_reference_survives_a_deploy_that_rolls_the_secret_and_ends_with_the_old_one(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with running(APP, tmp_path / "log", environment=environment) as server:
        browser = signed_in(server)
        reference = browser.references()["total"]
    for secrets, status in ((f"{NEWER} {SECRET}", 200), (NEWER, 404)):
        with running(APP, tmp_path / "log", environment={**environment, SECRETS: secrets}) as server:
            assert Browser(server, browser.cookies).total(reference).status_code == status
