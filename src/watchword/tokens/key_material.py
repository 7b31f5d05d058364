"""Between the members of a JSON Web Key and the key objects of `cryptography` (RFC 7518, section 6; RFC 8037; RFC 9964)."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa, x25519

from watchword.foundation.encodings import base64url_encode
from watchword.foundation.secrets import random_bytes
from watchword.tokens.algorithms import SignatureAlgorithm
from watchword.tokens.refused import TokenRefused
from watchword.tokens.strict import read_base64url, read_object

Native = Any
"""A key object of `cryptography`, or the bytes of a secret: each `kty` has its own, and `cryptography` no common one."""
CURVES: Final[Mapping[str, tuple[type[ec.EllipticCurve], int]]] = {
    "P-256": (ec.SECP256R1, 32),
    "P-384": (ec.SECP384R1, 48),
    "P-521": (ec.SECP521R1, 66),
    "secp256k1": (ec.SECP256K1, 32),
}
"""Curves by their `crv`, and the bytes of a coordinate."""
_PRIVATE_RSA: Final = ("p", "q", "d", "dp", "dq", "qi")
_OKP: Final[Mapping[str, tuple[Any, Any]]] = {
    "Ed25519": (ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey),
    "X25519": (x25519.X25519PrivateKey, x25519.X25519PublicKey),
}
_AKP: Final[Mapping[str, tuple[Any, Any]]] = {
    "ML-DSA-44": (mldsa.MLDSA44PrivateKey, mldsa.MLDSA44PublicKey),
    "ML-DSA-65": (mldsa.MLDSA65PrivateKey, mldsa.MLDSA65PublicKey),
    "ML-DSA-87": (mldsa.MLDSA87PrivateKey, mldsa.MLDSA87PublicKey),
}
_SMALLEST_RSA: Final = 2048
_LARGEST_RSA: Final = 8192
_LARGEST_EXPONENT: Final = 2**32
_ROCA_PRIMES: Final = (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)
"""Modulo these, the weak keys are powers of 65537; of others, fewer than one in 2^27 is (CVE-2017-15361)."""
_ROCA_GENERATOR: Final = 65537


def import_native(jwk: Mapping[str, Any]) -> tuple[str, str | None, Native]:
    """Return the type, the curve and the key object of a JSON Web Key.

    Raises:
        TokenRefused: `key_invalid`.
    """
    type_ = jwk.get("kty")
    reader = _READERS.get(type_) if isinstance(type_, str) else None
    if reader is None:
        raise TokenRefused("key_invalid", "the type of the key is not known", claim="kty")
    try:
        curve, native = reader(jwk)
    except TokenRefused as error:
        raise TokenRefused("key_invalid", error.reason, claim=error.claim) from error
    except (ValueError, OverflowError, UnsupportedAlgorithm) as error:
        raise TokenRefused("key_invalid", "the members are not those of one key") from error
    return str(type_), curve, native


def _read_oct(jwk: Mapping[str, Any]) -> tuple[None, bytes]:
    return None, read_base64url(jwk.get("k"), "k")


def _read_rsa(jwk: Mapping[str, Any]) -> tuple[None, Native]:
    public = rsa.RSAPublicNumbers(_number(jwk, "e"), _number(jwk, "n"))
    if not _SMALLEST_RSA <= public.n.bit_length() <= _LARGEST_RSA:
        raise TokenRefused("key_invalid", f"an RSA key has {_SMALLEST_RSA} to {_LARGEST_RSA} bits", claim="n")
    if "oth" in jwk:
        raise TokenRefused("key_invalid", "an RSA key has two primes", claim="oth")
    if "d" not in jwk:
        return None, public.public_key()
    d = _number(jwk, "d")
    if any(name in jwk for name in _PRIVATE_RSA if name != "d"):
        p, q, _, dp, dq, qi = (_number(jwk, name) for name in _PRIVATE_RSA)
    else:
        p, q = rsa.rsa_recover_prime_factors(public.n, public.e, d)
        dp, dq, qi = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    return None, rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, public).private_key()


def _read_ec(jwk: Mapping[str, Any]) -> tuple[str, Native]:
    name = jwk.get("crv")
    if not isinstance(name, str) or name not in CURVES:
        raise TokenRefused("key_invalid", "the curve is not known", claim="crv")
    curve, size = CURVES[name]
    public = ec.EllipticCurvePublicNumbers(_number(jwk, "x", size), _number(jwk, "y", size), curve())
    if "d" not in jwk:
        return name, public.public_key()
    return name, ec.EllipticCurvePrivateNumbers(_number(jwk, "d", size), public).private_key()


def _read_okp(jwk: Mapping[str, Any]) -> tuple[str, Native]:
    return _read_pair(jwk, _OKP, "crv", "x", "d")


def _read_akp(jwk: Mapping[str, Any]) -> tuple[str, Native]:
    return _read_pair(jwk, _AKP, "alg", "pub", "priv")


def _read_pair(
    jwk: Mapping[str, Any], kinds: Mapping[str, tuple[Any, Any]], name: str, public: str, private: str
) -> tuple[str, Native]:
    """Return a key whose parts are plain bytes: `private`, of which the given public part must be the one."""
    kind = jwk.get(name)
    if not isinstance(kind, str) or kind not in kinds:
        raise TokenRefused("key_invalid", f"this `{name}` is not known", claim=name)
    private_type, public_type = kinds[kind]
    public_bytes = read_base64url(jwk.get(public), public)
    if private not in jwk:
        return kind, public_type.from_public_bytes(public_bytes)
    secret = read_base64url(jwk[private], private)
    key = private_type.from_seed_bytes(secret) if kinds is _AKP else private_type.from_private_bytes(secret)
    if key.public_key().public_bytes_raw() != public_bytes:
        raise TokenRefused("key_invalid", f"`{public}` is not that of `{private}`", claim=public)
    return kind, key


def _number(jwk: Mapping[str, Any], name: str, size: int | None = None) -> int:
    """Return the number that is the member's bytes; of elliptic curves, exactly `size` of them."""
    data = read_base64url(jwk.get(name), name)
    if size is not None and len(data) != size:
        raise TokenRefused("key_invalid", f"`{name}` has not {size} bytes", claim=name)
    return int.from_bytes(data, "big")


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], tuple[str | None, Native]]]] = {
    "oct": _read_oct,
    "RSA": _read_rsa,
    "EC": _read_ec,
    "OKP": _read_okp,
    "AKP": _read_akp,
}


def public_of(native: Native) -> Native:
    """Return the public part; of a secret or a public key, itself."""
    return native.public_key() if hasattr(native, "public_key") else native


def members_of(native: Native) -> dict[str, Any]:
    """Return the members that describe the key: all of a private one.

    Raises:
        ValueError: it is of a type or on a curve that is not known.
    """
    if isinstance(native, bytes):
        return {"kty": "oct", "k": base64url_encode(native)}
    if isinstance(native, rsa.RSAPublicKey | rsa.RSAPrivateKey):
        return _rsa_members(native)
    if isinstance(native, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey):
        return _ec_members(native)
    for type_, kinds, names in (("OKP", _OKP, ("crv", "x", "d")), ("AKP", _AKP, ("alg", "pub", "priv"))):
        for kind, (private_type, public_type) in kinds.items():
            if isinstance(native, private_type | public_type):
                members = {"kty": type_, names[0]: kind}
                members[names[1]] = base64url_encode(public_of(native).public_bytes_raw())
                if isinstance(native, private_type):
                    members[names[2]] = base64url_encode(native.private_bytes_raw())
                return members
    raise ValueError("the type of the key is not known")


def _rsa_members(native: rsa.RSAPublicKey | rsa.RSAPrivateKey) -> dict[str, Any]:
    public = public_of(native).public_numbers()
    members = {"kty": "RSA", "n": _text(public.n), "e": _text(public.e)}
    if isinstance(native, rsa.RSAPrivateKey):
        private = native.private_numbers()
        members |= {"d": _text(private.d), "p": _text(private.p), "q": _text(private.q)}
        members |= {"dp": _text(private.dmp1), "dq": _text(private.dmq1), "qi": _text(private.iqmp)}
    return members


def _ec_members(native: ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    name, size = next(
        ((name, size) for name, (curve, size) in CURVES.items() if isinstance(native.curve, curve)), (None, 0)
    )
    if name is None:
        raise ValueError("the curve is not known")
    public = public_of(native).public_numbers()
    members = {"kty": "EC", "crv": name, "x": _text(public.x, size), "y": _text(public.y, size)}
    if isinstance(native, ec.EllipticCurvePrivateKey):
        members["d"] = _text(native.private_numbers().private_value, size)
    return members


def _text(number: int, size: int | None = None) -> str:
    return base64url_encode(number.to_bytes(size or (number.bit_length() + 7) // 8, "big"))


def generate_native(algorithm: str, signature: SignatureAlgorithm | None) -> tuple[str, str | None, Native]:
    """Return the type, the curve and a new key for the algorithm.

    Raises:
        TokenRefused: there is no such algorithm.
    """
    if signature is not None and signature.key_type in ("OKP", "AKP") and signature.curve:
        kinds = _OKP if signature.key_type == "OKP" else _AKP
        return signature.key_type, signature.curve, kinds[signature.curve][0].generate()
    if (signature is not None and signature.key_type == "RSA") or algorithm.startswith("RSA-OAEP"):
        return "RSA", None, rsa.generate_private_key(65537, _SMALLEST_RSA)
    curve = signature.curve if signature else "P-256" if algorithm.startswith("ECDH-ES") else None
    if curve is not None:
        return "EC", curve, ec.generate_private_key(CURVES[curve][0]())
    if algorithm.startswith(("A128", "A192", "A256")):
        double = 2 if "CBC" in algorithm else 1
        return "oct", None, random_bytes(int(algorithm[1:4]) // 8 * double)
    raise TokenRefused("algorithm_not_allowed", "there is no such algorithm", claim="alg")


def is_weak(native: Native) -> str | None:
    """Return why the key must not be used, or `None`."""
    if isinstance(native, bytes):
        if not native:
            return "the secret is empty"
        return "the secret is the text of a public key" if _is_public_text(native) else None
    if not isinstance(native, rsa.RSAPublicKey | rsa.RSAPrivateKey):
        return None
    numbers = public_of(native).public_numbers()
    if not _SMALLEST_RSA <= native.key_size <= _LARGEST_RSA:
        return f"an RSA key has {_SMALLEST_RSA} to {_LARGEST_RSA} bits"
    if not 3 <= numbers.e <= _LARGEST_EXPONENT or numbers.e % 2 == 0:
        return "the public exponent is not a sensible one"
    if all(_is_power(numbers.n % prime, prime) for prime in _ROCA_PRIMES):
        return "the key was made by a generator whose keys can be factored (CVE-2017-15361)"
    return None


def _is_power(residue: int, prime: int) -> bool:
    power = 1
    for _ in range(prime):
        if power == residue:
            return True
        power = power * _ROCA_GENERATOR % prime
    return False


def _is_public_text(secret: bytes) -> bool:
    text = secret.strip()
    if b"-----BEGIN " in text or text.startswith((b"ssh-", b"ecdsa-sha2-", b"sk-ssh-", b"sk-ecdsa-")):
        return True
    if text.startswith(b"{"):
        try:
            return "kty" in read_object(text, "the secret")
        except TokenRefused:
            return False
    try:
        serialization.load_der_public_key(secret)
    except (ValueError, UnsupportedAlgorithm):
        return False
    return True
