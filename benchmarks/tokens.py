"""What a trusted system's token costs: the first check over the bare verification of its signature by `cryptography`,
and the second over the check of one of our own sessions in memory.

All take turns, on the processor's clock, and the median of the rounds counts.
Run: uv run python -m benchmarks.tokens [rounds]
"""

import asyncio
import hmac
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from benchmarks.session_check import USER_AGENT, fill
from benchmarks.site import CHEAP, Caller, make_app, sqlite_site
from watchword.foundation.encodings import base64url_decode
from watchword.http.request import Request
from watchword.sessions.foreign import ForeignSessions
from watchword.tokens import jwt
from watchword.tokens.key import Key
from watchword.tokens.key_set import KeySet
from watchword.vendors.oidc.trust import OIDC

BATCH = 300
ISSUER = "https://id.example.org"


def bare(key: Key, algorithm: str, token: str) -> Callable[[], Any]:
    """Return the verification of the signature alone, its bytes at hand."""
    signed, _, encoded = token.rpartition(".")
    data, signature, public = signed.encode(), base64url_decode(encoded), key.public
    if algorithm == "RS256":
        return lambda: public.verify(signature, data, PKCS1v15(), SHA256())
    if algorithm == "EdDSA":
        return lambda: public.verify(signature, data)
    if algorithm == "HS256":
        return lambda: hmac.compare_digest(hmac.digest(public, data, "sha256"), signature)
    half = len(signature) // 2
    numbers = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    encoded_signature = encode_dss_signature(*numbers)
    return lambda: public.verify(encoded_signature, data, ECDSA(SHA256()))


def measure(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Return the microseconds of processor time that each call takes, round by round."""
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            begin = time.process_time()
            for _ in range(BATCH):
                call()
            spent[name].append((time.process_time() - begin) / BATCH * 1e6)
    return spent


def ratio(of: list[float], over: list[float]) -> float:
    return median(one / other for one, other in zip(of, over, strict=True))


def first_checks(rounds: int) -> None:
    now = int(time.time())
    claims = {"iss": ISSUER, "sub": "user_2GIpXOEpVyJw51rkZn9Kmnc6Sxr", "aud": "api", "iat": now, "exp": now + 3600}
    claims |= {"sid": "sess_2GbDB4enNdCa5vS1zpC3Xzg9tK9", "azp": "https://app.example.org", "jti": "1f0c3a5e7b"}
    for algorithm in ("RS256", "ES256", "EdDSA", "HS256"):
        key = Key.generate(algorithm, kid="one")
        token = jwt.sign(claims, key, algorithm)
        public = key if algorithm == "HS256" else KeySet([Key.from_jwk(key.to_jwk())])

        def verify(token: str = token, keys: Any = public, algorithms: tuple[str, ...] = (algorithm,)) -> Any:
            return jwt.verify(
                token, keys, algorithms=algorithms, now=time.time_ns() // 1_000_000, issuer=ISSUER, audience="api"
            )

        # A shared secret is a text to the trusts, and random bytes here: of HS256, the claims alone.
        trust = None if algorithm == "HS256" else OIDC(issuer=ISSUER, audience="api", keys=public)
        calls = {"bare": bare(key, algorithm, token), "claims": verify}
        if trust is not None:
            calls["session"] = lambda trust=trust, token=token: trust.verify(token)
        spent = measure(calls, rounds)
        told = ", ".join(f"{name} {ratio(spent[name], spent['bare']):.2f} times" for name in calls if name != "bare")
        print(f"first check, {algorithm:6} bare {median(spent['bare']):7.1f} µs; {told}")


def second_check(rounds: int) -> None:
    now = int(time.time())
    key = Key.generate("ES256", kid="one")
    token = jwt.sign({"iss": ISSUER, "sub": "user_1", "aud": "api", "iat": now, "exp": now + 3600}, key, "ES256")
    with sqlite_site(CHEAP) as auth:
        trust = OIDC(issuer=ISSUER, audience="api", keys=KeySet([Key.from_jwk(key.to_jwk())]))
        auth.gate._foreign = ForeignSessions([trust])
        fill(auth, 100)
        cookie = asyncio.run(Caller(make_app(auth)).sign_in())
        own = [*USER_AGENT, (b"cookie", cookie.encode())]
        own_bearer = [*USER_AGENT, (b"authorization", b"Bearer " + cookie.partition("=")[2].encode())]
        foreign = [*USER_AGENT, (b"authorization", b"Bearer " + token.encode())]
        calls = {
            name: lambda headers=headers: auth.gate.verify(Request("GET", "/me", headers=headers))
            for name, headers in {"own cookie": own, "own bearer": own_bearer, "foreign": foreign}.items()
        }
        assert all(call() for call in calls.values())
        spent = measure(calls, rounds)
    for name, times in spent.items():
        print(
            f"second check, {name:12} {median(times):6.2f} µs {ratio(times, spent['own cookie']):6.2f} times an own one"
        )


def main(rounds: int = 60) -> None:
    first_checks(rounds)
    second_check(rounds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
