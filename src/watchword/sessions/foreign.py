"""Sessions that another system made: which one a request carries, and whose rules it goes to. `vendors/` has the rules."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, final, runtime_checkable

from watchword.foundation.errors import ConfigurationError
from watchword.http.request import Request
from watchword.sessions.endings import Ended, Endings
from watchword.sessions.session import ForeignSession, Session
from watchword.sessions.stored import SessionSource
from watchword.tokens.refused import TokenRefused
from watchword.tokens.webhook import Header


class Trust(Protocol):
    """Accepts the tokens and cookies of one issuer.

    Attributes:
        source: what its sessions say they are from: `clerk`.
        identity: what tells it from others of its kind: its issuer, or its cookie. Two trusts never share one.
    """

    @property
    def source(self) -> str:
        """Return the name that sessions carry."""
        ...

    @property
    def identity(self) -> str:
        """Return the issuer or the cookie."""
        ...

    def issued(self, token: str) -> bool:
        """Tell whether a bearer token says that it is of this issuer. Nothing of it is believed yet."""
        ...

    def credential(self, cookies: Mapping[str, list[str]]) -> str | None:
        """Return what the cookies hold for this trust, or `None`. Nothing of it is believed yet."""
        ...

    def verify(self, credential: str) -> Session:
        """Return the session of a token, or of what `credential()` gave.

        Raises:
            TokenRefused: it is not valid.
        """
        ...


class Notices(Protocol):
    """Understands what one trusted system calls us with when sessions of its own end.

    Attributes:
        kind: the last part of the address that it calls.
    """

    @property
    def kind(self) -> Literal["logout", "webhook"]:
        """Return `logout` for OpenID Connect Back-Channel Logout, `webhook` for what is the vendor's own."""
        ...

    def read(self, header: Header, body: bytes) -> Sequence[Ended]:
        """Return what is over; nothing where the call is about something else.

        Raises:
            TokenRefused: the call is not that system's.
        """
        ...


@runtime_checkable
class Notifying(Protocol):
    """A trust that is told when sessions end.

    Attributes:
        notices: how; none where the app has not switched it on.
    """

    notices: Sequence[Notices]


class Believed(NamedTuple):
    """A foreign session that was verified.

    Attributes:
        session: as an app gets it.
        user_id: its user's id at the issuer.
        longest: for how long at most, in milliseconds, it is remembered; `None` leaves it to the app.
    """

    session: Session
    user_id: str
    longest: int | None = None


class Presented(NamedTuple):
    """A foreign credential, and whose rules it goes to.

    Attributes:
        trust: the one issuer's rules.
        credential: the token, or what the cookies held.
        is_bearer: whether it came in `Authorization`.
    """

    trust: Trust
    credential: str
    is_bearer: bool

    @property
    def key(self) -> bytes:
        """What its verdict is remembered by."""
        return f"{self.trust.identity}\n{self.credential}".encode("utf-8", "surrogatepass")


@final
class ForeignSessions:
    """The trusts of one app.

    Args:
        trusts: in the order in which their cookies are looked for.

    Raises:
        ConfigurationError: two have the same issuer or cookie: nobody could say whose rules count.
    """

    def __init__(self, trusts: Sequence[Trust] = ()) -> None:
        identities = [trust.identity for trust in trusts]
        twice = sorted({one for one in identities if identities.count(one) > 1})
        if twice:
            raise ConfigurationError(f"trust names {', '.join(twice)} twice: a token goes to one issuer's rules only")
        self._trusts = tuple(trusts)
        self._endings = {trust.identity: Endings(trust.identity) for trust in trusts if notices_of(trust)}

    @property
    def notified(self) -> tuple[tuple[str, Notices, Endings], ...]:
        """Who tells us that sessions end: the source, how it does, and where that is written down."""
        return tuple(
            (trust.source, one, self._endings[trust.identity]) for trust in self._trusts for one in notices_of(trust)
        )

    @property
    def is_empty(self) -> bool:
        """Whether no other system is trusted."""
        return not self._trusts

    def find(self, request: Request, bearer: str | None) -> Presented | None:
        """Return the credential of this request: the bearer token, or where there is none, the first trust's cookies.

        Args:
            request: what carries it.
            bearer: its bearer token, which is none of our own.
        """
        if not self._trusts:
            return None
        if bearer is not None:
            issuer = next((trust for trust in self._trusts if trust.issued(bearer)), None)
            return Presented(issuer, bearer, is_bearer=True) if issuer else None
        cookies = request.cookies
        for trust in self._trusts if cookies else ():
            credential = trust.credential(cookies)
            if credential is not None:
                return Presented(trust, credential, is_bearer=False)
        return None

    def verify(self, presented: Presented, source: SessionSource) -> Believed | None:
        """Return the session, or `None` where the issuer's rules refuse it, or the issuer said that it is over.

        Raises:
            StoreUnavailableError: nobody can tell whether it is over.
        """
        try:
            session = presented.trust.verify(presented.credential)
        except TokenRefused:
            return None
        if not isinstance(session, ForeignSession):
            return Believed(session, session.user.id)
        endings = self._endings.get(presented.trust.identity)
        if endings and source.has_ended(endings, session.origin):
            return None
        return Believed(session.plain(), session.origin.user_id, session.believed)


def notices_of(trust: Trust) -> Sequence[Notices]:
    """Return how this system tells us that sessions end."""
    return trust.notices if isinstance(trust, Notifying) else ()
