"""Presets: what is known of a service, as data. `presets.toml` holds those that come along."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Final, Literal, final

import msgspec

from watchword.foundation.errors import ConfigurationError

Authentication = Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "signed_secret", "none"]
"""How this site shows the service which client it is (OpenID Connect Core 1.0, section 9). `signed_secret` is Apple's: a
JWT, signed with this site's key, in the place of the secret."""
Https = Annotated[str, msgspec.Meta(pattern=r"^(https://[^\s]+)?$")]
TENANT: Final = "{tenantid}"
"""What stands in the issuer of a service of many tenants for each tenant's own id."""
NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
"""What a service may be called in addresses."""


@final
class EmailList(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A list of somebody's addresses, of which the primary one is taken.

    Attributes:
        url: where it is.
        list: path to it in the answer; empty where the answer is the list.
        email, primary, verified: names of an entry's members.
    """

    url: Https
    list: str = ""
    email: str = "email"
    primary: str = "primary"
    verified: str = "verified"


@final
class OAuthPreset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One service. With an `issuer` it speaks OpenID Connect, and its configuration tells the rest.

    Paths into what the service tells of a person have dots: `data.user.id`.

    Attributes:
        title: what people call it.
        issuer: of OpenID Connect: where its configuration is found. `{tenantid}` stands for each tenant's own id.
        needs_issuer: whether the site has to name the issuer, since everyone has their own.
        authorization, token, keys: addresses, where no configuration tells them.
        refresh: where a token is refreshed, if not where it was got.
        profile: address of what it tells of a person; `{access_token}` and other members of the token answer in braces.
        scopes, scope_separator: what is asked for.
        authentication: how clients show who they are; the best that its configuration offers unless given.
        algorithms: of ID tokens' signatures; `HS256` means the client's secret, and never a published key.
        response_mode: how the answer comes back: `form_post`, or in the query.
        authorization_parameters: further ones, always the same.
        client_id_parameter, client_secret_parameter: what the service calls them.
        token_method, token_format: how a code is exchanged.
        profile_method, profile_body, profile_headers, profile_query: how the profile is asked for.
        emails: a list of addresses that is asked for beside it.
        subject, email, email_verified, name: paths to what identifies, and describes, a person. The name may be in parts.
        trust_email: whether the service's word counts that an address is the person's: `claim` where `email_verified` says
            true, `always` where it tells of no other, `never` where anyone could have typed it in.
        compared_with: packages that have the same addresses.
    """

    title: str
    issuer: Https = ""
    needs_issuer: bool = False
    authorization: Https = ""
    token: Https = ""
    keys: Https = ""
    refresh: Https = ""
    profile: Https = ""
    scopes: tuple[str, ...] = ()
    scope_separator: str = " "
    authentication: Authentication | None = None
    algorithms: tuple[Literal["RS256", "PS256", "ES256", "ES384", "Ed25519", "EdDSA", "HS256"], ...] = (
        "RS256",
        "PS256",
        "ES256",
        "Ed25519",
        "EdDSA",
    )
    response_mode: Literal["query", "form_post"] = "query"
    authorization_parameters: Mapping[str, str] = {}
    client_id_parameter: str = "client_id"
    client_secret_parameter: str = "client_secret"
    token_method: Literal["POST", "GET"] = "POST"
    token_format: Literal["form", "json"] = "form"
    profile_method: Literal["GET", "POST"] = "GET"
    profile_body: str = ""
    profile_headers: Mapping[str, str] = {}
    profile_query: Mapping[str, str] = {}
    emails: EmailList | None = None
    subject: str = "sub"
    email: str = "email"
    email_verified: str = "email_verified"
    name: tuple[str, ...] = ("name",)
    trust_email: Literal["claim", "always", "never"] = "never"
    compared_with: tuple[str, ...] = ()

    @property
    def is_openid(self) -> bool:
        """Tell whether it gives ID tokens."""
        return bool(self.issuer) or self.needs_issuer

    def flaw(self) -> str | None:
        """Return what is missing, or what does not go together, if anything."""
        if not self.is_openid and not (self.authorization and self.token):
            return "name an `issuer`, or the addresses `authorization` and `token`"
        if not self.is_openid and self.subject == "sub" and not self.profile:
            return "without an issuer, name the `profile` or the path of the `subject` in the token answer"
        if self.is_openid and self.subject != "sub":
            return "of OpenID Connect the subject is `sub`"
        if not self.name or not self.subject:
            return "`subject` and `name` are paths"
        return None


@cache
def presets() -> Mapping[str, OAuthPreset]:
    """Return the presets that come along, by name."""
    text = (files("watchword.methods.oauth") / "presets.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, OAuthPreset])


def preset_of(given: "str | OAuthPreset") -> OAuthPreset:
    """Return the preset of this name, or the one that was given.

    Raises:
        ConfigurationError: there is none of that name, or the one that was given lacks something.
    """
    if isinstance(given, str):
        found = presets().get(given)
        if found is None:
            raise ConfigurationError(f"there is no preset {given!r}: choose one of {', '.join(sorted(presets()))}")
        return found
    checked = _checked(given)
    if flaw := checked.flaw():
        raise ConfigurationError(f"the preset {given.title!r} can't work: {flaw}")
    return checked


def _checked(given: OAuthPreset) -> OAuthPreset:
    """Return the preset, read once more: msgspec looks at types and patterns only then."""
    members: dict[str, Any] = msgspec.to_builtins(given)
    try:
        return msgspec.convert(members, OAuthPreset)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"the preset {given.title!r} can't work: {error}") from None
