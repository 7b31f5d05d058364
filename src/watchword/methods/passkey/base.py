"""What both halves of the method share: who asks, how a question is kept, and how its answer is taken once."""

from dataclasses import dataclass
from typing import Any, Final, TypeVar, final
from urllib.parse import urlsplit

import msgspec

from watchword.admission import attempt as attempts
from watchword.admission.attempt import ATTEMPT_EXPIRED, Attempt, Plan
from watchword.admission.browser import Browser
from watchword.admission.services import Services
from watchword.foundation.errors import Code, ConfigurationError, Denied
from watchword.http.origin import site_origin
from watchword.http.request import Request
from watchword.methods.passkey.attestation import Attestation
from watchword.methods.passkey.ceremony import RelyingParty
from watchword.methods.passkey.options import Asked
from watchword.storage.store import Transaction

PASSKEY_INVALID: Final = Code(
    "passkey_invalid", 422, "This passkey could not be checked", "Ask for new options, and send what the browser gives."
)
PASSKEY_UNKNOWN: Final = Code(
    "passkey_unknown",
    401,
    "No account has this passkey",
    "Sign in another way. Tell the device to forget it: `PublicKeyCredential.signalUnknownCredential()`.",
)
_Answer = TypeVar("_Answer")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyOptions:
    """What a site has chosen; see `Passkey`."""

    rp_id: str | None
    related_origins: tuple[str, ...]
    embedded_in: tuple[str, ...]
    attestation: Attestation | None


@final
class Ceremonies:
    """Questions to browsers, and their answers."""

    def __init__(self, services: Services, options: PasskeyOptions) -> None:
        self.services = services
        self.options = options

    def party(self, request: Request) -> RelyingParty:
        """Return who asks: the configured site, or the loopback host of a request in development.

        Raises:
            ConfigurationError: the site has no address.
        """
        origin = site_origin(self.services.settings, request)
        if isinstance(origin, Denied):
            raise ConfigurationError("passkeys need the site's address: set base_url, or WATCHWORD_BASE_URL")
        return RelyingParty(
            id=self.options.rp_id or urlsplit(origin).hostname or "",
            origins=(origin, *self.options.related_origins),
            embedded_in=self.options.embedded_in,
            attestation=self.options.attestation,
        )

    def remember(
        self, tx: Transaction, request: Request, asked: Asked, *, purpose: str, user_id: str | None, plan: Plan
    ) -> tuple[Attempt, tuple[str, ...]]:
        """Keep a question in an attempt that only this browser can carry on; return it and the browser's cookies."""
        browser = Browser(request, self.services.cookies)
        plan = msgspec.structs.replace(plan, secret=msgspec.msgpack.encode(asked))
        attempt = attempts.begin(tx, self.services.keyring, browser.hash, purpose=purpose, plan=plan, user_id=user_id)
        return attempt, browser.set_cookie()

    def take(
        self, tx: Transaction, request: Request, attempt_id: str, *purposes: str
    ) -> tuple[Attempt, Asked] | Denied:
        """Return the question that this browser was asked, and use it up: whatever the answer, it is the only one.

        The challenge is gone before the answer is looked at (CB-221), for all but one of any number at once (A143).
        """
        browser = Browser(request, self.services.cookies)
        attempt = None if browser.is_new else attempts.load(tx, self.services.keyring, browser.hash, attempt_id)
        if attempt is None or attempt.purpose not in purposes or not attempts.complete(tx, attempt):
            return Denied(ATTEMPT_EXPIRED)
        return attempt, msgspec.msgpack.decode(attempt.plan.secret, type=Asked)


def read_answer(sent: dict[str, Any], type_: type[_Answer]) -> _Answer | Denied:
    """Return what the browser sent as the structure that it should be."""
    try:
        return msgspec.convert(sent, type_)
    except msgspec.ValidationError:
        return Denied(PASSKEY_INVALID)
