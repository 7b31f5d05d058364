"""The calls of apps beside the server: `watchword.beside` makes them, and nobody else, so the contract leaves them out."""

from typing import Any, Final, final

from watchword.admission.services import Services
from watchword.features.service_keys.events import Events
from watchword.features.service_keys.keys import HoldsKey, ServiceKeys
from watchword.features.service_keys.leases import RemoteBoard
from watchword.features.service_keys.messages import (
    AcknowledgeInput,
    ClaimAnswer,
    ClaimInput,
    DoneAnswer,
    FindInput,
    FoundAnswer,
    GreetingAnswer,
    GreetingInput,
    HeldAnswer,
    KeepInput,
    LeaseInput,
    LimitInput,
    LookAnswer,
    ReleaseInput,
    TakeInput,
    TellInput,
)
from watchword.foundation.errors import Denied
from watchword.http.origin import parse_origin
from watchword.http.request import Request
from watchword.http.response import Response, json_response
from watchword.http.route import Handler, Route
from watchword.limits.limiter import RATE_LIMITED
from watchword.policy.actions.keys import Claims
from watchword.sessions.stored import SessionSource
from watchword.tokens.keyring import length_prefixed

_DONE: Final = DoneAnswer()


@final
class ServiceFeature:
    """The feature, bound to its services.

    Args:
        services: the rooms below.
        sessions: finds sessions in the store: never in memory, for whoever asks may have heeded more than this process.
        claims: the idempotency keys of actions.
    """

    def __init__(self, services: Services, sessions: SessionSource, claims: Claims) -> None:
        self.keys = ServiceKeys(services)
        self._services = services
        self._sessions = sessions
        self._claims = claims
        self._board = RemoteBoard(services.store)
        self._holds = HoldsKey(self.keys)
        events = Route(
            method="GET",
            path="/service/events",
            name="service_events",
            summary="A stream of events: each says that there may be a revocation to look at",
            guard=self._holds,
            handler=Events(services.store).handle,
        )
        self.routes: tuple[Route, ...] = (
            self._route("greeting", "Whether the app's settings agree", self._greet, GreetingInput, GreetingAnswer),
            self._route("session", "The session that a token opens", self._find, FindInput, FoundAnswer),
            self._route("lease", "Begin a lease", self._take, TakeInput, DoneAnswer),
            self._route("lease/look", "What is revoked now", self._look, LeaseInput, LookAnswer),
            self._route("lease/acknowledge", "Heeded", self._acknowledge, AcknowledgeInput, HeldAnswer),
            self._route("lease/tell", "How many checks a lease has saved", self._tell, TellInput, DoneAnswer),
            self._route("lease/end", "Give a lease back", self._end, LeaseInput, DoneAnswer),
            self._route("limit", "Count a call of an action", self._limit, LimitInput, DoneAnswer),
            self._route("action-key", "Take an idempotency key", self._claim, ClaimInput, ClaimAnswer),
            self._route("action-key/keep", "Keep a sealed answer", self._keep, KeepInput, DoneAnswer),
            self._route("action-key/release", "Give a key back", self._release, ReleaseInput, DoneAnswer),
            events,
        )

    def _route(self, path: str, summary: str, handler: Handler, input: type[Any], output: type[Any]) -> Route:
        name = f"service_{path.replace('/', '_').replace('-', '_')}"
        codes = (RATE_LIMITED,) if path == "limit" else ()
        return Route(
            method="POST", path=f"/service/{path}", name=name, summary=f"For apps beside the server: {summary}",
            guard=self._holds, handler=handler, input=input, output=output, codes=codes,
        )  # fmt: skip

    def _greet(self, request: Request, body: GreetingInput) -> Response:
        origin = parse_origin(body.origin) if body.origin is not None else None
        answer = GreetingAnswer(
            service=self._holds.holder(request).service,
            cookie=self._services.cookies.session,
            leads_back=origin is not None and origin in self._services.settings.origins,
        )
        return json_response(answer)

    def _find(self, _request: Request, body: FindInput) -> Response:
        found = self._sessions.find(body.id, body.digest)
        answer = FoundAnswer(session=found.session, left=found.left) if found else FoundAnswer(session=None)
        return json_response(answer)

    def _take(self, request: Request, body: TakeInput) -> Response:
        key = self._holds.holder(request).id
        self._board.take(key, body.worker, listens=body.listens, lapses=body.lapses, lapsed=body.lapsed)
        return json_response(_DONE)

    def _look(self, request: Request, body: LeaseInput) -> Response:
        look = self._board.look(self._holds.holder(request).id, body.worker)
        if look is None:
            return json_response(LookAnswer(held=False))
        return json_response(LookAnswer(held=True, acknowledged=list(look.acknowledged), revocations=dict(look.found)))

    def _acknowledge(self, request: Request, body: AcknowledgeInput) -> Response:
        held = self._board.acknowledge(self._holds.holder(request).id, body.worker, body.revocations)
        return json_response(HeldAnswer(held=held))

    def _tell(self, request: Request, body: TellInput) -> Response:
        self._board.tell(self._holds.holder(request).id, body.worker, body.hits, body.misses)
        return json_response(_DONE)

    def _end(self, request: Request, body: LeaseInput) -> Response:
        self._board.give_back(self._holds.holder(request).id, body.worker)
        return json_response(_DONE)

    def _limit(self, request: Request, body: LimitInput) -> Response | Denied:
        # A counter of the app's own: under its name, so that no app counts for another one.
        name = f"service/{self._holds.holder(request).service}/{body.limit}"
        with self._services.store.write(durable=False) as tx:
            denied = self._services.limiter.take_at(tx, name, body.rate, body.subject.hex())
        return denied or json_response(_DONE)

    def _claim(self, request: Request, body: ClaimInput) -> Response:
        known = self._claims.claim(self._own(request, body.key), body.body)
        if known is None:
            return json_response(ClaimAnswer(claimed=True))
        return json_response(ClaimAnswer(claimed=False, body=known.body, sealed=known.sealed))

    def _keep(self, request: Request, body: KeepInput) -> Response:
        self._claims.keep(self._own(request, body.key), body.sealed)
        return json_response(_DONE)

    def _release(self, request: Request, body: ReleaseInput) -> Response:
        self._claims.release(self._own(request, body.key))
        return json_response(_DONE)

    def _own(self, request: Request, key: bytes) -> bytes:
        """Return the row's key: no app reaches another one's."""
        service = self._holds.holder(request).service
        return self._services.keyring.mac("service-action-key", length_prefixed(service.encode(), key))
