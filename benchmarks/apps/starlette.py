"""Starlette."""

import os
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.apps.fastapi import ANSWER
from benchmarks.apps.split import asgi
from benchmarks.guard import taint_some
from benchmarks.site import make_auth
from watchword import guard, public
from watchword.web.starlette import protect


async def answer(request: Request) -> JSONResponse:
    return JSONResponse(ANSWER)


def create() -> Any:
    bare = Starlette(routes=[Route("/", answer)])
    app = Starlette(routes=[Route("/me", guard()(answer)), Route("/open", public(answer))])
    protect(app, make_auth(os.environ["WATCHWORD_BENCHMARK_STORE"]))
    taint_some()
    return asgi(bare, app)
