"""The presets of other services: their form, and that none trusts an address that anyone could have typed in."""

import msgspec
import pytest

from watchword import Auth, ConfigurationError, OAuth, OAuthPreset
from watchword.methods.oauth.preset import NAME, preset_of, presets
from watchword.methods.oauth.profile import NoSubjectError, read_profile

ASKED_FOR = [
    "google",
    "apple",
    "microsoft",
    "github",
    "gitlab",
    "bitbucket",
    "facebook",
    "x",
    "linkedin",
    "discord",
    "slack",
    "spotify",
    "twitch",
    "notion",
    "atlassian",
    "salesforce",
    "dropbox",
    "zoom",
    "tiktok",
    "reddit",
    "line",
    "kakao",
    "naver",
    "yandex",
    "vk",
    "wechat",
    "box",
    "hubspot",
    "linear",
    "figma",
    "vercel",
    "xero",
    "intuit",
    "coinbase",
    "roblox",
    "paypal",
    "okta",
    "auth0",
    "keycloak",
    "oidc",
]
MANY_TENANTS = ("microsoft", "slack", "notion", "atlassian", "salesforce", "zoom", "hubspot", "linear", "figma")


def test_the_services_that_people_expect_are_known():
    """At least forty, each under a name that stands in addresses."""
    assert set(ASKED_FOR) <= set(presets())
    assert len(presets()) >= 40
    assert [name for name in presets() if not NAME.match(name)] == []


@pytest.mark.parametrize("name", presets())
def test_each_preset_can_work_as_it_is_written(name: str):
    """All that a sign-in needs is there; what has the same name as another service's address is its own."""
    preset = preset_of(name)
    assert preset.flaw() is None
    assert preset.needs_issuer or preset.compared_with or name == "xero"


def test_no_two_services_share_what_stands_for_their_issuer():
    """Two with the same would take each other's subjects for their own."""
    issuers = [
        preset.issuer or preset.profile or preset.token for preset in presets().values() if not preset.needs_issuer
    ]
    assert len(issuers) == len(set(issuers))


@pytest.mark.parametrize("name", MANY_TENANTS)
def test_a066_the_address_of_a_service_of_many_tenants_proves_nothing(name: str):
    """Whoever has a tenant of their own writes what they like into it ("nOAuth")."""
    preset = preset_of(name)
    assert preset.trust_email == "never"
    given = preset.subject.split(".")
    claims: dict[str, object] = {"email": "ada@example.org", "email_verified": True}
    inner: object = "subject-1"
    for part in reversed(given[1:]):
        inner = {part: inner}
    claims[given[0]] = inner
    assert not read_profile(preset, "https://issuer.example", claims).is_proven


SAMPLES: dict[str, tuple[dict[str, object], object, tuple[str, str, bool, str]]] = {
    "github": (
        {"id": 583231, "name": "The Octocat", "email": "public@example.org"},
        [
            {"email": "old@example.org", "primary": False, "verified": True},
            {"email": "octo@example.org", "primary": True, "verified": True},
        ],
        ("583231", "octo@example.org", True, "The Octocat"),
    ),
    "bitbucket": (
        {"uuid": "{a-b}", "display_name": "Bea"},
        {"values": [{"email": "bea@example.org", "is_primary": True, "is_confirmed": False}]},
        ("{a-b}", "bea@example.org", False, "Bea"),
    ),
    "x": ({"data": {"id": "12", "name": "Ex"}}, None, ("12", "", False, "Ex")),
    "tiktok": ({"data": {"user": {"open_id": "tt", "display_name": "Tik"}}}, None, ("tt", "", False, "Tik")),
    "notion": (
        {"access_token": "t", "owner": {"user": {"id": "n1", "name": "No", "person": {"email": "n@example.org"}}}},
        None,
        ("n1", "n@example.org", False, "No"),
    ),
    "vk": ({"response": [{"id": 7, "first_name": "Va", "last_name": "Ka"}]}, None, ("7", "", False, "Va Ka")),
    "discord": (
        {"id": "80351110224678912", "username": "nelly", "email": "n@example.org", "verified": True},
        None,
        ("80351110224678912", "n@example.org", True, "nelly"),
    ),
    "apple": (
        {"sub": "001.a", "email": "a@example.org", "email_verified": "true", "told": {"user": {"name": {"firstName": "A", "lastName": "B"}}}},
        None,
        ("001.a", "a@example.org", True, "A B"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
def test_what_a_service_answers_is_read_by_its_preset(name: str):
    """In the shape that each documents."""
    claims, emails, expected = SAMPLES[name]
    profile = read_profile(preset_of(name), "https://issuer.example", claims, emails)
    assert (profile.subject, profile.email, profile.is_proven, profile.name) == expected


@pytest.mark.parametrize("subject", [None, "", "  ", True, [], {}, 1.5, "x" * 256])
def test_a068_whoever_has_no_subject_is_nobody(subject: object):
    """A missing, empty or odd subject never stands for a person."""
    with pytest.raises(NoSubjectError):
        read_profile(preset_of("oidc"), "https://issuer.example", {"sub": subject, "email": "ada@example.org"})


@pytest.mark.parametrize("claim", [False, None, 1, "TRUE", "yes", [True]])
def test_only_true_means_that_an_address_is_verified(claim: object):
    """Nothing that is like true is taken for it."""
    claims = {"sub": "1", "email": "ada@example.org", "email_verified": claim}
    assert not read_profile(preset_of("google"), "https://accounts.google.com", claims).is_proven


WRONG: dict[str, tuple[OAuth, str]] = {
    "an unknown service": (OAuth("gooogle", client_id="1"), "no preset"),
    "no client": (OAuth("google", client_id="", client_secret="s"), "client_id"),
    "no issuer": (OAuth("okta", client_id="1", client_secret="s"), "issuer"),
    "an issuer without https": (OAuth("oidc", issuer="http://a.example", client_id="1"), "https"),
    "an issuer where there is none": (OAuth("github", issuer="https://a.example", client_id="1", client_secret="s"), "no issuer"),
    "no secret": (OAuth("github", client_id="1"), "client_secret"),
    "no key for Apple": (OAuth("apple", client_id="1"), "team_id"),
    "a name that no address takes": (OAuth("google", name="a/b", client_id="1", client_secret="s"), "name"),
    "a preset without addresses": (OAuth(OAuthPreset(title="A"), name="a", client_id="1"), "authorization"),
    "an address without https": (OAuth(OAuthPreset(title="A", issuer="http://a.example"), name="a", client_id="1"), "title|https|A"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_declaration_that_can_not_work_is_refused_when_the_site_starts(name: str, sqlite_url: str):
    """With what to do about it."""
    declared, words = WRONG[name]
    with pytest.raises(ConfigurationError, match=words):
        Auth(store=sqlite_url, methods=[declared], environ={})


def test_two_services_of_one_name_are_refused_when_the_site_starts(sqlite_url: str):
    """Each has an address of its own, which its name is in."""
    one = OAuth("google", client_id="1", client_secret="s")
    with pytest.raises(ConfigurationError, match="two services"):
        Auth(store=sqlite_url, methods=[one, one], environ={})


def test_a_preset_of_ones_own_is_read_as_strictly_as_those_that_come_along():
    """A field that there is not, or an address that is none, is found."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"title": "A", "isuer": "https://a.example"}, OAuthPreset)
