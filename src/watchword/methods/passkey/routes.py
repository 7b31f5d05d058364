"""The calls of the passkeys. What the browser gives goes in as it is: `credential.toJSON()`."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, final

import msgspec

from watchword.admission.answers import ANSWERS, answer
from watchword.admission.attempt import ATTEMPT_EXPIRED
from watchword.admission.outcome import CompleteAnswer, PendingAnswer
from watchword.admission.second_factor import SECOND_FACTOR_INVALID, SECOND_FACTOR_REQUIRED, STEP_NOT_OFFERED
from watchword.admission.services import Completion
from watchword.admission.ways_in import LAST_WAY_IN
from watchword.foundation.encodings import base64url_encode
from watchword.foundation.errors import NOT_FOUND, STEP_UP_REQUIRED, Code, Denied
from watchword.http.body import Input
from watchword.http.request import Request
from watchword.http.response import Response, json_response
from watchword.http.route import Handler, OpenToAll, Route, RouteGuard
from watchword.identity.users import PersonName
from watchword.limits.limiter import RATE_LIMITED
from watchword.methods.passkey import store
from watchword.methods.passkey.base import PASSKEY_INVALID, PASSKEY_UNKNOWN, Ceremonies
from watchword.methods.passkey.options import CeremonyOptions, PasskeyKind
from watchword.methods.passkey.registration import ACCOUNT, PasskeyRegistration
from watchword.methods.passkey.steps import PasskeySteps
from watchword.methods.passkey.store import PasskeyView
from watchword.policy.signed_in import SignedIn


class AskInput(Input, frozen=True, kw_only=True):
    """Nothing but the wish."""


class AttemptInput(Input, frozen=True, kw_only=True):
    """The attempt that a passkey shall carry on."""

    attempt: str


class CredentialInput(Input, frozen=True, kw_only=True):
    """The attempt of the question, and the browser's answer to it."""

    attempt: str
    credential: dict[str, Any]


class NewPasskeyInput(Input, frozen=True, kw_only=True):
    """Which kind to make."""

    kind: PasskeyKind = "passkey"


class NamedCredentialInput(Input, frozen=True, kw_only=True):
    """The attempt of the question, the browser's answer, and what to call the passkey."""

    attempt: str
    credential: dict[str, Any]
    name: PersonName = ""


class PasskeySignUpInput(Input, frozen=True, kw_only=True):
    """An account to make, without a password."""

    email: str
    name: PersonName = ""


class PasskeyNameInput(Input, frozen=True, kw_only=True):
    """What to call the passkey."""

    name: PersonName


class PasskeySignal(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """For `PublicKeyCredential.signalAllAcceptedCredentials()`: devices forget the passkeys that are not among them."""

    rp_id: str
    user_id: str
    all_accepted_credential_ids: list[str]


class PasskeysAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The passkeys, oldest first, and what to tell the browser of them."""

    passkeys: list[PasskeyView]
    signal: PasskeySignal | None


class PasskeyDoneAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Done."""

    status: Literal["complete"] = "complete"


class RelatedOrigins(msgspec.Struct, frozen=True, kw_only=True):
    """The document of WebAuthn Level 3, section 5.11: serve it at `/.well-known/webauthn` of the passkeys' domain."""

    origins: list[str]


@final
class PasskeyMethod:
    """The method, bound to its services."""

    def __init__(self, ceremonies: Ceremonies) -> None:
        self._ceremonies = ceremonies
        self._services = ceremonies.services
        self.steps = self.second_factor = PasskeySteps(ceremonies)
        self.registration = PasskeyRegistration(ceremonies)
        self.completions: Mapping[str, Completion] = {ACCOUNT: self.registration.make_account}
        self._signed_in = SignedIn(self._services.gate)
        self._services.ways_in.append(store.ways_in)
        self.routes: tuple[Route, ...] = (*self._sign_routes(), *self._attempt_routes(), *self._account_routes())

    def _sign_routes(self) -> tuple[Route, ...]:
        return (
            _post(
                "/sign-in/passkey/options",
                "Ask for any passkey of this site",
                self._ask_anyone,
                (AskInput, CeremonyOptions),
                (RATE_LIMITED,),
            ),
            _post(
                "/sign-in/passkey",
                "Sign in with a passkey",
                self._sign_in,
                (CredentialInput, CompleteAnswer),
                (ATTEMPT_EXPIRED, PASSKEY_INVALID, PASSKEY_UNKNOWN, RATE_LIMITED),
            ),
            _post(
                "/sign-up/passkey/options",
                "Ask for the passkey of a new account",
                self._ask_newcomer,
                (PasskeySignUpInput, CeremonyOptions),
                (RATE_LIMITED,),
            ),
            _post(
                "/sign-up/passkey",
                "Begin an account with a passkey; a code and a link go to the address",
                self._sign_up,
                (CredentialInput, PendingAnswer),
                (ATTEMPT_EXPIRED, PASSKEY_INVALID, RATE_LIMITED),
                status=202,
            ),
            Route(
                method="GET",
                path="/passkeys/related-origins",
                name="related_origins",
                summary="The document for `/.well-known/webauthn`: further origins that use these passkeys",
                guard=OpenToAll(),
                handler=self._related,
                output=RelatedOrigins,
            ),
        )

    def _attempt_routes(self) -> tuple[Route, ...]:
        offered = (ATTEMPT_EXPIRED, STEP_NOT_OFFERED, RATE_LIMITED)
        return (
            _post(
                "/attempt/passkey/options",
                "Ask for a passkey within an attempt",
                self._ask_within,
                (AttemptInput, CeremonyOptions),
                (ATTEMPT_EXPIRED, RATE_LIMITED),
            ),
            _post(
                "/attempt/passkey",
                "Carry an attempt on with a passkey",
                self._prove,
                (CredentialInput, CompleteAnswer),
                (*offered, PASSKEY_INVALID, SECOND_FACTOR_INVALID),
            ),
            _post(
                "/attempt/passkey/enrol",
                "Ask for a new passkey within a sign-in that asks for one",
                self._enrol_within,
                (AttemptInput, CeremonyOptions),
                offered,
            ),
            _post(
                "/passkeys",
                "Keep the passkey that was just made",
                self._add,
                (NamedCredentialInput, CompleteAnswer),
                (ATTEMPT_EXPIRED, PASSKEY_INVALID, STEP_NOT_OFFERED),
            ),
        )

    def _account_routes(self) -> tuple[Route, ...]:
        mine = self._signed_in
        return (
            _post(
                "/passkeys/options",
                "Ask for a new passkey of mine",
                self._ask_own,
                (NewPasskeyInput, CeremonyOptions),
                (STEP_UP_REQUIRED, RATE_LIMITED),
                guard=mine,
            ),
            Route(
                method="GET",
                path="/passkeys",
                name="list_passkeys",
                summary="My passkeys",
                guard=mine,
                handler=self._list,
                output=PasskeysAnswer,
            ),
            Route(
                method="PATCH",
                path="/passkeys/{id}",
                name="rename_passkey",
                summary="Call one of my passkeys otherwise",
                guard=mine,
                handler=self._rename,
                input=PasskeyNameInput,
                output=PasskeyDoneAnswer,
                codes=(NOT_FOUND,),
            ),
            Route(
                method="DELETE",
                path="/passkeys/{id}",
                name="remove_passkey",
                summary="Remove one of my passkeys",
                guard=mine,
                handler=self._remove,
                output=PasskeyDoneAnswer,
                codes=(NOT_FOUND, STEP_UP_REQUIRED, SECOND_FACTOR_REQUIRED, LAST_WAY_IN),
            ),
        )

    def passkeys(self, request: Request) -> PasskeysAnswer:
        """Return the passkeys of whoever is signed in, and what to tell the browser of them."""
        session = self._signed_in.session(request)
        with self._services.store.read() as tx:
            rows = store.passkeys_of(tx, session.user.id)
        party = self._ceremonies.party(request)
        signal = (
            PasskeySignal(
                rp_id=party.id,
                user_id=base64url_encode(rows[0].user_handle),
                all_accepted_credential_ids=[base64url_encode(row.credential_id) for row in rows],
            )
            if rows
            else None
        )
        return PasskeysAnswer(passkeys=[store.view(row) for row in rows], signal=signal)

    def _ask_anyone(self, request: Request, _: AskInput) -> Response | Denied:
        return _asked(self.steps.ask_anyone(request))

    def _sign_in(self, request: Request, body: CredentialInput) -> Response | Denied:
        return answer(self.steps.sign_in(request, body.attempt, body.credential))

    def _ask_newcomer(self, request: Request, body: PasskeySignUpInput) -> Response | Denied:
        return _asked(self.registration.ask_newcomer(request, body.email, body.name))

    def _sign_up(self, request: Request, body: CredentialInput) -> Response | Denied:
        return answer(self.registration.sign_up(request, body.attempt, body.credential))

    def _related(self, request: Request, _: None) -> Response:
        return json_response(RelatedOrigins(origins=list(self._ceremonies.party(request).origins)))

    def _ask_within(self, request: Request, body: AttemptInput) -> Response | Denied:
        return _asked(self.steps.ask_within(request, body.attempt))

    def _prove(self, request: Request, body: CredentialInput) -> Response | Denied:
        return answer(self.steps.prove(request, body.attempt, body.credential))

    def _enrol_within(self, request: Request, body: AttemptInput) -> Response | Denied:
        return _asked(self.registration.ask_within(request, body.attempt))

    def _ask_own(self, request: Request, body: NewPasskeyInput) -> Response | Denied:
        return _asked(self.registration.ask(request, self._signed_in.session(request), body.kind))

    def _add(self, request: Request, body: NamedCredentialInput) -> Response | Denied:
        return answer(self.registration.add(request, body.attempt, body.credential, body.name))

    def _list(self, request: Request, _: None) -> Response:
        return json_response(self.passkeys(request))

    def _rename(self, request: Request, body: PasskeyNameInput) -> Response | Denied:
        session, passkey_id = self._signed_in.session(request), request.parameters["id"]
        return self.registration.rename(session, passkey_id, body.name) or json_response(PasskeyDoneAnswer())

    def _remove(self, request: Request, _: None) -> Response | Denied:
        session, passkey_id = self._signed_in.session(request), request.parameters["id"]
        return self.registration.remove(request, session, passkey_id) or json_response(PasskeyDoneAnswer())


def _post(
    path: str,
    summary: str,
    handler: Handler,
    shapes: tuple[type[Input], type[msgspec.Struct]],
    codes: Sequence[Code],
    *,
    status: int = 200,
    guard: RouteGuard | None = None,
) -> Route:
    return Route(
        method="POST",
        path=path,
        name=path.removeprefix("/").replace("/", "_").replace("-", "_"),
        summary=summary,
        guard=guard or OpenToAll(),
        handler=handler,
        input=shapes[0],
        output=shapes[1],
        status=status,
        more_statuses=ANSWERS if shapes[1] is CompleteAnswer else {},
        codes=tuple(codes),
    )


def _asked(outcome: CeremonyOptions | tuple[CeremonyOptions, tuple[str, ...]] | Denied) -> Response | Denied:
    if isinstance(outcome, Denied):
        return outcome
    options, cookies = outcome if isinstance(outcome, tuple) else (outcome, ())
    return json_response(options, cookies=cookies)
