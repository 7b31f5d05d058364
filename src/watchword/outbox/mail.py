"""One e-mail, ready to leave."""

from typing import Protocol, final

import msgspec

from watchword.foundation.errors import WatchwordError


@final
class Mail(msgspec.Struct, frozen=True):
    """A message to one person, as text and as HTML.

    Attributes:
        to: the recipient's address, bare: `ann@example.org`.
        subject: one line.
        text: the body for readers without HTML, complete in itself.
        html: the same as an HTML document.
        kind: which mail it is (`confirm_address`, `password_reset` …): stored in clear, so it never tells a person or a secret.

    Raises:
        ValueError: a line break or another control character in `to` or `subject`, which would let a name or an
            address write further headers.
    """

    to: str
    subject: str
    text: str
    html: str
    kind: str

    def __post_init__(self) -> None:
        for name, value in (("to", self.to), ("subject", self.subject)):
            if not value.isprintable():
                raise ValueError(f"{name!r} of a mail is one line of printable characters: clean it before")

    def __repr__(self) -> str:
        # Codes and links are in the body, so a mail shown in a log would give them away.
        return f"Mail(kind={self.kind!r}, …)"


@final
class DeliveryError(WatchwordError):
    """A transport could not hand the mail on. Its text names the cause, never a person or what the mail said.

    Attributes:
        permanent: trying again can't help (the mailbox does not exist).
    """

    def __init__(self, cause: str, *, permanent: bool) -> None:
        super().__init__(cause)
        self.permanent = permanent


class Transport(Protocol):
    """What takes mail out of the house."""

    @property
    def keeps_content(self) -> bool:
        """Tell whether delivered mail stays readable in the outbox table: only the development mailbox's does."""
        ...

    def send(self, mail: Mail, outbox_id: str, at: int) -> None:
        """Hand the mail on.

        Args:
            mail: what to send.
            outbox_id: id of its row, the same at each try: the stem of the `Message-ID`.
            at: when it was written, in milliseconds: its `Date`.

        Raises:
            DeliveryError: it was not taken.
        """
        ...
