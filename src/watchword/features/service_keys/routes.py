"""The calls of apps beside the server: `watchword.beside` makes them, and nobody else, so the contract leaves them out."""

from typing import Annotated, Any, Final, final

import msgspec

from watchword.admission.services import Services
from watchword.features.service_keys.events import Events
from watchword.features.service_keys.keys import HoldsKey, ServiceKeys
from watchword.features.service_keys.leases import RemoteBoard
from watchword.foundation.errors import Denied
from watchword.http.body import Input
from watchword.http.origin import parse_origin
from watchword.http.request import Request
from watchword.http.response import Response, json_response
from watchword.http.route import Handler, Route
from watchword.limits.limiter import RATE_LIMITED
from watchword.policy.actions.keys import Claims
from watchword.sessions.session import Session
from watchword.sessions.stored import SessionSource
from watchword.tokens.keyring import length_prefixed

Digest = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Worker = Annotated[str, msgspec.Meta(pattern=r"^wkr_[a-z2-7]{26}$")]
RevocationName = Annotated[str, msgspec.Meta(pattern=r"^rev_[a-z2-7]{26}$")]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class GreetingInput(Input, frozen=True, kw_only=True):
    """What the app is reached at, where it knows: its origin, `https://app.example.org`."""

    origin: str | None = None


class GreetingAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the app's settings have to agree with.

    Attributes:
        service: what the key is called.
        cookie: name of the session cookie.
        leads_back: whether pages lead back to the app's origin after signing in.
    """

    service: str
    cookie: str
    leads_back: bool


class FindInput(Input, frozen=True, kw_only=True):
    """Id of a session, and the SHA-256 of its token, in base64."""

    id: Annotated[str, msgspec.Meta(pattern=r"^ses_[a-z2-7]{26}$")]
    digest: Digest


class FoundAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The session, where it is live, and for how many milliseconds the answer may be remembered under a lease."""

    session: Session | None
    left: int = 0


class TakeInput(Input, frozen=True, kw_only=True):
    """A lease to begin: a name that was never used, and what came before."""

    worker: Worker
    listens: bool
    lapses: Count = 0
    lapsed: Annotated[str, msgspec.Meta(max_length=32)] | None = None


class LeaseInput(Input, frozen=True, kw_only=True):
    """A lease by its name."""

    worker: Worker


class AcknowledgeInput(LeaseInput, frozen=True, kw_only=True):
    """The revocations that are heeded."""

    revocations: list[RevocationName]


class TellInput(LeaseInput, frozen=True, kw_only=True):
    """How many checks were answered from memory, and how many were not."""

    hits: Count
    misses: Count


class HeldAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the lease stands."""

    held: bool


class LookAnswer(HeldAnswer, frozen=True, kw_only=True):
    """What has been heeded under it, and every revocation that is under way, with the shards of its users."""

    acknowledged: list[str] = []
    revocations: dict[str, str] = {}


class LimitInput(Input, frozen=True, kw_only=True):
    """One call of an action of the app, to be counted: by the app's own name for whose it is."""

    limit: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    rate: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    subject: Digest


class ClaimInput(Input, frozen=True, kw_only=True):
    """An idempotency key, and what is asked by it: nothing that the server could read."""

    key: Digest
    body: Digest


class ClaimAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the key is this call's own now; if not, what was asked by it, and the answer, sealed, once there is one."""

    claimed: bool
    body: bytes = b""
    sealed: bytes | None = None


class KeepInput(Input, frozen=True, kw_only=True):
    """The sealed answer of a call."""

    key: Digest
    sealed: bytes


class ReleaseInput(Input, frozen=True, kw_only=True):
    """The idempotency key of a call that did not run."""

    key: Digest


class DoneAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Done."""

    status: str = "ok"


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
