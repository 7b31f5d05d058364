"""Signature algorithms by their registered names, each bound to one type of key (RFC 7518, 8037, 8812, 9864).

The cryptography is `cryptography`'s; of JOSE there is only the form of signatures here.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

Sign = Callable[[Any, bytes], bytes]
"""From the private key and the data, the signature."""
Verify = Callable[[Any, bytes, bytes], bool]
"""From the public key, the signature and the data, whether the one is of the other."""


@final
@dataclass(frozen=True, slots=True)
class SignatureAlgorithm:
    """A way to sign.

    Attributes:
        name: as in the header's `alg`.
        key_type: the `kty` that its keys have.
        curve: the `crv` that its keys have; of ML-DSA, the `alg` that they are of.
        bits: so many at least the key must have.
        sign, verify: what it does.
    """

    name: str
    key_type: str
    sign: Sign
    verify: Verify
    curve: str | None = None
    bits: int = 0


def _hmac(name: str, bits: int) -> SignatureAlgorithm:
    digest = f"sha{bits}"
    return SignatureAlgorithm(
        name,
        "oct",
        lambda key, data: hmac.digest(key, data, digest),
        lambda key, signature, data: hmac.compare_digest(hmac.digest(key, data, digest), signature),
        bits=bits,
    )


def _rsa(name: str, hash_: hashes.HashAlgorithm, padding: PKCS1v15 | PSS) -> SignatureAlgorithm:
    def verify(key: Any, signature: bytes, data: bytes) -> bool:
        try:
            key.verify(signature, data, padding, hash_)
        except InvalidSignature:
            return False
        return True

    return SignatureAlgorithm(name, "RSA", lambda key, data: key.sign(data, padding, hash_), verify, bits=2048)


def _ecdsa(name: str, curve: str, size: int, hash_: hashes.HashAlgorithm) -> SignatureAlgorithm:
    """Return ECDSA with the signature as two numbers of `size` bytes each (RFC 7518, section 3.4)."""
    scheme = ECDSA(hash_)
    from_bytes = int.from_bytes

    def sign(key: Any, data: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(data, scheme))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    def verify(key: Any, signature: bytes, data: bytes) -> bool:
        if len(signature) != 2 * size:
            return False
        numbers = from_bytes(signature[:size], "big"), from_bytes(signature[size:], "big")
        try:
            key.verify(encode_dss_signature(*numbers), data, scheme)
        except InvalidSignature:
            return False
        return True

    return SignatureAlgorithm(name, "EC", sign, verify, curve)


def _pure(name: str, key_type: str, curve: str) -> SignatureAlgorithm:
    """Return an algorithm whose keys need no further choice: Ed25519 and ML-DSA."""

    def verify(key: Any, signature: bytes, data: bytes) -> bool:
        try:
            key.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    return SignatureAlgorithm(name, key_type, lambda key, data: key.sign(data), verify, curve)


_SHA2: Final = {256: hashes.SHA256(), 384: hashes.SHA384(), 512: hashes.SHA512()}
ML_DSA: Final = ("ML-DSA-44", "ML-DSA-65", "ML-DSA-87")
"""FIPS 204 in JOSE (RFC 9964): keys of type `AKP` that name their algorithm."""

SIGNATURES: Final[Mapping[str, SignatureAlgorithm]] = MappingProxyType(
    {
        algorithm.name: algorithm
        for algorithm in (
            *(_hmac(f"HS{bits}", bits) for bits in _SHA2),
            *(_rsa(f"RS{bits}", hash_, PKCS1v15()) for bits, hash_ in _SHA2.items()),
            *(_rsa(f"PS{bits}", hash_, PSS(MGF1(hash_), hash_.digest_size)) for bits, hash_ in _SHA2.items()),
            _ecdsa("ES256", "P-256", 32, hashes.SHA256()),
            _ecdsa("ES384", "P-384", 48, hashes.SHA384()),
            _ecdsa("ES512", "P-521", 66, hashes.SHA512()),
            _ecdsa("ES256K", "secp256k1", 32, hashes.SHA256()),
            _pure("EdDSA", "OKP", "Ed25519"),
            _pure("Ed25519", "OKP", "Ed25519"),
            *(_pure(name, "AKP", name) for name in ML_DSA),
        )
    }
)
"""Every algorithm. `none` is not among them."""
ASYMMETRIC: Final = tuple(name for name, algorithm in SIGNATURES.items() if algorithm.key_type != "oct")
"""Those that a published key verifies."""
