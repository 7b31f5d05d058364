"""The calls for one's own account and sessions."""

from collections.abc import Mapping
from typing import Any, Literal, final

import msgspec

from watchword.admission.answers import answer
from watchword.admission.outcome import PendingAnswer
from watchword.admission.services import Completion, Services
from watchword.features.account.steps import LAST_ADMIN, AccountSteps, SessionView
from watchword.foundation.errors import NOT_FOUND, STEP_UP_REQUIRED, Denied
from watchword.http.body import Input
from watchword.http.request import Request
from watchword.http.response import Response, json_response, redirect
from watchword.http.route import OpenToAll, Route
from watchword.identity.users import PersonName, User
from watchword.limits.limiter import RATE_LIMITED
from watchword.policy.signed_in import SignedIn
from watchword.sessions.session import Session


class ProfileInput(Input, frozen=True, kw_only=True):
    """What to change; what is left out stays. An empty user name takes it away."""

    name: PersonName | None = None
    user_name: str | None = None


class EmailChangeInput(Input, frozen=True, kw_only=True):
    """The new address, and the current password where the account has one."""

    email: str
    password: str = ""


class DeletionInput(Input, frozen=True, kw_only=True):
    """The current password, where the account has one."""

    password: str = ""


class SessionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The session of this request, or nothing."""

    session: Session | None


class SessionsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The live sessions, last used first."""

    sessions: list[SessionView]


class EndedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How many sessions ended."""

    ended: int


class UserAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The account as it is now."""

    user: User


class DoneAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Done."""

    status: Literal["complete"] = "complete"


@final
class AccountFeature:
    """The account feature, bound to its services."""

    def __init__(self, services: Services, steps: AccountSteps) -> None:
        self.steps = steps
        self.completions: Mapping[str, Completion] = {"email_change": steps.move}
        self._services = services
        self._signed_in = SignedIn(services.gate)
        self.routes: tuple[Route, ...] = (*self._session_routes(), *self._user_routes())

    def _session_routes(self) -> tuple[Route, ...]:
        return (
            Route(
                method="GET",
                path="/session",
                name="get_session",
                summary="The session of this request, or null",
                guard=OpenToAll(),
                handler=self._session,
                output=SessionAnswer,
            ),
            Route(
                method="POST",
                path="/sign-out",
                name="sign_out",
                summary="End this session",
                guard=OpenToAll(),
                handler=self._sign_out,
                output=DoneAnswer,
            ),
            Route(
                method="GET",
                path="/sessions",
                name="list_sessions",
                summary="My live sessions",
                guard=self._signed_in,
                handler=self._sessions,
                output=SessionsAnswer,
            ),
            Route(
                method="DELETE",
                path="/sessions",
                name="end_other_sessions",
                summary="End all my other sessions",
                guard=self._signed_in,
                handler=self._end_others,
                output=EndedAnswer,
            ),
            Route(
                method="DELETE",
                path="/sessions/{id}",
                name="end_session",
                summary="End one of my sessions",
                guard=self._signed_in,
                handler=self._end_one,
                output=EndedAnswer,
                codes=(NOT_FOUND,),
            ),
        )

    def _user_routes(self) -> tuple[Route, ...]:
        return (
            Route(
                method="PATCH",
                path="/user",
                name="change_profile",
                summary="Change my name and user name",
                guard=self._signed_in,
                handler=self._profile,
                input=ProfileInput,
                output=UserAnswer,
            ),
            Route(
                method="GET",
                path="/user/export",
                name="export_account",
                summary="All that is kept about me",
                guard=self._signed_in,
                handler=self.export,
                output=dict[str, Any],
            ),
            Route(
                method="POST",
                path="/user/email",
                name="change_email",
                summary="Begin to move to another e-mail address; a code and a link go to it",
                guard=self._signed_in,
                handler=self._email,
                input=EmailChangeInput,
                output=PendingAnswer,
                status=202,
                codes=(STEP_UP_REQUIRED, RATE_LIMITED),
                hashes_password=True,
            ),
            Route(
                method="POST",
                path="/user/delete",
                name="delete_account",
                summary="Delete my account, for good",
                guard=self._signed_in,
                handler=self._delete,
                input=DeletionInput,
                output=DoneAnswer,
                codes=(LAST_ADMIN, STEP_UP_REQUIRED, RATE_LIMITED),
                hashes_password=True,
            ),
        )

    def _session(self, request: Request, _: None) -> Response:
        return json_response(SessionAnswer(session=self._services.gate.verify(request)))

    def _sign_out(self, request: Request, _: None) -> Response:
        session = self._services.gate.verify(request)
        if session is not None:
            self.steps.end_session(request, session, session.id)
        gone = (self._services.cookies.clear_session(),)
        if (request.header("content-type") or "").startswith("application/x-www-form-urlencoded"):
            # A plain form, which needs no script, is led on to a page.
            return redirect(f"{self._services.settings.prefix}/signed-out", gone)
        return json_response(DoneAnswer(), cookies=gone)

    def _sessions(self, request: Request, _: None) -> Response:
        return json_response(SessionsAnswer(sessions=self.steps.sessions(self._signed_in.session(request))))

    def _end_others(self, request: Request, _: None) -> Response:
        return json_response(
            EndedAnswer(ended=self.steps.end_other_sessions(request, self._signed_in.session(request)))
        )

    def _end_one(self, request: Request, _: None) -> Response | Denied:
        session = self._signed_in.session(request)
        if not self.steps.end_session(request, session, request.parameters["id"]):
            return Denied(NOT_FOUND)
        cookies = (self._services.cookies.clear_session(),) if request.parameters["id"] == session.id else ()
        return json_response(EndedAnswer(ended=1), cookies=cookies)

    def _profile(self, request: Request, body: ProfileInput) -> Response | Denied:
        session = self._signed_in.session(request)
        user = self.steps.change_profile(request, session, name=body.name, user_name=body.user_name)
        return user if isinstance(user, Denied) else json_response(UserAnswer(user=user))

    def export(self, request: Request, _: None) -> Response:
        """Return all that is kept about whoever is signed in, as a file to save."""
        response = json_response(self.steps.export(request, self._signed_in.session(request)))
        response.headers.append(("content-disposition", 'attachment; filename="my-data.json"'))
        return response

    def _email(self, request: Request, body: EmailChangeInput) -> Response | Denied:
        session = self._signed_in.session(request)
        outcome = self.steps.ask_for_email_change(request, session, email=body.email, password=body.password)
        return answer(outcome)

    def _delete(self, request: Request, body: DeletionInput) -> Response | Denied:
        denied = self.steps.delete(request, self._signed_in.session(request), password=body.password)
        return denied or json_response(DoneAnswer(), cookies=(self._services.cookies.clear_session(),))
