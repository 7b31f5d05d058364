"""The calls of the e-mail code: carry an attempt on by code or by link, or ask for another code."""

from typing import final

from watchword.admission import confirmation
from watchword.admission.answers import ANSWERS, answer
from watchword.admission.attempt import ATTEMPT_EXPIRED
from watchword.admission.challenge import CODE_EXPIRED, CODE_INVALID, LINK_INVALID, clean_code
from watchword.admission.outcome import CompleteAnswer, PendingAnswer
from watchword.admission.services import Completion, Services
from watchword.foundation.errors import Code, Denied
from watchword.http.body import Input
from watchword.http.request import Request
from watchword.http.response import Response
from watchword.http.route import Handler, OpenToAll, Route
from watchword.limits.limiter import RATE_LIMITED


class CodeInput(Input, frozen=True, kw_only=True):
    """The attempt and the code from the mail; spaces in it are the person's, not part of it."""

    attempt: str
    code: str


class SendInput(Input, frozen=True, kw_only=True):
    """The attempt that needs another code."""

    attempt: str


class LinkInput(Input, frozen=True, kw_only=True):
    """The last part of the link's address."""

    token: str


@final
class EmailCode:
    """Proof of an e-mail address."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.completions: dict[str, Completion] = {}
        codes = (ATTEMPT_EXPIRED, CODE_INVALID, CODE_EXPIRED, RATE_LIMITED)
        links = (LINK_INVALID, RATE_LIMITED)
        self.routes = (
            self._proof("/attempt/email_code", "Carry an attempt on with the code", CodeInput, self._code, codes),
            self._proof("/attempt/email_link", "Carry an attempt on with the link", LinkInput, self._link, links),
            Route(
                method="POST",
                path="/attempt/email_code/send",
                name="attempt_email_code_send",
                summary="Send another code",
                guard=OpenToAll(),
                handler=self._send,
                input=SendInput,
                output=PendingAnswer,
                status=202,
                codes=(ATTEMPT_EXPIRED, RATE_LIMITED),
            ),
        )

    def _proof(self, path: str, summary: str, body: type[Input], handler: Handler, codes: tuple[Code, ...]) -> Route:
        return Route(
            method="POST",
            path=path,
            name=path.removeprefix("/").replace("/", "_"),
            summary=summary,
            guard=OpenToAll(),
            handler=handler,
            input=body,
            output=CompleteAnswer,
            more_statuses=ANSWERS,
            codes=codes,
        )

    def _code(self, request: Request, body: CodeInput) -> Response | Denied:
        return answer(confirmation.confirm_by_code(self._services, request, body.attempt, clean_code(body.code)))

    def _link(self, request: Request, body: LinkInput) -> Response | Denied:
        return answer(confirmation.confirm_by_link(self._services, request, body.token))

    def _send(self, request: Request, body: SendInput) -> Response | Denied:
        return answer(confirmation.ask_again(self._services, request, body.attempt))
