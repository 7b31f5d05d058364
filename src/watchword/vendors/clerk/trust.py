"""Clerk: session tokens, versions 1 and 2, from `Authorization` or from `__session` and its suffixed twin.

OAuth access tokens and machine tokens are signed with the same keys; they are no person's session and are refused here.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, final

from watchword.foundation.clock import Clock, SystemClock
from watchword.foundation.encodings import base64url_encode
from watchword.foundation.errors import ConfigurationError
from watchword.outgoing.fetch import Network
from watchword.outgoing.key_source import published_at
from watchword.sessions.session import Session
from watchword.tokens.jwt import moment
from watchword.tokens.key_set import KeySet
from watchword.tokens.refused import TokenRefused
from watchword.vendors.clerk.api_keys import PREFIX, ApiKeys
from watchword.vendors.clerk.notices import read_event
from watchword.vendors.facts import Facts, Map, members_of, session_of, text_of, texts_of
from watchword.vendors.notices import Webhook, standard
from watchword.vendors.rules import JWKS, IssuerRules, claimed, given_keys, is_listed, one_cookie

LEEWAY: Final = 5
"""Seconds: `clockSkewInMs` of @clerk/backend."""
_PREFIXES: Final = ("pk_live_", "pk_test_")


@final
class Clerk:
    """Accepts the sessions of one Clerk instance.

    Args:
        publishable_key: `pk_live_…`; it names the instance.
        authorized_parties: origins that tokens may have been made for (`azp`). Without them, a token that another app
            of the same domain got works here too.
        audience: what `aud` must be, where the instance sets it.
        secret_key: `sk_live_…`; with it, API keys (`ak_…`) are taken too, which Clerk is asked about once a minute.
        webhook_secret: `whsec_…` of the endpoint that Clerk calls when sessions end: `/auth/trust/clerk/webhook`.
        keys: the instance's key set, as JSON; fetched from the instance unless given.
        leeway: seconds that clocks may differ.
        map: takes further facts from the claims.
        network: how Clerk is reached, where it is not by the internet.
        clock: what tells the time.

    Raises:
        ConfigurationError: the publishable key is none.
    """

    source = "clerk"

    def __init__(
        self,
        *,
        publishable_key: str,
        authorized_parties: str | Sequence[str] = (),
        audience: str | Sequence[str] | None = None,
        secret_key: str | None = None,
        webhook_secret: str | None = None,
        keys: JWKS | KeySet | None = None,
        leeway: int = LEEWAY,
        map: Map | None = None,
        network: Network | None = None,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self.identity = f"https://{frontend_of(publishable_key)}"
        source = given_keys(keys) or published_at(f"{self.identity}/.well-known/jwks.json", clock)
        self._rules = IssuerRules(self.identity, source, ("RS256",), clock=clock, leeway=leeway)
        self._cookies = (f"__session_{suffix_of(publishable_key)}", "__session")
        self._parties = (authorized_parties,) if isinstance(authorized_parties, str) else tuple(authorized_parties)
        self._audience = audience
        self._map = map
        self._api_keys = ApiKeys(secret_key, clock, network) if secret_key else None
        self.notices = (Webhook(standard(webhook_secret, clock), read_event),) if webhook_secret else ()

    def issued(self, token: str) -> bool:
        """Tell whether the token says that it is of this instance; of API keys, whether they are taken."""
        if self._api_keys is not None and token.startswith(PREFIX):
            return True
        return claimed(token).get("iss") == self.identity

    def credential(self, cookies: Mapping[str, list[str]]) -> str | None:
        """Return the token in the suffixed cookie; in the plain one, which a sibling app may set too, only without it."""
        return next(filter(None, (one_cookie(cookies, name) for name in self._cookies)), None)

    def verify(self, credential: str) -> Session:
        """Return the session of a session token, or of an API key.

        Raises:
            TokenRefused: it is not valid, not a person's, or of a session that is still pending (`sts`).
        """
        if self._api_keys is not None and credential.startswith(PREFIX):
            return self._api_keys.verify(credential, self.source, self._map)
        claims = self._rules.verify(
            credential, audience=self._audience, required=("sub", "sid", "iat"), type="JWT"
        ).claims
        if self._parties and not is_listed(claims.get("azp"), self._parties):
            raise TokenRefused("claim_invalid", "`azp` is not an authorized party", claim="azp")
        if not text_of(claims, "sub").startswith("user_") or not text_of(claims, "sid"):
            raise TokenRefused("claim_invalid", "the token is a machine's, not a person's", claim="sub")
        status = claims.get("sts")
        if status not in (None, "active"):
            raise TokenRefused("claim_invalid", "the session is pending: a task is left to do", claim="sts")
        organization, role, permissions = _organization(claims)
        issued_at = moment(claims, "iat") or 0
        ages = _factor_ages(claims.get("fva"))
        facts = Facts(
            subject=text_of(claims, "sub"),
            session_id=text_of(claims, "sid"),
            issued_at=issued_at,
            expires_at=moment(claims, "exp") or 0,
            authenticated_at=issued_at - 60 * max(ages[0], 0),
            email=text_of(claims, "email"),
            name=text_of(claims, "name"),
            organization=organization or None,
            roles=(role,) if role else (),
            permissions=permissions,
            factors=("first", "second") if ages[1] >= 0 else ("first",),
            assurance="aal2" if ages[1] >= 0 else "aal1",
        )
        return session_of(self.source, facts, claims, self._map)


def frontend_of(publishable_key: str) -> str:
    """Return the host of the instance that the key names: `pk_live_` and base64 of `host$`.

    Raises:
        ConfigurationError: it is no publishable key.
    """
    prefix = next((one for one in _PREFIXES if publishable_key.startswith(one)), None)
    encoded = publishable_key.removeprefix(prefix or "").rstrip("=")
    try:
        host = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True).decode("ascii")
    except ValueError:
        host = ""
    if prefix is None or not host.endswith("$") or "." not in host or "$" in host[:-1] or "/" in host or "@" in host:
        raise ConfigurationError("publishable_key: copy the key that begins with 'pk_live_' or 'pk_test_' from Clerk")
    return host[:-1]


def suffix_of(publishable_key: str) -> str:
    """Return what @clerk/shared puts behind the names of an instance's cookies."""
    digest = hashlib.sha1(publishable_key.encode(), usedforsecurity=False).digest()
    return base64url_encode(digest)[:8]


def _organization(claims: Mapping[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    """Return the active organization, the role in it and its permissions, of a token of either version."""
    if claims.get("v") != 2:
        return text_of(claims, "org_id"), text_of(claims, "org_role"), texts_of(claims.get("org_permissions"))
    organization = members_of(claims.get("o"))
    role = text_of(organization, "rol")
    return text_of(organization, "id"), f"org:{role}" if role else "", _permissions(claims, organization)


def _permissions(claims: Mapping[str, Any], organization: Mapping[str, Any]) -> tuple[str, ...]:
    """Return `org:feature:permission` for each bit that `fpm` sets: one number a feature, its lowest bit the first name."""
    scoped = [entry.strip().partition(":") for entry in text_of(claims, "fea").split(",")]
    features = [name for scope, _, name in scoped if "o" in scope and name]
    names = [name.strip() for name in text_of(organization, "per").split(",") if name.strip()]
    numbers = [number.strip() for number in text_of(organization, "fpm").split(",")]
    return tuple(
        f"org:{feature}:{name}"
        for feature, number in zip(features, numbers, strict=False)
        if number.isascii() and number.isdigit() and len(number) < 19
        for place, name in enumerate(names)
        if int(number) >> place & 1
    )


def _factor_ages(value: object) -> tuple[int, int]:
    """Return the minutes since the first and the second factor; -1 for one that was not shown."""
    if isinstance(value, list):
        ages = [one for one in value if isinstance(one, int) and not isinstance(one, bool)]  # pyright: ignore[reportUnknownVariableType]
        if len(ages) == 2:
            return ages[0], ages[1]
    return 0, -1
