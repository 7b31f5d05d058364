"""JSON Web Signatures (RFC 7515) and those with an unencoded payload (RFC 7797).

The verifier says which algorithms it takes, always; the header only chooses among them. Keys that a token brings along
(`jwk`, `jku`, `x5c`, `x5u`) are never looked at.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple, cast

import msgspec

from watchword.foundation.encodings import base64url_encode
from watchword.tokens.algorithms import SIGNATURES
from watchword.tokens.key import Key
from watchword.tokens.key_set import Keys, choose
from watchword.tokens.refused import TokenRefused
from watchword.tokens.strict import check_critical, read_base64url, read_document, read_object, read_parts

_UNDERSTOOD: Final = frozenset({"b64"})
_NONE: Final[Mapping[str, Any]] = MappingProxyType({})
_MOST_SIGNATURES: Final = 8
"""Of one document; each that is tried costs a verification."""


class Signed(NamedTuple):
    """What was signed, and how: all of it verified.

    Attributes:
        payload: the bytes.
        header: the members of the protected header.
        unprotected: those of the unprotected header, which nobody vouches for.
        key: the key that verified it.
    """

    payload: bytes
    header: Mapping[str, Any]
    unprotected: Mapping[str, Any]
    key: Key


def verify(token: str, keys: Keys, *, algorithms: Collection[str], payload: bytes | None = None) -> Signed:
    """Return what the compact serialization signs (RFC 7515, section 5.2).

    Args:
        token: `header.payload.signature`; of detached content (appendix F) `header..signature`.
        keys: the key, or the set to choose from.
        algorithms: the names that are accepted; there is no default.
        payload: the detached content.

    Raises:
        TokenRefused: it is malformed, uses another algorithm, or was not signed with such a key.
    """
    encoded_header, encoded_payload, encoded_signature = read_parts(token, 3, "a signed token")
    header = read_header(encoded_header)
    if payload is not None:
        if encoded_payload:
            raise TokenRefused("token_malformed", "the content comes twice: detached, and in the token")
        encoded = payload if _is_unencoded(header, header) else base64url_encode(payload).encode()
        key = _check(header, encoded_header.encode() + b"." + encoded, encoded_signature, keys, algorithms)
        return Signed(payload, header, _NONE, key)
    key = _check(header, token.rpartition(".")[0].encode(), encoded_signature, keys, algorithms)
    if "b64" in header and header["b64"] is False:
        return Signed(encoded_payload.encode(), header, _NONE, key)
    return Signed(read_base64url(encoded_payload, "payload"), header, _NONE, key)


def verify_json(
    document: Mapping[str, Any] | str | bytes,
    keys: Keys,
    *,
    algorithms: Collection[str],
    payload: bytes | None = None,
) -> Signed:
    """Return what the JSON serialization signs, flattened or general (RFC 7515, section 7.2).

    Of a general one, the first signature that one of the keys verifies counts.

    Raises:
        TokenRefused: as `verify()`; of several signatures, the reason of the last.
    """
    members = read_document(document)
    encoded = members.get("payload", "" if payload is not None else None)
    if not isinstance(encoded, str) or (payload is not None and encoded):
        raise TokenRefused("token_malformed", "the content does not come once, as a text", claim="payload")
    entries = _entries(members)
    refusal = TokenRefused("signature_wrong", "there is no signature")
    for entry in entries:
        try:
            return _verify_entry(entry, encoded, payload, keys, algorithms)
        except TokenRefused as error:
            refusal = error
    raise refusal


def sign(
    payload: bytes,
    key: Key,
    algorithm: str,
    *,
    header: Mapping[str, Any] = _NONE,
    detached: bool = False,
) -> str:
    """Return the compact serialization.

    Args:
        payload: the bytes to sign.
        key: a private key or a secret for the algorithm; its `kid` goes into the header.
        algorithm: `ES256` …
        header: further members. `{"b64": False, "crit": ["b64"]}` leaves the payload unencoded (RFC 7797); then it
            must be detached, or ASCII without a dot.
        detached: whether the payload is left out.

    Raises:
        TokenRefused: the key is not for the algorithm, or the payload can't stand in the token.
    """
    entry = _sign(payload, key, algorithm, header)
    if detached:
        return f"{entry['protected']}..{entry['signature']}"
    if header.get("b64") is False:
        if not payload.isascii() or b"." in payload or not payload.decode("ascii").isprintable():
            raise TokenRefused("token_malformed", "unencoded, this payload must be detached (RFC 7797, 5.2)")
        return f"{entry['protected']}.{payload.decode('ascii')}.{entry['signature']}"
    return f"{entry['protected']}.{base64url_encode(payload)}.{entry['signature']}"


def sign_json(payload: bytes, signers: Sequence[tuple[Key, str, Mapping[str, Any]]]) -> dict[str, Any]:
    """Return the JSON serialization: flattened for one signer, general for several.

    Args:
        payload: the bytes to sign; UTF-8 where a signer's header has `"b64": False`.
        signers: key, algorithm and further members of the protected header of each.

    Raises:
        TokenRefused: a key is not for its algorithm, or the signers do not agree on `b64`.
    """
    forms = {header.get("b64", True) for _, _, header in signers}
    if len(forms) != 1:
        raise TokenRefused("token_malformed", "the signers do not agree on `b64` (RFC 7797, section 3)", claim="b64")
    try:
        text = payload.decode() if forms == {False} else base64url_encode(payload)
    except UnicodeDecodeError as error:
        raise TokenRefused("token_malformed", "an unencoded payload is UTF-8", claim="payload") from error
    entries = [_sign(payload, key, algorithm, header) for key, algorithm, header in signers]
    return {"payload": text} | (entries[0] if len(entries) == 1 else {"signatures": entries})


@lru_cache(maxsize=512)
def read_header(encoded: str) -> Mapping[str, Any]:
    """Return the protected header. Those of one issuer are few and come again and again.

    Raises:
        TokenRefused: it is malformed, or calls critical what is not understood.
    """
    header = MappingProxyType(read_object(read_base64url(encoded, "the header"), "the header"))
    check_critical(header, header, _UNDERSTOOD)
    return header


def _check(header: Mapping[str, Any], signed: bytes, signature: str, keys: Keys, algorithms: Collection[str]) -> Key:
    """Return the key whose signature of these bytes it is; `header` is all that the headers say."""
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms or algorithm not in SIGNATURES:
        raise TokenRefused("algorithm_not_allowed", f"expected one of {sorted(algorithms)}", claim="alg")
    key = choose(keys, header.get("kid"), (algorithm,), "verify")
    if not key.verifier(algorithm)(read_base64url(signature, "signature"), signed):
        raise TokenRefused("signature_wrong", "the signature is not of this content and key")
    return key


def _verify_entry(
    entry: Mapping[str, Any], encoded: str, detached: bytes | None, keys: Keys, algorithms: Collection[str]
) -> Signed:
    protected, unprotected, signature = entry.get("protected", ""), entry.get("header", {}), entry.get("signature")
    if not isinstance(protected, str) or not isinstance(unprotected, dict) or not isinstance(signature, str):
        raise TokenRefused("token_malformed", "a member of the signature has the wrong type")
    header = read_header(protected) if protected else _NONE
    unprotected = cast("dict[str, Any]", unprotected)
    if header.keys() & unprotected.keys():
        raise TokenRefused("token_malformed", "a member stands in both headers")
    joined = {**unprotected, **header}
    check_critical(header, joined, _UNDERSTOOD)
    unencoded = _is_unencoded(header, unprotected)
    try:
        text = encoded.encode()
    except UnicodeEncodeError as error:
        raise TokenRefused("token_malformed", "the payload is not UTF-8", claim="payload") from error
    if detached is not None:
        text = detached if unencoded else base64url_encode(detached).encode()
    key = _check(joined, protected.encode() + b"." + text, signature, keys, algorithms)
    payload = detached if detached is not None else text if unencoded else read_base64url(encoded, "payload")
    return Signed(payload, header, unprotected, key)


def _is_unencoded(header: Mapping[str, Any], joined: Mapping[str, Any]) -> bool:
    """Tell whether the payload is signed as it is: `b64` is false, protected, and critical (RFC 7797, section 6)."""
    if "b64" not in header and "b64" not in joined:
        return False
    if not isinstance(header.get("b64"), bool) or (header["b64"] is False and "b64" not in header.get("crit", ())):
        raise TokenRefused("critical_header", "`b64` is not protected and critical", claim="b64")
    return header["b64"] is False


def _entries(members: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the signatures: the members themselves of a flattened document, the list of a general one."""
    if "signatures" not in members:
        return [members]
    entries = members["signatures"]
    if "signature" in members or not isinstance(entries, list):
        raise TokenRefused("token_malformed", "flattened and general forms are mixed", claim="signatures")
    listed = cast("list[object]", entries)
    if len(listed) > _MOST_SIGNATURES or not all(isinstance(entry, dict) for entry in listed):
        raise TokenRefused("token_malformed", f"`signatures` is not at most {_MOST_SIGNATURES} objects")
    return cast("list[Mapping[str, Any]]", listed)


def _sign(payload: bytes, key: Key, algorithm: str, header: Mapping[str, Any]) -> dict[str, str]:
    named = {"kid": key.kid} if key.kid is not None else {}
    members = {"alg": algorithm, **named, **header}
    check_critical(members, members, _UNDERSTOOD)
    protected = base64url_encode(msgspec.json.encode(members))
    encoded = payload if _is_unencoded(members, members) else base64url_encode(payload).encode()
    return {
        "protected": protected,
        "signature": base64url_encode(key.sign(algorithm, protected.encode() + b"." + encoded)),
    }
