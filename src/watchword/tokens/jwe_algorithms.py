"""Encryption algorithms by their registered names: joserfc's, and of RSA-OAEP also those that it lacks (RFC 7518, 4, 5)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from joserfc.jwa import JWE_ALG_MODELS, JWE_ENC_MODELS, JWEAlgModel, JWEEncModel, JWEKeyEncryption
from joserfc.jwe import Recipient
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from watchword.tokens.key import Key
from watchword.tokens.refused import TokenRefused

_AGREEMENT_CURVES: Final = ("P-256", "P-384", "P-521", "X25519")


@final
class _OAEP(JWEKeyEncryption):
    """RSAES-OAEP; with SHA-384 and SHA-512 as the W3C's Web Cryptography registered it."""

    key_types = ["RSA"]  # noqa: RUF012  the base class has it so
    description = "RSAES-OAEP"

    def __init__(self, name: str, hash_: hashes.HashAlgorithm) -> None:
        self.name = name
        self._padding = OAEP(MGF1(hash_), hash_, None)

    def encrypt_cek(self, cek: bytes, recipient: Recipient[Any]) -> bytes:
        return _native(recipient).get_op_key("encrypt").encrypt(cek, self._padding)

    def decrypt_cek(self, recipient: Recipient[Any]) -> bytes:
        return _native(recipient).get_op_key("decrypt").decrypt(recipient.encrypted_key, self._padding)


def _native(recipient: Recipient[Any]) -> Any:
    return recipient.recipient_key


_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "RSA-OAEP": hashes.SHA1(),  # noqa: S303  as RFC 7518, section 4.3 has it; collisions don't matter here
    "RSA-OAEP-256": hashes.SHA256(),
    "RSA-OAEP-384": hashes.SHA384(),
    "RSA-OAEP-512": hashes.SHA512(),
}
MANAGEMENT: Final[Mapping[str, JWEAlgModel]] = MappingProxyType(
    {model.name: model for model in JWE_ALG_MODELS if not model.name.startswith("RSA")}
    | {name: _OAEP(name, hash_) for name, hash_ in _HASHES.items()}
)
"""Every `alg`. `RSA1_5` is not among them."""
CONTENT: Final[Mapping[str, JWEEncModel]] = MappingProxyType({model.name: model for model in JWE_ENC_MODELS})
"""Every `enc`."""


def names_of(algorithm: str, encryption: str) -> tuple[str, ...]:
    """Return what a key's own `alg` may say: with `dir` the key is the content's, and may name that algorithm."""
    return (algorithm, encryption) if algorithm == "dir" else (algorithm,)


def engine_key(key: Key, algorithm: str, *, private: bool) -> Any:
    """Return joserfc's form of the key.

    Raises:
        TokenRefused: `key_unsuitable`: it is of another type, on another curve, or has no private part.
    """
    native: Any = key.private if private else key.public
    if native is not None and key.type == key_type_of(algorithm, key.curve):
        if key.type == "RSA":
            return RSAKey.import_key(native)
        if key.type == "EC":
            return ECKey.import_key(native)
        if key.type == "OKP":
            return OKPKey.import_key(native)
        return OctKey(native, native)
    raise TokenRefused("key_unsuitable", "the algorithm is not one for this key", claim="alg")


def key_type_of(algorithm: str, curve: str | None) -> str | None:
    """Return the `kty` that the algorithm's keys have; of an agreement, that of the curve."""
    if algorithm.startswith("RSA"):
        return "RSA"
    if algorithm.startswith("ECDH-ES"):
        return None if curve not in _AGREEMENT_CURVES else "OKP" if curve == "X25519" else "EC"
    return "oct"
