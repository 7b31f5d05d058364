"""The calls of the recovery codes."""

from collections.abc import Mapping
from typing import final

import msgspec

from watchword.admission.answers import ANSWERS, answer
from watchword.admission.attempt import ATTEMPT_EXPIRED
from watchword.admission.challenge import clean_code
from watchword.admission.outcome import CompleteAnswer
from watchword.admission.second_factor import SECOND_FACTOR_INVALID, STEP_NOT_OFFERED
from watchword.admission.services import Completion, Services
from watchword.foundation.errors import STEP_UP_REQUIRED, Denied
from watchword.http.body import Input
from watchword.http.request import Request
from watchword.http.response import Response, json_response
from watchword.http.route import OpenToAll, Route
from watchword.limits.limiter import RATE_LIMITED
from watchword.methods.recovery_codes.steps import RecoveryCodeSteps
from watchword.policy.signed_in import SignedIn


class RecoveryCodeInput(Input, frozen=True, kw_only=True):
    """The attempt and one of the recovery codes; spaces, hyphens and capitals in it do not matter."""

    attempt: str
    code: str


class RecoveryCodesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The codes, shown this once."""

    codes: list[str]


class RecoveryCodesLeftAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How many codes are left."""

    left: int


@final
class RecoveryCodesMethod:
    """The method, bound to its services."""

    def __init__(self, services: Services, steps: RecoveryCodeSteps) -> None:
        self.steps = self.second_factor = steps
        self.completions: Mapping[str, Completion] = {}
        self._signed_in = SignedIn(services.gate)
        self.routes: tuple[Route, ...] = (
            Route(
                method="POST",
                path="/attempt/recovery_code",
                name="attempt_recovery_code",
                summary="Carry an attempt on with a recovery code",
                guard=OpenToAll(),
                handler=self._prove,
                input=RecoveryCodeInput,
                output=CompleteAnswer,
                more_statuses=ANSWERS,
                codes=(ATTEMPT_EXPIRED, SECOND_FACTOR_INVALID, STEP_NOT_OFFERED, RATE_LIMITED),
            ),
            Route(
                method="GET",
                path="/recovery-codes",
                name="count_recovery_codes",
                summary="How many recovery codes I have left",
                guard=self._signed_in,
                handler=self._left,
                output=RecoveryCodesLeftAnswer,
            ),
            Route(
                method="POST",
                path="/recovery-codes",
                name="make_recovery_codes",
                summary="Make new recovery codes; the earlier ones are void",
                guard=self._signed_in,
                handler=self._make,
                output=RecoveryCodesAnswer,
                codes=(STEP_UP_REQUIRED, RATE_LIMITED),
            ),
        )

    def _prove(self, request: Request, body: RecoveryCodeInput) -> Response | Denied:
        return answer(self.steps.prove(request, body.attempt, clean_code(body.code)))

    def _left(self, request: Request, _: None) -> Response:
        return json_response(RecoveryCodesLeftAnswer(left=self.steps.left(self._signed_in.session(request))))

    def _make(self, request: Request, _: None) -> Response | Denied:
        codes = self.steps.make(request, self._signed_in.session(request))
        return codes if isinstance(codes, Denied) else json_response(RecoveryCodesAnswer(codes=codes))
