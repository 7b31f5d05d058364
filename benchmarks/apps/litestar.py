"""Litestar."""

import os
from typing import Any

from litestar import Litestar, get

from benchmarks.apps.fastapi import ANSWER
from benchmarks.apps.split import asgi
from benchmarks.guard import taint_some
from benchmarks.site import make_auth
from watchword import guard, public
from watchword.web.litestar import Watchword


@get("/")
async def bare_answer() -> dict[str, str]:
    return ANSWER


@get("/me")
@guard()
async def guarded() -> dict[str, str]:
    return ANSWER


@get("/open")
@public
async def public_answer() -> dict[str, str]:
    return ANSWER


def create() -> Any:
    auth = make_auth(os.environ["WATCHWORD_BENCHMARK_STORE"])
    app = Litestar(route_handlers=[guarded, public_answer], plugins=[Watchword(auth)])
    taint_some()
    return asgi(Litestar(route_handlers=[bare_answer]), app)
