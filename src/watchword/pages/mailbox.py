"""The mailbox of a site in development: what would have left, as a page or as JSON. Production has no such route."""

from datetime import datetime

import msgspec

from watchword.admission.services import Services
from watchword.foundation.clock import to_datetime
from watchword.foundation.errors import NOT_FOUND, Denied
from watchword.http.kernel import asks_for_page
from watchword.http.request import Request
from watchword.http.response import Response, json_response
from watchword.http.route import OpenToAll, Route
from watchword.outbox.mailbox import Mailbox, MailboxMessage
from watchword.pages.contexts import MailboxPage
from watchword.pages.render import Renderer, mail_response


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One mail."""

    to: str
    subject: str
    text: str
    html: str
    at: datetime


class MailboxAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The mail that was sent, newest first."""

    messages: list[Message]


def mailbox_routes(services: Services, renderer: Renderer) -> tuple[Route, ...]:
    """Return the routes; the kernel answers them for loopback hosts alone, since development does."""
    mailbox = Mailbox(services.outbox)

    def messages() -> list[MailboxMessage]:
        with services.store.read() as tx:
            return mailbox.messages(tx)

    def show(request: Request, _: None) -> Response:
        if asks_for_page(request):
            return renderer.render(MailboxPage(messages=messages()), renderer.language(request))
        found = [
            Message(to=mail.to, subject=mail.subject, text=mail.text, html=mail.html, at=to_datetime(mail.at))
            for mail in messages()
        ]
        return json_response(MailboxAnswer(messages=found))

    def show_html(request: Request, _: None) -> Response | Denied:
        wanted = request.parameters["id"]
        found = next((mail for mail in messages() if mail.id == wanted), None)
        return mail_response(found.html) if found else Denied(NOT_FOUND)

    guard = OpenToAll()
    return (
        Route(
            method="GET",
            path="/dev/mailbox",
            name="mailbox",
            summary="Mail that was sent (development only)",
            guard=guard,
            handler=show,
            output=MailboxAnswer,
        ),
        Route(
            method="GET",
            path="/dev/mailbox/{id}",
            name="mailbox_message",
            summary="One mail's HTML",
            guard=guard,
            handler=show_html,
            form=True,
        ),
    )
