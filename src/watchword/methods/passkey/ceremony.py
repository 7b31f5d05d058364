"""The two ceremonies of WebAuthn Level 3, checked: pure functions over what the browser sent (sections 7.1 and 7.2)."""

from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final, Literal, final

import msgspec

from watchword.foundation.encodings import EncodingError, base64url_decode
from watchword.foundation.secrets import same_bytes, sha256
from watchword.methods.passkey.attestation import Attestation, check_statement
from watchword.methods.passkey.keys import CeremonyError, check_signature, load_key

LONGEST_ID: Final = 1023
"""Bytes of a credential id (section 7.1, step 26)."""


@final
@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who asks.

    Attributes:
        id: domain that the passkeys belong to.
        origins: where ceremonies take place, compared exactly (CB-237).
        embedded_in: origins of pages that may show ours in a frame; ceremonies in a frame are refused unless named.
        attestation: what is asked of the maker's statement; `None` for nothing.
    """

    id: str
    origins: tuple[str, ...]
    embedded_in: tuple[str, ...] = ()
    attestation: Attestation | None = None


class AttestationResponse(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What `navigator.credentials.create()` gave: `AuthenticatorAttestationResponseJSON`, as far as it is read."""

    client_data_json: str = msgspec.field(name="clientDataJSON")
    attestation_object: str
    transports: list[str] = msgspec.field(default_factory=list[str])


class AssertionResponse(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What `navigator.credentials.get()` gave: `AuthenticatorAssertionResponseJSON`."""

    client_data_json: str = msgspec.field(name="clientDataJSON")
    authenticator_data: str
    signature: str
    user_handle: str | None = None


class Registration(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """`RegistrationResponseJSON` (section 5.1.8): what `PublicKeyCredential.toJSON()` gives."""

    id: str
    response: AttestationResponse
    type: Literal["public-key"] = "public-key"


class Assertion(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """`AuthenticationResponseJSON` (section 5.1.8)."""

    id: str
    response: AssertionResponse
    type: Literal["public-key"] = "public-key"


class NewPasskey(msgspec.Struct, frozen=True, kw_only=True):
    """A credential that was just made: what is kept of it (section 4, credential record)."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    user_verified: bool
    backup_eligible: bool
    backed_up: bool
    aaguid: str
    transports: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True)
class Shown:
    """A credential that was just used.

    Attributes:
        user_verified: whether the authenticator saw to it that it was the person: by PIN, finger or face.
        backed_up: whether it is synchronised now.
        sign_count: the new count.
        is_cloned: the count did not rise: two authenticators may hold the same key.
    """

    user_verified: bool
    backed_up: bool
    sign_count: int
    is_cloned: bool


class _ClientData(msgspec.Struct, frozen=True, rename="camel"):
    type: str
    challenge: str
    origin: str
    cross_origin: bool = False
    top_origin: str | None = None


def check_registration(
    party: RelyingParty, sent: Registration, challenge: bytes, *, user_verification: bool
) -> NewPasskey:
    """Return the new credential (section 7.1).

    Args:
        party: who asked.
        sent: what came back.
        challenge: what was asked, held by the server and used up already.
        user_verification: whether the user must have been verified; decided by the server, never by the client (A144).

    Raises:
        CeremonyError: a check failed.
    """
    from cbor2 import CBORError, load
    from webauthn.helpers import aaguid_to_string, parse_attestation_object
    from webauthn.helpers.exceptions import WebAuthnException

    client_data = _decoded(sent.response.client_data_json)
    _check_client_data(party, client_data, "webauthn.create", challenge)
    raw = _decoded(sent.response.attestation_object)
    try:
        # py_webauthn reads the first item and passes over what follows it.
        load(stream := BytesIO(raw))
        if stream.tell() != len(raw):
            raise CeremonyError("more than one attestation object")
        attestation = parse_attestation_object(raw)
    except (CBORError, WebAuthnException, KeyError, TypeError, ValueError, IndexError) as error:
        raise CeremonyError("no attestation object") from error
    data, flags = attestation.auth_data, attestation.auth_data.flags
    _check_flags(party, data, user_verification=user_verification)
    credential = data.attested_credential_data
    if credential is None or not credential.credential_id:
        raise CeremonyError("no credential in the attestation")
    if len(credential.credential_id) > LONGEST_ID or credential.credential_id != _decoded(sent.id):
        raise CeremonyError("another credential id than was attested")
    load_key(credential.credential_public_key)
    if party.attestation is not None:
        check_statement(party.attestation, attestation, raw, client_data)
    return NewPasskey(
        credential_id=credential.credential_id,
        public_key=credential.credential_public_key,
        sign_count=data.sign_count,
        user_verified=flags.uv,
        backup_eligible=flags.be,
        backed_up=flags.bs,
        aaguid=aaguid_to_string(credential.aaguid),
        transports=tuple(sorted({name for name in sent.response.transports if name in TRANSPORTS})),
    )


TRANSPORTS: Final = frozenset({"ble", "hybrid", "internal", "nfc", "smart-card", "usb"})


def check_assertion(
    party: RelyingParty,
    sent: Assertion,
    challenge: bytes,
    *,
    public_key: bytes,
    sign_count: int,
    backup_eligible: bool,
    user_verification: bool,
) -> Shown:
    """Return what the use of a credential showed (section 7.2).

    Args:
        party: who asked.
        sent: what came back.
        challenge: what was asked, held by the server and used up already.
        public_key: of the credential, as it is kept.
        sign_count: its last count.
        backup_eligible: whether it may ever be synchronised: that never changes (section 6.1.3).
        user_verification: whether the user must have been verified.

    Raises:
        CeremonyError: a check failed.
    """
    from webauthn.helpers import parse_authenticator_data
    from webauthn.helpers.exceptions import WebAuthnException

    client_data = _decoded(sent.response.client_data_json)
    _check_client_data(party, client_data, "webauthn.get", challenge)
    raw = _decoded(sent.response.authenticator_data)
    try:
        data = parse_authenticator_data(raw)
    except (WebAuthnException, KeyError, TypeError, ValueError, IndexError) as error:
        raise CeremonyError("no authenticator data") from error
    _check_flags(party, data, user_verification=user_verification)
    if data.flags.be != backup_eligible:
        raise CeremonyError("backup eligibility has changed")
    check_signature(load_key(public_key), _decoded(sent.response.signature), raw + sha256(client_data))
    # Only after the signature: nobody but the key's holder may cast suspicion on it (A146).
    is_cloned = (data.sign_count > 0 or sign_count > 0) and data.sign_count <= sign_count
    return Shown(data.flags.uv, data.flags.bs, data.sign_count, is_cloned)


def _check_client_data(party: RelyingParty, raw: bytes, type_: str, challenge: bytes) -> None:
    try:
        data = msgspec.json.decode(raw, type=_ClientData)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CeremonyError("no client data") from error
    if data.type != type_:
        raise CeremonyError(f"client data of another type than {type_}")
    if not same_bytes(_decoded(data.challenge), challenge):
        raise CeremonyError("another challenge")
    if data.origin not in party.origins:
        raise CeremonyError("another origin")
    if data.cross_origin and not party.embedded_in:
        raise CeremonyError("in a frame of another origin")
    if data.top_origin is not None and (not data.cross_origin or data.top_origin not in party.embedded_in):
        raise CeremonyError("in a frame of a page that may not show ours")


def _check_flags(party: RelyingParty, data: Any, *, user_verification: bool) -> None:
    if not same_bytes(data.rp_id_hash, sha256(party.id.encode())):
        raise CeremonyError("another relying party")
    if not data.flags.up:
        raise CeremonyError("nobody was present")
    if user_verification and not data.flags.uv:
        raise CeremonyError("the user was not verified")
    if data.flags.bs and not data.flags.be:
        raise CeremonyError("backed up, and not eligible for it")


def _decoded(text: str) -> bytes:
    try:
        return base64url_decode(text)
    except EncodingError as error:
        raise CeremonyError("no base64url") from error
