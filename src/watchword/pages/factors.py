"""The pages of second factors: one more step in a sign-in, a step-up, and what is set up on one's own account."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar, final
from urllib.parse import urlencode

import msgspec

from watchword.admission.attempt import ATTEMPT_EXPIRED
from watchword.admission.browser import Browser
from watchword.admission.challenge import clean_code
from watchword.admission.outcome import Complete, Pending
from watchword.admission.second_factor import SECOND_FACTOR_INVALID
from watchword.admission.services import FactorPart, Services
from watchword.features.step_up.routes import StepUpFeature
from watchword.foundation.errors import NOT_FOUND, STEP_UP_REQUIRED, Denied
from watchword.http.origin import safe_return
from watchword.http.request import Request
from watchword.http.response import Response, redirect
from watchword.http.route import Handler, OpenToAll, Route, RouteGuard
from watchword.identity.users import account_by_id
from watchword.methods.passkey.routes import PasskeyMethod
from watchword.methods.password.steps import PasswordSteps
from watchword.methods.recovery_codes.routes import RecoveryCodesMethod
from watchword.methods.totp.codes import Enrolment
from watchword.methods.totp.routes import TOTPMethod
from watchword.pages.contexts import FactorsView, Notice, Providers, RecoveryCodesPage, SecondFactorPage, TotpSetupPage
from watchword.pages.render import Renderer
from watchword.policy.signed_in import SignedIn

if TYPE_CHECKING:
    from watchword.methods.oauth.routes import OAuthMethod

Form = dict[str, str]
_Part = TypeVar("_Part")


@final
class FactorPages:
    """One page that asks for what is missing, with or without an attempt under way, and forms for one's own factors."""

    def __init__(
        self,
        services: Services,
        renderer: Renderer,
        password: PasswordSteps,
        step_up: StepUpFeature,
        factors: Sequence[FactorPart],
        *,
        oauth: "OAuthMethod | None",
    ) -> None:
        self._services = services
        self._renderer = renderer
        self._password = password
        self._step_up = step_up.steps
        self._oauth = oauth
        self._totp = _find(factors, TOTPMethod)
        self._codes = _find(factors, RecoveryCodesMethod)
        self._passkey = _find(factors, PasskeyMethod)
        self._signed_in = SignedIn(services.gate)
        self.routes: tuple[Route, ...] = (*self._open_routes(), *self._account_routes())

    @property
    def has_passkeys(self) -> bool:
        """Tell whether people can sign in with passkeys."""
        return self._passkey is not None

    def view(self, request: Request) -> FactorsView:
        """Return what the account page tells of the factors of whoever is signed in."""
        session = self._signed_in.session(request)
        with self._services.store.read() as tx:
            account = account_by_id(tx, session.user.id)
        found = self._passkey.passkeys(request) if self._passkey else None
        return FactorsView(
            has_password=account is not None and account.password is not None,
            passkeys=found.passkeys if found else None,
            signal=msgspec.json.encode(found.signal).decode() if found and found.signal else "",
            has_totp=None if self._totp is None else self._totp.steps.view(session) is not None,
            totp=self._totp.steps.view(session) if self._totp else None,
            codes_left=self._codes.steps.left(session) if self._codes else None,
        )

    def step_up(self, next_page: str, level: str = "") -> Response:
        """Lead the browser through a step-up, and from there to the page."""
        query = {"next": next_page, "level": level}
        return redirect(self._url("/step-up", **{name: value for name, value in query.items() if value}))

    def _next(self, text: str | None, default: str) -> str:
        return safe_return(text, default, self._services.settings.origins)

    def _open_routes(self) -> tuple[Route, ...]:
        routes = [
            _page("GET", "/second-factor", self._show),
            _page("GET", "/step-up", self._show_step_up, guard=self._signed_in),
            _page("POST", "/second-factor/password", self._prove_password, hashes_password=True),
        ]
        if self._totp:
            routes += [
                _page("POST", "/second-factor/totp", self._prove_totp),
                _page("POST", "/second-factor/enrol", self._enrol_totp),
                _page("POST", "/second-factor/confirm", self._confirm_totp),
            ]
        if self._codes:
            routes.append(_page("POST", "/second-factor/recovery_code", self._prove_code))
        return tuple(routes)

    def _account_routes(self) -> tuple[Route, ...]:
        guard, routes = self._signed_in, list[Route]()
        if self._totp:
            routes += [
                _page("POST", "/account/totp", self._enrol_totp, guard=guard),
                _page("POST", "/account/totp/remove", self._remove_totp, guard=guard),
            ]
        if self._codes:
            routes.append(_page("POST", "/account/recovery-codes", self._make_codes, guard=guard))
        if self._passkey:
            routes += [
                _page("POST", "/account/passkeys/{id}/name", self._rename_passkey, guard=guard),
                _page("POST", "/account/passkeys/{id}/remove", self._remove_passkey, guard=guard),
            ]
        return tuple(routes)

    def _show(self, request: Request, _: None) -> Response | Denied:
        return self._ask(request, request.query_parameter("attempt") or "", "")

    def _show_step_up(self, request: Request, _: None) -> Response:
        session = self._signed_in.session(request)
        here = self._next(request.query_parameter("next"), self._url("/account"))
        methods = tuple(step.method for step in self._step_up.steps_for(session))
        wants_more = request.query_parameter("level") == "aal2" and not {*methods} & {"totp", "passkey"}
        if wants_more:
            methods = tuple(name for name in ("totp/enrol", "passkey/enrol") if self._has(name))
        page = SecondFactorPage(
            methods=methods,
            next=here,
            again=True,
            sets_up=wants_more,
            providers=self._providers(methods, session.user.id),
        )
        return self._renderer.render(page, self._renderer.language(request))

    def _prove_password(self, request: Request, form: Form) -> Response | Denied:
        attempt = self._begun(request, form)
        outcome = attempt
        if isinstance(attempt, str):
            outcome = self._password.show_again(request, attempt, form.get("password", ""))
        return self._go_on(request, form, attempt, outcome)

    def _prove_totp(self, request: Request, form: Form) -> Response | Denied:
        attempt = self._begun(request, form)
        outcome = attempt
        if isinstance(attempt, str) and self._totp:
            outcome = self._totp.steps.prove(request, attempt, clean_code(form.get("code", "")))
        return self._go_on(request, form, attempt, outcome)

    def _prove_code(self, request: Request, form: Form) -> Response | Denied:
        attempt = self._begun(request, form)
        outcome = attempt
        if isinstance(attempt, str) and self._codes:
            outcome = self._codes.steps.prove(request, attempt, clean_code(form.get("recovery_code", "")))
        return self._go_on(request, form, attempt, outcome)

    def _enrol_totp(self, request: Request, form: Form) -> Response | Denied:
        """Show a new secret: within the sign-in that the form names, or to whoever is signed in."""
        if self._totp is None:
            return Denied(NOT_FOUND)
        attempt, here = form.get("attempt", ""), self._next(form.get("next"), self._url("/account"))
        if attempt:
            outcome = self._totp.steps.enrol_within(request, attempt)
        elif self._signed_in.check(request) is None:
            outcome = self._totp.steps.enrol(request, self._signed_in.session(request))
        else:
            return Denied(ATTEMPT_EXPIRED)
        if isinstance(outcome, Denied):
            return self._refused(
                outcome, here if form.get("next") is None else self._url("/step-up", next=here, level="aal2")
            )
        return self._draw_setup(request, outcome[0], form, cookies=outcome[1])

    def _confirm_totp(self, request: Request, form: Form) -> Response | Denied:
        if self._totp is None:
            return Denied(NOT_FOUND)
        attempt_id = form.get("attempt", "")
        outcome = self._totp.steps.confirm(request, attempt_id, clean_code(form.get("code", "")))
        if isinstance(outcome, Denied):
            again = self._totp.steps.again(request, attempt_id)
            return self._draw_setup(request, again, form, denied=outcome) if again else outcome
        if isinstance(outcome, Pending):
            return redirect(self._url("/second-factor", attempt=outcome.attempt), outcome.cookies)
        landing = self._next(form.get("next"), self._url("/account", notice="totp_added") + "#factors")
        return redirect(landing, outcome.cookies)

    def _remove_totp(self, request: Request, _: Form) -> Response | Denied:
        if self._totp is None:
            return Denied(NOT_FOUND)
        denied = self._totp.steps.remove(request, self._signed_in.session(request))
        return self._refused(denied, self._url("/account")) if denied else self._done("totp_removed")

    def _make_codes(self, request: Request, _: Form) -> Response | Denied:
        if self._codes is None:
            return Denied(NOT_FOUND)
        codes = self._codes.steps.make(request, self._signed_in.session(request))
        if isinstance(codes, Denied):
            return self._refused(codes, self._url("/account"))
        return self._renderer.render(RecoveryCodesPage(codes=codes), self._renderer.language(request))

    def _rename_passkey(self, request: Request, form: Form) -> Response | Denied:
        if self._passkey is None:
            return Denied(NOT_FOUND)
        session, passkey_id = self._signed_in.session(request), request.parameters["id"]
        denied = self._passkey.registration.rename(session, passkey_id, form.get("name", ""))
        return denied or self._done("profile_saved")

    def _remove_passkey(self, request: Request, _: Form) -> Response | Denied:
        if self._passkey is None:
            return Denied(NOT_FOUND)
        session, passkey_id = self._signed_in.session(request), request.parameters["id"]
        denied = self._passkey.registration.remove(request, session, passkey_id)
        return self._refused(denied, self._url("/account")) if denied else self._done("passkey_removed")

    def _begun(self, request: Request, form: Form) -> str | Response | Denied:
        """Return the attempt that the form names, or one that begins here, for a step-up.

        A browser that is not known yet is named first, and shows the factor on the page that this leads to.
        """
        if attempt := form.get("attempt"):
            return attempt
        if self._signed_in.check(request) is not None:
            return Denied(ATTEMPT_EXPIRED)
        outcome = self._step_up.begin(request, self._signed_in.session(request))
        if isinstance(outcome, Denied):
            return outcome
        if Browser(request, self._services.cookies).is_new:
            return redirect(self._url("/second-factor", attempt=outcome.attempt), outcome.cookies)
        return outcome.attempt

    def _go_on(
        self,
        request: Request,
        form: Form,
        attempt: str | Response | Denied,
        outcome: Complete | Pending | Denied | Response | str,
    ) -> Response | Denied:
        here = self._next(form.get("next"), "")
        if isinstance(outcome, Complete):
            return redirect(here or "/", outcome.cookies)
        if isinstance(outcome, Pending):
            return redirect(self._url("/second-factor", attempt=outcome.attempt), outcome.cookies)
        if isinstance(outcome, Denied) and isinstance(attempt, str):
            return self._ask(request, attempt, here, outcome)
        return Denied(NOT_FOUND) if isinstance(outcome, str) else outcome

    def _ask(self, request: Request, attempt_id: str, here: str, denied: Denied | None = None) -> Response | Denied:
        """Draw the page that asks for what this attempt is missing."""
        found = self._step_up.steps_of(request, attempt_id)
        if found is None:
            return denied if denied and denied.code is not SECOND_FACTOR_INVALID else Denied(ATTEMPT_EXPIRED)
        attempt, steps = found
        methods = tuple(step.method for step in steps)
        page = SecondFactorPage(
            attempt=attempt.id,
            methods=methods,
            next=here or attempt.plan.next_page,
            again=attempt.purpose == "step_up",
            sets_up=any("/" in method for method in methods),
            providers=self._providers(methods, attempt.user_id or ""),
        )
        return self._renderer.render(page, self._renderer.language(request), denied=denied)

    def _providers(self, methods: Sequence[str], user_id: str) -> Providers:
        return self._oauth.providers_of(user_id) if self._oauth and "oauth" in methods else ()

    def _draw_setup(
        self,
        request: Request,
        shown: Enrolment,
        form: Form,
        *,
        denied: Denied | None = None,
        cookies: tuple[str, ...] = (),
    ) -> Response:
        page = TotpSetupPage(enrolment=shown, next=self._next(form.get("next"), ""))
        return self._renderer.render(page, self._renderer.language(request), denied=denied, cookies=cookies)

    def _refused(self, denied: Denied, here: str) -> Response | Denied:
        """Lead whoever has to show more through it, and back; leave other refusals to their page."""
        return self.step_up(here) if denied.code is STEP_UP_REQUIRED else denied

    def _has(self, enrolment: str) -> bool:
        return any(factor.enrolment == enrolment for factor in self._services.second_factors.values())

    def _done(self, notice: Notice) -> Response:
        return redirect(self._url("/account", notice=notice) + "#factors")

    def _url(self, path: str, **query: str) -> str:
        url = f"{self._services.settings.prefix}{path}"
        return f"{url}?{urlencode(query)}" if query else url


def _find(parts: Sequence[object], kind: type[_Part]) -> _Part | None:
    return next((part for part in parts if isinstance(part, kind)), None)


def _page(
    method: str, path: str, handler: Handler, *, guard: RouteGuard | None = None, hashes_password: bool = False
) -> Route:
    name = path.strip("/").replace("/", "_").replace("-", "_").replace("{", "").replace("}", "")
    return Route(
        method=method,
        path=path,
        name=f"page_{method.lower()}_{name}",
        summary="Hosted page",
        guard=guard or OpenToAll(),
        handler=handler,
        hashes_password=hashes_password,
        form=True,
    )
