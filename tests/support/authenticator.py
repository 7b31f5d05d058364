"""An authenticator in software: makes and uses passkeys as WebAuthn Level 3 says, and lies where a test wants it to."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field, replace
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from tests.support.site import ORIGIN, Visitor

UP, UV, BE, BS, AT = 1, 4, 8, 16, 64


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Credential:
    """One passkey on it."""

    id: bytes
    key: ec.EllipticCurvePrivateKey
    user_handle: bytes
    count: int = 0


@dataclass
class Authenticator:
    """A device.

    Attributes:
        flags: what it says of each act, beside that a credential is attested.
        counts: whether its counter rises.
        origin, rp_id: what the browser says where the page is; `None` for what the options say.
        client_data: members of the client data that a test writes.
    """

    flags: int = UP | UV
    counts: bool = True
    origin: str = ORIGIN
    rp_id: str | None = None
    client_data: dict[str, Any] = field(default_factory=dict[str, Any])
    credentials: list[Credential] = field(default_factory=list[Credential])

    def lying(self, **changes: Any) -> "Authenticator":
        """The same device, with the same passkeys, and something else in what it says."""
        return replace(self, **changes)

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """Make a passkey: what `navigator.credentials.create()` gives, as JSON."""
        made = Credential(
            secrets.token_bytes(32), ec.generate_private_key(ec.SECP256R1()), unb64(options["user"]["id"])
        )
        self.credentials.append(made)
        numbers = made.key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        attested = bytes(16) + len(made.id).to_bytes(2, "big") + made.id + cose
        data = self._data(options["rp"]["id"], made, AT) + attested
        return self._answer(
            made,
            clientDataJSON=b64(self._client_data("webauthn.create", options)),
            attestationObject=b64(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
            transports=["internal", "hybrid"],
        )

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """Use a passkey, the newest that is allowed: what `navigator.credentials.get()` gives, as JSON."""
        allowed = {unb64(one["id"]) for one in options["allowCredentials"]}
        used = next(one for one in reversed(self.credentials) if not allowed or one.id in allowed)
        used.count += self.counts
        data = self._data(options["rpId"], used, 0)
        client_data = self._client_data("webauthn.get", options)
        signature = used.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256()))
        return self._answer(
            used,
            clientDataJSON=b64(client_data),
            authenticatorData=b64(data),
            signature=b64(signature),
            userHandle=b64(used.user_handle),
        )

    def _data(self, rp_id: str, used: Credential, more: int) -> bytes:
        hashed = hashlib.sha256((self.rp_id or rp_id).encode()).digest()
        return hashed + bytes([self.flags | more]) + used.count.to_bytes(4, "big")

    def _client_data(self, kind: str, options: dict[str, Any]) -> bytes:
        said = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(said | self.client_data).encode()

    def _answer(self, used: Credential, **response: Any) -> dict[str, Any]:
        return {
            "id": b64(used.id),
            "rawId": b64(used.id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        }


def add_passkey(visitor: Visitor, device: Authenticator, kind: str = "passkey", name: str = "Phone") -> dict[str, Any]:
    """Add a passkey to the account of whoever is signed in."""
    asked = visitor.post("/auth/passkeys/options", {"kind": kind})
    assert asked.status == 200, asked.text
    body = {"attempt": asked.json["attempt"], "credential": device.create(asked.json["public_key"]), "name": name}
    added = visitor.post("/auth/passkeys", body)
    assert added.status == 200, added.text
    return added.json


def sign_in(visitor: Visitor, device: Authenticator) -> Any:
    """Sign in with a passkey of this device."""
    asked = visitor.post("/auth/sign-in/passkey/options").json
    body = {"attempt": asked["attempt"], "credential": device.get(asked["public_key"])}
    return visitor.post("/auth/sign-in/passkey", body)


def show_passkey(visitor: Visitor, attempt: str, device: Authenticator) -> Any:
    """Carry an attempt on with a passkey of this device."""
    asked = visitor.post("/auth/attempt/passkey/options", {"attempt": attempt})
    if asked.status != 200:
        return asked
    body = {"attempt": asked.json["attempt"], "credential": device.get(asked.json["public_key"])}
    return visitor.post("/auth/attempt/passkey", body)
