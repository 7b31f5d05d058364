"""Flask."""

import os
from typing import Any

from flask import Flask

from benchmarks.apps.fastapi import ANSWER
from benchmarks.apps.split import wsgi
from benchmarks.guard import taint_some
from benchmarks.site import make_auth
from watchword import guard, public
from watchword.web.flask import Watchword


def answer() -> dict[str, str]:
    return ANSWER


def create() -> Any:
    bare, app = Flask("bare", static_folder=None), Flask("app", static_folder=None)
    bare.add_url_rule("/", "answer", answer)
    app.add_url_rule("/me", "guarded", guard()(answer))
    app.add_url_rule("/open", "public", public(answer))
    Watchword(app, make_auth(os.environ["WATCHWORD_BENCHMARK_STORE"]))
    taint_some()
    return wsgi(bare, app)
