"""The app with actions that a real server runs under test, on the database and with the secrets of the environment."""

import os
from html import escape
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi.responses import HTMLResponse

from tests.support.actions import is_owner
from tests.support.site import CHEAP, GENEROUS
from watchword import Auth, InvalidInput, Password, Redirect, action_errors, action_ref, guard
from watchword.web.fastapi import Session, protect

STORE, SECRETS, RUNS = "SHOP_STORE", "SHOP_SECRETS", "SHOP_RUNS"
"""Environment variables: the database, the secrets (newest first, parted by spaces), the file that tells what has run."""
PAGE = """<!doctype html><title>Shop</title>
<form method="post" action="/auth/actions/{order}">
  <label>Name <input name="name" value="{name}"></label> <em id="name-error">{name_error}</em>
  <label>Count <input name="count" value="{count}"></label> <em id="count-error">{count_error}</em>
  <label>Password <input name="password" type="password" value="{password}"></label>
  <label><input name="gift" type="checkbox"> Gift</label>
  <button>Order</button>
</form>
<form method="post" action="/auth/actions/{remove}"><button>Remove all</button></form>
<button id="script">By script</button> <output></output>
<script>
document.getElementById("script").onclick = async () => {{
  const answer = await fetch("/auth/actions/{total}", {{
    method: "POST", headers: {{"content-type": "application/json"}}, body: JSON.stringify({{numbers: [1, 2]}})
  }});
  document.querySelector("output").textContent = answer.status + " " + await answer.text();
}};
</script>"""


def make_auth() -> Auth:
    """Return the `Auth` of one worker."""
    return Auth(
        store=os.environ[STORE],
        secret=os.environ[SECRETS].split(),
        password=Password(figures=CHEAP),
        limits={str(name): rate for name, rate in GENEROUS.items()},
        environ={},
    )


def create() -> FastAPI:
    """Return the app of one worker."""
    auth, app = make_auth(), FastAPI()
    protect(app, auth)

    def note(text: str) -> None:
        with Path(os.environ[RUNS]).open("a") as file:
            file.write(f"{text}\n")

    @auth.action(guard())
    def order(name: str, count: int, password: str = "", gift: bool = False) -> Redirect | None:
        if name == "nobody":
            raise InvalidInput(name="the name of somebody")
        note(f"order {name} {count} {gift}")
        return Redirect("/?ordered=yes") if gift else None

    @auth.action(guard(when=is_owner))
    async def remove(owner: str) -> None:
        note(f"remove {owner}")

    @auth.action(guard())
    async def total(numbers: list[int]) -> dict[str, int]:
        note(f"total {numbers}")
        return {"total": sum(numbers), "worker": os.getpid()}

    @app.get("/")
    @guard()
    async def home(session: Session) -> HTMLResponse:
        errors = action_errors(order)
        references = {
            "order": action_ref(order),
            "remove": action_ref(remove, owner=session.user.id),
            "total": action_ref(total),
        }
        shown = {name: escape(errors.values.get(name, "")) for name in ("name", "count", "password")}
        told = {f"{name}_error": escape(errors.fields.get(name, "")) for name in ("name", "count")}
        return HTMLResponse(PAGE.format(**references, **shown, **told))

    @app.get("/references")
    async def give(session: Annotated[Session, Depends(guard())]) -> dict[str, str | int]:
        return {"total": action_ref(total), "worker": os.getpid(), "user": session.user.id}

    return app
