"""JSON Web Encryption (RFC 7516) with joserfc's algorithms, behind a reader that refuses what they would let pass.

Not to be had: `RSA1_5`, whose padding tells too much (RFC 8725, section 3.2), and `zip`, which makes megabytes of a few
letters. Whatever goes wrong once a key is at work is one refusal, `decryption_failed`. It needs the extra `trust`.
"""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple, cast

import msgspec
from joserfc.jwa import JWEAlgModel, JWEDirectEncryption, JWEEncModel, JWEKeyAgreement
from joserfc.jwe import CompactEncryption, Recipient

from watchword.foundation.encodings import base64url_encode
from watchword.tokens.jwe_algorithms import CONTENT, MANAGEMENT, engine_key, names_of
from watchword.tokens.key import Key, key_of
from watchword.tokens.key_set import Keys, choose
from watchword.tokens.refused import TokenRefused
from watchword.tokens.strict import check_critical, read_base64url, read_document, read_object, read_parts

_NONE: Final[Mapping[str, Any]] = MappingProxyType({})
_MOST_RECIPIENTS: Final = 8
"""Of one document; each that is tried costs a decryption."""
_BINARY: Final = ("apu", "apv", "iv", "tag", "p2s")
"""Header members that are base64url, where they stand."""
LEAST_COUNT: Final = 1_000
MOST_COUNT: Final = 10_000
"""Rounds of PBES2: a sender chooses, and the reader pays (A129). RFC 7518, section 4.8.1.2 recommends the least; the
most is jose's."""


class Decrypted(NamedTuple):
    """What was encrypted, and how.

    Attributes:
        plaintext: the bytes.
        header: the members of the protected header.
        unprotected: those of the other headers, which nobody vouches for.
        key: the key that opened it.
    """

    plaintext: bytes
    header: Mapping[str, Any]
    unprotected: Mapping[str, Any]
    key: Key


class _Content(NamedTuple):
    """The part that all recipients share."""

    iv: bytes
    ciphertext: bytes
    tag: bytes
    aad: bytes


class _Policy(NamedTuple):
    algorithms: Collection[str]
    encryptions: Collection[str]
    most_count: int


def decrypt(
    token: str,
    keys: Keys,
    *,
    algorithms: Collection[str],
    encryptions: Collection[str],
    most_count: int = MOST_COUNT,
) -> Decrypted:
    """Return what the compact serialization holds (RFC 7516, section 5.2).

    Args:
        token: `header.encrypted key.initialization vector.ciphertext.tag`.
        keys: the key, or the set to choose from.
        algorithms: the `alg` that are accepted; there is no default.
        encryptions: the `enc` that are accepted.
        most_count: rounds of PBES2 that are paid for, at most.

    Raises:
        TokenRefused: it is malformed, uses another algorithm, or can't be opened with such a key.
    """
    protected, encrypted_key, iv, ciphertext, tag = read_parts(token, 5, "an encrypted token")
    header = _read_header(protected)
    content = _Content(
        read_base64url(iv, "iv"),
        read_base64url(ciphertext, "ciphertext"),
        read_base64url(tag, "tag"),
        protected.encode(),
    )
    policy = _Policy(algorithms, encryptions, most_count)
    plaintext, key = _open(header, header, read_base64url(encrypted_key, "encrypted_key"), content, keys, policy)
    return Decrypted(plaintext, header, _NONE, key)


def decrypt_json(
    document: Mapping[str, Any] | str | bytes,
    keys: Keys,
    *,
    algorithms: Collection[str],
    encryptions: Collection[str],
    most_count: int = MOST_COUNT,
) -> Decrypted:
    """Return what the JSON serialization holds, flattened or general (RFC 7516, section 7.2).

    Of a general one, the first recipient whose part one of the keys opens counts.

    Raises:
        TokenRefused: as `decrypt()`; of several recipients, the reason of the last.
    """
    members = read_document(document)
    protected = members.get("protected", "")
    if not isinstance(protected, str):
        raise TokenRefused("token_malformed", "`protected` is not a text", claim="protected")
    header = _read_header(protected) if protected else _NONE
    aad = protected.encode()
    if "aad" in members:
        read_base64url(members["aad"], "aad")
        aad += b"." + members["aad"].encode()
    iv, ciphertext, tag = (read_base64url(members.get(name), name) for name in ("iv", "ciphertext", "tag"))
    content = _Content(iv, ciphertext, tag, aad)
    policy = _Policy(algorithms, encryptions, most_count)
    refusal = TokenRefused("decryption_failed", "there is no recipient")
    for entry in _recipients(members):
        try:
            unprotected = _join(members.get("unprotected", {}), entry.get("header", {}))
            joined = _join(header, unprotected)
            encrypted_key = read_base64url(entry.get("encrypted_key", ""), "encrypted_key")
            plaintext, key = _open(header, joined, encrypted_key, content, keys, policy)
            return Decrypted(plaintext, header, unprotected, key)
        except TokenRefused as error:
            refusal = error
    raise refusal


def encrypt(plaintext: bytes, key: Key, algorithm: str, encryption: str, *, header: Mapping[str, Any] = _NONE) -> str:
    """Return the compact serialization.

    Args:
        plaintext: the bytes to encrypt.
        key: a public key or a secret for the algorithm; its `kid` goes into the header.
        algorithm: `ECDH-ES+A256KW`, `dir` …
        encryption: `A256GCM`, `A256CBC-HS512` …
        header: further members.

    Raises:
        TokenRefused: the key is not for the algorithm, or there is no such algorithm.
    """
    document = encrypt_json(plaintext, [(key, algorithm)], encryption, header=header)
    names = ("protected", "encrypted_key", "iv", "ciphertext", "tag")
    return ".".join(document.get(name, "") for name in names)


def encrypt_json(
    plaintext: bytes,
    recipients: Sequence[tuple[Key, str]],
    encryption: str,
    *,
    header: Mapping[str, Any] = _NONE,
    aad: bytes | None = None,
) -> dict[str, Any]:
    """Return the JSON serialization: flattened for one recipient, general for several.

    Args:
        plaintext: the bytes to encrypt.
        recipients: key and algorithm of each; `dir` and `ECDH-ES` only for one alone.
        encryption: `A256GCM`, `A256CBC-HS512` …
        header: further members of the protected header.
        aad: additional data that is authenticated, not encrypted.

    Raises:
        TokenRefused: a key is not for its algorithm, or there is no such algorithm.
    """
    enc = CONTENT.get(encryption)
    if enc is None:
        raise TokenRefused("algorithm_not_allowed", "there is no such encryption", claim="enc")
    alone = len(recipients) == 1
    shared = {"enc": encryption, **header}
    wrapped: list[tuple[dict[str, Any], bytes]] = []
    cek = enc.generate_cek()
    for key, algorithm in recipients:
        own, encrypted_key, cek = _wrap(key, algorithm, shared, cek, alone=alone)
        wrapped.append((own, encrypted_key))
    protected = {**wrapped[0][0], **shared} if alone else shared
    encoded = base64url_encode(msgspec.json.encode(protected))
    text = encoded if aad is None else f"{encoded}.{base64url_encode(aad)}"
    iv = enc.generate_iv()
    ciphertext, tag = enc.encrypt(plaintext, cek, iv, text.encode())
    document: dict[str, Any] = {"protected": encoded}
    document |= {"iv": base64url_encode(iv), "ciphertext": base64url_encode(ciphertext), "tag": base64url_encode(tag)}
    if aad is not None:
        document["aad"] = base64url_encode(aad)
    keys = [{"encrypted_key": base64url_encode(one)} if one else {} for _, one in wrapped]
    if alone:
        return document | keys[0]
    return document | {"recipients": [{"header": own, **one} for (own, _), one in zip(wrapped, keys, strict=True)]}


def _wrap(
    key: Key, algorithm: str, shared: Mapping[str, Any], cek: bytes, *, alone: bool
) -> tuple[dict[str, Any], bytes, bytes]:
    """Return the recipient's own header, its encrypted key, and the key of the content."""
    alg, enc = MANAGEMENT.get(algorithm), CONTENT[shared["enc"]]
    if alg is None or not (alone or not alg.direct_mode):
        raise TokenRefused("algorithm_not_allowed", "there is no such algorithm, or not for several", claim="alg")
    key.check_use(names_of(algorithm, enc.name), "enc", "encrypt", "wrapKey", "deriveKey", "deriveBits")
    own = {"alg": algorithm} | ({"kid": key.kid} if key.kid is not None else {})
    own |= {"p2c": MOST_COUNT} if algorithm.startswith("PBES2") and "p2c" not in shared else {}
    parent = CompactEncryption({**own, **shared})
    recipient: Recipient[Any] = Recipient(parent, None, engine_key(key, algorithm, private=False))
    encrypted_key = b""
    try:
        if isinstance(alg, JWEDirectEncryption):
            cek = alg.compute_cek(enc.cek_size, recipient)
        elif isinstance(alg, JWEKeyAgreement):
            alg.prepare_ephemeral_key(recipient)
            agreed = alg.encrypt_agreed_upon_key(enc, recipient)
            cek, encrypted_key = (agreed, b"") if alg.direct_mode else (cek, alg.wrap_cek_with_auk(cek, agreed))
        else:
            encrypted_key = alg.encrypt_cek(cek, recipient)
    except Exception as error:
        raise TokenRefused("key_unsuitable", f"the key is not one for {algorithm}", claim="alg") from error
    return {name: value for name, value in parent.protected.items() if name not in shared}, encrypted_key, cek


def _open(  # noqa: PLR0917
    protected: Mapping[str, Any],
    joined: Mapping[str, Any],
    encrypted_key: bytes,
    content: _Content,
    keys: Keys,
    policy: _Policy,
) -> tuple[bytes, Key]:
    check_critical(protected, joined, frozenset())
    algorithm, encryption = joined.get("alg"), joined.get("enc")
    if not isinstance(algorithm, str) or algorithm not in policy.algorithms or algorithm not in MANAGEMENT:
        raise TokenRefused("algorithm_not_allowed", f"expected one of {sorted(policy.algorithms)}", claim="alg")
    if not isinstance(encryption, str) or encryption not in policy.encryptions or encryption not in CONTENT:
        raise TokenRefused("algorithm_not_allowed", f"expected one of {sorted(policy.encryptions)}", claim="enc")
    _check_parameters(joined, algorithm, policy.most_count)
    names = names_of(algorithm, encryption)
    key = choose(keys, joined.get("kid"), names, "decrypt")
    key.check_use(names, "enc", "decrypt", "unwrapKey", "deriveKey", "deriveBits")
    recipient: Recipient[Any] = Recipient(
        CompactEncryption(dict(joined)), None, engine_key(key, algorithm, private=True)
    )
    recipient.encrypted_key = encrypted_key
    enc = CONTENT[encryption]
    try:
        cek = _unwrap(MANAGEMENT[algorithm], enc, recipient, encrypted_key)
        return enc.decrypt(content.ciphertext, content.tag, cek, enc.check_iv(content.iv), content.aad), key
    except Exception as error:
        raise TokenRefused("decryption_failed", "it can't be opened with this key") from error


def _unwrap(alg: JWEAlgModel, enc: JWEEncModel, recipient: Recipient[Any], encrypted_key: bytes) -> bytes:
    """Return the key of the content, or raise whatever the engine raises."""
    if alg.direct_mode and encrypted_key:
        raise ValueError("there is no encrypted key in direct mode")
    if isinstance(alg, JWEDirectEncryption):
        cek = alg.compute_cek(enc.cek_size, recipient)
    elif isinstance(alg, JWEKeyAgreement):
        agreed = alg.decrypt_agreed_upon_key(enc, recipient)
        cek = agreed if alg.direct_mode else alg.unwrap_cek_with_auk(encrypted_key, agreed)
    else:
        cek = alg.decrypt_cek(recipient)
    if len(cek) * 8 != enc.cek_size:
        raise ValueError("the key of the content has another length")
    return cek


def _check_parameters(header: Mapping[str, Any], algorithm: str, most_count: int) -> None:
    """Refuse a header whose members the algorithm can't work with, or must not pay for."""
    if "zip" in header:
        raise TokenRefused("algorithm_not_allowed", "compressed content is not taken", claim="zip")
    for name in _BINARY:
        if name in header:
            read_base64url(header[name], name)
    if not _has_parameters(header, algorithm):
        raise TokenRefused("token_malformed", f"the header lacks what {algorithm} needs")
    if algorithm.startswith("PBES2"):
        count = header.get("p2c")
        if not isinstance(count, int) or isinstance(count, bool) or not LEAST_COUNT <= count <= most_count:
            raise TokenRefused("token_malformed", f"`p2c` is not from {LEAST_COUNT} to {most_count}", claim="p2c")


def _has_parameters(header: Mapping[str, Any], algorithm: str) -> bool:
    """Tell whether the header holds what its algorithm needs (RFC 7518, sections 4.6 to 4.8)."""
    if algorithm.endswith("GCMKW"):
        return len(read_base64url(header.get("iv"), "iv")) == 12 and len(read_base64url(header.get("tag"), "tag")) == 16
    if algorithm.startswith("PBES2"):
        return len(read_base64url(header.get("p2s"), "p2s")) >= 8
    if algorithm.startswith("ECDH-ES"):
        ephemeral = header.get("epk")
        return (
            isinstance(ephemeral, dict)
            and "d" not in ephemeral
            and key_of(cast("dict[str, Any]", ephemeral)) is not None
        )
    return True


def _read_header(encoded: str) -> Mapping[str, Any]:
    return read_object(read_base64url(encoded, "the header"), "the header")


def _join(one: object, other: object) -> dict[str, Any]:
    """Return both headers as one (RFC 7516, section 7.2.1: no member stands twice)."""
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        raise TokenRefused("token_malformed", "a header is not an object")
    first, second = cast("Mapping[str, Any]", one), cast("Mapping[str, Any]", other)
    if first.keys() & second.keys():
        raise TokenRefused("token_malformed", "a member stands in two headers")
    return {**first, **second}


def _recipients(members: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the recipients: the members themselves of a flattened document, the list of a general one."""
    if "recipients" not in members:
        return [members]
    entries = members["recipients"]
    if "encrypted_key" in members or "header" in members or not isinstance(entries, list):
        raise TokenRefused("token_malformed", "flattened and general forms are mixed", claim="recipients")
    listed = cast("list[object]", entries)
    if len(listed) > _MOST_RECIPIENTS or not all(isinstance(entry, dict) for entry in listed):
        raise TokenRefused("token_malformed", f"`recipients` is not at most {_MOST_RECIPIENTS} objects")
    return cast("list[Mapping[str, Any]]", listed)
