"""The stream of events: it says nothing but "look", as soon as any process has revoked something.

It is what a notification of the database is to a worker (`storage.lease`): it makes a revocation quick, and decides
nothing. So it tells no secret, and whoever cuts, delays or forges it can only make checks slower.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Final, final

from watchword.foundation.errors import BUSY, Denied, StoreUnavailableError
from watchword.http.request import Request
from watchword.http.response import Response
from watchword.storage.lease import POLL
from watchword.storage.store import Store

LOOK: Final = b"data: look\n\n"
_BEAT: Final = b":\n\n"
"""A comment (HTML, section 9.2.6), so that whoever listens knows that the line is not cut."""
BEATS: Final = 1.0
"""Seconds between two of them."""
LIFETIME: Final = 15.0
"""Seconds after which whoever listens has to show the key again."""
MOST: Final = 1_000
"""Streams of one process at once."""
_TICK: Final = 0.01


@final
class Events:
    """The streams of one process.

    Args:
        store: what is looked at.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open = 0

    def handle(self, _request: Request, _: None) -> Response | Denied:
        """Answer with a stream."""
        if self._open >= MOST:
            return Denied(BUSY, retry_after=1)
        return Response(200, headers=[("content-type", "text/event-stream")], stream=self.stream)

    async def stream(self) -> AsyncGenerator[bytes]:
        """Yield the events; the first one at once, for what was before."""
        clock, said = self._store.clock, 0.0
        ends = clock.monotonic() + LIFETIME
        self._open += 1
        try:
            signal = await self._signal()
            yield LOOK
            said = clock.monotonic()
            while clock.monotonic() < ends:
                await asyncio.sleep(POLL if signal is None else _TICK)
                former, signal = signal, await self._signal()
                if signal is None or signal != former:
                    yield LOOK
                elif clock.monotonic() - said < BEATS:
                    continue
                else:
                    yield _BEAT
                said = clock.monotonic()
        finally:
            self._open -= 1

    async def _signal(self) -> int | None:
        """Return what changes with each revocation, of any process; `None` where only the database knows."""
        epoch = self._store.epoch
        if epoch is not None and epoch.is_due:
            with suppress(StoreUnavailableError):
                await asyncio.get_running_loop().run_in_executor(None, self._store.mark)
        return self._store.signal
