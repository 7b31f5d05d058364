"""A link to PostgreSQL that can be cut, and one behind which no notification comes: what a network and a pooler do."""

import socket
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import final

_CHUNK = 65_536
_NOTIFICATION = b"A"
"""Type of the message that PostgreSQL sends for one (its protocol, "Message Formats": NotificationResponse)."""


@final
class Link:
    """A socket beside the server's own, whose two ends are joined as long as the link is whole.

    Args:
        server: directory of the server's socket.
        notifies: whether notifications pass.
    """

    def __init__(self, server: Path, *, notifies: bool = True) -> None:
        self._server = server / ".s.PGSQL.5432"
        self._notifies = notifies
        self._whole = threading.Event()
        self._whole.set()
        self._folder = tempfile.TemporaryDirectory(prefix="watchword-link-")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.directory / ".s.PGSQL.5432"))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def directory(self) -> Path:
        """Where the socket is: the `host` of a URL."""
        return Path(self._folder.name)

    def cut(self) -> None:
        """Let nothing pass any more, without a word to either end."""
        self._whole.clear()

    def mend(self) -> None:
        """Let everything pass, what waits first."""
        self._whole.set()

    def close(self) -> None:
        """Take no more connections."""
        self.mend()
        self._listener.close()
        self._folder.cleanup()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                there = socket.socket(socket.AF_UNIX)
                try:
                    there.connect(str(self._server))
                except OSError:  # the server is down
                    here.close()
                    there.close()
                    continue
                threading.Thread(target=self._pass_on, args=(here, there), daemon=True).start()
                threading.Thread(target=self._answer, args=(there, here), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                self._whole.wait()
                sink.sendall(data)
        self._hang_up(source, sink)

    def _answer(self, source: socket.socket, sink: socket.socket) -> None:
        """Pass the server's messages on: each is a byte for its type, and its length in four."""
        left = b""
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                if not self._notifies:
                    left += data
                    data = b""
                    while len(left) >= 5 and len(left) > (size := int.from_bytes(left[1:5], "big")):
                        message, left = left[: size + 1], left[size + 1 :]
                        data += message if message[:1] != _NOTIFICATION else b""
                self._whole.wait()
                sink.sendall(data)
        self._hang_up(source, sink)

    def _hang_up(self, *ends: socket.socket) -> None:
        self._whole.wait()
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
