"""ID tokens, checked as OpenID Connect Core 1.0, section 3.1.3.7, asks, and a little more strictly."""

import hashlib
import re
from collections.abc import Collection, Mapping
from typing import Any, Final, cast

from watchword.foundation.encodings import base64url_encode
from watchword.foundation.secrets import Secret, same_bytes, sha256
from watchword.methods.oauth.client import Client
from watchword.methods.oauth.preset import TENANT, OAuthPreset
from watchword.outgoing.key_source import KeySource
from watchword.tokens import jwt
from watchword.tokens.jws import read_header
from watchword.tokens.key import Key
from watchword.tokens.key_set import Keys
from watchword.tokens.refused import MAXIMUM_TOKEN, TokenRefused
from watchword.tokens.strict import read_base64url, read_object

LEEWAY: Final = 60
"""Seconds that clocks may differ."""
LONGEST: Final = 3600
"""Seconds since it was made: a sign-in is under way for no longer."""
_TENANT_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_HASHES: Final = {"256": "sha256", "384": "sha384", "512": "sha512"}


def verify_id_token(
    token: str,
    *,
    preset: OAuthPreset,
    issuer: str,
    keys: KeySource,
    client: Client,
    audiences: Collection[str],
    nonces: Collection[str],
    now: int,
    access_token: str = "",
) -> Mapping[str, Any]:
    """Return the claims of an ID token that is for this site, and for this very sign-in.

    Args:
        token: as it came.
        preset: which algorithms count.
        issuer: whose it must be.
        keys: the issuer's.
        client: whose secret HS256 is checked with, where the preset says so.
        audiences: this site's clients.
        nonces: one of these it must repeat.
        now: milliseconds.
        access_token: that came with it; `at_hash`, where it is there, must be of it.

    Raises:
        TokenRefused: with the claim that is missing or wrong.
    """
    if len(token) > MAXIMUM_TOKEN:
        raise TokenRefused("token_too_large", f"more than {MAXIMUM_TOKEN} characters")
    algorithm, chosen = _key(token, preset, keys, client)
    verified = jwt.verify(
        token,
        chosen,
        algorithms=(algorithm,),
        now=now,
        issuer=_own(issuer, token),
        audience=audiences,
        leeway=LEEWAY,
        required=("sub", "iat", "nonce"),
        max_age=LONGEST,
    )
    claims = verified.claims
    named = claims["aud"]
    authorized = claims.get("azp")
    if (authorized is None and _is_list(named)) or authorized not in (None, *audiences):
        raise TokenRefused("claim_invalid", "`azp` is not this client", claim="azp")
    nonce = Secret(claims["nonce"] if isinstance(claims["nonce"], str) else "")
    if not any(nonce.matches(one) for one in nonces):
        raise TokenRefused("claim_invalid", "`nonce` is not that of this sign-in", claim="nonce")
    if "at_hash" in claims and access_token:
        _check_hash(claims["at_hash"], access_token, algorithm)
    return claims


def _key(token: str, preset: OAuthPreset, keys: KeySource, client: Client) -> tuple[str, Keys]:
    """Return the algorithm of the header, if it is one of the preset's, and what it is checked with."""
    header = read_header(token.partition(".")[0])
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in preset.algorithms:
        raise TokenRefused("algorithm_not_allowed", f"expected one of {sorted(preset.algorithms)}", claim="alg")
    if algorithm.startswith("HS"):
        # A secret is for its own algorithms alone, and a published key never for these (A122).
        if client.secret is None:
            raise TokenRefused("key_not_found", "there is no secret to check it with")
        return algorithm, Key.from_secret(client.secret.reveal().encode())
    return algorithm, keys.find(kid if isinstance(kid, str) else None)


def _own(issuer: str, token: str) -> str:
    """Return the issuer that the token must name; of a service of many tenants, the one of the tenant it names.

    The tenant's id is read before it is believed, and then compared as part of the whole issuer, under the signature.
    """
    if TENANT not in issuer:
        return issuer
    parts = token.split(".")
    claims = read_object(read_base64url(parts[1], "payload"), "the payload") if len(parts) == 3 else {}
    tenant = claims.get("tid")
    if not isinstance(tenant, str) or _TENANT_ID.match(tenant) is None:
        raise TokenRefused("claim_invalid", "`tid` names no tenant", claim="tid")
    return issuer.replace(TENANT, tenant)


def _check_hash(found: object, access_token: str, algorithm: str) -> None:
    """Compare `at_hash` (OpenID Connect Core 1.0, section 3.1.3.6)."""
    name = "sha512" if algorithm in ("EdDSA", "Ed25519") else _HASHES[algorithm[-3:]]
    digest = hashlib.new(name, access_token.encode()).digest()
    expected = base64url_encode(digest[: len(digest) // 2])
    if not isinstance(found, str) or not same_bytes(found.encode(), expected.encode()):
        raise TokenRefused("claim_invalid", "`at_hash` is not of the access token", claim="at_hash")


def _is_list(audience: object) -> bool:
    return isinstance(audience, list) and len(cast("list[object]", audience)) > 1


def hashed_nonce(nonce: str) -> str:
    """Return what Apple's and others' native libraries put in a token in the place of the nonce: its SHA-256, as hex."""
    return sha256(nonce.encode()).hex()
