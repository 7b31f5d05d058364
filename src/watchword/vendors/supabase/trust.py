"""Supabase Auth: access tokens, from `Authorization` or from the `sb-…-auth-token` cookies of @supabase/ssr.

Its client takes what is in the cookie for true (`getSession`), and with asymmetric keys checks neither `aud` nor `iss`.
Here the access token inside the cookie is verified, and nothing else of the cookie is used.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast, final
from urllib.parse import unquote, urlsplit

import msgspec

from watchword.foundation.clock import SECOND, Clock, SystemClock
from watchword.foundation.errors import ConfigurationError
from watchword.outgoing.key_source import published_at
from watchword.sessions.session import Session
from watchword.tokens.jwt import moment
from watchword.tokens.key_set import KeySet
from watchword.tokens.refused import MAXIMUM_TOKEN, TokenRefused
from watchword.tokens.strict import read_base64url
from watchword.vendors.facts import Facts, Map, members_of, session_of, text_of
from watchword.vendors.notices import Webhook, shared
from watchword.vendors.rules import JWKS, IssuerRules, chunked_cookie, claimed, given_keys, objects, one_cookie
from watchword.vendors.supabase.notices import read_event

ALGORITHMS: Final = ("ES256", "RS256", "EdDSA")
"""Of Supabase's asymmetric signing keys."""
_BASE64: Final = "base64-"


@final
class Supabase:
    """Accepts the sessions of one Supabase project.

    Args:
        url: the project's address, `https://abcdefgh.supabase.co`.
        jwt_secret: the legacy secret, where the project still signs with HS256.
        audience: what `aud` must be.
        anonymous: whether anonymous sign-ins count as signed in.
        webhook_secret: what the project's database webhooks on `auth.sessions` and `auth.users` send in `Authorization` to
            `/auth/trust/supabase/webhook`: 16 characters or more.
        keys: the project's key set, as JSON; fetched from the project unless given.
        leeway: seconds that clocks may differ.
        map: takes further facts from the claims.
        clock: what tells the time.

    Raises:
        ConfigurationError: the address is none.
    """

    source = "supabase"

    def __init__(
        self,
        *,
        url: str,
        jwt_secret: str | None = None,
        audience: str | Sequence[str] = "authenticated",
        anonymous: bool = True,
        webhook_secret: str | None = None,
        keys: JWKS | KeySet | None = None,
        leeway: int = 0,
        map: Map | None = None,
        clock: Clock | None = None,
    ) -> None:
        host = urlsplit(url).hostname
        if not host:
            raise ConfigurationError("url: write the project's address, for example 'https://abcdefgh.supabase.co'")
        clock = clock or SystemClock()
        self.identity = f"{url.rstrip('/')}/auth/v1"
        source = given_keys(keys) or published_at(f"{self.identity}/.well-known/jwks.json", clock)
        self._rules = IssuerRules(self.identity, source, ALGORITHMS, clock=clock, leeway=leeway, secret=jwt_secret)
        self._cookie = f"sb-{host.split('.')[0]}-auth-token"
        self._audience = audience
        self._anonymous = anonymous
        self._map = map
        self.notices = (Webhook(shared(webhook_secret, clock), read_event),) if webhook_secret else ()

    def issued(self, token: str) -> bool:
        """Tell whether the token says that it is of this project."""
        return claimed(token).get("iss") == self.identity

    def credential(self, cookies: Mapping[str, list[str]]) -> str | None:
        """Return the cookie's text: of the whole cookie, or where there is none, of its parts (`….0`, `….1`)."""
        return one_cookie(cookies, self._cookie) or "".join(chunked_cookie(cookies, self._cookie)) or None

    def verify(self, credential: str) -> Session:
        """Return the session of an access token, or of the one in the cookie.

        Raises:
            TokenRefused: it is not valid, or nobody's: the project's own keys are tokens without a user.
        """
        token = credential if credential.count(".") == 2 and credential.startswith("eyJ") else _token_in(credential)
        claims = self._rules.verify(token, audience=self._audience, required=("sub", "role")).claims
        role = text_of(claims, "role")
        if role in ("anon", "service_role"):
            raise TokenRefused("claim_invalid", "this is a key of the project, not a person's session", claim="role")
        anonymous = claims.get("is_anonymous") is True
        if anonymous and not self._anonymous:
            raise TokenRefused("claim_invalid", "anonymous sign-ins are not taken", claim="is_anonymous")
        methods = objects(claims.get("amr"))
        times = [moment(one, "timestamp") for one in methods]
        metadata = members_of(claims.get("user_metadata"))
        assurance = claims.get("aal")
        facts = Facts(
            subject=text_of(claims, "sub"),
            session_id=text_of(claims, "session_id"),
            issued_at=moment(claims, "iat") or self._rules.clock.now() / SECOND,
            expires_at=moment(claims, "exp") or 0,
            authenticated_at=max((time for time in times if time is not None), default=None),
            email=text_of(claims, "email"),
            name=text_of(metadata, "full_name") or text_of(metadata, "name"),
            roles=(role, "anonymous") if anonymous else (role,),
            factors=tuple(filter(None, (text_of(one, "method") for one in methods))),
            assurance="aal2" if assurance == "aal2" else "aal1",
        )
        return session_of(self.source, facts, claims, self._map)


def _token_in(cookie: str) -> str:
    """Return the access token in a cookie of @supabase/ssr: JSON, percent-encoded or as `base64-…`."""
    if len(cookie) > MAXIMUM_TOKEN:
        raise TokenRefused("token_too_large", f"more than {MAXIMUM_TOKEN} characters")
    if cookie.startswith(_BASE64):
        text = read_base64url(cookie.removeprefix(_BASE64), "the cookie")
    else:
        text = unquote(cookie).encode("utf-8", "replace")
    try:
        session: Any = msgspec.json.decode(text)
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise TokenRefused("token_malformed", "the cookie holds no session of Supabase") from error
    # Earlier versions kept a list: access token, refresh token …
    listed = cast("list[object]", session) if isinstance(session, list) else []
    token = listed[0] if listed else members_of(cast("object", session)).get("access_token")
    if not isinstance(token, str):
        raise TokenRefused("token_malformed", "the cookie holds no access token", claim="access_token")
    return token
