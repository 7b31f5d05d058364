"""Public keys of passkeys: which algorithms are offered, and how a signature is checked (RFC 9053, IANA COSE registry).

`webauthn` (py_webauthn) reads the COSE structures and checks most signatures; ES384 and Ed448, which it does not know,
go to `cryptography` here. Every key's curve must be that of its algorithm (CVE-2026-8830, CB-234).
"""

from typing import Any, Final, NamedTuple

ES256, EDDSA, ES384, ES512, ED448, RS256 = -7, -8, -35, -36, -53, -257
ALGORITHMS: Final = (ES256, EDDSA, ES384, ES512, ED448, RS256)
"""What is offered, best known first (CB-225). Nothing else is accepted, whatever the client asks for."""
_CURVES: Final = {ES256: 1, ES384: 2, ES512: 3, EDDSA: 6, ED448: 7}
_KEY_TYPES: Final = {ES256: 2, ES384: 2, ES512: 2, EDDSA: 1, ED448: 1, RS256: 3}
_KTY, _ALG, _CRV_OR_N, _X_OR_E, _Y = 1, 3, -1, -2, -3
_LEAST_RSA_BITS: Final = 2048


class CeremonyError(Exception):
    """What the browser sent does not verify: says which check failed, for the audit log and never for the caller."""


class PublicKey(NamedTuple):
    """A key and the algorithm that it is for."""

    algorithm: int
    key: Any


def load_key(cose: bytes) -> PublicKey:
    """Return the key in a COSE_Key structure.

    Raises:
        CeremonyError: it is no key of an offered algorithm on that algorithm's curve.
    """
    from webauthn.helpers import parse_cbor
    from webauthn.helpers.exceptions import InvalidCBORData

    try:
        parts = parse_cbor(cose)
        algorithm = parts[_ALG]
        if algorithm not in ALGORITHMS or parts[_KTY] != _KEY_TYPES[algorithm]:
            raise CeremonyError(f"key of algorithm {algorithm}, which was not offered")
        if algorithm in _CURVES and parts[_CRV_OR_N] != _CURVES[algorithm]:
            raise CeremonyError(f"key of algorithm {algorithm} on another curve")
        return PublicKey(algorithm, _build(algorithm, parts))
    except (InvalidCBORData, KeyError, TypeError, ValueError) as error:
        raise CeremonyError("no COSE key") from error


def check_signature(public: PublicKey, signature: bytes, data: bytes) -> None:
    """Check the signature over the data.

    Raises:
        CeremonyError: it is not the key's.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA384
    from webauthn.helpers import verify_signature
    from webauthn.helpers.cose import COSEAlgorithmIdentifier

    try:
        if public.algorithm == ED448:
            public.key.verify(signature, data)
        elif public.algorithm == ES384:
            public.key.verify(signature, data, ECDSA(SHA384()))
        else:
            algorithm = COSEAlgorithmIdentifier(public.algorithm)
            verify_signature(public_key=public.key, signature_alg=algorithm, signature=signature, data=data)
    except InvalidSignature as error:
        raise CeremonyError("wrong signature") from error


def _build(algorithm: int, parts: Any) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

    first, second = parts[_CRV_OR_N], parts[_X_OR_E]
    if algorithm == RS256:
        numbers = rsa.RSAPublicNumbers(int.from_bytes(second, "big"), int.from_bytes(first, "big"))
        key = numbers.public_key()
        if key.key_size < _LEAST_RSA_BITS:
            raise CeremonyError(f"RSA key of {key.key_size} bits")
        return key
    if algorithm == EDDSA:
        return ed25519.Ed25519PublicKey.from_public_bytes(second)
    if algorithm == ED448:
        return ed448.Ed448PublicKey.from_public_bytes(second)
    curve = {ES256: ec.SECP256R1, ES384: ec.SECP384R1, ES512: ec.SECP521R1}[algorithm]()
    x, y = int.from_bytes(second, "big"), int.from_bytes(parts[_Y], "big")
    return ec.EllipticCurvePublicNumbers(x, y, curve).public_key()
