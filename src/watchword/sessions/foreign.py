"""Sessions that another system made: which one a request carries, and whose rules it goes to. `vendors/` has the rules."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, final

from watchword.foundation.errors import ConfigurationError
from watchword.http.request import Request
from watchword.sessions.session import Session
from watchword.tokens.refused import TokenRefused


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

    @staticmethod
    def verify(presented: Presented) -> Session | None:
        """Return the session, or `None` where the issuer's rules refuse it."""
        try:
            return presented.trust.verify(presented.credential)
        except TokenRefused:
            return None
