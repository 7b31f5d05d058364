"""The bytes of one answer on their way out: searched for what is tainted, whatever its encoding."""

import zlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, final

from watchword.policy.taint_filter import TaintFound, TaintStream, scan

Header = tuple[bytes, bytes]
READABLE: Final = (b"gzip", b"deflate", b"identity")
"""Content codings that can be searched (RFC 9110, section 8.4.1)."""
_WINDOW: Final = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}
_PIECE: Final = 256 * 1024
"""Bytes that are unpacked at a time, so that a small body that unpacks to a huge one costs no memory."""
_TOGETHER: Final = 64 * 1024
"""A body up to this many bytes is searched together with its headers."""


class UnreadableError(Exception):
    """The body has a content coding that can't be searched."""


def coding_of(headers: Iterable[Header]) -> bytes:
    """Return the content coding of a body: empty where it is sent as it is."""
    codings = b""
    for name, value in headers:
        # The length first: this runs for every answer.
        if len(name) == 16 and name.lower() == b"content-encoding":
            codings = b",".join(filter(None, (codings, value.lower())))
    return b"" if codings == b"identity" else codings


def refuse_tainted(headers: list[Header], body: bytes) -> None:
    """Search the headers of an answer, and its body where it is there as a whole.

    Raises:
        TaintFound: something tainted is in it.
        UnreadableError: its body can't be searched.
    """
    values: list[bytes] = []
    is_encoded = False
    for name, value in headers:
        values.append(value)
        is_encoded |= len(name) == 16 and name.lower() == b"content-encoding"
    if is_encoded or len(body) > _TOGETHER:
        Outflow(headers).feed(body)
    else:
        values.append(body)
    found = scan(b"\n".join(values))
    if found is not None:
        raise TaintFound(found)


@final
class Outflow:
    """A body that leaves in chunks.

    Raises:
        UnreadableError: it can't be searched.
    """

    def __init__(self, headers: Iterable[Header]) -> None:
        coding = coding_of(headers)
        if coding and coding not in _WINDOW:
            raise UnreadableError
        self._unpack = zlib.decompressobj(_WINDOW[coding]) if coding else None
        self._stream = TaintStream()

    def feed(self, chunk: bytes) -> bytes:
        """Return what may be sent now: all but the beginning of what may turn out to be tainted.

        Raises:
            TaintFound: something tainted is in what was fed so far.
            UnreadableError: the chunk is not what the content coding says.
        """
        if self._unpack is None:
            return self._stream.feed(chunk)
        left = chunk
        try:
            while left:
                self._stream.feed(self._unpack.decompress(left, _PIECE))
                left = self._unpack.unconsumed_tail
        except zlib.error:
            raise UnreadableError from None
        return chunk

    def finish(self) -> bytes:
        """Return what was held back.

        Raises:
            TaintFound: something tainted is in what was fed.
        """
        rest = self._stream.finish()
        return rest if self._unpack is None else b""


def only_readable(headers: Iterable[Header]) -> list[Header]:
    """Return a request's headers without the content codings that could not be searched in its answer."""
    kept = list(headers)
    for index, (name, value) in enumerate(kept):
        if name == b"accept-encoding":
            kept[index] = (name, readable(value))
    return kept


@lru_cache(maxsize=256)
def readable(value: bytes) -> bytes:
    """Return an `Accept-Encoding` without the content codings that can't be searched."""
    kept = [part.strip() for part in value.lower().split(b",") if part.split(b";")[0].strip() in READABLE]
    return b", ".join(kept) or b"identity"
