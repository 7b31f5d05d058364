"""Chapter 11: passkeys, against a device that lies. The vectors of the standard are bent in tests/methods/passkey."""

from typing import Any

import pytest

from tests.support.authenticator import BE, BS, UP, UV, Authenticator, add_passkey, b64, show_passkey, sign_in
from tests.support.factors import begin, session_of
from tests.support.site import Site, Visitor


def owner(site: Site, email: str = "ada@example.org", **device: Any) -> tuple[Visitor, Authenticator]:
    visitor, made = site.visitor(), Authenticator(**device)
    assert visitor.sign_up(email).status == 200
    add_passkey(visitor, made)
    return visitor, made


def answered(visitor: Visitor, device: Authenticator, path: str = "/auth/sign-in/passkey") -> dict[str, Any]:
    asked = visitor.post(f"{path}/options").json
    return {"attempt": asked["attempt"], "credential": device.get(asked["public_key"])}


def test_a079_the_options_tell_of_no_account(sqlite_site: Site):
    """They are the same for everybody: no passkey is listed, and no name is taken."""
    owner(sqlite_site)
    visitor = sqlite_site.visitor()
    asked = visitor.post("/auth/sign-in/passkey/options").json
    assert asked["public_key"]["allowCredentials"] == []
    assert visitor.post("/auth/sign-in/passkey/options", {"identifier": "ada@example.org"}).status == 422


LIES: dict[str, dict[str, Any]] = {
    "another origin": {"origin": "https://evil.example"},
    "another relying party": {"rp_id": "evil.example"},
    "another type": {"client_data": {"type": "webauthn.create"}},
    "another challenge": {"client_data": {"challenge": b64(bytes(32))}},
    "nobody present": {"flags": UV},
    "user not verified": {"flags": UP},
    "backed up without eligibility": {"flags": UP | UV | BS},
    "eligible all at once": {"flags": UP | UV | BE},
    "in a frame": {"client_data": {"crossOrigin": True}},
    "in a frame of another page": {"client_data": {"crossOrigin": True, "topOrigin": "https://evil.example"}},
}


@pytest.mark.parametrize("lie", LIES)
def test_a143_a144_a145_a_lie_signs_nobody_in(sqlite_site: Site, lie: str):
    """Each is signed by the right key, and refused all the same."""
    _, device = owner(sqlite_site)
    visitor = sqlite_site.visitor()
    assert sign_in(visitor, device.lying(**LIES[lie])).code == "passkey_invalid"
    assert session_of(visitor) is None
    assert sign_in(visitor, device).status == 200


@pytest.mark.parametrize("lie", [lie for lie in LIES if lie != "eligible all at once"])
def test_a143_a144_a145_a_lie_adds_no_passkey(sqlite_site: Site, lie: str):
    """The same at the registration."""
    visitor = sqlite_site.visitor()
    visitor.sign_up()
    asked = visitor.post("/auth/passkeys/options").json
    changes = {**LIES[lie]}
    if lie == "another type":
        changes = {"client_data": {"type": "webauthn.get"}}
    made = Authenticator().lying(**changes).create(asked["public_key"])
    refused = visitor.post("/auth/passkeys", {"attempt": asked["attempt"], "credential": made})
    assert refused.code == "passkey_invalid"
    assert sqlite_site.count("passkeys") == 0


def test_a143_a_challenge_is_used_once_whatever_comes(sqlite_site: Site):
    """A wrong answer uses it up as well as a right one."""
    _, device = owner(sqlite_site)
    visitor = sqlite_site.visitor()
    asked = visitor.post("/auth/sign-in/passkey/options").json
    wrong = {"attempt": asked["attempt"], "credential": device.lying(flags=UP).get(asked["public_key"])}
    right = {"attempt": asked["attempt"], "credential": device.get(asked["public_key"])}
    assert visitor.post("/auth/sign-in/passkey", wrong).code == "passkey_invalid"
    assert visitor.post("/auth/sign-in/passkey", right).code == "attempt_expired"
    body = answered(visitor, device)
    assert visitor.post("/auth/sign-in/passkey", body).status == 200
    assert visitor.post("/auth/sign-in/passkey", body).code == "attempt_expired"


def test_a143_a_challenge_is_the_browsers_own(sqlite_site: Site):
    """An answer that was taken from one browser is worth nothing in another."""
    _, device = owner(sqlite_site)
    victim, thief = sqlite_site.visitor(), sqlite_site.visitor()
    body = answered(victim, device)
    thief.post("/auth/sign-in/passkey/options")
    assert thief.post("/auth/sign-in/passkey", body).code == "attempt_expired"
    assert session_of(thief) is None


def test_a143_another_users_passkey_is_no_second_factor(sqlite_site: Site):
    """CB-240: it must be of whoever gave the password."""
    _, device = owner(sqlite_site)
    _, other = owner(sqlite_site, "eva@example.org")
    visitor = sqlite_site.visitor()
    attempt = begin(visitor)["attempt"]
    asked = visitor.post("/auth/attempt/passkey/options", {"attempt": attempt}).json
    assert [one["id"] for one in asked["public_key"]["allowCredentials"]] == [b64(device.credentials[0].id)]
    answer = other.get(asked["public_key"] | {"allowCredentials": []})
    body = {"attempt": asked["attempt"], "credential": answer}
    assert visitor.post("/auth/attempt/passkey", body).code == "second_factor_invalid"
    assert session_of(visitor) is None
    assert show_passkey(visitor, attempt, device).status == 200


def test_a143_another_users_handle_is_refused(sqlite_site: Site):
    """The handle that the authenticator names must be the account's."""
    _, device = owner(sqlite_site)
    _, other = owner(sqlite_site, "eva@example.org")
    visitor = sqlite_site.visitor()
    body = answered(visitor, device)
    body["credential"]["response"]["userHandle"] = b64(other.credentials[0].user_handle)
    assert visitor.post("/auth/sign-in/passkey", body).code == "passkey_unknown"


def test_a144_the_client_chooses_no_weaker_policy(sqlite_site: Site):
    """A key that was made without verification signs nobody in, and the kind is the server's to remember."""
    visitor, key = sqlite_site.visitor(), Authenticator(flags=UP)
    visitor.sign_up()
    asked = visitor.post("/auth/passkeys/options").json
    body = {"attempt": asked["attempt"], "credential": key.create(asked["public_key"]), "kind": "security_key"}
    assert visitor.post("/auth/passkeys", body).status == 422
    del body["kind"]
    assert visitor.post("/auth/passkeys", body).code == "passkey_invalid"
    add_passkey(visitor, key, "security_key")
    assert sign_in(sqlite_site.visitor(), key.lying(flags=UP | UV)).code == "passkey_invalid"


def test_a146_a_count_that_does_not_rise_is_refused_and_marked(sqlite_site: Site):
    """The kept count stays, so that the right device goes on."""
    visitor, device = owner(sqlite_site)
    assert sign_in(sqlite_site.visitor(), device).status == 200
    assert sign_in(sqlite_site.visitor(), device).status == 200
    device.credentials[0].count = 1
    copy = device.lying(counts=False)
    assert sign_in(sqlite_site.visitor(), copy).code == "passkey_invalid"
    assert visitor.get("/auth/passkeys").json["passkeys"][0]["suspicious"]
    device.credentials[0].count = 2
    assert sign_in(sqlite_site.visitor(), device).status == 200


def test_a146_nobody_casts_suspicion_without_the_key(sqlite_site: Site):
    """A low count under a wrong signature marks nothing."""
    visitor, device = owner(sqlite_site)
    sign_in(sqlite_site.visitor(), device)
    other = sqlite_site.visitor()
    device.credentials[0].count = 0
    body = answered(other, device.lying(counts=False))
    body["credential"]["response"]["signature"] = b64(b"no signature")
    assert other.post("/auth/sign-in/passkey", body).code == "passkey_invalid"
    assert not visitor.get("/auth/passkeys").json["passkeys"][0]["suspicious"]


def test_a147_a_credential_that_somebody_has_is_taken_from_nobody(sqlite_site: Site):
    """Its id leads to one account for good."""
    _, device = owner(sqlite_site)
    thief = sqlite_site.visitor("192.0.2.9")
    thief.sign_up("eva@example.org")
    asked = thief.post("/auth/passkeys/options").json
    copy = Authenticator()
    made = copy.create(asked["public_key"])
    import cbor2

    from tests.support.authenticator import unb64

    parts = cbor2.loads(unb64(made["response"]["attestationObject"]))
    mine, theirs = copy.credentials[0].id, device.credentials[0].id
    parts["authData"] = parts["authData"].replace(mine, theirs)
    made |= {"id": b64(theirs), "rawId": b64(theirs)}
    made["response"]["attestationObject"] = b64(cbor2.dumps(parts))
    assert thief.post("/auth/passkeys", {"attempt": asked["attempt"], "credential": made}).code == "passkey_invalid"
    visitor = sqlite_site.visitor()
    sign_in(visitor, device)
    assert visitor.user["email"] == "ada@example.org"
