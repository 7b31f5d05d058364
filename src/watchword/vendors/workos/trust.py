"""WorkOS: access tokens of AuthKit, from `Authorization` or from the sealed cookie `wos-session`.

Its Node library seals the cookie as iron-session does, its Python library with Fernet. What counts is the access token
inside: its signature, its issuer, which neither library pins by itself, and its end. The refresh token beside it is not
used: once the access token has ended, the person is signed out here until the app that set the cookie renews it.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, final

from cryptography.fernet import Fernet, InvalidToken

from watchword.foundation.clock import Clock, SystemClock
from watchword.outgoing.key_source import published_at
from watchword.sessions.session import Session
from watchword.tokens.jwt import moment
from watchword.tokens.key_set import KeySet
from watchword.tokens.refused import MAXIMUM_TOKEN, TokenRefused
from watchword.tokens.sealed import passwords_of, unseal
from watchword.tokens.strict import read_base64url, read_object
from watchword.vendors.facts import Facts, Map, members_of, session_of, text_of, texts_of
from watchword.vendors.notices import Webhook, workos
from watchword.vendors.rules import JWKS, IssuerRules, claimed, given_keys, one_cookie
from watchword.vendors.workos.notices import read_event

_API: Final = "https://api.workos.com"
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@final
class WorkOS:
    """Accepts the sessions of one WorkOS environment.

    Args:
        client_id: `client_…`; it names the environment's keys, and unless told otherwise its issuer.
        cookie_password: `WORKOS_COOKIE_PASSWORD`, where its cookie is read: at least 32 characters; the Python library's
            is a Fernet key.
        issuer: what `iss` must be, or one of these; `https://api.workos.com/user_management/client_…` or, as in older
            tokens, `https://api.workos.com`, unless given. An environment with a custom domain has another.
        audience: what `aud` must be, where the environment's token template sets it.
        cookie_name: `WORKOS_COOKIE_NAME`, where the app sets it.
        webhook_secret: of the endpoint that WorkOS calls when sessions end: `/auth/trust/workos/webhook`.
        keys: the environment's key set, as JSON; fetched from WorkOS unless given.
        leeway: seconds that clocks may differ.
        map: takes further facts from the claims.
        clock: what tells the time.

    Raises:
        ConfigurationError: the cookie's password is shorter than 32 characters.
    """

    source = "workos"

    def __init__(
        self,
        *,
        client_id: str,
        cookie_password: str | None = None,
        issuer: str | Sequence[str] | None = None,
        audience: str | Sequence[str] | None = None,
        cookie_name: str = "wos-session",
        webhook_secret: str | None = None,
        keys: JWKS | KeySet | None = None,
        leeway: int = 0,
        map: Map | None = None,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        own = (f"{_API}/user_management/{client_id}", _API)
        self._issuers = own if issuer is None else (issuer,) if isinstance(issuer, str) else tuple(issuer)
        self.identity = own[0]
        source = given_keys(keys) or published_at(f"{_API}/sso/jwks/{client_id}", clock)
        self._rules = IssuerRules(self._issuers, source, ("RS256",), clock=clock, leeway=leeway)
        self._client_id = client_id
        self._audience = audience
        self._cookie = cookie_name
        self._passwords = passwords_of(cookie_password) if cookie_password is not None else None
        self._fernet = _fernet_of(cookie_password)
        self._map = map
        self.notices = (Webhook(workos(webhook_secret, clock), read_event),) if webhook_secret else ()

    def issued(self, token: str) -> bool:
        """Tell whether the token says that it is of this environment."""
        claims = claimed(token)
        return claims.get("iss") in self._issuers and claims.get("client_id", self._client_id) == self._client_id

    def credential(self, cookies: Mapping[str, list[str]]) -> str | None:
        """Return the sealed cookie, where its password is known."""
        return one_cookie(cookies, self._cookie) if self._passwords is not None else None

    def verify(self, credential: str) -> Session:
        """Return the session of an access token, or of the one in the cookie.

        Raises:
            TokenRefused: it is not valid, or not a person's session: an agent's, a widget's or an application's.
        """
        token, sealed = credential, _NOTHING
        if not (credential.count(".") == 2 and credential.startswith("eyJ")):
            sealed = self._open(credential)
            token = _either(sealed, "accessToken", "access_token")
            if not token:
                raise TokenRefused("token_malformed", "the cookie holds no access token")
        claims = self._rules.verify(token, audience=self._audience, required=("sub", "sid", "iat", "auth_time")).claims
        self._check_kind(claims)
        impersonator = text_of(members_of(claims.get("act")), "sub")
        user = members_of(sealed.get("user"))
        if user.get("id") != claims["sub"]:
            user = _NOTHING
        is_verified = True in (user.get("emailVerified"), user.get("email_verified"))
        names = (_either(user, "firstName", "first_name"), _either(user, "lastName", "last_name"))
        role = text_of(claims, "role")
        entitled = (f"entitlement:{one}" for one in texts_of(claims.get("entitlements")))
        facts = Facts(
            subject=text_of(claims, "sub"),
            session_id=text_of(claims, "sid"),
            issued_at=moment(claims, "iat") or 0,
            expires_at=moment(claims, "exp") or 0,
            authenticated_at=moment(claims, "auth_time"),
            email=text_of(user, "email") if is_verified else "",
            name=" ".join(filter(None, names)),
            organization=text_of(claims, "org_id") or None,
            roles=tuple(dict.fromkeys((*((role,) if role else ()), *texts_of(claims.get("roles"))))),
            permissions=(*texts_of(claims.get("permissions")), *entitled),
            factors=tuple(filter(None, (text_of(sealed, "authenticationMethod"),))),
            impersonator=impersonator or None,
        )
        return session_of(self.source, facts, claims, self._map)

    def _check_kind(self, claims: Mapping[str, Any]) -> None:
        """Take the token of a person's session alone: the same key signs tokens of other kinds."""
        if not text_of(claims, "sub").startswith("user_"):
            raise TokenRefused("claim_invalid", "the token is a machine's, not a person's", claim="sub")
        if not text_of(claims, "sid").startswith("session_"):
            raise TokenRefused("claim_invalid", "the token is not of a session", claim="sid")
        if claims.get("sub_profile") not in (None, "user"):
            raise TokenRefused("claim_invalid", "the token is not a person's", claim="sub_profile")
        if claims.get("sub_type") is not None:
            raise TokenRefused("claim_invalid", "the token is an agent's or a widget's", claim="sub_type")
        if claims.get("client_id", self._client_id) != self._client_id:
            raise TokenRefused("claim_invalid", "the token is another application's", claim="client_id")
        if claims.get("act") is not None and not text_of(members_of(claims["act"]), "sub"):
            raise TokenRefused("claim_invalid", "who impersonates the user is not said", claim="act")
        moment(claims, "auth_time")

    def _open(self, cookie: str) -> Mapping[str, Any]:
        """Return what the cookie holds: sealed as iron-session does, or with Fernet."""
        if self._passwords is None:
            raise TokenRefused("token_malformed", "this is no access token, and no `cookie_password` opens a cookie")
        if len(cookie) > MAXIMUM_TOKEN:
            raise TokenRefused("token_too_large", f"more than {MAXIMUM_TOKEN} characters")
        if cookie.startswith("Fe26."):
            return unseal(cookie, self._passwords, now=self._rules.clock.now()).data
        # Fernet itself skips what is not base64; here a cookie has one spelling (A133).
        text = cookie.rstrip("=")
        read_base64url(text, "the cookie")
        if self._fernet is None or cookie != text + "=" * (-len(text) % 4):
            raise TokenRefused("token_malformed", "this is no access token and no seal")
        try:
            return read_object(self._fernet.decrypt(cookie), "the cookie")
        except InvalidToken as error:
            raise TokenRefused("seal_wrong", "it was altered, or sealed with another password") from error


def _fernet_of(password: str | None) -> Fernet | None:
    """Return what opens the Python library's cookies, where the password is a key for it."""
    try:
        return Fernet(password) if password is not None else None
    except ValueError:
        return None


def _either(members: Mapping[str, Any], node: str, python: str) -> str:
    return text_of(members, node) or text_of(members, python)
