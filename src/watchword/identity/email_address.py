"""E-mail addresses: one spelling to send to, one key to compare by."""

import re
import unicodedata
from dataclasses import dataclass
from typing import final

from email_validator import EmailNotValidError, validate_email

from watchword.foundation.errors import FieldError

MAXIMUM_LENGTH = 254
"""Characters (RFC 5321, section 4.5.3.1.3)."""
_LOCAL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}\Z")


@final
@dataclass(frozen=True, slots=True)
class EmailAddress:
    """A well-formed address.

    Attributes:
        address: as its owner wrote it: what mail is sent to.
        key: what two spellings of one mail box share: ASCII lower case, the domain as A-labels (RFC 5890).
    """

    address: str
    key: str


def parse_email_address(text: str, field: str = "email") -> EmailAddress | FieldError:
    """Return the address, or what is wrong with it. No DNS is asked, nothing is repaired.

    The local part is ASCII: outside it, a look-alike (a dotless i, a long s, the Kelvin sign, Cyrillic) can't be told
    from the letter it imitates, and mail systems differ in what they fold (A60, A61). The domain may be international,
    but not in compatibility forms such as full-width letters, nor with letters that its A-labels leave out: each
    spelling of a mail box must be one that mail reaches it by. A `+tag` stays (CB-100). Longer than 254 characters
    it is refused unread (CB-093, CB-098).
    """
    refusal = FieldError(field, "an e-mail address such as name@example.org", reason="email_invalid")
    if not text or len(text) > MAXIMUM_LENGTH:
        return refusal
    local, _, domain = text.rpartition("@")
    # An encoded word (RFC 2047) is another address to whoever decodes it (A62).
    if "=?" in local:
        return refusal
    if not _LOCAL.match(local) or "." not in domain or unicodedata.normalize("NFKC", domain) != domain:
        return refusal
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False, test_environment=True)
    except EmailNotValidError:
        return refusal
    # The mapping to A-labels (UTS 46) replaces letters, drops invisible ones and makes a dot of an ideographic full stop.
    if domain.lower() not in (found.domain, found.ascii_domain):
        return refusal
    return EmailAddress(text, f"{local.lower()}@{found.ascii_domain.lower()}")


def email_key(text: str) -> str:
    """Return what to look up for an address that somebody typed to sign in; it need not be well-formed.

    An address of ASCII letters is its own key but for case, and what is no address is nobody's key. So only other
    letters are parsed, which takes longer than to look the key up.
    """
    typed = text[: MAXIMUM_LENGTH + 1]
    if typed.isascii():
        return typed.lower()
    parsed = parse_email_address(typed)
    return parsed.key if isinstance(parsed, EmailAddress) else typed


def deliverable(address: str) -> str:
    """Return the address for a mail server: an international domain as A-labels, which every server takes."""
    if address.isascii():
        return address
    return validate_email(address, check_deliverability=False, test_environment=True).ascii_email or address


def masked(address: str) -> str:
    """Return the address as it may be shown to whoever typed it: `a…@example.org`."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"
