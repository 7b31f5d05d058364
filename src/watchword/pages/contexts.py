"""The hosted pages, and what each needs to be drawn: one dataclass a page, `SignInPage` for `templates/sign_in.html`.

What went wrong is not among it: that is the `Denied` given to `Renderer.render`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast, final, get_args

from watchword.features.account.steps import SessionView
from watchword.identity.users import User
from watchword.outbox.mailbox import MailboxMessage

Notice = Literal[
    "account_deleted",
    "code_sent",
    "email_changed",
    "password_changed",
    "password_reset",
    "profile_saved",
    "prove_again",
    "session_ended",
    "sessions_ended",
]
"""A thing that was just done, said on the page that follows it."""


def parse_notice(text: str | None) -> Notice | None:
    """Return the notice that a query parameter names, or `None` for anything else."""
    return cast("Notice", text) if text in get_args(Notice) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What every page can have: a notice of what was just done."""

    notice: Notice | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPage(Page):
    """Identifier and password; `next` is where to go then (already checked), `identifier` what was typed."""

    next: str = ""
    identifier: str = ""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SignUpPage(Page):
    """E-mail address, password and name."""

    next: str = ""
    email: str = ""
    name: str = ""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmCodePage(Page):
    """The code from the mail.

    Attributes:
        attempt: id of the attempt that the code carries on.
        address: where the code went, masked.
        next: where to go then.
        purpose: what the attempt was begun for: it says where "start again" leads.
    """

    attempt: str
    address: str
    next: str = ""
    purpose: Literal["sign_up", "email_change"] = "sign_up"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmLinkPage(Page):
    """The link from the mail, opened in the right browser: one button, since opening a page changes nothing."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOtherBrowserPage(Page):
    """The link from the mail, opened in another browser than the one that began."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ForgotPage(Page):
    """The e-mail address to send a reset link to."""

    email: str = ""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ForgotSentPage(Page):
    """The same words whether the address has an account or not."""

    address: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ResetPage(Page):
    """A new password, from the reset link."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SetupPage(Page):
    """The first admin's account, from the link on the server's console."""

    email: str = ""
    name: str = ""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOutPage(Page):
    """Good-bye."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage(Page):
    """One's own account.

    Attributes:
        user: whose it is.
        sessions: the live ones, last used first.
        typed: what was typed into a form that is shown again, by field: `name`, `user_name`, `email`.
    """

    user: User
    sessions: Sequence[SessionView]
    typed: Mapping[str, str] = field(default_factory=dict[str, str])


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteAccountPage(Page):
    """The password, once more, before the account goes for good."""

    email: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxPage(Page):
    """The mail of a site in development."""

    messages: Sequence[MailboxMessage]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage(Page):
    """A refusal that has no form to go back to. `signed_in` decides where its button leads."""

    signed_in: bool = False
