"""Codes and links: what is sent to an address, and comes back once."""

from dataclasses import dataclass
from typing import Final, Literal, final

from sqlalchemy import ColumnElement, delete, insert, select, update

from watchword.admission.tables import challenges
from watchword.foundation.clock import HOUR, MINUTE
from watchword.foundation.errors import Code
from watchword.foundation.ids import new_id
from watchword.foundation.secrets import Secret, random_code, random_secret
from watchword.storage.store import Transaction
from watchword.storage.upsert import insert_into
from watchword.tokens.keyring import Keyring

LinkPurpose = Literal["attempt", "reset", "setup", "decoy"]
CODE_LIFETIME = 10 * MINUTE
RESET_LIFETIME = 30 * MINUTE
SETUP_LIFETIME = 24 * HOUR
MAXIMUM_TRIES = 5
CODE_DIGITS = 8
_LINK_BYTES = 32
_SETUP_ID = "chl_setup"

CODE_INVALID: Final = Code(
    "code_invalid", 422, "This code is not right", "Type the code of the newest mail: it works once, for ten minutes."
)
CODE_EXPIRED: Final = Code(
    "code_expired", 422, "This code is over", "A new code is on its way, unless the limit of mails was reached."
)
LINK_INVALID: Final = Code(
    "link_invalid",
    410,
    "This link does not work any more",
    "Ask for a new one: each link works once, and not for long.",
)


@final
@dataclass(frozen=True, slots=True)
class Sent:
    """A code and a link that were just made: shown to the mail, stored only as hashes."""

    code: Secret
    link: Secret


@final
@dataclass(frozen=True, slots=True)
class Target:
    """What a link leads to: an attempt to carry on, or a user."""

    attempt_id: str | None
    user_id: str | None


_TARGET = (challenges.c.attempt_id, challenges.c.user_id)


def clean_code(text: str) -> Secret:
    """Return the code without the spaces and hyphens that people type between its groups (A89)."""
    return Secret("".join(letter for letter in text if letter not in " -\u00a0"))


def issue(tx: Transaction, keyring: Keyring, attempt_id: str) -> Sent:
    """Make a new code and link that carry this attempt on; earlier ones of it are void from here on (CB-109)."""
    tx.execute(delete(challenges).where(challenges.c.attempt_id == attempt_id))
    code, link = random_code(CODE_DIGITS), random_secret(_LINK_BYTES)
    row = {
        "id": new_id("chl"),
        "purpose": "attempt",
        "attempt_id": attempt_id,
        "user_id": None,
        "code_mac": keyring.mac("code", _code_text(attempt_id, code)),
        "link_hash": link.digest(),
        "tries": 0,
        "created_at": tx.now,
        "expires_at": tx.now + CODE_LIFETIME,
        "used_at": None,
    }
    tx.execute(insert(challenges), row)
    return Sent(code, link)


def try_code(tx: Transaction, keyring: Keyring, attempt_id: str, code: Secret) -> Literal["right", "wrong", "expired"]:
    """Use the code up if it is right.

    The try is counted before the comparison and in one statement with the check that tries are left, so that any
    number of guesses at once gets five in all (A88). Five wrong ones, or ten minutes, end the code: `expired`.
    """
    open_code = (challenges.c.attempt_id == attempt_id, challenges.c.used_at.is_(None))
    counted = (
        update(challenges)
        .where(*open_code, challenges.c.tries < MAXIMUM_TRIES, challenges.c.expires_at > tx.now)
        .values(tries=challenges.c.tries + 1)
        .returning(challenges.c.code_mac)
    )
    row = tx.execute(counted).first()
    if row is None:
        return "expired"
    if not keyring.verifies("code", _code_text(attempt_id, code), row.code_mac):
        return "wrong"
    used = tx.execute(update(challenges).where(*open_code).values(used_at=tx.now)).rowcount
    return "right" if used == 1 else "expired"


def issue_link(tx: Transaction, purpose: LinkPurpose, user_id: str | None, lifetime: int) -> Secret:
    """Make a link that works once, for `lifetime` milliseconds; earlier ones of the same kind are void (CB-176).

    The purpose `decoy` makes a row that leads nowhere by the same statements, so that asking for an unknown address
    costs the same work. All links of the purpose `setup` share one row: of any number issued at once, one works.
    """
    link = random_secret(_LINK_BYTES)
    row = {
        "id": _SETUP_ID if purpose == "setup" else new_id("chl"),
        "purpose": purpose,
        "attempt_id": None,
        "user_id": user_id,
        "code_mac": None,
        "link_hash": link.digest(),
        "tries": 0,
        "created_at": tx.now,
        "expires_at": tx.now + lifetime,
        "used_at": None,
    }
    if purpose == "setup":
        first = insert_into(tx.dialect, challenges).values(row)
        tx.execute(first.on_conflict_do_update(index_elements=[challenges.c.id], set_=row))
    else:
        earlier = (challenges.c.user_id == (user_id or ""), challenges.c.purpose == purpose)
        tx.execute(delete(challenges).where(*earlier))
        tx.execute(insert(challenges), row)
    return link


def peek_link(tx: Transaction, purpose: LinkPurpose, link: str) -> Target | None:
    """Return what this link leads to, without using it up: opening a page changes nothing (A95)."""
    row = tx.execute(select(*_TARGET).where(*_open(tx, purpose, link))).first()
    return Target(row.attempt_id, row.user_id) if row else None


def use_link(tx: Transaction, purpose: LinkPurpose, link: str) -> Target | None:
    """Use the link up and return what it leads to; of any number of callers at once, one gets it."""
    used = update(challenges).where(*_open(tx, purpose, link)).values(used_at=tx.now).returning(*_TARGET)
    row = tx.execute(used).first()
    return Target(row.attempt_id, row.user_id) if row else None


def _open(tx: Transaction, purpose: LinkPurpose, link: str) -> tuple[ColumnElement[bool], ...]:
    return (
        challenges.c.link_hash == Secret(link).digest(),
        challenges.c.purpose == purpose,
        challenges.c.used_at.is_(None),
        challenges.c.expires_at > tx.now,
    )


def _code_text(attempt_id: str, code: Secret) -> bytes:
    return f"{attempt_id}:{code.reveal()}".encode()
