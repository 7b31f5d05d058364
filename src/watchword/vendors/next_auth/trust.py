"""NextAuth.js 4 and Auth.js 5: session cookies that are encrypted tokens, whole or in chunks.

Both join every cookie whose name begins like theirs, so that a chunk left over, or a stranger's cookie, signs people
out; here the exact names count. Neither asks for an end (`exp`); here every token has one.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from watchword.foundation.clock import SECOND, Clock, SystemClock
from watchword.foundation.errors import ConfigurationError
from watchword.sessions.session import Session
from watchword.tokens import jwe, jwt
from watchword.tokens.key import Key
from watchword.tokens.refused import TokenRefused
from watchword.tokens.strict import read_object
from watchword.vendors.facts import Facts, Map, session_of, text_of
from watchword.vendors.rules import cookie_lines, read_lines

LEEWAY: Final = 15
"""Seconds: `clockTolerance` of both."""


class _Form(NamedTuple):
    """How one version derives its key and encrypts."""

    cookie: str
    info: str
    salted: bool
    encryption: str
    length: int


_FORMS: Final = {
    4: _Form("next-auth.session-token", "NextAuth.js Generated Encryption Key", False, "A256GCM", 32),
    5: _Form("authjs.session-token", "Auth.js Generated Encryption Key", True, "A256CBC-HS512", 64),
}


@final
class NextAuth:
    """Accepts the session cookies of one app with NextAuth.js or Auth.js, strategy `jwt`.

    Args:
        secret: `NEXTAUTH_SECRET` or `AUTH_SECRET`; or several, the current one first.
        version: 4 for NextAuth.js, 5 for Auth.js.
        cookie_name: where the app sets another.
        secure: whether the app is reached by https; then the cookie is `__Secure-…`.
        map: takes further facts from the token, where the app's callbacks put them.
        keys: nothing: these tokens have no key set.
        leeway: seconds that clocks may differ.
        clock: what tells the time.

    Raises:
        ConfigurationError: there is no secret, or no such version.
    """

    source = "next-auth"

    def __init__(
        self,
        *,
        secret: str | Sequence[str],
        version: int = 5,
        cookie_name: str | None = None,
        secure: bool = True,
        map: Map | None = None,
        keys: object = None,  # noqa: ARG002  as every trust
        leeway: int = LEEWAY,
        clock: Clock | None = None,
    ) -> None:
        secrets = (secret,) if isinstance(secret, str) else tuple(secret)
        if not secrets or not all(secrets):
            raise ConfigurationError("secret: give the value of NEXTAUTH_SECRET or AUTH_SECRET")
        if version not in _FORMS:
            raise ConfigurationError("version: 4 for NextAuth.js, 5 for Auth.js")
        form = _FORMS[version]
        self.identity = cookie_name or ("__Secure-" if secure else "") + form.cookie
        self._keys = tuple(_derive(form, one, self.identity) for one in secrets)
        self._encryption = form.encryption
        self._leeway = leeway
        self._map = map
        self._clock = clock or SystemClock()

    def issued(self, token: str) -> bool:  # noqa: ARG002
        """Tell that no bearer token is of NextAuth: it has none."""
        return False

    def credential(self, cookies: Mapping[str, list[str]]) -> str | None:
        """Return the cookie and its chunks, a line each."""
        return cookie_lines(cookies, self.identity)

    def verify(self, credential: str) -> Session:
        """Return the session in the cookie; or in its chunks, of which the last may be left over from a longer one.

        Raises:
            TokenRefused: nothing of it is a valid token.
        """
        return read_lines(credential, self._session)

    def _session(self, token: str) -> Session:
        claims = self._open(token)
        now = self._clock.now()
        jwt.check_claims(claims, now=now, issuer=None, audience=None, leeway=self._leeway, required=("sub",))
        facts = Facts(
            subject=text_of(claims, "sub"),
            session_id=text_of(claims, "jti"),
            issued_at=jwt.moment(claims, "iat") or now / SECOND,
            expires_at=jwt.moment(claims, "exp") or 0,
            email=text_of(claims, "email"),
            name=text_of(claims, "name"),
        )
        return session_of(self.source, facts, claims, self._map)

    def _open(self, token: str) -> dict[str, Any]:
        refusal = TokenRefused("token_malformed", "there is no token")
        for key in self._keys:
            try:
                opened = jwe.decrypt(token, key, algorithms=("dir",), encryptions=(self._encryption,))
            except TokenRefused as error:
                refusal = error
            else:
                return read_object(opened.plaintext, "the token")
        raise refusal


def _derive(form: _Form, secret: str, cookie: str) -> Key:
    """Return the key of the content: HKDF with SHA-256, in version 5 salted with the cookie's name."""
    info = f"{form.info} ({cookie})" if form.salted else form.info
    salt = cookie.encode() if form.salted else b""
    return Key.from_secret(HKDF(SHA256(), form.length, salt, info.encode()).derive(secret.encode()))
