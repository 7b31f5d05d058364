"""Sign-in with another service, declared: its options, and what the method is made of."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, final

from watchword.admission.services import Services
from watchword.foundation.errors import ConfigurationError
from watchword.methods.oauth.preset import NAME, Authentication, OAuthPreset, preset_of

if TYPE_CHECKING:
    from watchword.methods.oauth.routes import OAuthMethod
    from watchword.outgoing.fetch import Network


@final
@dataclass(frozen=True, slots=True)
class OAuth:
    """Sign-in with one other service: `Auth(methods=[Passkey(), OAuth("google", client_id=…, client_secret=…)])`.

    Attributes:
        preset: the name of a service that is known, `google`; `oidc` for any OpenID Connect provider; or an
            `OAuthPreset` of one's own.
        client_id, client_secret: what the service gave this site.
        issuer: whose ID tokens: where everyone has their own (`oidc`, `okta`, `auth0`, `keycloak`), or one tenant of many.
        name: what it is called in addresses, `/auth/oauth/{name}/callback`; the preset's name unless given.
        title: what its button says; the preset's unless given.
        scopes: further scopes, beside those that a sign-in asks for.
        private_key: PEM of the key that stands for a secret: `private_key_jwt`, and Apple's.
        key_id: that key's name at the service.
        team_id: Apple's name of the developer.
        authentication: how this site shows which client it is, where the best on offer is not the one.
        native_client_ids: further clients of this site, its apps, whose ID tokens are taken.
        keep_tokens: whether the service's tokens are kept, sealed, for `auth.provider_token()`.
        network: how the service is called, where it is on one's own network.
    """

    preset: str | OAuthPreset
    client_id: str = field(kw_only=True)
    client_secret: str | None = field(default=None, kw_only=True, repr=False)
    issuer: str | None = field(default=None, kw_only=True)
    name: str = field(default="", kw_only=True)
    title: str = field(default="", kw_only=True)
    scopes: tuple[str, ...] = field(default=(), kw_only=True)
    private_key: str | None = field(default=None, kw_only=True, repr=False)
    key_id: str | None = field(default=None, kw_only=True)
    team_id: str | None = field(default=None, kw_only=True)
    authentication: Authentication | None = field(default=None, kw_only=True)
    native_client_ids: tuple[str, ...] = field(default=(), kw_only=True)
    keep_tokens: bool = field(default=False, kw_only=True)
    network: "Network | None" = field(default=None, kw_only=True)

    @property
    def called(self) -> str:
        """What it is called in addresses.

        Raises:
            ConfigurationError: it has no name, or one that no address takes.
        """
        name = self.name or (self.preset if isinstance(self.preset, str) else "")
        if NAME.match(name) is None:
            raise ConfigurationError(f"OAuth(name={name!r}): choose a name of small letters, digits and hyphens")
        return name


def bind(services: Services, declared: Sequence[OAuth]) -> "OAuthMethod":
    """Return the method at work, for all the services that were declared.

    Raises:
        ConfigurationError: httpcore is not installed, or a declaration lacks something.
    """
    if find_spec("httpcore") is None:
        raise ConfigurationError("OAuth() needs httpcore: pip install 'watchword[oauth]'")
    names = [one.called for one in declared]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(f"two services are called {twice[0]!r}: give one of them another `name`")
    for one in declared:
        _check(one, preset_of(one.preset))
    # Imported only where it is used: whoever signs in with no other service loads nothing for it.
    from watchword.methods.oauth.provider import Provider
    from watchword.methods.oauth.routes import OAuthMethod

    clock = services.store.clock
    return OAuthMethod(services, {one.called: Provider(one, preset_of(one.preset), clock) for one in declared})


def _check(declared: OAuth, preset: OAuthPreset) -> None:
    """Refuse what lacks something.

    Raises:
        ConfigurationError: says what.
    """
    name = f"OAuth({declared.called!r})"
    if not declared.client_id:
        raise ConfigurationError(f"{name}: give the `client_id` that the service gave this site")
    if preset.needs_issuer and not declared.issuer:
        raise ConfigurationError(f"{name}: name the `issuer`, the address that its configuration is found under")
    if declared.issuer and not declared.issuer.startswith("https://"):
        raise ConfigurationError(f"{name}: the issuer is {declared.issuer!r}: it begins with 'https://'")
    if declared.issuer and not preset.is_openid:
        raise ConfigurationError(f"{name}: this service has no issuer, for it gives no ID tokens")
    wanted = declared.authentication or preset.authentication
    if wanted == "signed_secret" and not (declared.private_key and declared.key_id and declared.team_id):
        raise ConfigurationError(f"{name}: give `team_id`, `key_id` and `private_key`, from Apple's developer pages")
    if wanted == "private_key_jwt" and not declared.private_key:
        raise ConfigurationError(f"{name}: give the `private_key` that signs this site's assertions")
    if wanted in ("client_secret_basic", "client_secret_post") and not declared.client_secret:
        raise ConfigurationError(f"{name}: give the `client_secret` that the service gave this site")
