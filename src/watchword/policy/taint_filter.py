"""The filter: looks at the bytes that leave for what is tainted."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

from watchword.foundation.errors import WatchwordError
from watchword.policy.taint import registry


@final
@dataclass(frozen=True, slots=True)
class Taint:
    """Something tainted was found.

    Attributes:
        message: what was said when it was tainted.
        encoding: `as text`, `in base64` or `in hex`.
    """

    message: str
    encoding: str


class TaintFound(WatchwordError):
    """A stream holds something tainted: nothing more of it may be sent. Its end has not been sent."""

    def __init__(self, taint: Taint) -> None:
        super().__init__(f"{taint.message} (found {taint.encoding})")
        self.taint = taint


def scan(body: bytes) -> Taint | None:
    """Return what is tainted in a body that is whole and not yet compressed, or `None`."""
    for search in registry.searches():
        for form, begin, end in search.candidates(body):
            message = registry.message_of(form)
            if message is not None and form.is_in(body, begin, end):
                return Taint(message, form.name)
    return None


def scan_headers(headers: Iterable[tuple[bytes, bytes]]) -> Taint | None:
    """Return what is tainted in the values of headers, or `None`."""
    return scan(b"\n".join([value for _, value in headers]))


@final
class TaintStream:
    """The filter of one body that leaves in chunks: holds back only what may be the beginning of something tainted."""

    def __init__(self) -> None:
        self._held = b""
        self._found: Taint | None = None

    def feed(self, chunk: bytes) -> bytes:
        """Return what may be sent now, of this chunk and of what was held back before.

        Raises:
            TaintFound: something tainted is whole now; what was held back is dropped.
        """
        data = self._held + chunk
        self._refuse(self._found or scan(data))
        undecided = min((part.undecided_from(data) for part in registry.parts()), default=len(data))
        self._held = data[undecided:]
        return data[:undecided]

    def finish(self) -> bytes:
        """Return what is left to send: only the beginning of something tainted, so harmless.

        Raises:
            TaintFound: something was found before.
        """
        self._refuse(self._found)
        rest, self._held = self._held, b""
        return rest

    def _refuse(self, found: Taint | None) -> None:
        if found is not None:
            self._found, self._held = found, b""
            raise TaintFound(found)
