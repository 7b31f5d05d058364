"""Tokens of any OpenID Connect provider: access tokens for this API, ID tokens for this client.

What providers do differently is data: `PRESETS`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, final

from watchword.foundation.clock import SECOND, Clock, SystemClock
from watchword.foundation.errors import ConfigurationError
from watchword.outgoing.key_source import published_at, published_by
from watchword.sessions.session import Session
from watchword.tokens.algorithms import ASYMMETRIC
from watchword.tokens.jwt import moment
from watchword.tokens.key_set import KeySet
from watchword.tokens.refused import TokenRefused
from watchword.vendors.facts import Facts, Map, members_of, session_of, text_of, texts_of
from watchword.vendors.logout import back_channel
from watchword.vendors.rules import JWKS, IssuerRules, claimed, given_keys, one_cookie


class Preset(NamedTuple):
    """How one provider's tokens differ.

    Attributes:
        roles: where its roles are: names of nested members.
        permissions: where its permissions are.
        organization: the claim that names the organization.
        client: the claim that names the client where an access token has no `aud`.
        keys: the address of its keys, where discovery does not name it.
        cookie: the cookie that holds the token, where one does.
        use: values of `token_use` that mean a person's token.
    """

    roles: tuple[str, ...] = ("roles",)
    permissions: tuple[str, ...] = ("scope",)
    organization: str = "organization"
    client: str | None = None
    keys: str | None = None
    cookie: str | None = None
    use: tuple[str, ...] = ()


PRESETS: Final[Mapping[str, Preset]] = {
    "oidc": Preset(),
    "keycloak": Preset(roles=("realm_access", "roles")),
    "entra": Preset(permissions=("scp",), organization="tid"),
    "cognito": Preset(roles=("cognito:groups",), client="client_id", use=("access", "id")),
    "okta": Preset(roles=("groups",), permissions=("scp",)),
    "google-iap": Preset(keys="https://www.gstatic.com/iap/verify/public_key-jwk", organization="hd"),
    "cloudflare-access": Preset(keys="{issuer}/cdn-cgi/access/certs", cookie="CF_Authorization"),
}


@final
class OIDC:
    """Accepts the tokens of one OpenID Connect provider.

    Args:
        issuer: its issuer, exactly as its configuration says.
        audience: what access tokens for this API have in `aud`.
        client_id: this app's client id, for ID tokens.
        preset: `keycloak`, `entra`, `cognito`, `okta`, `google-iap`, `cloudflare-access`, or `oidc`.
        algorithms: of signatures; those with published keys.
        back_channel_logout: whether the issuer tells `/auth/trust/{preset}/logout` when sessions end (OpenID Connect Back-Channel
            Logout 1.0); needs `client_id`.
        keys: its key set, as JSON; found by discovery unless given.
        leeway: seconds that clocks may differ.
        map: takes further facts from the claims.
        clock: what tells the time.

    Raises:
        ConfigurationError: neither audience nor client is named, or there is no such preset.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str | Sequence[str] | None = None,
        client_id: str | None = None,
        preset: str = "oidc",
        algorithms: Sequence[str] = ASYMMETRIC,
        back_channel_logout: bool = False,
        keys: JWKS | KeySet | None = None,
        leeway: int = 60,
        map: Map | None = None,
        clock: Clock | None = None,
    ) -> None:
        if audience is None and client_id is None:
            raise ConfigurationError("name the `audience` of access tokens, the `client_id` of ID tokens, or both")
        if preset not in PRESETS:
            raise ConfigurationError(f"there is no preset {preset!r}: choose one of {', '.join(PRESETS)}")
        clock = clock or SystemClock()
        self._preset = PRESETS[preset]
        address = self._preset.keys.format(issuer=issuer) if self._preset.keys else None
        source = given_keys(keys) or (published_at(address, clock) if address else published_by(issuer, clock))
        self.source = preset
        self.identity = issuer
        self._rules = IssuerRules(issuer, source, algorithms, clock=clock, leeway=leeway)
        self._audiences = (audience,) if isinstance(audience, str) else tuple(audience or ())
        self._client_id = client_id
        self._map = map
        self.notices = back_channel(self._rules, client_id) if back_channel_logout else ()

    def issued(self, token: str) -> bool:
        """Tell whether the token says that it is of this issuer."""
        return claimed(token).get("iss") == self.identity

    def credential(self, cookies: Mapping[str, list[str]]) -> str | None:
        """Return the token in the provider's cookie, where it sets one."""
        return one_cookie(cookies, self._preset.cookie) if self._preset.cookie else None

    def verify(self, credential: str) -> Session:
        """Return the session of an access token or an ID token.

        Raises:
            TokenRefused: it is not valid, or not for this app.
        """
        claims = self._rules.verify(credential, audience=None, required=("sub",)).claims
        self._check_recipient(claims)
        preset = self._preset
        if preset.use and claims.get("token_use") not in preset.use:
            raise TokenRefused("claim_invalid", "`token_use` is not that of a person's token", claim="token_use")
        facts = Facts(
            subject=text_of(claims, "sub"),
            session_id=text_of(claims, "sid"),
            issued_at=moment(claims, "iat") or self._rules.clock.now() / SECOND,
            expires_at=moment(claims, "exp") or 0,
            authenticated_at=moment(claims, "auth_time"),
            email=text_of(claims, "email") if claims.get("email_verified") is True else "",
            name=text_of(claims, "name"),
            user_name=text_of(claims, "preferred_username") or None,
            organization=text_of(claims, preset.organization) or None,
            roles=texts_of(_within(claims, preset.roles)),
            permissions=texts_of(_within(claims, preset.permissions)),
            factors=texts_of(claims.get("amr")),
        )
        return session_of(self.source, facts, claims, self._map)

    def _check_recipient(self, claims: Mapping[str, Any]) -> None:
        """Refuse a token for somebody else (OpenID Connect Core 1.0, section 3.1.3.7; RFC 9068, section 4)."""
        found = claims.get("aud", claims.get(self._preset.client) if self._preset.client else None)
        named = (found,) if isinstance(found, str) else texts_of(found)
        if any(one in self._audiences for one in named):
            return
        if self._client_id is None or self._client_id not in named:
            code = "claim_invalid" if named else "claim_missing"
            raise TokenRefused(code, "`aud` does not name this application", claim="aud")
        authorized = claims.get("azp")
        if (authorized is None and len(named) > 1) or authorized not in (None, self._client_id):
            raise TokenRefused("claim_invalid", "`azp` is not this client", claim="azp")


def _within(claims: Mapping[str, Any], path: tuple[str, ...]) -> object:
    found: object = claims
    for name in path:
        found = members_of(found).get(name)
    return found
