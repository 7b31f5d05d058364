"""One trust of each vendor, and a good token or cookie for each: what the stories and the matrix are made of."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.fernet import Fernet

from watchword.foundation.clock import SECOND, Clock
from watchword.sessions.foreign import Trust
from watchword.tokens import jwe, jwt
from watchword.tokens.key import Key
from watchword.tokens.key_set import KeySet
from watchword.tokens.sealed import passwords_of, seal
from watchword.vendors.auth0.cookies import keys_of
from watchword.vendors.auth0.trust import Auth0
from watchword.vendors.clerk.trust import Clerk
from watchword.vendors.descope.trust import Descope
from watchword.vendors.iron_session.trust import IronSession
from watchword.vendors.jose.trust import JWT
from watchword.vendors.next_auth.trust import NextAuth
from watchword.vendors.oidc.trust import OIDC
from watchword.vendors.stytch.trust import Stytch
from watchword.vendors.supabase.trust import Supabase
from watchword.vendors.workos.trust import WorkOS

NOW = 1_800_000_000
FERNET = Fernet.generate_key().decode()
PASSWORD = "a-password-of-at-least-32-characters"
RSA, EC, P384 = Key.generate("RS256", kid="one"), Key.generate("ES256", kid="one"), Key.generate("ES384", kid="one")
CLERK_KEY = "pk_test_Y2xlcmsuaW5zcGlyZWQucHVtYS03NC5sY2wuZGV2JA"


def published(*keys: Key) -> KeySet:
    return KeySet([Key.from_jwk(key.to_jwk()) for key in keys])


@dataclass(frozen=True)
class Kind:
    """A kind of credential.

    Attributes:
        make: makes its trust; all are told the same keys, so that nothing but the rules keeps them apart.
        credential: a good one, that begins at `NOW`.
        header: the request header that carries it.
        verifier: what its trust is called; kinds with the same one are of one system.
    """

    make: Callable[[Clock], Trust]
    credential: str
    header: tuple[str, str]
    verifier: str


def claims(**more: Any) -> dict[str, Any]:
    return {"sub": "user_1", "iat": NOW, "exp": NOW + 600, **more}


def bearer(token: str) -> tuple[str, str]:
    return "authorization", f"Bearer {token}"


def kinds() -> dict[str, Kind]:
    found: dict[str, Kind] = {}

    def add(
        name: str,
        make: Callable[[Clock], Trust],
        token: str,
        header: tuple[str, str] | None = None,
        verifier: str = "",
    ) -> None:
        found[name] = Kind(make, token, header or bearer(token), verifier or name)

    keys = published(RSA, EC, P384)

    def make_auth0(clock: Clock) -> Trust:
        return Auth0(
            domain="example.auth0.com",
            audience="api",
            client_id="client",
            cookie_secret=PASSWORD,
            keys=keys,
            clock=clock,
        )

    add(
        "auth0",
        make_auth0,
        jwt.sign(
            claims(iss="https://example.auth0.com/", aud="api", permissions=["read:notes"]), RSA, "RS256", type="at+jwt"
        ),
    )
    state = {
        "user": {"sub": "user_1"},
        "internal": {"createdAt": NOW, "created_at": NOW, "session_expires_at": NOW + 600},
        "exp": NOW + 600,
    }
    for encryption, name in (("A256GCM", "__session"), ("A256CBC-HS512", "_a0_session_0")):
        token = jwe.encrypt(json.dumps(state).encode(), keys_of(PASSWORD)[encryption], "dir", encryption)
        add(f"auth0-{encryption[4:7].lower()}", make_auth0, token, ("cookie", f"{name}={token}"), "auth0")
    add(
        "clerk",
        lambda clock: Clerk(publishable_key=CLERK_KEY, keys=keys, clock=clock),
        jwt.sign(claims(iss="https://clerk.inspired.puma-74.lcl.dev", sid="sess_1"), RSA, "RS256"),
    )
    add(
        "descope",
        lambda clock: Descope(project_id="P2abc", keys=keys, clock=clock),
        jwt.sign(claims(iss="P2abc", drn="DS"), P384, "ES384"),
    )
    add(
        "supabase",
        lambda clock: Supabase(url="https://abc.supabase.co", keys=keys, clock=clock),
        jwt.sign(claims(iss="https://abc.supabase.co/auth/v1", aud="authenticated", role="authenticated"), EC, "ES256"),
    )
    add(
        "oidc",
        lambda clock: OIDC(issuer="https://id.example.org", audience="api", keys=keys, clock=clock),
        jwt.sign(claims(iss="https://id.example.org", aud="api"), EC, "ES256"),
    )
    add(
        "jose",
        lambda clock: JWT(issuer="me", audience="api", algorithms=["ES256", "RS256"], keys=keys, clock=clock),
        jwt.sign(claims(iss="me", aud="api"), EC, "ES256"),
    )
    for product, more in (("b2c", {}), ("b2b", {"https://stytch.com/organization": {"organization_id": "one"}})):
        named = {
            "iss": f"stytch.com/{product}",
            "aud": [product],
            "nbf": NOW,
            "https://stytch.com/session": {"id": "session-1"},
        }
        add(
            f"stytch-{product}",
            lambda clock, product=product: Stytch(project_id=product, product=product, keys=keys, clock=clock),
            jwt.sign(claims(**named, **more), RSA, "RS256"),
        )
    token = jwt.sign(
        claims(iss="https://api.workos.com/user_management/client", sid="session_1", auth_time=NOW), RSA, "RS256"
    )
    fernet = Fernet(FERNET)
    for name, credential in (
        ("workos", token),
        ("workos-node", seal({"accessToken": token}, passwords_of(FERNET), now=NOW * SECOND, ttl=0)),
        ("workos-python", fernet.encrypt(json.dumps({"access_token": token}).encode()).decode()),
    ):
        add(
            name,
            lambda clock: WorkOS(client_id="client", cookie_password=FERNET, keys=keys, clock=clock),
            credential,
            None if credential == token else ("cookie", f"wos-session={credential}"),
            "workos",
        )
    cookie = seal({"user": {"id": "user_1"}}, passwords_of(PASSWORD), now=NOW * SECOND, ttl=600)
    add(
        "iron-session",
        lambda clock: IronSession(cookie_name="app", password=PASSWORD, clock=clock),
        cookie,
        ("cookie", f"app={cookie}"),
    )
    for version, name in ((4, "next-auth.session-token"), (5, "authjs.session-token")):
        trust = NextAuth(secret=PASSWORD, version=version, secure=False)
        token = jwe.encrypt(jwe_claims(), trust._keys[0], "dir", trust._encryption)
        add(
            f"nextauth-{version}",
            lambda clock, version=version: NextAuth(secret=PASSWORD, version=version, secure=False, clock=clock),
            token,
            ("cookie", f"{name}={token}"),
        )
    return found


def jwe_claims() -> bytes:
    return json.dumps(claims()).encode()


KINDS = kinds()
"""Of each kind, one; made once, since keys take time."""
VERIFIERS = {kind.verifier: kind.make for kind in KINDS.values()}
"""What makes each trust; one may read several kinds."""


def measured(call: Callable[[], object]) -> float:
    """Return the seconds of processor time of a call."""
    begin = time.process_time()
    call()
    return time.process_time() - begin
