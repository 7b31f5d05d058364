"""The FastAPI example with two sign-ins by one real provider: by an address, and by a form."""

import os
import ssl

import msgspec
from fastapi import FastAPI

from examples.fastapi.app import create
from watchword import Auth, OAuth
from watchword.auth import INSTALLED
from watchword.methods.oauth.preset import preset_of
from watchword.outgoing.fetch import Network


def make() -> FastAPI:
    """Return the app; what it needs to know is in the environment."""
    context = ssl.create_default_context(cafile=os.environ["PROVIDER_CERTIFICATE"])
    network = Network(context=context, is_callable=lambda _: True)
    posting = msgspec.structs.replace(preset_of("oidc"), response_mode="form_post")
    common = {
        "issuer": os.environ["PROVIDER_ISSUER"],
        "client_id": "client_secret_basic",
        "client_secret": os.environ["PROVIDER_CLIENT_SECRET"],
        "network": network,
    }
    services = [
        OAuth("oidc", name="idp", title="Acme", **common),  # type: ignore[arg-type]
        OAuth(posting, name="posting", title="Posting", **common),  # type: ignore[arg-type]
    ]
    return create(Auth(store=os.environ["APP_STORE"], methods=[*INSTALLED, *services]))
