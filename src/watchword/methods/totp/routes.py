"""The calls of the authenticator app."""

from collections.abc import Mapping
from typing import Literal, final

import msgspec

from watchword.admission.answers import ANSWERS, answer
from watchword.admission.attempt import ATTEMPT_EXPIRED
from watchword.admission.challenge import clean_code
from watchword.admission.outcome import CompleteAnswer
from watchword.admission.second_factor import SECOND_FACTOR_INVALID, SECOND_FACTOR_REQUIRED, STEP_NOT_OFFERED
from watchword.admission.services import Completion, Services
from watchword.foundation.errors import NOT_FOUND, STEP_UP_REQUIRED, Denied
from watchword.http.body import Input
from watchword.http.request import Request
from watchword.http.response import Response, json_response
from watchword.http.route import OpenToAll, Route
from watchword.limits.limiter import RATE_LIMITED
from watchword.methods.totp.codes import Enrolment
from watchword.methods.totp.steps import Begun, TOTPSteps, TOTPView
from watchword.policy.signed_in import SignedIn


class TOTPCodeInput(Input, frozen=True, kw_only=True):
    """The attempt and the code that the app shows."""

    attempt: str
    code: str


class EnrolWithinInput(Input, frozen=True, kw_only=True):
    """The attempt that asks for an authenticator app to be set up."""

    attempt: str


class TOTPAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The authenticator app, or nothing."""

    totp: TOTPView | None


class TOTPRemovedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Removed."""

    status: Literal["complete"] = "complete"


@final
class TOTPMethod:
    """The method, bound to its services."""

    def __init__(self, services: Services, steps: TOTPSteps) -> None:
        self.steps = self.second_factor = steps
        self.completions: Mapping[str, Completion] = {}
        self._signed_in = SignedIn(services.gate)
        self.routes: tuple[Route, ...] = (*self._attempt_routes(), *self._account_routes())

    def _attempt_routes(self) -> tuple[Route, ...]:
        codes = (ATTEMPT_EXPIRED, SECOND_FACTOR_INVALID, STEP_NOT_OFFERED, RATE_LIMITED)
        return (
            Route(
                method="POST",
                path="/attempt/totp",
                name="attempt_totp",
                summary="Carry an attempt on with the code of an authenticator app",
                guard=OpenToAll(),
                handler=self._prove,
                input=TOTPCodeInput,
                output=CompleteAnswer,
                more_statuses=ANSWERS,
                codes=codes,
            ),
            Route(
                method="POST",
                path="/attempt/totp/enrol",
                name="attempt_totp_enrol",
                summary="Set an authenticator app up within a sign-in that asks for one",
                guard=OpenToAll(),
                handler=self._enrol_within,
                input=EnrolWithinInput,
                output=Enrolment,
                codes=(ATTEMPT_EXPIRED, STEP_NOT_OFFERED, RATE_LIMITED),
            ),
            Route(
                method="POST",
                path="/totp/confirm",
                name="confirm_totp",
                summary="Finish setting an authenticator app up, with its first code",
                guard=OpenToAll(),
                handler=self._confirm,
                input=TOTPCodeInput,
                output=CompleteAnswer,
                more_statuses=ANSWERS,
                codes=codes,
            ),
        )

    def _account_routes(self) -> tuple[Route, ...]:
        return (
            Route(
                method="GET",
                path="/totp",
                name="get_totp",
                summary="My authenticator app, or null",
                guard=self._signed_in,
                handler=self._view,
                output=TOTPAnswer,
            ),
            Route(
                method="POST",
                path="/totp",
                name="enrol_totp",
                summary="Begin to set an authenticator app up: its secret, as text and as a QR code",
                guard=self._signed_in,
                handler=self._enrol,
                output=Enrolment,
                codes=(STEP_UP_REQUIRED, RATE_LIMITED),
            ),
            Route(
                method="DELETE",
                path="/totp",
                name="remove_totp",
                summary="Remove my authenticator app",
                guard=self._signed_in,
                handler=self._remove,
                output=TOTPRemovedAnswer,
                codes=(STEP_UP_REQUIRED, SECOND_FACTOR_REQUIRED, NOT_FOUND),
            ),
        )

    def _prove(self, request: Request, body: TOTPCodeInput) -> Response | Denied:
        return answer(self.steps.prove(request, body.attempt, clean_code(body.code)))

    def _confirm(self, request: Request, body: TOTPCodeInput) -> Response | Denied:
        return answer(self.steps.confirm(request, body.attempt, clean_code(body.code)))

    def _enrol_within(self, request: Request, body: EnrolWithinInput) -> Response | Denied:
        return _shown(self.steps.enrol_within(request, body.attempt))

    def _enrol(self, request: Request, _: None) -> Response | Denied:
        return _shown(self.steps.enrol(request, self._signed_in.session(request)))

    def _view(self, request: Request, _: None) -> Response:
        return json_response(TOTPAnswer(totp=self.steps.view(self._signed_in.session(request))))

    def _remove(self, request: Request, _: None) -> Response | Denied:
        return self.steps.remove(request, self._signed_in.session(request)) or json_response(TOTPRemovedAnswer())


def _shown(outcome: Begun | Denied) -> Response | Denied:
    return outcome if isinstance(outcome, Denied) else json_response(outcome[0], cookies=outcome[1])
