"""FastAPI."""

import os
from typing import Any

from fastapi import FastAPI

from benchmarks.apps.split import asgi
from benchmarks.guard import taint_some
from benchmarks.site import make_auth
from watchword import guard, public
from watchword.web.fastapi import protect

ANSWER = {"id": "usr_ada", "email": "ada@example.org", "role": "user"}


def create() -> Any:
    bare, app = FastAPI(), FastAPI()

    @bare.get("/")
    async def bare_answer() -> dict[str, str]:
        return ANSWER

    @app.get("/me")
    @guard()
    async def guarded() -> dict[str, str]:
        return ANSWER

    @app.get("/open")
    @public
    async def public_answer() -> dict[str, str]:
        return ANSWER

    protect(app, make_auth(os.environ["WATCHWORD_BENCHMARK_STORE"]))
    taint_some()
    return asgi(bare, app)
