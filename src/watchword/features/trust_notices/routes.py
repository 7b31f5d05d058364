"""The addresses that trusted systems call when sessions of theirs end."""

from collections.abc import Mapping, Sequence
from typing import Final, final

from watchword.admission.services import Completion, Services
from watchword.audit.events import AuditEvent
from watchword.foundation.errors import NOT_FOUND, Code, Denied
from watchword.http.request import Request
from watchword.http.response import Response
from watchword.http.route import OpenToAll, Route
from watchword.sessions.endings import Ended, Endings
from watchword.tokens.refused import TokenRefused

NOTICE_INVALID: Final = Code(
    "notice_invalid",
    400,
    "This call is not the trusted system's",
    "Check the secret or the client id that the trust was given, and the clocks.",
)
SUMMARIES: Final = {
    "logout": "A trusted OpenID Connect provider says that sessions are over (back-channel logout)",
    "webhook": "A trusted system says that sessions or users are gone (its own webhook)",
}
"""Of the calls, by the last part of their addresses."""


@final
class TrustNotices:
    """Ends sessions that the systems that made them say are over.

    Args:
        services: the rooms below.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._foreign = services.gate.foreign
        self.completions: Mapping[str, Completion] = {}
        kinds = {notices.kind for _, notices, _ in self._foreign.notified}
        self.routes = tuple(self._route(kind, summary) for kind, summary in SUMMARIES.items() if kind in kinds)

    def _route(self, kind: str, summary: str) -> Route:
        return Route(
            method="POST",
            path=f"/trust/{{source}}/{kind}",
            name=f"trust_{kind}",
            summary=summary,
            guard=OpenToAll(description="public: the system's signature or secret is checked"),
            handler=lambda request, _: self._take(request, kind),
            codes=(NOTICE_INVALID,),
        )

    def _take(self, request: Request, kind: str) -> Response | Denied:
        """Write down what is over, in one transaction; what the sender tells again changes nothing."""
        source = request.parameters["source"]
        heard = [one for one in self._foreign.notified if one[0] == source and one[1].kind == kind]
        refusals: list[TokenRefused] = []
        for _, notices, endings in heard:
            try:
                self._end(request, source, endings, notices.read(request.header, request.body))
            except TokenRefused as refusal:
                refusals.append(refusal)
            else:
                return Response(200)
        if not refusals:
            return Denied(NOT_FOUND)
        return Denied(NOTICE_INVALID, "; ".join(dict.fromkeys(refusal.reason for refusal in refusals)))

    def _end(self, request: Request, source: str, endings: Endings, ended: Sequence[Ended]) -> None:
        if not ended:
            return
        with self._services.store.write() as tx:
            for one in ended:
                endings.record(tx, one)
            sessions = sum(1 for one in ended if one.session_id)
            self._services.note(
                tx, AuditEvent.TRUST_NOTICE, request, source=source, sessions=sessions, users=len(ended) - sessions
            )
