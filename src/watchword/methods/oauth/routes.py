"""The calls of the sign-in with other services. The pages lead the browser there and back."""

from collections.abc import Mapping
from typing import Literal, final

import msgspec

from watchword.admission.answers import ANSWERS, answer
from watchword.admission.attempt import ATTEMPT_EXPIRED
from watchword.admission.outcome import CompleteAnswer, NextStep, PendingAnswer
from watchword.admission.services import Completion, Services
from watchword.admission.ways_in import LAST_WAY_IN
from watchword.foundation.errors import NOT_FOUND, STEP_UP_REQUIRED, Denied
from watchword.http.body import Input
from watchword.http.request import Request
from watchword.http.response import Response, json_response
from watchword.http.route import OpenToAll, Route
from watchword.limits.limiter import RATE_LIMITED
from watchword.methods.oauth import store
from watchword.methods.oauth.accounts import ACCOUNT, ADDRESS_STEP, AGAIN_STEP, IDENTITY_DISABLED, Accounts
from watchword.methods.oauth.discovery import PROVIDER_UNAVAILABLE
from watchword.methods.oauth.provider import PROVIDER_ANSWER_INVALID, Provider
from watchword.methods.oauth.steps import Begun, OAuthSteps
from watchword.methods.oauth.store import IdentityView
from watchword.methods.oauth.tokens import ProviderTokens
from watchword.policy.signed_in import SignedIn
from watchword.storage.store import Transaction


class NextInput(Input, frozen=True, kw_only=True):
    """Which page of this site to lead to afterwards."""

    next: str = ""


class NativeInput(Input, frozen=True, kw_only=True):
    """The ID token that the app or the browser got, and the nonce that it got here for it."""

    id_token: str
    nonce: str


class AddressInput(Input, frozen=True, kw_only=True):
    """The attempt, and the address that the service did not tell."""

    attempt: str
    email: str


class ProviderView(msgspec.Struct, frozen=True, kw_only=True):
    """A service that people can sign in with."""

    name: str
    title: str


class ProvidersAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The services, as they were declared."""

    providers: list[ProviderView]


class LeadAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Where to lead the browser."""

    url: str


class NonceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the ID token must repeat: as it is, or as the hex of its SHA-256."""

    nonce: str


class IdentitiesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts at other services, oldest first."""

    identities: list[IdentityView]


class UnlinkedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Done."""

    status: Literal["complete"] = "complete"


@final
class OAuthMethod:
    """The method, bound to its services: all the services that were declared."""

    def __init__(self, services: Services, providers: Mapping[str, Provider]) -> None:
        self._services = services
        self.providers = dict(providers)
        self.accounts = Accounts(services, self.providers)
        self.steps = OAuthSteps(services, self.providers, self.accounts)
        self.tokens = ProviderTokens(services, self.providers)
        self.completions: Mapping[str, Completion] = {ACCOUNT: self.accounts.make_account}
        self._signed_in = SignedIn(services.gate)
        self.routes: tuple[Route, ...] = (*self._sign_in_routes(), *self._native_routes(), *self._account_routes())
        services.ways_in.append(self._ways_in)
        services.exports["identities"] = self._export
        services.shown_again.append(self._shown_again)

    def _sign_in_routes(self) -> tuple[Route, ...]:
        return (
            Route(
                method="GET",
                path="/oauth/providers",
                name="list_providers",
                summary="The services that people can sign in with",
                guard=OpenToAll(),
                handler=self._list_providers,
                output=ProvidersAnswer,
            ),
            Route(
                method="POST",
                path="/sign-in/oauth/{provider}",
                name="sign_in_oauth",
                summary="Begin to sign in, or up, with another service: lead the browser to `url`",
                guard=OpenToAll(),
                handler=self._begin,
                input=NextInput,
                output=LeadAnswer,
                codes=(NOT_FOUND, PROVIDER_UNAVAILABLE, PROVIDER_ANSWER_INVALID, RATE_LIMITED),
            ),
            Route(
                method="POST",
                path=f"/attempt/{ADDRESS_STEP}",
                name="attempt_oauth_email",
                summary="Give the address that the service did not tell; a code and a link go to it",
                guard=OpenToAll(),
                handler=self._give_address,
                input=AddressInput,
                output=PendingAnswer,
                status=202,
                codes=(ATTEMPT_EXPIRED, RATE_LIMITED),
            ),
        )

    def _native_routes(self) -> tuple[Route, ...]:
        return (
            Route(
                method="POST",
                path="/sign-in/oauth/{provider}/nonce",
                name="sign_in_oauth_nonce",
                summary="Ask for the nonce of an ID token that an app, One Tap or FedCM gets",
                guard=OpenToAll(),
                handler=self._nonce,
                output=NonceAnswer,
                codes=(NOT_FOUND, RATE_LIMITED),
            ),
            Route(
                method="POST",
                path="/sign-in/oauth/{provider}/token",
                name="sign_in_oauth_token",
                summary="Sign in, or up, with an ID token that an app, One Tap or FedCM got",
                guard=OpenToAll(),
                handler=self._sign_in_natively,
                input=NativeInput,
                output=CompleteAnswer,
                more_statuses=ANSWERS,
                codes=(
                    NOT_FOUND,
                    ATTEMPT_EXPIRED,
                    PROVIDER_ANSWER_INVALID,
                    PROVIDER_UNAVAILABLE,
                    IDENTITY_DISABLED,
                    RATE_LIMITED,
                ),
            ),
        )

    def _account_routes(self) -> tuple[Route, ...]:
        mine = self._signed_in
        return (
            Route(
                method="GET",
                path="/identities",
                name="list_identities",
                summary="My accounts at other services",
                guard=mine,
                handler=self._list,
                output=IdentitiesAnswer,
            ),
            Route(
                method="POST",
                path="/link/oauth/{provider}",
                name="link_oauth",
                summary="Begin to link my account at another service: lead the browser to `url`",
                guard=mine,
                handler=self._link,
                input=NextInput,
                output=LeadAnswer,
                codes=(NOT_FOUND, STEP_UP_REQUIRED, PROVIDER_UNAVAILABLE, PROVIDER_ANSWER_INVALID, RATE_LIMITED),
            ),
            Route(
                method="POST",
                path="/step-up/oauth/{provider}",
                name="step_up_oauth",
                summary="Begin to show once more who I am, with another service: lead the browser to `url`",
                guard=mine,
                handler=self._begin_again,
                input=NextInput,
                output=LeadAnswer,
                codes=(NOT_FOUND, PROVIDER_UNAVAILABLE, PROVIDER_ANSWER_INVALID, RATE_LIMITED),
            ),
            Route(
                method="DELETE",
                path="/identities/{id}",
                name="unlink_identity",
                summary="Let one of my accounts at other services open this one no more",
                guard=mine,
                handler=self._unlink,
                output=UnlinkedAnswer,
                codes=(NOT_FOUND, STEP_UP_REQUIRED, LAST_WAY_IN),
            ),
        )

    @property
    def titles(self) -> dict[str, str]:
        """What people call each service, by its name in addresses."""
        return {name: provider.title for name, provider in self.providers.items()}

    def identities(self, user_id: str) -> list[IdentityView]:
        """Return the user's accounts at other services."""
        with self._services.store.read() as tx:
            return [store.view(row, self.titles) for row in store.identities_of(tx, user_id)]

    def providers_of(self, user_id: str) -> list[tuple[str, str]]:
        """Return the services whose accounts open the user's: what each is called in addresses, and by people."""
        held = {one.provider for one in self.identities(user_id)}
        return [(name, title) for name, title in self.titles.items() if name in held]

    def _list_providers(self, _request: Request, _: None) -> Response:
        found = [ProviderView(name=name, title=title) for name, title in self.titles.items()]
        return json_response(ProvidersAnswer(providers=found))

    def _begin(self, request: Request, body: NextInput) -> Response | Denied:
        return _led(self.steps.begin(request, request.parameters["provider"], body.next))

    def _give_address(self, request: Request, body: AddressInput) -> Response | Denied:
        return answer(self.accounts.give_address(request, body.attempt, body.email))

    def _nonce(self, request: Request, _: None) -> Response | Denied:
        begun = self.steps.begin_natively(request, request.parameters["provider"])
        return (
            begun if isinstance(begun, Denied) else json_response(NonceAnswer(nonce=begun.nonce), cookies=begun.cookies)
        )

    def _sign_in_natively(self, request: Request, body: NativeInput) -> Response | Denied:
        provider = request.parameters["provider"]
        return answer(self.steps.sign_in_natively(request, provider, body.id_token, body.nonce))

    def _list(self, request: Request, _: None) -> Response:
        session = self._signed_in.session(request)
        return json_response(IdentitiesAnswer(identities=self.identities(session.user.id)))

    def _link(self, request: Request, body: NextInput) -> Response | Denied:
        session = self._signed_in.session(request)
        return _led(self.steps.begin_link(request, session, request.parameters["provider"], body.next))

    def _begin_again(self, request: Request, body: NextInput) -> Response | Denied:
        session = self._signed_in.session(request)
        return _led(self.steps.begin_again(request, session, request.parameters["provider"], body.next))

    def _unlink(self, request: Request, _: None) -> Response | Denied:
        denied = self.accounts.unlink(request, self._signed_in.session(request), request.parameters["id"])
        return denied or json_response(UnlinkedAnswer())

    def _ways_in(self, tx: Transaction, user_id: str) -> int:
        return store.count(tx, user_id, self.providers)

    def _shown_again(self, tx: Transaction, user_id: str) -> tuple[NextStep, ...]:
        return (NextStep(method=AGAIN_STEP),) if self._ways_in(tx, user_id) else ()

    def _export(self, tx: Transaction, user_id: str) -> object:
        return [
            {**msgspec.to_builtins(store.view(row, self.titles)), "issuer": row.issuer, "subject": row.subject}
            for row in store.identities_of(tx, user_id)
        ]


def _led(begun: Begun | Denied) -> Response | Denied:
    return begun if isinstance(begun, Denied) else json_response(LeadAnswer(url=begun.url), cookies=begun.cookies)
