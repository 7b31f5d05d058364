import json
from pathlib import Path

SHOP = """
from fastapi import FastAPI

from watchword import Auth, guard
from watchword.web.fastapi import protect

auth = Auth()
app = FastAPI(openapi_url=None)
protect(app, auth)


@app.get("/orders")
@guard()
def orders() -> None: ...


@auth.action(guard(role="admin"))
def set_price(price: int) -> None: ...
"""


def test_the_routes_of_an_app_are_listed_with_its_actions_and_where_each_is(watchword, tmp_path: Path):
    (tmp_path / "shop_of_routes.py").write_text(SHOP)
    orders, action = json.loads(watchword("routes", "shop_of_routes:app", "--json").out)
    assert orders == {
        "method": "GET",
        "path": "/orders",
        "guard": "signed in",
        "where": "shop_of_routes.py:12",
        "handler": "shop_of_routes.orders",
    }
    assert action == {
        "method": "ACTION",
        "path": "/auth/actions/{reference}",
        "guard": "role admin",
        "where": "shop_of_routes.py:17",
        "handler": "shop_of_routes.set_price",
    }
