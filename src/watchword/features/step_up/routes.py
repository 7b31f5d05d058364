"""The call that begins a step-up."""

from collections.abc import Mapping
from typing import final

from watchword.admission.answers import answer
from watchword.admission.outcome import PendingAnswer
from watchword.admission.services import Completion, Services
from watchword.features.step_up.steps import NOTHING_TO_SHOW, StepUpSteps
from watchword.foundation.errors import Denied
from watchword.http.request import Request
from watchword.http.response import Response
from watchword.http.route import Route
from watchword.limits.limiter import RATE_LIMITED
from watchword.policy.signed_in import SignedIn


@final
class StepUpFeature:
    """The feature, bound to its services."""

    def __init__(self, services: Services) -> None:
        self.steps = StepUpSteps(services)
        self.completions: Mapping[str, Completion] = {"sign_in": self.steps.sign_in, "step_up": self.steps.step_up}
        self._signed_in = SignedIn(services.gate)
        self.routes: tuple[Route, ...] = (
            Route(
                method="POST",
                path="/step-up",
                name="step_up",
                summary="Begin to show once more who I am, after a 401 `insufficient_user_authentication`",
                guard=self._signed_in,
                handler=self._begin,
                output=PendingAnswer,
                status=202,
                codes=(NOTHING_TO_SHOW, RATE_LIMITED),
            ),
        )

    def _begin(self, request: Request, _: None) -> Response | Denied:
        return answer(self.steps.begin(request, self._signed_in.session(request)))
