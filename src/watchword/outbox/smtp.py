"""Mail leaves over SMTP."""

import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTPUTF8 as _POLICY
from email.utils import format_datetime, parseaddr
from typing import final

from watchword.foundation.clock import to_datetime
from watchword.foundation.settings import SMTP
from watchword.outbox.mail import DeliveryError, Mail

_TIMEOUT_SECONDS = 20.0
"""Of each exchange with the server: well below the time for which the worker has claimed the row."""


@final
class SMTPTransport:
    """Hands mail to an SMTP server (RFC 5321), one connection for each message.

    With `starttls` or `tls` the server's certificate is checked against the system's authorities, and a server that
    offers no TLS gets nothing: neither password nor mail is ever sent in clear.
    """

    keeps_content = False

    def __init__(self, settings: SMTP) -> None:
        self._settings = settings
        self._name, self._sender = parseaddr(settings.sender)

    def send(self, mail: Mail, outbox_id: str, at: int) -> None:
        """Hand the mail to the server.

        Raises:
            DeliveryError: the server could not be reached or did not take it.
        """
        message = self._compose(mail, outbox_id, at)
        try:
            with self._connect() as server:
                self._secure(server)
                server.send_message(message, self._sender, [mail.to])
        except (OSError, smtplib.SMTPException) as error:
            raise _delivery_error(error) from None

    def check(self) -> None:
        """Reach the server, secure the connection and sign in, without sending anything.

        Raises:
            DeliveryError: the server could not be reached, or does not take mail from us.
        """
        try:
            with self._connect() as server:
                server.ehlo_or_helo_if_needed()
                self._secure(server)
        except (OSError, smtplib.SMTPException) as error:
            raise _delivery_error(error) from None

    def _connect(self) -> smtplib.SMTP:
        host, port = self._settings.host, self._settings.port
        if self._settings.security == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT_SECONDS, context=context)
        return smtplib.SMTP(host, port, timeout=_TIMEOUT_SECONDS)

    def _secure(self, server: smtplib.SMTP) -> None:
        if self._settings.security == "starttls":
            server.starttls(context=ssl.create_default_context())
        if self._settings.username is not None and self._settings.password is not None:
            server.login(self._settings.username, self._settings.password.reveal())

    def _compose(self, mail: Mail, outbox_id: str, at: int) -> EmailMessage:
        message = EmailMessage(policy=_POLICY)
        message["From"] = Address(self._name, addr_spec=self._sender)
        message["To"] = mail.to
        # What a parser reads from the header must be the one mailbox that the envelope names (A58).
        if [address.addr_spec for address in message["To"].addresses if address.domain] != [mail.to]:
            raise DeliveryError("the recipient is not one bare address", permanent=True)
        message["Subject"] = mail.subject
        message["Date"] = format_datetime(to_datetime(at))
        message["Message-ID"] = f"<{outbox_id}@{self._sender.rpartition('@')[2]}>"
        # RFC 3834: no vacation notice answers this.
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        message.add_alternative(mail.html, subtype="html")
        return message


def _delivery_error(error: OSError | smtplib.SMTPException) -> DeliveryError:
    """Say what went wrong without the server's words, which often quote the recipient.

    Permanent is only what concerns this one mail. A refused sender, password or connection is a fault of the
    configuration or of the server, which someone can mend before the worker gives up.
    """
    name = type(error).__name__
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes: list[int] = [answer[0] for answer in error.recipients.values()]
        return DeliveryError(f"{name} {codes[0]}", permanent=min(codes) >= 500)
    if isinstance(error, smtplib.SMTPResponseException):
        permanent = isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500
        return DeliveryError(f"{name} {error.smtp_code}", permanent=permanent)
    return DeliveryError(name, permanent=False)
