"""Keys: JSON Web Keys (RFC 7517), PEM, and plain secrets, each usable for what it is for and nothing else."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, final

import msgspec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from cryptography.x509 import load_pem_x509_certificate

from watchword.foundation.encodings import base64url_encode
from watchword.foundation.secrets import random_bytes, sha256
from watchword.tokens.algorithms import SIGNATURES, SignatureAlgorithm
from watchword.tokens.key_material import (
    Native,
    generate_native,
    import_native,
    is_weak,
    members_of,
    public_of,
)
from watchword.tokens.refused import TokenRefused

_THUMBPRINT: Final = {
    "RSA": ("e", "kty", "n"),
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
    "oct": ("k", "kty"),
    "AKP": ("alg", "kty", "pub"),
}
_SAME: Final = {"EdDSA": "Ed25519", "Ed25519": "EdDSA"}
"""Two names of one algorithm (RFC 9864)."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """One key: secret, private or public.

    Attributes:
        type: its `kty`: `oct`, `RSA`, `EC`, `OKP`, `AKP`.
        curve: its `crv`, or for `AKP` the algorithm.
        public: what verifies or encrypts; of `oct` the secret itself.
        private: what signs or decrypts, or `None`; of `oct` the secret itself.
        kid: its name in a set.
        algorithm: the one `alg` that it may be used with, where it says so.
        use: `sig` or `enc`, where it says so.
        operations: its `key_ops`, where it has them.
    """

    type: str
    curve: str | None
    public: Native = field(repr=False)
    private: Native | None = field(repr=False)
    kid: str | None = None
    algorithm: str | None = None
    use: str | None = None
    operations: tuple[str, ...] | None = None
    _verifiers: dict[str, Callable[[bytes, bytes], bool]] = field(
        default_factory=dict[str, Callable[[bytes, bytes], bool]], init=False, repr=False
    )

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> "Key":
        """Return the key that the JSON Web Key describes.

        Raises:
            TokenRefused: it is malformed, not on its curve, RSA under 2,048 bits or with a known weakness, or an empty
                secret.
        """
        texts = {name: jwk.get(name) for name in ("kid", "alg", "use")}
        for name, text in texts.items():
            if text is not None and not isinstance(text, str):
                raise TokenRefused("key_invalid", f"`{name}` is not a text", claim=name)
        operations = jwk.get("key_ops")
        if operations is not None and not (
            isinstance(operations, list | tuple) and all(isinstance(one, str) for one in operations)  # pyright: ignore[reportUnknownVariableType]
        ):
            raise TokenRefused("key_invalid", "`key_ops` is not a list of texts", claim="key_ops")
        type_, curve, native = import_native(jwk)
        return cls._made(
            type_,
            curve,
            native,
            kid=texts["kid"],
            algorithm=texts["alg"],
            use=texts["use"],
            operations=None if operations is None else tuple(operations),  # pyright: ignore[reportUnknownArgumentType]
        )

    @classmethod
    def from_pem(cls, pem: bytes, *, kid: str | None = None, algorithm: str | None = None) -> "Key":
        """Return the key of a PEM text: public (SPKI), private (PKCS#8, not encrypted), or an X.509 certificate's.

        Raises:
            TokenRefused: it is none, or one that `from_jwk()` refuses.
        """
        try:
            if b"-----BEGIN CERTIFICATE" in pem:
                native: Any = load_pem_x509_certificate(pem).public_key()
            elif b"PRIVATE KEY-----" in pem:
                native = load_pem_private_key(pem, None)
            else:
                native = load_pem_public_key(pem)
            members = members_of(native)
        except Exception as error:
            raise TokenRefused("key_invalid", "not a PEM key of a known type") from error
        algorithm = members.get("alg", algorithm)
        return cls._made(members["kty"], members.get("crv", members.get("alg")), native, kid=kid, algorithm=algorithm)

    @classmethod
    def from_secret(cls, secret: bytes, *, kid: str | None = None, algorithm: str | None = None) -> "Key":
        """Return the key that a shared secret is (`oct`).

        Raises:
            TokenRefused: it is empty, or the text of a public key: whoever knows that could sign (A122).
        """
        return cls._made("oct", None, secret, kid=kid, algorithm=algorithm)

    @classmethod
    def generate(cls, algorithm: str, *, kid: str | None = None) -> "Key":
        """Return a new key for the algorithm: `RS256` (2,048 bits), `ES256`, `Ed25519`, `ECDH-ES` (P-256), `A128KW`.

        Raises:
            TokenRefused: there is no such algorithm.
        """
        signature = SIGNATURES.get(algorithm)
        if signature is not None and signature.key_type == "oct":
            return cls.from_secret(random_bytes(signature.bits // 8), kid=kid, algorithm=algorithm)
        type_, curve, native = generate_native(algorithm, signature)
        use = "sig" if signature else "enc"
        return cls._made(type_, curve, native, kid=kid, algorithm=algorithm, use=use)

    @classmethod
    def _made(cls, type_: str, curve: str | None, native: Native, **names: Any) -> "Key":
        if reason := is_weak(native):
            raise TokenRefused("key_invalid", reason)
        public = public_of(native)
        return cls(type_, curve, public, None if public is native and type_ != "oct" else native, **names)

    def verifier(self, name: str) -> Callable[[bytes, bytes], bool]:
        """Return what tells whether a signature is of some data, with this algorithm and this key.

        Raises:
            TokenRefused: `key_unsuitable`: the key is not for this algorithm.
        """
        found = self._verifiers.get(name)
        if found is None:
            algorithm = self._suiting(name, "verify")
            verify, public = algorithm.verify, self.public
            found = self._verifiers[name] = lambda signature, data: verify(public, signature, data)
        return found

    def sign(self, name: str, data: bytes) -> bytes:
        """Return the signature of the data.

        Raises:
            TokenRefused: `key_unsuitable`: the key is public, or not for this algorithm.
        """
        algorithm = self._suiting(name, "sign")
        if self.private is None:
            raise TokenRefused("key_unsuitable", "a public key signs nothing")
        return algorithm.sign(self.private, data)

    def suits(self, names: tuple[str, ...], operation: str) -> bool:
        """Tell whether the key may do this, `verify` or `decrypt`, with an algorithm that has one of these names."""
        try:
            if operation == "verify":
                self._suiting(names[0], operation)
            else:
                self.check_use(names, "enc", "decrypt", "unwrapKey", "deriveKey", "deriveBits")
        except TokenRefused:
            return False
        return True

    def check_use(self, names: tuple[str, ...], use: str, *operations: str) -> None:
        """Refuse a use that the key's `alg`, `use` or `key_ops` rule out (RFC 7517, section 4).

        Args:
            names: what the algorithm is called.
            use: `sig` or `enc`.
            operations: one of these it must be for.

        Raises:
            TokenRefused: `key_unsuitable`.
        """
        if self.algorithm is not None and self.algorithm not in names and _SAME.get(self.algorithm) not in names:
            raise TokenRefused("key_unsuitable", "the key is for another algorithm", claim="alg")
        if self.use not in (None, use):
            raise TokenRefused("key_unsuitable", f"the key is not for `{use}`", claim="use")
        if self.operations is not None and not set(operations) & set(self.operations):
            raise TokenRefused("key_unsuitable", f"the key is not for `{operations[0]}`", claim="key_ops")

    def _suiting(self, name: str, operation: str) -> SignatureAlgorithm:
        algorithm = SIGNATURES.get(name)
        if algorithm is None or algorithm.key_type != self.type or algorithm.curve != self.curve:
            raise TokenRefused("key_unsuitable", "the algorithm is not one for this type of key", claim="alg")
        if isinstance(self.public, bytes) and len(self.public) * 8 < algorithm.bits:
            raise TokenRefused("key_unsuitable", f"{name} needs a secret of {algorithm.bits} bits (RFC 7518, 3.2)")
        # A private key that may sign may check what it signed.
        operations = ("verify", "sign") if operation == "verify" and self.private is not None else (operation,)
        self.check_use((name,), "sig", *operations)
        return algorithm

    def to_jwk(self, *, private: bool = False) -> dict[str, Any]:
        """Return the JSON Web Key: the public part, or all of it.

        Raises:
            TokenRefused: there is no private part to give, or a secret has no public one.
        """
        native = self.private if private else self.public
        if native is None or (self.type == "oct" and not private):
            raise TokenRefused("key_unsuitable", "the key has no such part")
        names = {"kid": self.kid, "alg": self.algorithm, "use": self.use}
        operations = {} if self.operations is None else {"key_ops": list(self.operations)}
        return members_of(native) | {name: text for name, text in names.items() if text is not None} | operations

    def to_pem(self, *, private: bool = False) -> bytes:
        """Return the key as PEM: SPKI, or PKCS#8 without encryption.

        Raises:
            TokenRefused: there is no private part to give, or it is a secret, which PEM has no form for.
        """
        native: Any = self.private if private else self.public
        if native is None or self.type == "oct":
            raise TokenRefused("key_unsuitable", "the key has no such part")
        if private:
            return native.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return native.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def thumbprint(self) -> str:
        """Return the SHA-256 thumbprint as base64url (RFC 7638; RFC 8037, section 2; RFC 9964 for `AKP`)."""
        members = members_of(self.public)
        return base64url_encode(sha256(msgspec.json.encode({name: members[name] for name in _THUMBPRINT[self.type]})))


def key_of(jwk: Mapping[str, Any]) -> Key | None:
    """Return the key, or `None` where it is one that nobody can use: of an unknown type, malformed, or weak (A131)."""
    try:
        return Key.from_jwk(jwk)
    except TokenRefused:
        return None
