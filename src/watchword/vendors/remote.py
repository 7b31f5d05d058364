"""Opaque credentials, which only the vendor that made them can check: asked by https, few at a time, a refused one once."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final, final

import msgspec

from watchword.foundation.clock import Clock
from watchword.foundation.secrets import sha256
from watchword.outgoing.fetch import FetchError, Network, call
from watchword.tokens.refused import TokenRefused
from watchword.tokens.strict import read_object

AT_ONCE: Final = 8
"""Questions under way in one process; more are refused, so that a flood of made-up tokens holds no more threads."""
REFUSED: Final = 60.0
"""Seconds for which a refused credential is not asked about again."""
_MOST_REFUSED: Final = 4096
_REFUSALS: Final = (400, 401, 403, 404, 410, 422)


@final
class Remote:
    """Asks one vendor about credentials.

    Args:
        clock: what measures time.
        network: how the vendor is reached, where it is no public address.
    """

    def __init__(self, clock: Clock, network: Network | None = None) -> None:
        self._clock = clock
        self._network = network
        self._free = threading.BoundedSemaphore(AT_ONCE)
        self._refused: OrderedDict[bytes, float] = OrderedDict()

    def ask(self, url: str, authorization: str, credential: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the vendor says of this credential.

        Args:
            url: the vendor's call, by POST.
            authorization: with our own secret.
            credential: what it is asked about.
            body: what it is asked.

        Raises:
            TokenRefused: `issuer_refused`, or `issuer_unavailable` where nobody can say.
        """
        digest = sha256(credential.encode("utf-8", "surrogatepass"))
        if self._clock.monotonic() < self._refused.get(digest, 0.0):
            raise TokenRefused("issuer_refused", "the vendor refused it a moment ago")
        if not self._free.acquire(blocking=False):
            raise TokenRefused("issuer_unavailable", f"{AT_ONCE} questions to the vendor are under way already")
        headers = {"Authorization": authorization, "Content-Type": "application/json"}
        try:
            answer = call(
                "POST", url, self._clock, headers=headers, body=msgspec.json.encode(body), network=self._network
            )
        except FetchError as error:
            raise TokenRefused("issuer_unavailable", "the vendor could not be asked") from error
        finally:
            self._free.release()
        if answer.status in _REFUSALS:
            self._note(digest)
            raise TokenRefused("issuer_refused", f"the vendor refused it, with status {answer.status}")
        if answer.status != 200:
            raise TokenRefused("issuer_unavailable", f"the vendor answered with status {answer.status}")
        return read_object(answer.body, "the vendor's answer")

    def _note(self, digest: bytes) -> None:
        self._refused[digest] = self._clock.monotonic() + REFUSED
        while len(self._refused) > _MOST_REFUSED:
            try:
                self._refused.popitem(last=False)
            except KeyError:  # another thread was quicker
                break
