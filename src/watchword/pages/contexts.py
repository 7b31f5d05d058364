"""The hosted pages, and what each needs to be drawn: one dataclass a page, `SignInPage` for `templates/sign_in.html`.

What went wrong is not among it: that is the `Denied` given to `Renderer.render`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast, final, get_args

from watchword.features.account.steps import SessionView
from watchword.identity.users import User
from watchword.methods.oauth.store import IdentityView
from watchword.methods.passkey.store import PasskeyView
from watchword.methods.totp.codes import Enrolment
from watchword.methods.totp.steps import TOTPView
from watchword.outbox.mailbox import MailboxMessage

Notice = Literal[
    "account_deleted",
    "code_sent",
    "email_changed",
    "identity_linked",
    "identity_unlinked",
    "passkey_added",
    "passkey_removed",
    "password_changed",
    "password_reset",
    "profile_saved",
    "session_ended",
    "sessions_ended",
    "totp_added",
    "totp_removed",
]
"""A thing that was just done, said on the page that follows it."""


Providers = Sequence[tuple[str, str]]
"""Other services: what each is called in addresses, and by people."""


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
    """Identifier and password, or a passkey; `next` is where to go then (already checked), `identifier` what was typed."""

    next: str = ""
    identifier: str = ""
    passkeys: bool = False
    providers: Providers = ()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SignUpPage(Page):
    """E-mail address, password or passkey, and name."""

    next: str = ""
    email: str = ""
    name: str = ""
    passkeys: bool = False
    providers: Providers = ()


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
class SecondFactorPage(Page):
    """What is missing before somebody is let in, or before they go on.

    Attributes:
        methods: names of the steps that are offered.
        attempt: id of the attempt that they carry on; empty where one begins with the form.
        next: where to go then.
        again: whether somebody is signed in already, and shows once more who they are.
        sets_up: whether a second factor is to be set up first.
        providers: other services that show who it is.
    """

    methods: Sequence[str]
    attempt: str = ""
    next: str = ""
    again: bool = False
    sets_up: bool = False
    providers: Providers = ()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TotpSetupPage(Page):
    """A secret on its way into an authenticator app."""

    enrolment: Enrolment
    next: str = ""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodesPage(Page):
    """New recovery codes, shown this once."""

    codes: Sequence[str]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FactorsView:
    """What the account page tells of somebody's factors; `None` for what the site does not offer.

    Attributes:
        has_password: whether there is one to ask for.
        passkeys: oldest first.
        signal: what to tell the browser of them, as JSON.
        has_totp, totp: whether there is an authenticator app, and which.
        codes_left: how many recovery codes.
    """

    has_password: bool = True
    passkeys: Sequence[PasskeyView] | None = None
    signal: str = ""
    has_totp: bool | None = None
    totp: TOTPView | None = None
    codes_left: int | None = None

    @property
    def is_any(self) -> bool:
        """Tell whether the site offers any."""
        return self.passkeys is not None or self.has_totp is not None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage(Page):
    """One's own account.

    Attributes:
        user: whose it is.
        sessions: the live ones, last used first.
        factors: what this person signs in with.
        identities: accounts at other services that open this one; `None` where the site has no such sign-in.
        providers: services that could be linked.
        typed: what was typed into a form that is shown again, by field: `name`, `user_name`, `email`.
    """

    user: User
    sessions: Sequence[SessionView]
    factors: FactorsView = field(default_factory=FactorsView)
    identities: Sequence[IdentityView] | None = None
    providers: Providers = ()
    typed: Mapping[str, str] = field(default_factory=dict[str, str])


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LeavingPage(Page):
    """On the way to another service: `url` there, and its `title`."""

    url: str
    title: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class OauthEmailPage(Page):
    """The address that another service did not tell; `attempt` is what it carries on."""

    attempt: str
    email: str = ""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteAccountPage(Page):
    """The password, once more, before the account goes for good."""

    email: str
    has_password: bool = True


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
