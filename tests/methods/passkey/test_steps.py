"""Passkeys, from the first to the last."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.authenticator import BE, BS, UP, UV, Authenticator, add_passkey, b64, show_passkey, sign_in
from tests.support.factors import App, begin, enrol, member, session_of, show
from tests.support.site import EMAIL, PASSWORD, Site, Visitor, make_site
from watchword import ConfigurationError, Passkey, SecondFactor
from watchword.foundation.clock import MINUTE, ManualClock


def owner(site: Site) -> tuple[Visitor, Authenticator]:
    """Somebody with a password and a passkey, signed in."""
    visitor, device = site.visitor(), Authenticator()
    assert visitor.sign_up().status == 200
    add_passkey(visitor, device)
    return visitor, device


def test_a_person_adds_a_passkey_and_signs_in_with_it_alone(site: Site):
    """It verifies its user, so it is aal2 by itself."""
    visitor, device = owner(site)
    assert "new passkey" in site.mail_to(EMAIL).text
    other = site.visitor("192.0.2.5")
    answer = sign_in(other, device)
    assert (answer.status, answer.json["status"]) == (200, "complete"), answer.text
    assert (session_of(other)["factors"], session_of(other)["assurance"]) == (["passkey"], "aal2")
    listed = visitor.get("/auth/passkeys").json
    assert [(one["name"], one["suspicious"], one["verifies_user"]) for one in listed["passkeys"]] == [
        ("Phone", False, True)
    ]
    assert listed["passkeys"][0]["last_used_at"]
    assert listed["signal"] == {
        "rpId": "localhost",
        "userId": b64(device.credentials[0].user_handle),
        "allAcceptedCredentialIds": [b64(device.credentials[0].id)],
    }


def test_an_account_is_made_with_a_passkey_and_no_password(site: Site):
    """The address is proven as for everybody, then the passkey is the way in."""
    visitor, device = site.visitor(), Authenticator()
    asked = visitor.post("/auth/sign-up/passkey/options", {"email": EMAIL, "name": "Ada"}).json
    made = device.create(asked["public_key"])
    pending = visitor.post("/auth/sign-up/passkey", {"attempt": asked["attempt"], "credential": made})
    assert (pending.status, pending.json["next"][0]["method"]) == (202, "email_code")
    assert site.count("users") == 0
    done = visitor.post("/auth/attempt/email_code", {"attempt": pending.json["attempt"], "code": site.code_for(EMAIL)})
    assert done.json["session"]["factors"] == ["passkey", "email"]
    assert visitor.sign_in().status == 401
    assert sign_in(site.visitor(), device).status == 200
    passkey = visitor.get("/auth/passkeys").json["passkeys"][0]["id"]
    assert visitor.delete(f"/auth/passkeys/{passkey}").code == "last_way_in"
    # No password is asked for where there is none: the fresh passkey is enough.
    assert visitor.post("/auth/password/change", {"new": PASSWORD}).status == 200
    assert visitor.delete(f"/auth/passkeys/{passkey}").status == 200
    assert site.visitor().sign_in().status == 200


def test_a_taken_address_gets_the_same_answers(sqlite_site: Site):
    """Only the mail differs (A77)."""
    sqlite_site.visitor().sign_up()
    visitor, device = sqlite_site.visitor(), Authenticator()
    asked = visitor.post("/auth/sign-up/passkey/options", {"email": EMAIL}).json
    made = device.create(asked["public_key"])
    pending = visitor.post("/auth/sign-up/passkey", {"attempt": asked["attempt"], "credential": made})
    assert (pending.status, pending.json["next"][0]["method"]) == (202, "email_code")
    assert "already have an account" in sqlite_site.mail_to(EMAIL).text


def test_whoever_has_a_passkey_is_asked_for_it_beside_the_password(site: Site):
    """A passkey is a second factor for a password, and with its own verification it is more."""
    _, device = owner(site)
    visitor = site.visitor()
    pending = begin(visitor)
    assert [step["method"] for step in pending["next"]] == ["passkey"]
    assert show_passkey(visitor, pending["attempt"], device).status == 200
    assert session_of(visitor)["factors"] == ["password", "passkey"]


def test_a_security_key_is_a_second_factor_alone(site: Site):
    """It does not verify its user, so it is nothing without the password, and aal2 with it."""
    visitor, key = site.visitor(), Authenticator(flags=UP)
    visitor.sign_up()
    add_passkey(visitor, key, "security_key")
    assert session_of(visitor)["factors"] == ["password", "email", "security_key"]
    refused = sign_in(site.visitor(), key)
    assert refused.code == "passkey_invalid"
    assert sign_in(site.visitor(), key.lying(flags=UP | UV)).code == "passkey_invalid"
    other = site.visitor()
    assert show_passkey(other, begin(other)["attempt"], key).status == 200
    assert (session_of(other)["factors"], session_of(other)["assurance"]) == (["password", "security_key"], "aal2")


def test_two_things_that_are_held_are_one_kind(sqlite_site: Site):
    """An app and a security key add up to nothing: no session of aal2 comes of them (A93)."""
    from watchword.sessions.assurance import assurance_of, has_second_factor

    assert assurance_of(["totp", "security_key"]) == "aal1"
    assert assurance_of(["totp", "recovery_code"]) == "aal1"
    assert not has_second_factor(["totp", "security_key", "totp"])
    assert assurance_of(["password", "email"]) == "aal1"
    assert not has_second_factor(["password", "email"])
    assert assurance_of(["password", "totp"]) == "aal2"
    assert assurance_of(["passkey"]) == "aal2"


def test_several_passkeys_have_names_and_are_removed_one_by_one(sqlite_site: Site):
    """Removing asks for a fresh proof and is told by mail."""
    visitor, device = owner(sqlite_site)
    key = Authenticator()
    add_passkey(visitor, key, name="  Blue\u00a0key ")
    rows = visitor.get("/auth/passkeys").json["passkeys"]
    assert [row["name"] for row in rows] == ["Phone", "Blue key"]
    assert visitor.send("PATCH", f"/auth/passkeys/{rows[1]['id']}", body={"name": "Red key"}).status == 200
    sqlite_site.clock.advance(11 * MINUTE)
    assert visitor.delete(f"/auth/passkeys/{rows[0]['id']}").code == "insufficient_user_authentication"
    assert show_passkey(visitor, visitor.post("/auth/step-up").json["attempt"], key).status == 200
    assert visitor.delete(f"/auth/passkeys/{rows[0]['id']}").status == 200
    assert "Phone" in sqlite_site.mail_to(EMAIL).text
    assert sign_in(sqlite_site.visitor(), device).code == "passkey_unknown"
    assert sign_in(sqlite_site.visitor(), key).status == 200
    stranger = sqlite_site.visitor("192.0.2.3")
    stranger.sign_up("eva@example.org")
    assert stranger.delete(f"/auth/passkeys/{rows[1]['id']}").status == 404
    assert stranger.send("PATCH", f"/auth/passkeys/{rows[1]['id']}", body={"name": "mine"}).status == 404


def test_options_exclude_what_the_account_has_and_keep_its_handle(sqlite_site: Site):
    """A device shows one account, and makes no second passkey for it (CB-224)."""
    visitor, device = owner(sqlite_site)
    options = visitor.post("/auth/passkeys/options").json["public_key"]
    assert [one["id"] for one in options["excludeCredentials"]] == [b64(device.credentials[0].id)]
    assert options["user"]["id"] == b64(device.credentials[0].user_handle)
    assert options["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    assert options["attestation"] == "none"
    assert options["pubKeyCredParams"][0] == {"type": "public-key", "alg": -7}


def test_a_synchronised_passkey_need_not_count(sqlite_site: Site):
    """A count that stays at zero is no sign of anything (section 6.1.1)."""
    visitor, device = sqlite_site.visitor(), Authenticator(flags=UP | UV | BE | BS, counts=False)
    visitor.sign_up()
    add_passkey(visitor, device)
    assert [sign_in(sqlite_site.visitor(), device).status for _ in range(3)] == [200] * 3
    assert sign_in(sqlite_site.visitor(), device.lying(flags=UP | UV | BE)).status == 200
    assert not visitor.get("/auth/passkeys").json["passkeys"][0]["synchronised"]


def test_of_20_threads_with_one_answer_one_gets_a_session(site: Site):
    """The challenge is used up atomically."""
    _, device = owner(site)
    visitor = site.visitor()
    asked = visitor.post("/auth/sign-in/passkey/options").json
    body = {"attempt": asked["attempt"], "credential": device.get(asked["public_key"])}
    before = site.count("sessions")
    others = [Visitor(site, cookies=dict(visitor.cookies)) for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda one: one.post("/auth/sign-in/passkey", body), others))
    assert sorted(answer.status for answer in answers) == [200] + [410] * 19
    assert site.count("sessions") == before + 1


def test_where_it_is_required_a_passkey_is_made_at_sign_in(sqlite_url: str, clock: ManualClock):
    """The pending answer offers the ways to set a second factor up."""
    site = make_site(sqlite_url, clock, second_factor=SecondFactor(mode="required"), methods=[Passkey()])
    visitor, device = site.visitor(), Authenticator()
    pending = visitor.sign_up().json
    assert [step["method"] for step in pending["next"]] == ["passkey/enrol"]
    asked = visitor.post("/auth/attempt/passkey/enrol", {"attempt": pending["attempt"]}).json
    body = {"attempt": asked["attempt"], "credential": device.create(asked["public_key"])}
    done = visitor.post("/auth/passkeys", body)
    assert (done.status, done.json["session"]["assurance"]) == (200, "aal2")
    passkey = visitor.get("/auth/passkeys").json["passkeys"][0]
    assert passkey["name"] == "Passkey"
    assert visitor.delete(f"/auth/passkeys/{passkey['id']}").code == "second_factor_required"
    again = site.visitor().sign_in().json
    assert [step["method"] for step in again["next"]] == ["passkey"]
    site.auth.stop()


def test_an_app_and_a_passkey_are_both_offered(sqlite_site: Site):
    """Either carries the attempt on."""
    visitor, app = member(sqlite_site)
    device = Authenticator()
    add_passkey(visitor, device)
    other = sqlite_site.visitor()
    pending = begin(other)
    assert [step["method"] for step in pending["next"]] == ["passkey", "totp"]
    assert show(other, pending["attempt"], app.wait()).status == 200


def test_the_document_of_related_origins_names_them_all(sqlite_url: str, clock: ManualClock):
    """WebAuthn Level 3, section 5.11; a passkey made on one of them counts."""
    related = "https://example.de"
    site = make_site(sqlite_url, clock, base_url="https://example.org", methods=[Passkey(related_origins=(related,))])
    from tests.support import site as support

    visitor = site.visitor()
    answer = visitor.send("GET", "/auth/passkeys/related-origins", headers={"host": "example.org"})
    assert answer.json == {"origins": ["https://example.org", related]}
    assert support.ORIGIN
    site.auth.stop()


@pytest.mark.parametrize("origin", ["example.de", "https://example.de/", "https://*.example.de"])
def test_an_origin_that_is_none_stops_the_start(sqlite_url: str, clock: ManualClock, origin: str):
    """Origins are compared exactly, so each must be one."""
    with pytest.raises(ConfigurationError, match="is none"):
        make_site(sqlite_url, clock, methods=[Passkey(related_origins=(origin,))])


def test_an_enrolled_app_still_needs_a_fresh_proof_for_a_passkey(sqlite_site: Site):
    """Each further factor asks for one that is there."""
    visitor = sqlite_site.visitor()
    visitor.sign_up()
    early = sqlite_site.visitor()
    early.sign_in()
    app: App = enrol(visitor)
    assert early.post("/auth/passkeys/options").json["acr_values"] == "aal2"
    assert app.secret
