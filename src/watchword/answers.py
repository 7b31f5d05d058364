"""What is answered in place of an app, and what is written down of it."""

import logging
from collections.abc import Callable
from typing import Final, final

from watchword.admission.services import Services
from watchword.audit.events import AuditEvent
from watchword.features.service_keys.keys import SERVICE_KEY_INVALID
from watchword.features.trust_notices.routes import NOTICE_INVALID
from watchword.foundation.errors import FORBIDDEN, Denied, StoreUnavailableError
from watchword.http.address import address_bucket
from watchword.http.kernel import Kernel
from watchword.http.origin import ORIGIN_NOT_ALLOWED
from watchword.http.request import Request
from watchword.http.response import Response
from watchword.policy.actions.reference import REFERENCE_INVALID
from watchword.policy.withheld import RESPONSE_WITHHELD, Withheld

NOTED: Final = {
    ORIGIN_NOT_ALLOWED.name: AuditEvent.ORIGIN_REFUSED,
    FORBIDDEN.name: AuditEvent.ACCESS_REFUSED,
    REFERENCE_INVALID.name: AuditEvent.ACCESS_REFUSED,
    NOTICE_INVALID.name: AuditEvent.TRUST_NOTICE_REFUSED,
    SERVICE_KEY_INVALID.name: AuditEvent.ACCESS_REFUSED,
}
"""Refusals that only an attack or a mistake leads to, by their codes."""
Render = Callable[[Request, Denied], Response]
_log = logging.getLogger("watchword")


@final
class Answers:
    """Refuses, and withholds what an app answered. `by()` says how before the first request.

    Args:
        services: the rooms below.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    def by(self, kernel: Kernel, render: Render) -> "Answers":
        """Take what is put together later.

        Args:
            kernel: knows the routes.
            render: draws a refusal, as a page or as a problem document.
        """
        self._kernel = kernel
        self._render = render
        return self

    def refuse(self, request: Request, denied: Denied) -> Response:
        """Return the answer to a request that a guard of the app refused."""
        self._kernel.locate(request)
        self._kernel.count(denied)
        self.note_refusal(request, denied)
        return self._render(request, denied)

    def withhold(self, request: Request, withheld: Withheld) -> Response:
        """Write down that an answer did not leave, and return what takes its place; only a developer learns why."""
        self._kernel.locate(request)
        explanation = withheld.explain(request.path)
        # Not the explanation, which can name the path: a log holds nothing that a caller sent (A148).
        _log.error("an answer was withheld (%s): %s", withheld.reason, withheld.handler or "no handler's")
        self._note(request, AuditEvent.RESPONSE_WITHHELD, handler=withheld.handler[:200], reason=withheld.reason)
        detail = "" if self._services.settings.is_production else explanation
        return self._render(request, Denied(RESPONSE_WITHHELD, detail))

    def note_refusal(self, request: Request, denied: Denied) -> None:
        """Record what only an attack or a mistake leads to; no more of it than a limit, so that nobody fills the log."""
        event = NOTED.get(denied.code.name)
        if event is not None:
            # Of a route that takes parameters, its pattern: they can be codes, links or references.
            route = self._kernel.route_for(request)
            path = f"{self._services.settings.prefix}{route.path}" if route else request.path[:200]
            self._note(request, event, path=path)

    def take_limit(self, name: str, request: Request) -> Denied | None:
        """Take one call from the limit of a route, for the caller's address."""
        with self._services.store.write(durable=False) as tx:
            return self._services.limiter.take(tx, name, address_bucket(request.address))

    def _note(self, request: Request, event: AuditEvent, **details: str) -> None:
        address = address_bucket(request.address)
        try:
            with self._services.store.write(durable=False) as tx:
                if self._services.limiter.take(tx, "refusal_address", address) is None:
                    session = self._services.gate.remembered(request)
                    # The id of another system's user is none of ours.
                    user_id = session.user.id if session and session.source == "watchword" else None
                    self._services.note(tx, event, request, user_id, **details)
        except StoreUnavailableError:
            # The refusal stands all the same.
            _log.warning("%s could not be recorded: the database can't answer", event)
