"""The hosted pages as routes: forms that drive the same steps as the HTTP API, with or without JavaScript."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, final
from urllib.parse import urlencode

from watchword.admission import confirmation
from watchword.admission.attempt import ATTEMPT_EXPIRED
from watchword.admission.challenge import LINK_INVALID, clean_code
from watchword.admission.outcome import Complete, Pending
from watchword.admission.services import FactorPart, Services
from watchword.features.account.routes import AccountFeature
from watchword.features.first_admin.steps import FirstAdmin
from watchword.features.step_up.routes import StepUpFeature
from watchword.foundation.errors import NOT_FOUND, STEP_UP_REQUIRED, UNAUTHENTICATED, Denied
from watchword.http.body import convert_input
from watchword.http.kernel import asks_for_page
from watchword.http.origin import SAFE_METHODS, safe_return
from watchword.http.problem import problem_response
from watchword.http.request import Request
from watchword.http.response import Response, redirect
from watchword.http.route import Handler, OpenToAll, Route
from watchword.identity.email_address import masked
from watchword.methods.password.routes import ForgotInput, PasswordMethod, SignInInput, SignUpInput
from watchword.pages.account import AccountPages
from watchword.pages.contexts import (
    ConfirmCodePage,
    ConfirmLinkPage,
    ForgotPage,
    ForgotSentPage,
    LinkOtherBrowserPage,
    Page,
    ResetPage,
    SetupPage,
    SignedOutPage,
    SignInPage,
    SignUpPage,
    parse_notice,
)
from watchword.pages.factors import FactorPages
from watchword.pages.mailbox import mailbox_routes
from watchword.pages.render import Renderer

if TYPE_CHECKING:
    from watchword.methods.oauth.routes import OAuthMethod

Form = dict[str, str]
_REACHABLE: Final = ("", "aal1", "aal2")
"""The assurance that a step-up can lead to: none that is named, or one that factors here add up to."""


@final
class Pages:
    """The pages of one site."""

    def __init__(
        self,
        services: Services,
        *,
        password: PasswordMethod,
        account: AccountFeature,
        first_admin: FirstAdmin,
        step_up: StepUpFeature,
        factors: Sequence[FactorPart],
        oauth: "OAuthMethod | None" = None,
    ) -> None:
        self._services = services
        self._password = password.steps
        self._first_admin = first_admin
        self._renderer = Renderer(services.settings)
        self._prefix = services.settings.prefix
        mine = (
            _page("GET", "", self._index),
            _page("GET", "/static/{file}", self._static),
            _page("GET", "/sign-in", self._show_sign_in),
            _page("POST", "/sign-in", self._sign_in, hashes_password=True),
            _page("GET", "/sign-up", self._show_sign_up),
            _page("POST", "/sign-up", self._sign_up, hashes_password=True),
            _page("GET", "/confirm", self._show_code),
            _page("POST", "/confirm", self._confirm_code),
            _page("POST", "/confirm/resend", self._resend),
            _page("GET", "/confirm/{token}", self._show_link),
            _page("POST", "/confirm/{token}", self._confirm_link),
            _page("GET", "/forgot", self._show_forgot),
            _page("POST", "/forgot", self._forgot),
            _page("GET", "/reset/{token}", self._show_reset),
            _page("POST", "/reset/{token}", self._reset, hashes_password=True),
            _page("GET", "/setup/{token}", self._show_setup),
            _page("POST", "/setup/{token}", self._set_up, hashes_password=True),
            _page("GET", "/signed-out", self._signed_out),
        )
        self._factors = FactorPages(services, self._renderer, self._password, step_up, factors, oauth=oauth)
        account_pages = AccountPages(services, self._renderer, account, self._password, self._factors, oauth=oauth)
        self._providers = tuple(oauth.titles.items()) if oauth else ()
        mailbox = () if services.settings.is_production else mailbox_routes(services, self._renderer)
        self.routes: tuple[Route, ...] = (
            *mine,
            *self._factors.routes,
            *account_pages.routes,
            *(self._oauth_routes(oauth) if oauth else ()),
            *mailbox,
        )

    def _oauth_routes(self, oauth: "OAuthMethod") -> tuple[Route, ...]:
        # Imported only where it is used: whoever signs in with no other service loads nothing for it.
        from watchword.pages.oauth import OAuthPages

        return OAuthPages(self._services, self._renderer, oauth, self._factors).routes

    def render_problem(self, request: Request, denied: Denied) -> Response:
        """Return the page of a refusal; whoever must sign in (again) is led to do so, and back to where they were."""
        here = f"{request.path}?{request.query}" if request.query else request.path
        back = {"next": here} if request.method in SAFE_METHODS else {}
        if denied.code is UNAUTHENTICATED:
            return redirect(self._url("/sign-in", back))
        level = str(denied.extra.get("acr_values", ""))
        if denied.code is STEP_UP_REQUIRED and level in _REACHABLE:
            return self._factors.step_up(back.get("next", ""), level)
        signed_in = self._services.gate.remembered(request) is not None
        return self._renderer.error(self._renderer.language(request), denied, signed_in=signed_in)

    def refuse(self, request: Request, denied: Denied) -> Response:
        """Return the answer to a refused request of the app itself: a page where a browser asked for one."""
        return self.render_problem(request, denied) if asks_for_page(request) else problem_response(denied)

    def _index(self, _request: Request, _: None) -> Response:
        return redirect(self._url("/account"))

    def _static(self, request: Request, _: None) -> Response | Denied:
        return self._renderer.static.response(request.parameters["file"]) or Denied(NOT_FOUND)

    def _show_sign_in(self, request: Request, _: None) -> Response:
        here = self._next(request.query_parameter("next"))
        notice = parse_notice(request.query_parameter("notice"))
        if self._services.gate.verify(request) is not None:
            return redirect(here or "/")
        # A session cookie that opens nothing any more goes away here, and so do two of them (A38).
        cookies = self._services.cookies
        stale = (cookies.clear_session(),) if cookies.session in request.cookies else ()
        page = SignInPage(next=here, notice=notice, passkeys=self._factors.has_passkeys, providers=self._providers)
        return self._draw(request, page, cookies=stale)

    def _sign_in(self, request: Request, form: Form) -> Response:
        page = SignInPage(
            next=self._next(form.get("next")),
            identifier=form.get("identifier", ""),
            passkeys=self._factors.has_passkeys,
            providers=self._providers,
        )
        body = convert_input(_fields(form, "identifier", "password"), SignInInput)
        if isinstance(body, Denied):
            return self._draw(request, page, body)
        outcome = self._password.sign_in(
            request, identifier=body.identifier, password=body.password, next_page=page.next
        )
        return self._enter(request, outcome, page, page.next)

    def _show_sign_up(self, request: Request, _: None) -> Response:
        here = self._next(request.query_parameter("next"))
        return self._draw(
            request, SignUpPage(next=here, passkeys=self._factors.has_passkeys, providers=self._providers)
        )

    def _sign_up(self, request: Request, form: Form) -> Response:
        here = self._next(form.get("next"))
        email, name = form.get("email", ""), form.get("name", "")
        page = SignUpPage(
            next=here, email=email, name=name, passkeys=self._factors.has_passkeys, providers=self._providers
        )
        body = convert_input(_fields(form, "email", "password", "name"), SignUpInput)
        if isinstance(body, Denied):
            return self._draw(request, page, body)
        outcome = self._password.sign_up(
            request, email=body.email, password=body.password, name=body.name, next_page=here
        )
        if isinstance(outcome, Denied):
            return self._draw(request, page, outcome)
        return redirect(self._url("/confirm", {"attempt": outcome.attempt}), outcome.cookies)

    def _show_code(self, request: Request, _: None) -> Response:
        page = self._code_page(request, request.query_parameter("attempt"))
        return self._draw(request, page) if isinstance(page, Page) else self.render_problem(request, page)

    def _confirm_code(self, request: Request, form: Form) -> Response:
        page = self._code_page(request, form.get("attempt"))
        if isinstance(page, Denied):
            return self.render_problem(request, page)
        outcome = confirmation.confirm_by_code(self._services, request, page.attempt, clean_code(form.get("code", "")))
        return self._enter(request, outcome, page, _landing(self._prefix, page.purpose, page.next))

    def _resend(self, request: Request, form: Form) -> Response:
        page = self._code_page(request, form.get("attempt"))
        if isinstance(page, Denied):
            return self.render_problem(request, page)
        outcome = confirmation.ask_again(self._services, request, page.attempt)
        if isinstance(outcome, Denied):
            return self._draw(request, page, outcome)
        return redirect(self._url("/confirm", {"attempt": page.attempt, "notice": "code_sent"}))

    def _code_page(self, request: Request, attempt_id: str | None) -> ConfirmCodePage | Denied:
        attempt = confirmation.attempt_under_way(self._services, request, attempt_id or "")
        if attempt is None:
            return Denied(ATTEMPT_EXPIRED)
        return ConfirmCodePage(
            attempt=attempt.id,
            address=masked(attempt.plan.email),
            next=attempt.plan.next_page,
            purpose="email_change" if attempt.purpose == "email_change" else "sign_up",
            notice=parse_notice(request.query_parameter("notice")),
        )

    def _show_link(self, request: Request, _: None) -> Response:
        attempt = confirmation.attempt_of_link(self._services, request, request.parameters["token"])
        return self._draw(request, ConfirmLinkPage() if attempt else LinkOtherBrowserPage())

    def _confirm_link(self, request: Request, _: Form) -> Response:
        token = request.parameters["token"]
        attempt = confirmation.attempt_of_link(self._services, request, token)
        if attempt is None:
            return self._draw(request, LinkOtherBrowserPage())
        outcome = confirmation.confirm_by_link(self._services, request, token)
        landing = _landing(self._prefix, attempt.purpose, attempt.plan.next_page)
        return self._enter(request, outcome, ConfirmLinkPage(), landing)

    def _show_forgot(self, request: Request, _: None) -> Response:
        return self._draw(request, ForgotPage())

    def _forgot(self, request: Request, form: Form) -> Response:
        body = convert_input(_fields(form, "email"), ForgotInput)
        outcome = body if isinstance(body, Denied) else self._password.forgot(request, email=body.email)
        if isinstance(outcome, Denied):
            return self._draw(request, ForgotPage(email=form.get("email", "")), outcome)
        return self._draw(request, ForgotSentPage(address=outcome.next[0].to))

    def _show_reset(self, request: Request, _: None) -> Response:
        if not self._password.reset_is_open(request.parameters["token"]):
            return self.render_problem(request, Denied(LINK_INVALID))
        return self._draw(request, ResetPage())

    def _reset(self, request: Request, form: Form) -> Response:
        token = request.parameters["token"]
        outcome = self._password.reset(request, token=token, password=form.get("password", ""))
        if outcome is None:
            return redirect(self._url("/sign-in", {"notice": "password_reset"}))
        if isinstance(outcome, Denied) and outcome.code is LINK_INVALID:
            return self.render_problem(request, outcome)
        return self._enter(request, outcome, ResetPage(), "")

    def _show_setup(self, request: Request, _: None) -> Response:
        if not self._first_admin.is_open(request.parameters["token"]):
            return self.render_problem(request, Denied(LINK_INVALID))
        return self._draw(request, SetupPage())

    def _set_up(self, request: Request, form: Form) -> Response:
        page = SetupPage(email=form.get("email", ""), name=form.get("name", ""))
        body = convert_input(_fields(form, "email", "password", "name"), SignUpInput)
        if isinstance(body, Denied):
            return self._draw(request, page, body)
        outcome = self._first_admin.create(
            request, token=request.parameters["token"], email=body.email, password=body.password, name=body.name
        )
        if isinstance(outcome, Denied) and outcome.code is LINK_INVALID:
            return self.render_problem(request, outcome)
        return self._enter(request, outcome, page, "")

    def _signed_out(self, request: Request, _: None) -> Response:
        return self._draw(request, SignedOutPage())

    def _enter(self, request: Request, outcome: Any, page: Page, landing: str) -> Response:
        """Go on to where the person wanted to be, signed in; or show the form again with what went wrong."""
        if isinstance(outcome, Complete):
            return redirect(landing or "/", outcome.cookies)
        if isinstance(outcome, Pending):
            return redirect(self._url("/second-factor", {"attempt": outcome.attempt}), outcome.cookies)
        if outcome.code is ATTEMPT_EXPIRED:
            return self.render_problem(request, outcome)
        return self._draw(request, page, outcome)

    def _draw(
        self, request: Request, page: Page, denied: Denied | None = None, cookies: tuple[str, ...] = ()
    ) -> Response:
        return self._renderer.render(page, self._renderer.language(request), denied=denied, cookies=cookies)

    def _next(self, text: str | None) -> str:
        """Return the page to go to afterwards: of this site, or of an app of a declared origin; or nothing (A47)."""
        return safe_return(text, "", self._services.settings.origins)

    def _url(self, path: str, query: dict[str, str] | None = None) -> str:
        return f"{self._prefix}{path}?{urlencode(query)}" if query else f"{self._prefix}{path}"


def _page(method: str, path: str, handler: Handler, *, hashes_password: bool = False) -> Route:
    name = f"page_{method.lower()}_{path.strip('/').replace('/', '_').replace('-', '_') or 'index'}"
    return Route(
        method=method,
        path=path,
        name=name.replace("{", "").replace("}", ""),
        summary="Hosted page",
        guard=OpenToAll(),
        handler=handler,
        hashes_password=hashes_password,
        form=True,
    )


def _fields(form: Form, *names: str) -> Form:
    return {name: form[name] for name in names if name in form}


def _landing(prefix: str, purpose: str, next_page: str) -> str:
    return f"{prefix}/account?notice=email_changed" if purpose == "email_change" else next_page
