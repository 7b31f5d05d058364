"""Requests served at the same time never see each other's session."""

import asyncio
from collections import Counter
from pathlib import Path

import httpx

from tests.support.server import running
from watchword import Auth

PASSWORD = "analytical engine no. 1"


def test_of_two_people_at_once_each_gets_what_is_theirs(tmp_path: Path) -> None:
    """Two people, forty requests under way at any time, one event loop: `verify_session()` never mixes them up."""
    environment = {"NOTES_DATA": str(tmp_path)}
    with running("examples.notes.app:app", tmp_path / "log", environment=environment) as server:
        auth = Auth(store=f"sqlite:///{tmp_path}/accounts.sqlite3", environ={})
        auth.administration.create(email="user@example.org", password=PASSWORD)
        auth.administration.create(email="admin@example.org", password=PASSWORD, role="admin")
        auth.store.close()
        user, admin = asyncio.run(_both(server.url))
    assert Counter({403: 100, "user@example.org": 100}) == user
    assert Counter({200: 100, "admin@example.org": 100}) == admin


async def _both(url: str) -> tuple[Counter[int | str], Counter[int | str]]:
    return await asyncio.gather(_visit(url, "user@example.org"), _visit(url, "admin@example.org"))


async def _visit(url: str, email: str) -> Counter[int | str]:
    seen: Counter[int | str] = Counter()
    async with httpx.AsyncClient(base_url=url, headers={"origin": url}, trust_env=False, timeout=60) as client:
        credentials = {"identifier": email, "password": PASSWORD}
        assert (await client.post("/auth/sign-in/password", json=credentials)).status_code == 200

        async def once() -> None:
            seen[(await client.get("/admin")).status_code] += 1
            seen[(await client.get("/api/me")).json()["email"]] += 1

        for _ in range(5):
            await asyncio.gather(*(once() for _ in range(20)))
    return seen
