"""A Flask app, asked in this process as a browser asks: with cookies kept, and an Origin."""

from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.site import EMAIL, ORIGIN, PASSWORD


class Browser(FlaskClient):
    """One browser of one app. Redirects are not followed."""

    def open(self, *given: Any, **options: Any) -> TestResponse:
        headers = {"origin": ORIGIN, **options.pop("headers", {})}
        return super().open(*given, base_url=ORIGIN, headers=headers, **options)


def browser(app: Flask) -> FlaskClient:
    """Return a new browser of the app."""
    return Browser(app, app.response_class)


def sign_in(client: FlaskClient) -> str:
    """Sign Ada in; return her id."""
    body = {"identifier": EMAIL, "password": PASSWORD}
    answer = client.post("/auth/sign-in/password", json=body)
    assert answer.status_code == 200
    told: Any = answer.json
    return told["session"]["user"]["id"]
