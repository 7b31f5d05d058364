"""Signatures of webhooks, against the libraries of those who make and read them."""

import base64
import json
import time

import pytest
from workos.webhooks._verification import verify_header

from tests.support.node import Node, NodeError
from watchword.foundation.clock import SECOND
from watchword.tokens.webhook import check_workos, standard_secret, standard_signature

WHSEC = f"whsec_{base64.b64encode(b'a signing key of 32 bytes or more').decode()}"
SECRET = "a-shared-secret-of-32-characters"
BODY = json.dumps({"type": "user.deleted", "data": {"id": "user_1", "deleted": True, "object": "user"}})


def test_clerk_s_own_library_takes_what_is_signed_here(node: Node):
    """@clerk/backend checks Standard Webhooks; what it takes is what we expect of a call."""
    now = int(time.time())
    headers = {
        "svix-id": "msg_1",
        "svix-timestamp": str(now),
        "svix-signature": standard_signature(standard_secret(WHSEC), "msg_1", now, BODY.encode()),
    }
    assert node("clerk_calls", "verifyWebhookCall", headers, BODY, WHSEC)["data"]["id"] == "user_1"
    with pytest.raises(NodeError):
        node("clerk_calls", "verifyWebhookCall", headers, BODY + " ", WHSEC)


def test_what_workos_s_own_library_signs_is_taken(node: Node):
    """@workos-inc/node makes the signature; its Python library takes it too."""
    now = int(time.time() * SECOND)
    payload = json.loads(BODY)
    body = json.dumps(payload, separators=(",", ":")).encode()
    signature = node("workos_calls", "signWebhook", now, payload, SECRET)
    header = f"t={now}, v1={signature}"
    verify_header(event_body=body, event_signature=header, secret=SECRET)
    assert check_workos(SECRET, {"workos-signature": header}.get, body, now) == now


@pytest.mark.parametrize("prefix", ["", "v1,", "v1,whsec_", "whsec_"])
def test_a_secret_is_read_as_its_makers_write_it(prefix: str):
    """Svix writes `whsec_`, Supabase `v1,whsec_`."""
    assert standard_secret(prefix + WHSEC.removeprefix("whsec_")) == b"a signing key of 32 bytes or more"
