"""Where an action runs: an async one on the app's event loop, another on a thread; each with a ledger of its own."""

import asyncio
import contextvars
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.requests import Request

from tests.attacks.apps import App, page
from tests.support.actions import ACTIONS, Shop, open_shop
from tests.support.asgi import AppClient, app_client
from tests.support.site import EMAIL, PASSWORD, Site
from watchword import Unauthenticated, action_errors, action_ref, guard, public, require, require_sync, verify_session
from watchword.sessions.verify import current_context
from watchword.web.fastapi import protect

MANY = 100
"""Async actions at once: more than there are threads."""


@pytest.mark.parametrize(("name", "reason"), [("forgets", "before anybody decided"), ("swallows", "after a refusal")])
def test_an_action_that_answers_undecided_or_after_a_refusal_is_withheld(shop: Shop, name: str, reason: str) -> None:
    user = shop.user()
    answer = shop.call(user, name)
    assert (answer.status, answer.code) == (500, "response_withheld")
    assert "hidden" not in answer.text
    assert reason in answer.json["detail"]
    headers = {"accept": "text/html", "content-type": "application/x-www-form-urlencoded"}
    assert user.send("POST", ACTIONS + shop.ref(user, name), headers=headers).status == 500
    assert shop.call(user, "decides").text == '"Ada"'


class Served:
    """The shop behind FastAPI, with a page that gives references and a guarded one."""

    def __init__(self, site: Site) -> None:
        self.shop = open_shop(site)
        self.app = FastAPI()
        self.loops: set[Any] = set()
        protect(self.app, site.auth)

        @self.app.get("/ref/{name}")
        @public
        async def ref(name: str, request: Request) -> str:
            self.loops.add(asyncio.get_running_loop())
            await verify_session()
            return action_ref(self.shop.actions[name], **dict(request.query_params))

        @self.app.get("/errors/{name}")
        @public
        async def errors(name: str) -> dict[str, str]:
            return dict(action_errors(self.shop.actions[name]).fields)

        @self.app.get("/me")
        @guard()
        async def me() -> str:
            return "in"

    def add(self, action: Any) -> None:
        self.shop.actions[action.__name__] = action


@pytest.fixture
def served(site: Site) -> Served:
    return Served(site)


@pytest.fixture
def client(served: Served) -> Iterator[AppClient]:
    """A browser of the app that is signed in."""
    served.shop.user()
    with app_client(served.app) as client:
        signed_in = client.post("/auth/sign-in/password", json={"identifier": EMAIL, "password": PASSWORD})
        assert signed_in.status_code == 200
        yield client


def run(client: AppClient, name: str, json: Any = None, **bound: str) -> Any:
    reference = client.get(f"/ref/{name}", params=bound).json()
    return client.post(ACTIONS + reference, json={} if json is None else json)


def test_an_async_action_runs_on_the_apps_event_loop_in_the_requests_context(served: Served, client: AppClient) -> None:
    seen: list[Any] = []

    @served.shop.site.auth.action(guard.inside)
    async def look(x: int) -> str:
        session = await verify_session()
        assert session == await require()
        seen.append((asyncio.get_running_loop(), current_context().ledger))
        return session.user.email

    served.add(look)
    assert [run(client, "look", {"x": 1}).json() for _ in range(2)] == [EMAIL, EMAIL]
    assert {loop for loop, _ in seen} == served.loops
    one, two = (ledger for _, ledger in seen)
    assert one is not two
    assert len(one.decisions) == len(two.decisions) == 2
    assert {decision.on for decision in one.decisions} == {f"{look.__module__}.{look.__qualname__}"}


def test_a_sync_action_runs_on_a_thread_and_not_on_the_event_loop(served: Served, client: AppClient) -> None:
    threads: list[str] = []

    @served.shop.site.auth.action(guard.inside)
    def look() -> str:
        threads.append(threading.current_thread().name)
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        return require_sync().user.email

    served.add(look)
    assert run(client, "look").json() == EMAIL
    assert threads[0].startswith("watchword-action")


def test_async_actions_that_wait_hold_no_thread_and_nobody_up(served: Served, client: AppClient) -> None:
    started, may_end = asyncio.Semaphore(0), asyncio.Event()

    @served.shop.site.auth.action(guard())
    async def wait() -> None:
        started.release()
        await may_end.wait()

    served.add(wait)
    reference = client.get("/ref/wait").json()

    async def all_at_once() -> list[int]:
        calls = [asyncio.ensure_future(client.request_async("POST", ACTIONS + reference, json={})) for _ in range(MANY)]
        for _ in range(MANY):
            await started.acquire()
        assert (await client.request_async("GET", "/me")).json() == "in"
        may_end.set()
        return [(await one).status_code for one in calls]

    assert client.run(all_at_once()) == [200] * MANY


def test_sync_actions_that_wait_hold_no_session_check_up(served: Served, client: AppClient) -> None:
    may_end = threading.Event()

    @served.shop.site.auth.action(guard())
    def wait() -> None:
        assert may_end.wait(60)

    served.add(wait)
    reference = client.get("/ref/wait").json()

    async def all_at_once() -> list[int]:
        calls = [asyncio.ensure_future(client.request_async("POST", ACTIONS + reference, json={})) for _ in range(50)]
        assert [(await client.request_async("GET", "/me")).json() for _ in range(5)] == ["in"] * 5
        may_end.set()
        return [(await one).status_code for one in calls]

    assert client.run(all_at_once()) == [200] * 50


def test_what_is_decided_in_one_action_counts_for_no_other(served: Served, client: AppClient) -> None:
    gate = asyncio.Barrier(2)

    @served.shop.site.auth.action(guard.inside)
    async def pair(decide: bool) -> str:
        await gate.wait()
        if decide:
            await require()
        await gate.wait()
        return "secret"

    served.add(pair)
    reference = client.get("/ref/pair").json()

    async def both() -> list[int]:
        calls = [client.request_async("POST", ACTIONS + reference, json={"decide": decide}) for decide in (True, False)]
        return [answer.status_code for answer in await asyncio.gather(*calls)]

    assert client.run(both()) == [200, 500]


def test_a_task_that_an_action_leaves_behind_decides_nothing_for_it(served: Served, client: AppClient) -> None:
    @served.shop.site.auth.action(guard.inside)
    async def spawns() -> str:
        await asyncio.create_task(verify_session())  # type: ignore[arg-type]
        return "secret"

    served.add(spawns)
    assert run(client, "spawns").status_code == 500


def test_refusals_and_defects_of_async_actions_are_answered_like_those_of_others(
    served: Served, client: AppClient
) -> None:
    @served.shop.site.auth.action(guard(when=slow_no))
    async def never() -> None: ...

    @served.shop.site.auth.action(guard())
    async def fails() -> None:
        raise RuntimeError

    for action in (never, fails):
        served.add(action)
    assert run(client, "never").json()["code"] == "forbidden"
    assert run(client, "fails").json()["code"] == "internal_error"
    assert run(client, "set_role", user_id="u").status_code == 403
    reference = client.get("/ref/fails").json()
    answers = [client.post(ACTIONS + reference, json={}, headers={"idempotency-key": "k"}) for _ in range(2)]
    assert {answer.text for answer in answers} == {run(client, "fails").text}


async def slow_no(session: object) -> bool:
    await asyncio.sleep(0)
    return False


def test_forms_and_json_work_through_fastapi(served: Served, client: AppClient) -> None:
    reference = client.get("/ref/rename").json()
    browser = {"accept": "text/html", "referer": "http://localhost:8000/page"}
    done = client.post(ACTIONS + reference, data={"name": "Ada"}, headers=browser)
    assert (done.status_code, done.headers["location"]) == (303, "/page")
    wrong = client.post(ACTIONS + reference, data={"name": "Ada", "age": "x"}, headers=browser)
    assert wrong.status_code == 303
    assert client.get("/errors/rename").json() == {"age": "an integer or null"}
    assert client.another().get("/errors/rename").json() == {}
    assert client.post(ACTIONS + reference, content=b"x" * 70_000).status_code == 413
    assert run(client, "rename", {"name": "Ada"}).json() == "Ada"


def test_a_page_with_a_reference_stays_out_of_shared_caches(served: Served, client: AppClient) -> None:
    page_with_one = client.get("/ref/rename")
    assert page_with_one.headers["cache-control"] == "no-store"


def test_without_an_event_loop_an_async_action_gets_one_for_the_length_of_the_request(shop: Shop) -> None:
    """As under WSGI: the kernel is called on a server's thread."""
    marker: contextvars.ContextVar[str] = contextvars.ContextVar("marker", default="")
    marker.set("the server's")

    @shop.site.auth.action(guard.inside)
    async def look() -> str:
        await asyncio.sleep(0)
        return f"{marker.get()} {(await require()).user.name}"

    shop.actions["look"] = look
    user = shop.user()
    assert shop.call(user, "look").json == "the server's Ada"
    assert user.post(ACTIONS + shop.ref(user, "look"), {}, idempotency_key="k").json == "the server's Ada"
    assert shop.call(user, "forgets").code == "response_withheld"
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


def test_a010_a_call_straight_to_an_action_is_refused_by_the_whole_app_too(site: Site) -> None:
    served = Served(site)
    app = App(site, served.app)
    reference = app.call("GET", "/ref/set_role", *page(app.token())).json
    line = ("content-type", "application/json")
    assert app.call("POST", ACTIONS + reference, *page(), line, body=b"{}").status == 401
    assert app.call("GET", ACTIONS + reference, *page()).status == 405
    assert served.shop.ran == []


def test_outside_a_request_an_action_asks_for_one(sqlite_shop: Shop) -> None:
    with pytest.raises(Exception, match="no request is under way") as raised:
        sqlite_shop.actions["rename"](name="Ada")
    assert not isinstance(raised.value, Unauthenticated)
