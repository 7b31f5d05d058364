"""The calls of the password method."""

from collections.abc import Mapping
from typing import Literal, final

import msgspec

from watchword.admission.answers import ANSWERS, answer
from watchword.admission.attempt import ATTEMPT_EXPIRED
from watchword.admission.challenge import LINK_INVALID
from watchword.admission.outcome import CompleteAnswer, NextStep, PendingAnswer
from watchword.admission.second_factor import STEP_NOT_OFFERED
from watchword.admission.services import Completion, Services
from watchword.foundation.errors import STEP_UP_REQUIRED, Denied
from watchword.http.body import Input
from watchword.http.request import Request
from watchword.http.response import Response, json_response
from watchword.http.route import OpenToAll, Route
from watchword.identity.users import PersonName
from watchword.limits.limiter import RATE_LIMITED
from watchword.methods.password.steps import INVALID_CREDENTIALS, PasswordSteps
from watchword.policy.signed_in import SignedIn


class SignUpInput(Input, frozen=True, kw_only=True):
    """An account to make. The name is optional."""

    email: str
    password: str
    name: PersonName = ""


class SignInInput(Input, frozen=True, kw_only=True):
    """An e-mail address or user name, and the password."""

    identifier: str
    password: str


class ForgotInput(Input, frozen=True, kw_only=True):
    """The address of the account."""

    email: str


class ResetInput(Input, frozen=True, kw_only=True):
    """The last part of the link's address, and the new password."""

    token: str
    password: str


class ChangeInput(Input, frozen=True, kw_only=True):
    """The password that counts now, if there is one, and the one that shall."""

    current: str = ""
    new: str


class ShownAgainInput(Input, frozen=True, kw_only=True):
    """The attempt to step up, and the password."""

    attempt: str
    password: str


class ForgotAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """If the address leads to an account, a link is on its way to it."""

    status: Literal["pending"] = "pending"
    next: tuple[NextStep, ...]


class ResetAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The new password counts. Nobody is signed in: use it."""

    status: Literal["complete"] = "complete"


@final
class PasswordMethod:
    """The password method, bound to its services."""

    def __init__(self, services: Services, steps: PasswordSteps) -> None:
        self.steps = steps
        self.completions: Mapping[str, Completion] = {"sign_up": steps.make_account, "reset": steps.finish_reset}
        self._signed_in = SignedIn(services.gate)
        self.routes: tuple[Route, ...] = (*self._sign_routes(), *self._password_routes())

    def _sign_routes(self) -> tuple[Route, ...]:
        return (
            Route(
                method="POST",
                path="/sign-up/password",
                name="sign_up_with_password",
                summary="Begin an account; a code and a link go to the address",
                guard=OpenToAll(),
                handler=self._sign_up,
                input=SignUpInput,
                output=PendingAnswer,
                status=202,
                codes=(RATE_LIMITED,),
                hashes_password=True,
            ),
            Route(
                method="POST",
                path="/sign-in/password",
                name="sign_in_with_password",
                summary="Sign in with an e-mail address or user name, and the password",
                guard=OpenToAll(),
                handler=self._sign_in,
                input=SignInInput,
                output=CompleteAnswer,
                more_statuses=ANSWERS,
                codes=(INVALID_CREDENTIALS, RATE_LIMITED),
                hashes_password=True,
            ),
        )

    def _password_routes(self) -> tuple[Route, ...]:
        return (
            Route(
                method="POST",
                path="/password/forgot",
                name="forgot_password",
                summary="Send a link that resets the password",
                guard=OpenToAll(),
                handler=self._forgot,
                input=ForgotInput,
                output=ForgotAnswer,
                status=202,
                codes=(RATE_LIMITED,),
            ),
            Route(
                method="POST",
                path="/password/reset",
                name="reset_password",
                summary="Set a new password with the link; ends all sessions of the user",
                guard=OpenToAll(),
                handler=self._reset,
                input=ResetInput,
                output=ResetAnswer,
                more_statuses=ANSWERS,
                codes=(LINK_INVALID, RATE_LIMITED),
                hashes_password=True,
            ),
            Route(
                method="POST",
                path="/password/change",
                name="change_password",
                summary="Change the password; ends all other sessions of the user",
                guard=self._signed_in,
                handler=self._change,
                input=ChangeInput,
                output=CompleteAnswer,
                codes=(INVALID_CREDENTIALS, STEP_UP_REQUIRED, RATE_LIMITED),
                hashes_password=True,
            ),
            Route(
                method="POST",
                path="/attempt/password",
                name="attempt_password",
                summary="Carry a step-up on with the password",
                guard=OpenToAll(),
                handler=self._show_again,
                input=ShownAgainInput,
                output=CompleteAnswer,
                more_statuses=ANSWERS,
                codes=(ATTEMPT_EXPIRED, STEP_NOT_OFFERED, RATE_LIMITED),
                hashes_password=True,
            ),
        )

    def _sign_up(self, request: Request, body: SignUpInput) -> Response | Denied:
        return answer(self.steps.sign_up(request, email=body.email, password=body.password, name=body.name))

    def _sign_in(self, request: Request, body: SignInInput) -> Response | Denied:
        return answer(self.steps.sign_in(request, identifier=body.identifier, password=body.password))

    def _forgot(self, request: Request, body: ForgotInput) -> Response | Denied:
        outcome = self.steps.forgot(request, email=body.email)
        return outcome if isinstance(outcome, Denied) else json_response(ForgotAnswer(next=outcome.next), 202)

    def _reset(self, request: Request, body: ResetInput) -> Response | Denied:
        outcome = self.steps.reset(request, token=body.token, password=body.password)
        return json_response(ResetAnswer()) if outcome is None else answer(outcome)

    def _show_again(self, request: Request, body: ShownAgainInput) -> Response | Denied:
        return answer(self.steps.show_again(request, body.attempt, body.password))

    def _change(self, request: Request, body: ChangeInput) -> Response | Denied:
        session = self._signed_in.session(request)
        return answer(self.steps.change(request, session, current=body.current, new=body.new))
