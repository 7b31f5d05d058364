"""Every hosted page with data in it, in the states that people see."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from watchword.admission.attempt import ATTEMPT_EXPIRED
from watchword.admission.challenge import CODE_INVALID, LINK_INVALID
from watchword.admission.second_factor import SECOND_FACTOR_INVALID
from watchword.admission.ways_in import LAST_WAY_IN
from watchword.features.account.steps import SessionView
from watchword.foundation.errors import FORBIDDEN, INPUT_INVALID, NOT_FOUND, UNAVAILABLE, Denied, FieldError
from watchword.foundation.settings import Brand
from watchword.identity.users import User
from watchword.limits.limiter import RATE_LIMITED
from watchword.methods.oauth.store import IdentityView
from watchword.methods.passkey.store import PasskeyView
from watchword.methods.password.steps import INVALID_CREDENTIALS
from watchword.methods.totp.codes import enrolment
from watchword.methods.totp.steps import TOTPView
from watchword.outbox.mailbox import MailboxMessage
from watchword.outbox.render import VALUES, MailKind, render_mail
from watchword.pages.contexts import (
    AccountPage,
    ConfirmCodePage,
    ConfirmLinkPage,
    DeleteAccountPage,
    ErrorPage,
    FactorsView,
    ForgotPage,
    ForgotSentPage,
    LeavingPage,
    LinkOtherBrowserPage,
    MailboxPage,
    OauthEmailPage,
    Page,
    RecoveryCodesPage,
    ResetPage,
    SecondFactorPage,
    SetupPage,
    SignedOutPage,
    SignInPage,
    SignUpPage,
    TotpSetupPage,
)

HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}{brand}"
AT = datetime(2025, 11, 3, 14, 2, tzinfo=UTC)
USER = User(id="usr_1", email="ann.example@example.org", name="Ann Example", user_name="ann", role="admin")
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0",
    "",
)
MAIL_VALUES = {
    "code": "30518264",
    "link": "http://localhost:8000/auth/confirm/4mCqk3N1v5Yt0aUe8RZb2w",
    "reset": "http://localhost:8000/auth/forgot",
    "email": "ann.new@example.org",
    "name": "Ann’s phone",
    "left": "3",
}


@dataclass(frozen=True)
class Sample:
    page: Page
    denied: Denied | None = None


def session_view(number: int, user_agent: str) -> SessionView:
    used = AT - timedelta(hours=number * 7)
    return SessionView(
        id=f"ses_{number}",
        current=number == 0,
        address=f"192.0.2.{number + 10}",
        user_agent=user_agent,
        created_at=used - timedelta(days=1),
        last_used_at=used,
        expires_at=used + timedelta(days=30),
    )


def sample_mail(kind: MailKind, language: str = "en", brand: Brand | None = None, **values: str) -> MailboxMessage:
    words = {name: MAIL_VALUES[name] for name in VALUES[kind]} | values
    mail = render_mail(kind, brand=brand or Brand("Acme"), language=language, to=USER.email, **words)
    return MailboxMessage(f"out_{kind}", mail.to, mail.subject, mail.text, mail.html, int(AT.timestamp() * 1000))


def fields(**reasons: str) -> Denied:
    return Denied(INPUT_INVALID, fields=tuple(FieldError(name, "", reason=reason) for name, reason in reasons.items()))


SESSIONS = tuple(session_view(number, agent) for number, agent in enumerate(AGENTS))
MESSAGES = tuple(sample_mail(kind) for kind in VALUES)
PASSKEYS = (
    PasskeyView(
        id="psk_1",
        name="Ann’s phone",
        synchronised=True,
        verifies_user=True,
        suspicious=False,
        created_at=AT,
        last_used_at=AT,
    ),
    PasskeyView(
        id="psk_2",
        name="Blue security key with a rather long name of its own",
        synchronised=False,
        verifies_user=False,
        suspicious=True,
        created_at=AT,
        last_used_at=None,
    ),
)
FACTORS = FactorsView(
    passkeys=PASSKEYS,
    signal='{"rpId":"example.org"}',
    has_totp=True,
    totp=TOTPView(created_at=AT, last_used_at=AT),
    codes_left=8,
)
NO_FACTORS = FactorsView(has_password=False, passkeys=(), has_totp=False, codes_left=0)
SERVICES = (("google", "Google"), ("acme", "Acme and Partners, Limited"))
IDENTITIES = (
    IdentityView(
        id="idn_1",
        provider="github",
        title="GitHub",
        label="ann.with.a.rather.long.address.of.her.own@example.org",
        created_at=AT,
        last_used_at=AT,
    ),
)
SECRET = enrolment("att_1", b"12345678901234567890", account=USER.email, issuer="Acme")
ALL = ("passkey", "totp", "recovery_code")
CODE = ConfirmCodePage(attempt="att_1", address="a…@example.org")

SAMPLES: Mapping[str, Sample] = {
    "sign_in": Sample(SignInPage(next="/notes?tag=a&b")),
    "sign_in-passkeys": Sample(SignInPage(passkeys=True)),
    "sign_up-passkeys": Sample(SignUpPage(passkeys=True)),
    "second_factor": Sample(SecondFactorPage(attempt="att_1", methods=ALL)),
    "second_factor-wrong": Sample(SecondFactorPage(attempt="att_1", methods=("totp",)), Denied(SECOND_FACTOR_INVALID)),
    "second_factor-passkey": Sample(SecondFactorPage(attempt="att_1", methods=("passkey", "recovery_code"))),
    "second_factor-password": Sample(SecondFactorPage(methods=("password",), again=True, next="/notes")),
    "second_factor-set-up": Sample(
        SecondFactorPage(attempt="att_1", methods=("passkey/enrol", "totp/enrol"), sets_up=True)
    ),
    "second_factor-services": Sample(SecondFactorPage(methods=("oauth",), again=True, providers=SERVICES)),
    "second_factor-nothing": Sample(SecondFactorPage(methods=(), again=True)),
    "totp_setup": Sample(TotpSetupPage(enrolment=SECRET)),
    "totp_setup-wrong": Sample(TotpSetupPage(enrolment=SECRET), Denied(SECOND_FACTOR_INVALID)),
    "recovery_codes": Sample(RecoveryCodesPage(codes=["abcd-efgh-ijkl-mnop"] * 10)),
    "account-factors": Sample(AccountPage(user=USER, sessions=SESSIONS[:1], factors=FACTORS)),
    "account-no-factors": Sample(
        AccountPage(user=USER, sessions=SESSIONS[:1], factors=NO_FACTORS, notice="totp_added")
    ),
    "sign_in-services": Sample(SignInPage(next="/notes", passkeys=True, providers=SERVICES)),
    "sign_up-services": Sample(SignUpPage(providers=SERVICES)),
    # An address that no browser of the tests goes to, so that the page stays to be looked at.
    "leaving": Sample(LeavingPage(url="otpauth://totp/Acme:on-the-way", title="Acme")),
    "oauth_email": Sample(OauthEmailPage(attempt="att_1")),
    "oauth_email-wrong": Sample(OauthEmailPage(attempt="att_1", email="ann@"), fields(email="email_invalid")),
    "account-services": Sample(
        AccountPage(
            user=USER, sessions=SESSIONS[:1], identities=IDENTITIES, providers=SERVICES, notice="identity_linked"
        )
    ),
    "error-last-way-in": Sample(ErrorPage(signed_in=True), Denied(LAST_WAY_IN)),
    "delete_account-no-password": Sample(DeleteAccountPage(email=USER.email, has_password=False)),
    "sign_in-wrong": Sample(SignInPage(identifier="ann@example.org"), Denied(INVALID_CREDENTIALS)),
    "sign_in-limited": Sample(SignInPage(identifier="ann"), Denied(RATE_LIMITED, retry_after=600)),
    "sign_in-after-reset": Sample(SignInPage(notice="password_reset")),
    "sign_up": Sample(SignUpPage()),
    "sign_up-wrong": Sample(SignUpPage(email="ann@", name="Ann"), fields(email="email_invalid", password="too_common")),
    "confirm_code": Sample(CODE),
    "confirm_code-wrong": Sample(CODE, Denied(CODE_INVALID)),
    "confirm_code-format": Sample(CODE, fields(code="code_format")),
    "confirm_code-again": Sample(
        ConfirmCodePage(attempt="att_1", address="a…@example.org", purpose="email_change", notice="code_sent")
    ),
    "confirm_link": Sample(ConfirmLinkPage()),
    "link_other_browser": Sample(LinkOtherBrowserPage()),
    "forgot": Sample(ForgotPage()),
    "forgot_sent": Sample(ForgotSentPage(address="a…@example.org")),
    "reset": Sample(ResetPage()),
    "reset-wrong": Sample(ResetPage(), fields(password="found_in_breach")),
    "setup": Sample(SetupPage()),
    "signed_out": Sample(SignedOutPage()),
    "account": Sample(AccountPage(user=USER, sessions=SESSIONS)),
    "account-one-session": Sample(AccountPage(user=USER, sessions=SESSIONS[:1], notice="profile_saved")),
    "account-wrong": Sample(
        AccountPage(user=USER, sessions=SESSIONS[:2], typed={"user_name": "x"}), fields(user_name="user_name_taken")
    ),
    "delete_account": Sample(DeleteAccountPage(email=USER.email)),
    "delete_account-wrong": Sample(DeleteAccountPage(email=USER.email), fields(password="password_wrong")),
    "mailbox": Sample(MailboxPage(messages=MESSAGES)),
    "mailbox-empty": Sample(MailboxPage(messages=())),
    "error-404": Sample(ErrorPage(), Denied(NOT_FOUND)),
    "error-403": Sample(ErrorPage(signed_in=True), Denied(FORBIDDEN)),
    "error-link": Sample(ErrorPage(), Denied(LINK_INVALID)),
    "error-expired": Sample(ErrorPage(), Denied(ATTEMPT_EXPIRED)),
    "error-503": Sample(ErrorPage(), Denied(UNAVAILABLE, retry_after=2)),
}
