"""The pages of one's own account."""

from typing import TYPE_CHECKING, final
from urllib.parse import urlencode

from watchword.admission.outcome import Complete
from watchword.admission.services import Services
from watchword.features.account.routes import AccountFeature, EmailChangeInput, ProfileInput
from watchword.foundation.errors import NOT_FOUND, STEP_UP_REQUIRED, Denied
from watchword.http.body import convert_input
from watchword.http.request import Request
from watchword.http.response import Response, redirect
from watchword.http.route import Handler, Route
from watchword.methods.password.steps import PasswordSteps
from watchword.pages.contexts import AccountPage, DeleteAccountPage, Notice, parse_notice
from watchword.pages.factors import FactorPages
from watchword.pages.render import Renderer
from watchword.policy.signed_in import SignedIn

if TYPE_CHECKING:
    from watchword.methods.oauth.routes import OAuthMethod

Form = dict[str, str]


@final
class AccountPages:
    """One page with everything about one's account, and a small form for each thing to do."""

    def __init__(
        self,
        services: Services,
        renderer: Renderer,
        account: AccountFeature,
        password: PasswordSteps,
        factors: FactorPages,
        *,
        oauth: "OAuthMethod | None",
    ) -> None:
        self._services = services
        self._renderer = renderer
        self._feature = account
        self._steps = account.steps
        self._password = password
        self._factors = factors
        self._oauth = oauth
        self._signed_in = SignedIn(services.gate)
        self.routes: tuple[Route, ...] = (
            self._page("GET", "", self._show),
            self._page("POST", "/profile", self._change_profile),
            self._page("POST", "/email", self._change_email, hashes_password=True),
            self._page("POST", "/password", self._change_password, hashes_password=True),
            self._page("POST", "/sessions/{id}/end", self._end_session),
            self._page("POST", "/sessions/end-others", self._end_others),
            self._page("GET", "/export", self._feature.export),
            self._page("GET", "/delete", self._show_delete),
            self._page("POST", "/delete", self._delete, hashes_password=True),
        )

    def _page(self, method: str, path: str, handler: Handler, *, hashes_password: bool = False) -> Route:
        name = path.strip("/").replace("/", "_").replace("-", "_").replace("{", "").replace("}", "")
        return Route(
            method=method,
            path=f"/account{path}",
            name=f"page_{method.lower()}_account_{name}".rstrip("_"),
            summary="Hosted page",
            guard=self._signed_in,
            handler=handler,
            hashes_password=hashes_password,
            form=True,
        )

    def _show(self, request: Request, _: None) -> Response:
        return self._draw(request, {}, None)

    def _change_profile(self, request: Request, form: Form) -> Response:
        body = convert_input(form, ProfileInput)
        if isinstance(body, Denied):
            return self._draw(request, form, body)
        session = self._signed_in.session(request)
        outcome = self._steps.change_profile(request, session, name=body.name, user_name=body.user_name)
        return self._draw(request, form, outcome) if isinstance(outcome, Denied) else self._done("profile_saved")

    def _change_email(self, request: Request, form: Form) -> Response:
        body = convert_input(form, EmailChangeInput)
        if isinstance(body, Denied):
            return self._draw(request, form, body)
        session = self._signed_in.session(request)
        outcome = self._steps.ask_for_email_change(request, session, email=body.email, password=body.password)
        if isinstance(outcome, Denied):
            return self._refused(outcome) or self._draw(request, {"email": body.email}, outcome)
        return redirect(self._url("/confirm", attempt=outcome.attempt), outcome.cookies)

    def _change_password(self, request: Request, form: Form) -> Response:
        session = self._signed_in.session(request)
        outcome = self._password.change(request, session, current=form.get("current", ""), new=form.get("new", ""))
        if isinstance(outcome, Complete):
            return self._done("password_changed", outcome.cookies)
        return self._refused(outcome) or self._draw(request, {}, outcome)

    def _end_session(self, request: Request, _: Form) -> Response | Denied:
        session = self._signed_in.session(request)
        if not self._steps.end_session(request, session, request.parameters["id"]):
            return Denied(NOT_FOUND)
        return self._done("session_ended")

    def _end_others(self, request: Request, _: Form) -> Response:
        self._steps.end_other_sessions(request, self._signed_in.session(request))
        return self._done("sessions_ended")

    def _show_delete(self, request: Request, _: None) -> Response:
        return self._draw_delete(request, None)

    def _delete(self, request: Request, form: Form) -> Response:
        session = self._signed_in.session(request)
        denied = self._steps.delete(request, session, password=form.get("password", ""))
        if denied is not None:
            return self._refused(denied, "/account/delete") or self._draw_delete(request, denied)
        gone = (self._services.cookies.clear_session(),)
        return redirect(self._url("/sign-in", notice="account_deleted"), gone)

    def _draw(self, request: Request, typed: Form, denied: Denied | None) -> Response:
        session = self._signed_in.session(request)
        identities = self._oauth.identities(session.user.id) if self._oauth else None
        linked = {one.provider for one in identities or ()}
        titles = self._oauth.titles.items() if self._oauth else ()
        page = AccountPage(
            user=session.user,
            sessions=self._steps.sessions(session),
            factors=self._factors.view(request),
            identities=identities,
            providers=[(name, title) for name, title in titles if name not in linked],
            typed=typed,
            notice=parse_notice(request.query_parameter("notice")),
        )
        return self._renderer.render(page, self._renderer.language(request), denied=denied)

    def _draw_delete(self, request: Request, denied: Denied | None) -> Response:
        session = self._signed_in.session(request)
        page = DeleteAccountPage(email=session.user.email, has_password=self._factors.view(request).has_password)
        return self._renderer.render(page, self._renderer.language(request), denied=denied)

    def _refused(self, denied: Denied, path: str = "/account") -> Response | None:
        """Lead whoever has to show more through it, and back; `None` for other refusals."""
        if denied.code is not STEP_UP_REQUIRED:
            return None
        return self._factors.step_up(f"{self._services.settings.prefix}{path}")

    def _done(self, notice: Notice, cookies: tuple[str, ...] = ()) -> Response:
        return redirect(self._url("/account", notice=notice), cookies)

    def _url(self, path: str, **query: str) -> str:
        return f"{self._services.settings.prefix}{path}?{urlencode(query)}"
