"""What apps beside the server and the server say to each other. Bytes travel in base64."""

from typing import Annotated

import msgspec

from watchword.http.body import Input
from watchword.sessions.session import Session

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
