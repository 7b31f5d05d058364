"""A sign-in with another service: asked for here, answered there, and carried on in the browser that began it."""

import logging
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, final

import msgspec

from watchword.admission import attempt as attempts
from watchword.admission import second_factor
from watchword.admission.attempt import ATTEMPT_EXPIRED, Attempt, Plan
from watchword.admission.browser import Browser
from watchword.admission.outcome import Complete, Pending
from watchword.admission.services import Services
from watchword.audit.events import AuditEvent
from watchword.foundation.clock import MINUTE, SECOND
from watchword.foundation.encodings import EncodingError, base64url_decode, base64url_encode
from watchword.foundation.errors import NOT_FOUND, Code, Denied
from watchword.foundation.secrets import random_bytes
from watchword.http.address import address_bucket
from watchword.http.origin import safe_next
from watchword.http.request import Request
from watchword.methods.oauth.accounts import AGAIN, LINK, Accounts, Known
from watchword.methods.oauth.discovery import ProviderError
from watchword.methods.oauth.id_token import hashed_nonce
from watchword.methods.oauth.profile import Profile
from watchword.methods.oauth.provider import PROVIDER_ANSWER_INVALID, Asked, Grant, Provider
from watchword.sessions.session import Session
from watchword.storage.store import Transaction
from watchword.tokens.keyring import length_prefixed

SIGN_IN, NATIVE = "oauth_sign_in", "oauth_native"
"""Purposes of the attempts that hold what a service was asked."""
PROVIDER_REFUSED: Final = Code(
    "provider_refused",
    403,
    "The other service did not let you in",
    "Begin again, and agree there, or choose another way.",
)
_ANSWER_LIFETIME: Final = MINUTE
_ANSWER: Final = "oauth-answer"
_KEPT: Final = ("code", "state", "iss", "error", "user")
"""What counts of an answer (RFC 6749, section 4.1.2; RFC 9207; and Apple's `user`)."""
_MOST_ANSWER: Final = 4_096
"""Bytes of an answer that a form brought."""
_log = logging.getLogger("watchword")


class Begun(NamedTuple):
    """Where to lead the browser, and the cookies that name it."""

    url: str
    cookies: tuple[str, ...]


class NonceBegun(NamedTuple):
    """What an ID token that is got natively must repeat, and the cookies that name the browser."""

    nonce: str
    cookies: tuple[str, ...]


class Landed(NamedTuple):
    """How a sign-in with another service went on: the outcome, or `None` where an account was linked."""

    outcome: Complete | Pending | None
    next_page: str


@final
class OAuthSteps:
    """The steps of the method."""

    def __init__(self, services: Services, providers: dict[str, Provider], accounts: Accounts) -> None:
        self._services = services
        self._providers = providers
        self._accounts = accounts

    def begin(self, request: Request, name: str, next_page: str = "") -> Begun | Denied:
        """Begin to sign in, or up, with a service."""
        return self._begin(request, name, purpose=SIGN_IN, user_id=None, next_page=next_page)

    def begin_link(self, request: Request, session: Session, name: str, next_page: str = "") -> Begun | Denied:
        """Begin to link an account of a service, for whoever is signed in and has just shown who they are."""
        services = self._services
        with services.store.write(durable=False) as tx:
            denied = second_factor.stale(tx, services, session)
            denied = denied or services.limiter.take(tx, "account_change", session.user.id)
        if denied is not None:
            return denied
        return self._begin(request, name, purpose=LINK, user_id=session.user.id, next_page=next_page)

    def begin_again(self, request: Request, session: Session, name: str, next_page: str = "") -> Begun | Denied:
        """Begin to show once more who is signed in; the service is asked to ask anew, as far as it does."""
        return self._begin(request, name, purpose=AGAIN, user_id=session.user.id, next_page=next_page)

    def begin_natively(self, request: Request, name: str) -> NonceBegun | Denied:
        """Give a nonce for an ID token that an app, or Google's own script, asks for by itself; it counts once, here."""
        if name not in self._providers or not self._providers[name].preset.is_openid:
            return Denied(NOT_FOUND)
        services = self._services
        with services.store.write(durable=False) as tx:
            denied = services.limiter.take(tx, "oauth_address", address_bucket(request.address))
            if denied is not None:
                return denied
            attempt, cookies = self._remember(tx, request, Asked(provider=name), purpose=NATIVE)
        return NonceBegun(attempt.id, cookies)

    def finish(self, request: Request, name: str, answer: Mapping[str, str]) -> Landed | Denied:
        """Carry on with what a service answered, in the browser that asked it (A44), for that service (A45).

        The attempt is used up before anything is looked at: whatever the answer, it is the only one.
        """
        provider = self._providers.get(name)
        if provider is None:
            return Denied(NOT_FOUND)
        taken = self._take(request, name, answer.get("state", ""), SIGN_IN, LINK, AGAIN)
        if isinstance(taken, Denied):
            return taken
        attempt, asked = taken
        try:
            provider.check_issuer(answer.get("iss"))
            if "error" in answer or not answer.get("code"):
                return self._failed(request, provider, attempt, PROVIDER_REFUSED, _printable(answer.get("error", "")))
            # No transaction is open while the service is asked.
            grant = provider.exchange(answer["code"], asked)
            profile = provider.identify(grant, asked, _told(answer.get("user", "")))
        except ProviderError as error:
            return self._failed(request, provider, attempt, error.code, error.reason)
        known = _known(provider, profile, grant)
        with self._services.store.write() as tx:
            if attempt.purpose == LINK:
                denied = self._accounts.link(tx, request, attempt, known)
                return denied or Landed(None, attempt.plan.next_page)
            if attempt.purpose == AGAIN:
                outcome = self._accounts.show_again(tx, request, attempt, known)
            else:
                outcome = self._accounts.enter(tx, request, known, attempt.plan.next_page)
        return outcome if isinstance(outcome, Denied) else Landed(outcome, attempt.plan.next_page)

    def sign_in_natively(self, request: Request, name: str, id_token: str, nonce: str) -> Complete | Pending | Denied:
        """Sign in with an ID token that was got without this site: by an app, One Tap, or FedCM.

        Its nonce is one that this browser, or app, got here a moment ago: a token that was stolen elsewhere opens nothing.
        """
        provider = self._providers.get(name)
        if provider is None or not provider.preset.is_openid:
            return Denied(NOT_FOUND)
        taken = self._take(request, name, nonce, NATIVE)
        if isinstance(taken, Denied):
            return taken
        try:
            profile = provider.recognise(id_token, (nonce, hashed_nonce(nonce)))
        except ProviderError as error:
            return self._failed(request, provider, taken[0], error.code, error.reason)
        with self._services.store.write() as tx:
            return self._accounts.enter(tx, request, _known(provider, profile, None), "")

    def seal_answer(self, name: str, form: Mapping[str, str]) -> str | Denied:
        """Return what a form brought from another site, sealed for a minute, to come back in an address.

        The cookies that bind a sign-in to its browser don't come with another site's form. So it is led on to a GET,
        with which they come; nobody reads the code from that address.
        """
        provider = self._providers.get(name)
        if provider is None or provider.preset.response_mode != "form_post":
            return Denied(NOT_FOUND)
        kept = msgspec.msgpack.encode({key: form[key] for key in _KEPT if key in form})
        if len(kept) > _MOST_ANSWER:
            return Denied(PROVIDER_ANSWER_INVALID)
        until = (self._services.store.clock.now() + _ANSWER_LIFETIME).to_bytes(8, "big")
        return base64url_encode(self._services.keyring.seal(_ANSWER, until + length_prefixed(name.encode(), kept)))

    def open_answer(self, name: str, sealed: str) -> Mapping[str, str] | None:
        """Return what `seal_answer()` sealed for this service, or `None` where it is something else, or over."""
        try:
            opened = self._services.keyring.unseal(_ANSWER, base64url_decode(sealed))
        except EncodingError:
            return None
        head = length_prefixed(name.encode())
        if opened is None or opened[8 : 8 + len(head)] != head:
            return None
        if int.from_bytes(opened[:8], "big") <= self._services.store.clock.now():
            return None
        return msgspec.msgpack.decode(opened[8 + len(head) + 8 :], type=dict[str, str])

    def takes_forms(self, name: str) -> bool:
        """Tell whether this service answers by a form, and so never by an address of its own making."""
        return name in self._providers and self._providers[name].preset.response_mode == "form_post"

    def _begin(
        self, request: Request, name: str, *, purpose: str, user_id: str | None, next_page: str
    ) -> Begun | Denied:
        provider, services = self._providers.get(name), self._services
        if provider is None:
            return Denied(NOT_FOUND)
        with services.store.write(durable=False) as tx:
            denied = services.limiter.take(tx, "oauth_address", address_bucket(request.address))
            if denied is not None:
                return denied
            asked = Asked(
                provider=name,
                redirect_uri=services.url(request, f"/oauth/{name}/callback"),
                nonce=_random(),
                verifier=_random(),
                anew=services.store.clock.now() // SECOND if purpose == AGAIN else 0,
            )
            attempt, cookies = self._remember(
                tx, request, asked, purpose=purpose, user_id=user_id, next_page=safe_next(next_page, "")
            )
        try:
            return Begun(provider.ask(asked, attempt.id), cookies)
        except ProviderError as error:
            return self._failed(request, provider, attempt, error.code, error.reason)

    def _remember(
        self,
        tx: Transaction,
        request: Request,
        asked: Asked,
        *,
        purpose: str,
        user_id: str | None = None,
        next_page: str = "",
    ) -> tuple[Attempt, tuple[str, ...]]:
        browser = Browser(request, self._services.cookies)
        plan = Plan(next_page=next_page, secret=msgspec.msgpack.encode(asked))
        attempt = attempts.begin(tx, self._services.keyring, browser.hash, purpose=purpose, plan=plan, user_id=user_id)
        return attempt, browser.set_cookie()

    def _take(self, request: Request, name: str, attempt_id: str, *purposes: str) -> tuple[Attempt, Asked] | Denied:
        """Return what this browser asked this service, and use it up, for one of any number at once."""
        services = self._services
        with services.store.write() as tx:
            denied = services.limiter.take(tx, "sign_in_address", address_bucket(request.address))
            denied = denied or services.limiter.take(tx, "sign_in_global", "")
            if denied is not None:
                return denied
            browser = Browser(request, services.cookies)
            attempt = None if browser.is_new else attempts.load(tx, services.keyring, browser.hash, attempt_id)
            if attempt is None or attempt.purpose not in purposes or not attempts.complete(tx, attempt):
                return Denied(ATTEMPT_EXPIRED)
        asked = msgspec.msgpack.decode(attempt.plan.secret, type=Asked)
        return (attempt, asked) if asked.provider == name else Denied(ATTEMPT_EXPIRED)

    def _failed(self, request: Request, provider: Provider, attempt: Attempt, code: Code, reason: str) -> Denied:
        _log.warning("a sign-in with %s failed: %s", provider.name, reason)
        with self._services.store.write(durable=False) as tx:
            self._services.note(
                tx, AuditEvent.SIGN_IN_FAILED, request, attempt.user_id, provider=provider.name, reason=reason[:200]
            )
        return Denied(code)


def _known(provider: Provider, profile: Profile, grant: Grant | None) -> Known:
    kept = msgspec.structs.replace(grant, answer={}, id_token="") if grant and provider.keeps_tokens else None
    return Known(provider=provider.name, profile=profile, grant=kept)


def _told(user: str) -> dict[str, Any]:
    """Return what Apple's form says of a person, the first time and never again: their name, which is only shown."""
    try:
        return {"user": msgspec.json.decode(user, type=dict[str, Any])} if user else {}
    except msgspec.MsgspecError:
        return {}


def _printable(error: str) -> str:
    return error[:100] if error.isascii() and error.isprintable() else "an error"


def _random() -> str:
    return base64url_encode(random_bytes(32))
