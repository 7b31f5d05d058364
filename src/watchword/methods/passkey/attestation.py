"""Attestation: what the maker of an authenticator says of it, where a site asks for that (section 6.5 and 8).

The default is to ask for nothing and to believe nothing: which device somebody has is their own affair. A site that must
know hands in the roots that it trusts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, final

from watchword.foundation.secrets import sha256
from watchword.methods.passkey.keys import CeremonyError, check_signature, load_key

FORMATS: Final = ("packed", "tpm", "android-key", "apple", "fido-u2f")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """What a site asks of authenticators: `Passkey(attestation=Attestation(roots={"packed": [pem]}))`.

    Attributes:
        roots: certificates (PEM) that each format's statement must lead to; formats that are not named are refused.
        optional: whether an authenticator that says nothing, or vouches for itself, is taken too.
        aaguids: the models that are taken; all where none is named.
    """

    roots: Mapping[str, list[bytes]] = field(default_factory=dict[str, list[bytes]])
    optional: bool = False
    aaguids: frozenset[str] = frozenset()


def check_statement(policy: Attestation, attestation: Any, raw: bytes, client_data: bytes) -> None:
    """Check the attestation statement of a registration by the site's policy (section 7.1, steps 22 to 25).

    Args:
        policy: what is asked.
        attestation: the attestation object, parsed by py_webauthn.
        raw: the same, as it came.
        client_data: the client data, as it came.

    Raises:
        CeremonyError: it is missing, does not verify, or leads to no root that is trusted.
    """
    from webauthn.helpers import aaguid_to_string
    from webauthn.helpers.structs import AttestationStatement

    data = attestation.auth_data.attested_credential_data
    if policy.aaguids and aaguid_to_string(data.aaguid) not in policy.aaguids:
        raise CeremonyError("a model that is not accepted")
    statement = attestation.att_stmt
    if attestation.fmt == "none":
        if statement != AttestationStatement():
            raise CeremonyError("a statement where none is said")
        _accept_without(policy)
    elif attestation.fmt == "packed" and not statement.x5c:
        _check_self(attestation, raw, client_data)
        _accept_without(policy)
    elif attestation.fmt in policy.roots and attestation.fmt in FORMATS:
        _check_chained(policy.roots[attestation.fmt], attestation, raw, client_data)
    else:
        raise CeremonyError(f"attestation of the format {str(attestation.fmt)[:20]}, for which no root is trusted")


def _accept_without(policy: Attestation) -> None:
    if not policy.optional:
        raise CeremonyError("no attestation, and one is required")


def _check_self(attestation: Any, raw: bytes, client_data: bytes) -> None:
    """Check that the credential's own key signed (section 8.2, self attestation)."""
    from webauthn.helpers import parse_cbor

    key = load_key(attestation.auth_data.attested_credential_data.credential_public_key)
    if attestation.att_stmt.alg != key.algorithm or not attestation.att_stmt.sig:
        raise CeremonyError("self attestation by another algorithm")
    check_signature(key, attestation.att_stmt.sig, parse_cbor(raw)["authData"] + sha256(client_data))


def _check_chained(roots: list[bytes], attestation: Any, raw: bytes, client_data: bytes) -> None:
    from webauthn.registration.formats.android_key import verify_android_key
    from webauthn.registration.formats.apple import verify_apple
    from webauthn.registration.formats.fido_u2f import verify_fido_u2f
    from webauthn.registration.formats.packed import verify_packed
    from webauthn.registration.formats.tpm import verify_tpm

    data = attestation.auth_data.attested_credential_data
    if attestation.fmt == "android-key":
        _add_root(attestation.att_stmt.x5c, roots)
    verifiers: dict[str, Any] = {
        "packed": verify_packed,
        "tpm": verify_tpm,
        "android-key": verify_android_key,
        "apple": verify_apple,
    }
    shared: dict[str, Any] = {
        "attestation_statement": attestation.att_stmt,
        "client_data_json": client_data,
        "credential_public_key": data.credential_public_key,
        # A copy: py_webauthn adds the roots that it knows to this list, and those are not what the site trusts.
        "pem_root_certs_bytes": _Fixed(roots),
    }
    try:
        if attestation.fmt == "fido-u2f":
            # Section 8.6 asks nothing of the AAGUID; py_webauthn would insist on zeros.
            parts: dict[str, Any] = {
                "rp_id_hash": attestation.auth_data.rp_id_hash,
                "credential_id": data.credential_id,
            }
            verified = verify_fido_u2f(aaguid=bytes(16), **parts, **shared)
        else:
            verified = verifiers[attestation.fmt](attestation_object=raw, **shared)
    except Exception as error:
        # Certificates are the caller's: whatever a parser trips over in them is a refusal, not a defect of ours.
        raise CeremonyError(f"attestation does not verify: {type(error).__name__}") from error
    if not verified:
        raise CeremonyError("attestation does not verify")


class _Fixed(list[bytes]):
    """A list that takes nothing more."""

    def append(self, _: bytes, /) -> None:
        """Leave the list as it is."""


def _add_root(chain: list[bytes] | None, roots: list[bytes]) -> None:
    """End the chain with the root that issued its last certificate: py_webauthn expects the root there."""
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_der_x509_certificate, load_pem_x509_certificate

    if not chain:
        return
    last = load_der_x509_certificate(chain[-1])
    for pem in roots:
        root = load_pem_x509_certificate(pem)
        if root.subject == last.issuer and root != last:
            chain.append(root.public_bytes(Encoding.DER))
            return
