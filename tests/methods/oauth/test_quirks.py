"""What services do differently, against a service that does it: secrets that are signed, tenants, other names and forms."""

from typing import Any

import msgspec

from tests.support.forged import CLIENT_SECRET, Forged, callback, sign_in
from tests.support.provider import begin, come_back, make_oauth_site, query_of
from tests.support.site import EMAIL, Site
from watchword import OAuth
from watchword.methods.oauth.preset import preset_of
from watchword.tokens import jwt
from watchword.tokens.key import Key

TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"


def plain(forged: Forged, **changes: Any) -> OAuth:
    """A preset that comes along, at the addresses of the test's service."""
    name = changes.pop("preset")
    known = preset_of(name)
    moved = msgspec.structs.replace(
        known,
        authorization=f"{forged.issuer}/authorize{'#' + known.authorization.partition('#')[2] if '#' in known.authorization else ''}",
        token=f"{forged.issuer}/token",
        profile=f"{forged.issuer}/profile" if known.profile else "",
    )
    return OAuth(moved, name="quirky", client_id="me", client_secret=CLIENT_SECRET, network=forged.network)


def fields_at(forged: Forged, path: str) -> tuple[str, dict[str, str]]:
    return next((method, fields) for method, asked, fields in forged.asked if asked == path)


def test_apples_secret_is_signed_for_each_call(sqlite_url: str, forged: Forged):
    """By this site's key, in its team's name, for Apple (Sign in with Apple REST API)."""
    key = Key.generate("ES256")
    preset = msgspec.structs.replace(preset_of("apple"), issuer="", needs_issuer=True, response_mode="query")
    declared = forged.declare(
        preset=preset,
        client_secret=None,
        private_key=key.to_pem(private=True).decode(),
        key_id="KEY1",
        team_id="TEAM1",
    )
    site = make_oauth_site(sqlite_url, declared)
    visitor = site.visitor()
    assert sign_in(visitor, forged, claims={"email_verified": "true"}).status == 303
    _, fields = fields_at(forged, "/token")
    verified = jwt.verify(
        fields["client_secret"],
        Key.from_pem(key.to_pem(), kid="KEY1"),
        algorithms=("ES256",),
        now=site.clock.now(),
        issuer="TEAM1",
        audience="https://appleid.apple.com",
    )
    assert (verified.claims["sub"], verified.header["kid"], fields["client_id"]) == ("me", "KEY1", "me")
    site.auth.stop()


def test_where_a_service_signs_with_the_secret_no_published_key_counts(sqlite_url: str, forged: Forged):
    """As LINE's web sign-in does."""
    preset = msgspec.structs.replace(preset_of("oidc"), algorithms=("HS256",))
    site = make_oauth_site(sqlite_url, forged.declare(preset=preset))
    visitor = site.visitor()
    assert sign_in(visitor, forged).status == 400
    sent = query_of(begin(visitor, "forged"))
    signed = jwt.sign(forged.claims(sent["nonce"]), Key.from_secret(CLIENT_SECRET.encode()), "HS256")
    forged.token = lambda: {"access_token": "t", "id_token": signed}
    assert come_back(visitor, callback(forged, sent)).status == 303
    assert visitor.user["email"] == EMAIL
    site.auth.stop()


def test_a066_a067_each_tenant_of_a_service_is_an_issuer_of_its_own(sqlite_url: str, forged: Forged):
    """One subject in two tenants is two people; a tenant that the issuer does not name is refused."""
    template = f"{forged.issuer}/{{tenantid}}/v2.0"
    known = {
        "issuer": template,
        "authorization_endpoint": f"{forged.issuer}/authorize",
        "token_endpoint": f"{forged.issuer}/token",
        "jwks_uri": f"{forged.issuer}/keys",
    }
    forged.answers["/common/v2.0/.well-known/openid-configuration"] = (200, known)
    preset = msgspec.structs.replace(preset_of("microsoft"), issuer=template, trust_email="claim")
    site = make_oauth_site(sqlite_url, forged.declare(preset=preset, issuer=None))
    people: set[str] = set()
    for number, tenant in enumerate((TENANT, TENANT.replace("9", "8"))):
        visitor = site.visitor()
        issuer = template.replace("{tenantid}", tenant)
        claims = {"iss": issuer, "tid": tenant, "email": f"{number}@example.org"}
        assert sign_in(visitor, forged, claims=claims, iss=issuer).status == 303
        people.add(visitor.user["id"])
    assert len(people) == 2
    named = template.replace("{tenantid}", TENANT)
    for lie in (
        {"iss": named, "tid": TENANT.replace("9", "7")},
        {"iss": named},
        {"iss": template, "tid": "{tenantid}"},
    ):
        assert sign_in(site.visitor(), forged, claims=lie, iss=...).status == 400
    site.auth.stop()


def test_what_services_call_otherwise_is_called_otherwise(sqlite_url: str, forged: Forged):
    """WeChat's `appid`, `secret` and GET; TikTok's `client_key`; Notion's JSON and its person in the token answer."""
    told: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "wechat": ({"openid": "o1"}, {"unionid": "u1", "nickname": "We"}),
        "tiktok": ({}, {"data": {"user": {"open_id": "t1", "display_name": "Tik"}}}),
        "notion": ({"owner": {"user": {"id": "n1", "person": {"email": EMAIL}}}}, {}),
        "linear": ({}, {"data": {"viewer": {"id": "l1", "email": EMAIL}}}),
    }
    seen: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {}
    for name, (token, profile) in told.items():
        forged.asked.clear()
        forged.answers["/profile"] = (200, profile)
        site = make_oauth_site(sqlite_url, plain(forged, preset=name))
        visitor = site.visitor()
        url = begin(visitor, "quirky")
        assert url.endswith("#wechat_redirect") == (name == "wechat")
        sent = query_of(url)
        forged.token = lambda token=token: {"access_token": "an-access-token", **token}
        assert come_back(visitor, callback(forged, sent, iss=...)).status == 303
        method, fields = fields_at(forged, "/token")
        seen[name] = method, sent, fields
        assert all(wanted in fields for wanted in ("code", "code_verifier", "redirect_uri"))
        site.auth.stop()
    assert seen["wechat"][0] == "GET"
    assert (seen["wechat"][1]["appid"], seen["wechat"][2]["secret"]) == ("me", CLIENT_SECRET)
    assert seen["tiktok"][1]["client_key"] == seen["tiktok"][2]["client_key"] == "me"
    assert "client_secret" not in seen["notion"][2]


def test_a_service_of_ones_own_signs_in_by_its_preset(forged_site: Site, forged: Forged):
    """Without ID tokens: who it is, the profile says, asked with the token."""
    forged.answers["/profile"] = (200, {"id": 17, "email": EMAIL, "name": "Ada"})
    visitor = forged_site.visitor()
    landed = sign_in(visitor, forged, "plain")
    assert (landed.response.header("location") or "").startswith("/auth/confirm?")
