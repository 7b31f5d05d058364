"""Mails from templates: a subject, a plain text that is complete in itself, and the same as HTML."""

from functools import cache
from typing import TYPE_CHECKING, Final, Literal

from watchword.foundation.colour import WHITE, as_hex, parse_colour, readable, text_on
from watchword.foundation.settings import Brand
from watchword.foundation.texts import texts_in
from watchword.outbox.mail import Mail

if TYPE_CHECKING:
    from jinja2 import Environment

MailKind = Literal[
    "account_deleted",
    "address_taken",
    "confirm_address",
    "email_change_confirm",
    "email_changed",
    "factors_forgotten",
    "identity_linked",
    "identity_unlinked",
    "passkey_added",
    "passkey_removed",
    "password_changed",
    "password_reset",
    "recovery_code_used",
    "recovery_codes_low",
    "recovery_codes_made",
    "second_factor_blocked",
    "totp_added",
    "totp_removed",
]
VALUES: Final[dict[MailKind, tuple[str, ...]]] = {
    "account_deleted": (),
    "address_taken": ("link", "reset"),
    "confirm_address": ("code", "link"),
    "email_change_confirm": ("code", "link"),
    "email_changed": ("email", "link"),
    "factors_forgotten": (),
    "identity_linked": ("name", "link"),
    "identity_unlinked": ("name", "link"),
    "passkey_added": ("name", "link"),
    "passkey_removed": ("name", "link"),
    "password_changed": ("link",),
    "password_reset": ("link",),
    "recovery_code_used": ("left", "link"),
    "recovery_codes_low": ("left", "link"),
    "recovery_codes_made": ("link",),
    "second_factor_blocked": ("link",),
    "totp_added": ("link",),
    "totp_removed": ("link",),
}
"""What each kind of mail tells: a `code`, the `link` of its button, the `reset` link, the new `email`, the
`name` of a passkey or of another service, how many codes are `left`."""
_PACKAGE = "watchword.outbox"
_DARK_CARD = parse_colour("#1b1e24")


def render_mail(kind: MailKind, *, brand: Brand, language: str, to: str, **values: str) -> Mail:
    """Return a mail in the recipient's language.

    Args:
        kind: which mail.
        brand: whose name and colour it carries. Pictures are not: a mail loads nothing from anywhere.
        language: of the recipient; one without texts becomes English.
        to: the recipient's address.
        values: what `VALUES` names for the kind, no more and no less.

    Raises:
        TypeError: a value is missing or unknown.
        ValueError: `to` is not one line.
    """
    if set(values) != set(VALUES[kind]):
        raise TypeError(f"a mail of kind {kind!r} takes {VALUES[kind]}, got {tuple(values)}")
    texts = texts_in(_PACKAGE, language)
    words = {"brand": brand.name, "to": to, **values}
    # No value may begin a header of its own: whatever white space is in it becomes one space.
    subject = " ".join(texts.plain(f"{kind}.subject", **words).split())
    shared = {"kind": kind, "language": texts.language, "subject": subject, "words": words}
    environment = _environment()
    text = environment.get_template("mail.txt").render(shared, t=texts.plain)
    html = environment.get_template("mail.html").render(shared, t=texts.html, colours=_colours(brand))
    return Mail(to=to, subject=subject, text=text, html=html, kind=kind)


@cache
def _environment() -> "Environment":
    # Jinja takes a while to import, and a process that sends no mail needs none.
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=PackageLoader(_PACKAGE),
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def _colours(brand: Brand) -> dict[str, str]:
    """Return the brand's colour for a mail's button and links, readable in light and in dark."""
    accent = parse_colour(brand.colour)
    return {
        "accent": as_hex(accent),
        "on_accent": as_hex(text_on(accent)),
        "edge": as_hex(readable(accent, (WHITE,), 3.0)),
        "ink": as_hex(readable(accent, (WHITE,), 4.5)),
        "dark_edge": as_hex(readable(accent, (_DARK_CARD,), 3.0)),
        "dark_ink": as_hex(readable(accent, (_DARK_CARD,), 4.5)),
    }
