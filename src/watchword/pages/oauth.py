"""The pages of the sign-in with other services: there, back, and what is linked to one's own account."""

from collections.abc import Mapping
from typing import final
from urllib.parse import urlencode

from watchword.admission.attempt import ATTEMPT_EXPIRED
from watchword.admission.outcome import Complete, Pending
from watchword.admission.services import Services
from watchword.foundation.errors import STEP_UP_REQUIRED, Denied
from watchword.http.request import Request
from watchword.http.response import Response, redirect
from watchword.http.route import Handler, OpenToAll, Route, RouteGuard
from watchword.methods.oauth.accounts import ADDRESS_STEP
from watchword.methods.oauth.routes import OAuthMethod
from watchword.methods.oauth.steps import Begun, Landed
from watchword.pages.contexts import LeavingPage, OauthEmailPage
from watchword.pages.factors import FactorPages
from watchword.pages.render import Renderer
from watchword.policy.signed_in import SignedIn

Form = dict[str, str]


@final
class OAuthPages:
    """Buttons that lead to other services, and the addresses that they lead back to."""

    def __init__(self, services: Services, renderer: Renderer, oauth: OAuthMethod, factors: FactorPages) -> None:
        self._services = services
        self._renderer = renderer
        self._oauth = oauth
        self._steps = oauth.steps
        self._factors = factors
        self._signed_in = SignedIn(services.gate)
        mine = self._signed_in
        self.routes: tuple[Route, ...] = (
            _page("POST", "/oauth/{provider}/begin", self._begin),
            _page("GET", "/oauth/{provider}/callback", self._come_back),
            _page("POST", "/oauth/{provider}/callback", self._come_by_form, cross_site=True),
            _page("GET", "/oauth/email", self._show_email),
            _page("POST", "/oauth/email", self._give_email),
            _page("POST", "/oauth/{provider}/again", self._show_again, guard=mine),
            _page("POST", "/account/identities/{provider}/link", self._link, guard=mine),
            _page("POST", "/account/identities/{id}/unlink", self._unlink, guard=mine),
        )

    def _begin(self, request: Request, form: Form) -> Response | Denied:
        name = request.parameters["provider"]
        return self._lead(request, name, self._steps.begin(request, name, form.get("next", "")))

    def _link(self, request: Request, _: Form) -> Response | Denied:
        name, session = request.parameters["provider"], self._signed_in.session(request)
        return self._lead(request, name, self._steps.begin_link(request, session, name))

    def _show_again(self, request: Request, form: Form) -> Response | Denied:
        name, session = request.parameters["provider"], self._signed_in.session(request)
        return self._lead(request, name, self._steps.begin_again(request, session, name, form.get("next", "")))

    def _unlink(self, request: Request, _: Form) -> Response | Denied:
        session = self._signed_in.session(request)
        denied = self._oauth.accounts.unlink(request, session, request.parameters["id"])
        if denied is not None:
            return self._again(denied)
        return redirect(self._url("/account", notice="identity_unlinked") + "#identities")

    def _lead(self, request: Request, name: str, begun: Begun | Denied) -> Response | Denied:
        """Lead the browser to the service, from a page: a form of ours may not be redirected to another site."""
        if isinstance(begun, Denied):
            return self._again(begun)
        page = LeavingPage(url=begun.url, title=self._oauth.titles[name])
        return self._renderer.render(page, self._renderer.language(request), cookies=begun.cookies)

    def _come_back(self, request: Request, _: None) -> Response | Denied:
        """Take a service's answer out of the address; of a service that sends forms, only as it was sealed here."""
        name = request.parameters["provider"]
        answer: Mapping[str, str] | None = dict(request.query_parameters)
        if self._steps.takes_forms(name):
            answer = self._steps.open_answer(name, answer.get("answer", ""))
        if answer is None:
            return Denied(ATTEMPT_EXPIRED)
        landed = self._steps.finish(request, name, answer)
        return landed if isinstance(landed, Denied) else self._land(landed)

    def _come_by_form(self, request: Request, form: Form) -> Response | Denied:
        """Lead a service's form on to an address of ours. Nothing is read but the form, and nothing changes."""
        name = request.parameters["provider"]
        sealed = self._steps.seal_answer(name, form)
        if isinstance(sealed, Denied):
            return sealed
        return redirect(self._url(f"/oauth/{name}/callback", answer=sealed))

    def _land(self, landed: Landed) -> Response:
        match landed.outcome:
            case Complete(cookies=cookies):
                return redirect(landed.next_page or "/", cookies)
            case Pending() as pending:
                return self._go_on(pending)
            case None:
                return redirect(landed.next_page or self._url("/account", notice="identity_linked") + "#identities")

    def _go_on(self, pending: Pending) -> Response:
        pages = {ADDRESS_STEP: "/oauth/email", "email_code": "/confirm"}
        path = pages.get(pending.next[0].method, "/second-factor")
        return redirect(self._url(path, attempt=pending.attempt), pending.cookies)

    def _show_email(self, request: Request, _: None) -> Response | Denied:
        return self._draw_email(request, request.query_parameter("attempt") or "", "", None)

    def _give_email(self, request: Request, form: Form) -> Response | Denied:
        attempt, email = form.get("attempt", ""), form.get("email", "")
        outcome = self._oauth.accounts.give_address(request, attempt, email)
        if isinstance(outcome, Denied):
            return self._draw_email(request, attempt, email, outcome)
        return self._go_on(outcome)

    def _draw_email(self, request: Request, attempt_id: str, email: str, denied: Denied | None) -> Response | Denied:
        attempt = self._oauth.accounts.waits_for_address(request, attempt_id)
        if attempt is None:
            return Denied(ATTEMPT_EXPIRED)
        page = OauthEmailPage(attempt=attempt.id, email=email)
        return self._renderer.render(page, self._renderer.language(request), denied=denied)

    def _again(self, denied: Denied) -> Response | Denied:
        """Lead whoever has to show more through it, and back; leave other refusals to their page."""
        return self._factors.step_up(self._url("/account")) if denied.code is STEP_UP_REQUIRED else denied

    def _url(self, path: str, **query: str) -> str:
        url = f"{self._services.settings.prefix}{path}"
        return f"{url}?{urlencode(query)}" if query else url


def _page(
    method: str, path: str, handler: Handler, *, guard: RouteGuard | None = None, cross_site: bool = False
) -> Route:
    name = path.strip("/").replace("/", "_").replace("{", "").replace("}", "")
    return Route(
        method=method,
        path=path,
        name=f"page_{method.lower()}_{name}",
        summary="Hosted page",
        guard=guard or OpenToAll(),
        handler=handler,
        form=True,
        cross_site=cross_site,
    )
