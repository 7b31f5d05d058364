"""What vendors call us with when sessions end, made from a check of the call and a reading of what it says."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, final

from watchword.foundation.clock import Clock
from watchword.foundation.errors import ConfigurationError
from watchword.sessions.endings import Ended
from watchword.tokens.strict import read_object
from watchword.tokens.webhook import Header, check_shared, check_standard, check_workos, standard_secret

Event = Mapping[str, Any]
"""What a call says, as JSON."""
Reading = Callable[[Event], Ended | None]
"""Returns what is over by this event, or `None` where it is about something else. Of an event without a time of its own,
`at` is 0: then it is over by the time of the call."""
Check = Callable[[Header, bytes], int]
"""Returns when a call was made, in milliseconds; refuses one that is not the vendor's."""


@final
class Webhook:
    """The webhook of one vendor.

    Args:
        check: tells that a call is the vendor's.
        read: understands one event.
        split: takes the body apart where it holds several events.
    """

    kind: Literal["webhook"] = "webhook"

    def __init__(self, check: Check, read: Reading, split: Callable[[bytes], Iterable[Event]] | None = None) -> None:
        self._check = check
        self._read = read
        self._split = split or _one

    def read(self, header: Header, body: bytes) -> list[Ended]:
        """Return what is over.

        Raises:
            TokenRefused: the call is not the vendor's, or is no JSON.
        """
        called_at = self._check(header, body)
        found = [self._read(event) for event in self._split(body)]
        return [one if one.at else one._replace(at=called_at) for one in found if one is not None]


def standard(secret: str, clock: Clock, prefix: str = "svix") -> Check:
    """Return the check of Standard Webhooks, which Svix makes for many.

    Args:
        secret: `whsec_…`.
        clock: what tells the time.
        prefix: of the headers.

    Raises:
        ConfigurationError: the secret is none.
    """
    try:
        key = standard_secret(secret)
    except ValueError as error:
        raise ConfigurationError("webhook_secret: copy the signing secret, which begins with 'whsec_'") from error
    return lambda header, body: check_standard(key, header, body, clock.now(), prefix)


def workos(secret: str, clock: Clock) -> Check:
    """Return the check of WorkOS's own signatures.

    Raises:
        ConfigurationError: the secret is short enough to be guessed.
    """
    _refuse_short(secret)
    return lambda header, body: check_workos(secret, header, body, clock.now())


def shared(secret: str, clock: Clock) -> Check:
    """Return the check of a secret that stands in `Authorization`.

    Raises:
        ConfigurationError: it is short enough to be guessed.
    """
    _refuse_short(secret)

    def check(header: Header, _: bytes) -> int:
        check_shared(secret, header)
        return clock.now()

    return check


def _refuse_short(secret: str) -> None:
    if len(secret) < 16:
        raise ConfigurationError(
            "webhook_secret: give one of 16 characters or more, for example from `watchword secret`"
        )


def _one(body: bytes) -> Iterable[Event]:
    return (read_object(body, "the body"),)
