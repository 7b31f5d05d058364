"""NextAuth.js 4 and Auth.js 5: session cookies that are encrypted tokens, whole or in chunks; or name a database's row.

Both join every cookie whose name begins like theirs, so that a chunk left over, or a stranger's cookie, signs people
out; here the exact names count. Neither asks for an end (`exp`); here every token has one.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from watchword.foundation.clock import SECOND, Clock, SystemClock
from watchword.foundation.errors import ConfigurationError
from watchword.foundation.secrets import sha256
from watchword.sessions.session import Session
from watchword.tokens import jwe, jwt
from watchword.tokens.key import Key
from watchword.tokens.refused import TokenRefused
from watchword.tokens.strict import read_object
from watchword.vendors.facts import Facts, Map, session_of, text_of
from watchword.vendors.rules import cookie_lines, one_cookie, read_lines

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


FindSession = Callable[[str], Mapping[str, Any] | None]
"""Returns a session's row by its token, or `None`."""
_LONGEST_TOKEN: Final = 512


@final
class NextAuth:
    """Accepts the session cookies of one app with NextAuth.js or Auth.js, of its strategy `jwt` or `database`.

    Args:
        secret: `NEXTAUTH_SECRET` or `AUTH_SECRET`; or several, the current one first. Not with `find_session`.
        version: 4 for NextAuth.js, 5 for Auth.js.
        cookie_name: where the app sets another.
        secure: whether the app is reached by https; then the cookie is `__Secure-…`.
        find_session: for the strategy `database`: returns the row of a session token, joined with its user's, or `None`;
            `{"userId": …, "expires": …}`, maybe with `email`, `emailVerified` and `name`, as Auth.js's adapters name them.
            It is asked at each request: a row that is gone is a session that is over.
        map: takes further facts from the token, where the app's callbacks put them.
        keys: nothing: these tokens have no key set.
        leeway: seconds that clocks may differ.
        clock: what tells the time.

    Raises:
        ConfigurationError: there is neither secret nor `find_session`, or no such version.
    """

    source = "next-auth"

    def __init__(
        self,
        *,
        secret: str | Sequence[str] = (),
        version: int = 5,
        cookie_name: str | None = None,
        secure: bool = True,
        find_session: FindSession | None = None,
        map: Map | None = None,
        keys: object = None,  # noqa: ARG002  as every trust
        leeway: int = LEEWAY,
        clock: Clock | None = None,
    ) -> None:
        secrets = (secret,) if isinstance(secret, str) else tuple(secret)
        if bool(secrets and all(secrets)) is (find_session is not None):
            raise ConfigurationError(
                "secret: give the value of NEXTAUTH_SECRET or AUTH_SECRET; or, for sessions in a database, `find_session` alone"
            )
        if version not in _FORMS:
            raise ConfigurationError("version: 4 for NextAuth.js, 5 for Auth.js")
        form = _FORMS[version]
        self.identity = cookie_name or ("__Secure-" if secure else "") + form.cookie
        self._keys = tuple(_derive(form, one, self.identity) for one in secrets)
        self._encryption = form.encryption
        self._leeway = leeway
        self._find = find_session
        self._map = map
        self._clock = clock or SystemClock()

    def issued(self, token: str) -> bool:  # noqa: ARG002
        """Tell that no bearer token is of NextAuth: it has none."""
        return False

    def credential(self, cookies: Mapping[str, list[str]]) -> str | None:
        """Return the cookie and its chunks, a line each; the session token alone where it names a row."""
        if self._find is not None:
            return one_cookie(cookies, self.identity)
        return cookie_lines(cookies, self.identity)

    def verify(self, credential: str) -> Session:
        """Return the session in the cookie; or in its chunks, of which the last may be left over from a longer one.

        Raises:
            TokenRefused: nothing of it is a valid token; or there is no such row, or its time is over.
        """
        if self._find is not None:
            return self._row(credential, self._find)
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

    def _row(self, token: str, find: FindSession) -> Session:
        row = find(token) if len(token) <= _LONGEST_TOKEN else None
        if row is None:
            raise TokenRefused("issuer_refused", "the app has no such session")
        now, expires = self._clock.now(), _seconds_of(row.get("expires"))
        if expires is None or expires <= now / SECOND:
            raise TokenRefused("token_expired", "the session's `expires` has passed, or is no moment")
        facts = Facts(
            subject=str(row.get("userId") or ""),
            # Not the token, which opens the session: what is shown to the app opens nothing.
            session_id=sha256(token.encode("utf-8", "surrogatepass")).hex()[:32],
            issued_at=now / SECOND,
            expires_at=expires,
            email=text_of(row, "email") if row.get("emailVerified") else "",
            name=text_of(row, "name"),
        )
        return session_of(self.source, facts, row, self._map, believed=0)

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


def _seconds_of(moment: object) -> float | None:
    """Return the seconds since the epoch of a moment as databases give it: without a zone it is UTC, as Auth.js writes it."""
    if isinstance(moment, datetime):
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if isinstance(moment, str):
        try:
            return _seconds_of(datetime.fromisoformat(moment))
        except ValueError:
            return None
    # Prisma on SQLite and Drizzle write milliseconds.
    return moment / SECOND if isinstance(moment, int) and not isinstance(moment, bool) else None


def _derive(form: _Form, secret: str, cookie: str) -> Key:
    """Return the key of the content: HKDF with SHA-256, in version 5 salted with the cookie's name."""
    info = f"{form.info} ({cookie})" if form.salted else form.info
    salt = cookie.encode() if form.salted else b""
    return Key.from_secret(HKDF(SHA256(), form.length, salt, info.encode()).derive(secret.encode()))
