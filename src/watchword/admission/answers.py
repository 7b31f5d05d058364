"""Outcomes as HTTP answers: 200 complete with the cookie, 202 pending, or the refusal."""

from typing import Any

from watchword.admission.outcome import Complete, Pending, PendingAnswer
from watchword.foundation.errors import Denied
from watchword.http.response import Response, json_response

ANSWERS: dict[int, type[Any]] = {202: PendingAnswer}


def answer(outcome: Complete | Pending | Denied) -> Response | Denied:
    """Return the response of a step's outcome."""
    match outcome:
        case Complete():
            return json_response(outcome.answer(), 200, outcome.cookies)
        case Pending():
            return json_response(outcome.answer(), 202, outcome.cookies)
        case Denied():
            return outcome
