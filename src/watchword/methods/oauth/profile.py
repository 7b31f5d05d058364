"""What a service tells of a person, read by its preset."""

from collections.abc import Mapping
from typing import Any, Final, cast, final

import msgspec

from watchword.methods.oauth.preset import EmailList, OAuthPreset

_LONGEST_SUBJECT: Final = 255
"""OpenID Connect Core 1.0, section 2."""
_LONGEST_NAME: Final = 200


@final
class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A person, as a service knows them.

    Attributes:
        issuer, subject: who they are there: these two together, and nothing else.
        email: the address that the service tells of; may be empty.
        is_proven: whether its word counts that this address is theirs.
        name: what they are called; may be empty.
    """

    issuer: str
    subject: str
    email: str = ""
    is_proven: bool = False
    name: str = ""


class NoSubjectError(ValueError):
    """The service does not say who it is."""


def read_profile(preset: OAuthPreset, issuer: str, claims: Mapping[str, Any], emails: object = None) -> Profile:
    """Return the person.

    Args:
        preset: where what is found.
        issuer: who tells it.
        claims: of a verified ID token, or what the service answered.
        emails: the list of addresses, where the preset has one.

    Raises:
        NoSubjectError: there is no subject, or none that a column holds (A68).
    """
    subject = _at(claims, preset.subject)
    if isinstance(subject, int) and not isinstance(subject, bool):
        subject = str(subject)
    if not isinstance(subject, str) or not subject.strip() or len(subject) > _LONGEST_SUBJECT:
        raise NoSubjectError
    email, verified = _text(_at(claims, preset.email)), _at(claims, preset.email_verified)
    if preset.emails is not None:
        email, verified = _primary(preset.emails, emails) or (email, False)
    names = (_text(_at(claims, path)) for path in preset.name)
    return Profile(
        issuer=issuer,
        subject=subject,
        email=email,
        is_proven=bool(email) and _counts(preset, verified),
        name=" ".join(" ".join(names).split())[:_LONGEST_NAME],
    )


def _counts(preset: OAuthPreset, verified: object) -> bool:
    """Tell whether the service's word counts. Apple writes the text `true`; no other value than these two does."""
    if preset.trust_email == "claim":
        return verified is True or verified == "true"
    return preset.trust_email == "always"


def _primary(where: EmailList, answer: object) -> tuple[str, object] | None:
    """Return the primary address of the list, and whether it is verified."""
    listed = _at(answer, where.list) if where.list else answer
    for one in cast("list[object]", listed) if isinstance(listed, list) else []:
        if _at(one, where.primary) is True:
            return _text(_at(one, where.email)), _at(one, where.verified)
    return None


def _at(value: object, path: str) -> object:
    for name in path.split("."):
        if isinstance(value, list) and name.isdecimal():
            listed = cast("list[object]", value)
            value = listed[int(name)] if int(name) < len(listed) else None
        else:
            value = cast("dict[str, object]", value).get(name) if isinstance(value, dict) else None
    return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
