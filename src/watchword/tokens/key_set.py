"""Key sets (RFC 7517, section 5): which one key a token is to be checked with."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast, final

from watchword.tokens.key import Key, key_of
from watchword.tokens.refused import TokenRefused

_MOST_KEYS: Final = 100
"""In one set; the largest of well-known providers have a dozen."""


@final
class KeySet:
    """Some keys, of which one is chosen by `kid` and algorithm; where several could be meant, none is.

    Args:
        keys: all secret, or all of pairs of keys: in a mixed set, a public key can be taken for a secret.

    Raises:
        TokenRefused: `key_invalid`: secrets and pairs are mixed.
    """

    def __init__(self, keys: Iterable[Key]) -> None:
        self.keys = tuple(keys)
        if len({key.type == "oct" for key in self.keys}) > 1:
            raise TokenRefused("key_invalid", "secrets and key pairs are mixed in one set")
        self._names = frozenset(key.kid for key in self.keys)
        self._chosen: dict[tuple[str | None, tuple[str, ...], str], Key] = {}

    @classmethod
    def from_jwks(cls, document: Mapping[str, Any], *, secrets: bool = False) -> "KeySet":
        """Return the set of a JWKS document. Keys that are malformed, weak or of an unknown type are passed over.

        Args:
            document: `{"keys": [...]}`.
            secrets: whether the document is one's own, and so may hold secrets. In a published one they are passed over.

        Raises:
            TokenRefused: `key_invalid`: it is no such document, or holds more than 100 keys.
        """
        entries = document.get("keys")
        if not isinstance(entries, list) or len(cast("list[object]", entries)) > _MOST_KEYS:
            raise TokenRefused("key_invalid", f"`keys` is not a list of at most {_MOST_KEYS} keys", claim="keys")
        found = [
            key_of(cast("Mapping[str, Any]", one)) for one in cast("list[object]", entries) if isinstance(one, dict)
        ]
        return cls(key for key in found if key is not None and (secrets or key.type != "oct"))

    def choose(self, kid: str | None, names: tuple[str, ...], operation: str) -> Key:
        """Return the one key of that name that this can be done with; without a name, the only one that fits.

        Raises:
            TokenRefused: `key_not_found`: there is none, or more than one.
        """
        found = self._chosen.get((kid, names, operation))
        if found is not None:
            return found
        fitting = [key for key in self.keys if kid is None or key.kid == kid]
        fitting = [key for key in fitting if key.suits(names, operation)]
        if len(fitting) != 1:
            raise TokenRefused("key_not_found", "no key, or more than one, is meant", claim="kid")
        self._chosen[kid, names, operation] = fitting[0]
        return fitting[0]

    def has(self, kid: str) -> bool:
        """Tell whether a key of that name is in the set."""
        return kid in self._names

    def to_jwks(self) -> dict[str, Any]:
        """Return the document to publish: public keys alone."""
        return {"keys": [key.to_jwk() for key in self.keys if key.type != "oct"]}


Keys = Key | KeySet
"""One key, or a set to choose from."""


def choose(keys: Keys, kid: object, names: tuple[str, ...], operation: str) -> Key:
    """Return the key to use: the one given, or the set's that the token's `kid` names.

    Raises:
        TokenRefused: there is none, or `kid` is not a text.
    """
    if kid is not None and not isinstance(kid, str):
        raise TokenRefused("token_malformed", "`kid` is not a text", claim="kid")
    return keys if isinstance(keys, Key) else keys.choose(kid, names, operation)
