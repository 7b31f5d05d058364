"""An app beside a server, put together: what `auth.py` makes an edge of."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import final

from watchword.beside.client import KeyRefusedError, ServerClient, ServerUnavailableError
from watchword.beside.pages import Pages
from watchword.beside.sessions import ServedClaims, ServedRates, ServedSessions
from watchword.features.service_keys.messages import GreetingAnswer, GreetingInput
from watchword.foundation.clock import Clock
from watchword.foundation.errors import ConfigurationError, Denied
from watchword.foundation.secrets import Secret
from watchword.foundation.settings import Settings
from watchword.http.kernel import Kernel
from watchword.http.origin import parse_origin
from watchword.http.request import Request
from watchword.http.response import Response
from watchword.policy.actions.actions import Actions
from watchword.policy.actions.dispatch import ActionServices
from watchword.policy.withheld import RESPONSE_WITHHELD, Withheld
from watchword.sessions.cookie import Cookies
from watchword.sessions.foreign import ForeignSessions
from watchword.sessions.gate import Gate
from watchword.tokens.keyring import Keyring

_log = logging.getLogger("watchword.beside")


@final
class BesideApp:
    """The rooms of an app that has no store of its own.

    Args:
        settings: of the app.
        server: address of the server.
        keys: of this app; the first one is sent. What the app seals for itself opens with each of them.
        clock: what tells the time.
        foreign: the other systems whose sessions are accepted.
        executor: gives threads for calls while an async action runs.

    Attributes:
        client: calls the server.
        sessions: what the gate finds sessions by, and their lease.
    """

    def __init__(
        self,
        settings: Settings,
        server: str,
        keys: Sequence[Secret],
        clock: Clock,
        *,
        foreign: ForeignSessions,
        executor: Callable[[], Executor],
    ) -> None:
        self._settings = settings
        self._server = server
        self.client = ServerClient(server, keys[0], clock, prefix=settings.prefix)
        self.sessions = ServedSessions(self.client, clock)
        keyring = Keyring(keys)
        self.gate = Gate(self.sessions, settings.session, Cookies.of(settings), foreign)
        rates, claims = ServedRates(self.client, keyring), ServedClaims(self.client)
        self.actions = Actions(ActionServices(settings, keyring, self.gate, claims, rates, executor, self.withhold))
        self.pages = Pages(settings, server, self.gate)
        self.routes = (self.actions.route, *self.pages.routes)
        self.kernel = Kernel(
            self.routes,
            settings,
            take_limit=lambda _name, _request: None,
            render_problem=self.pages.refuse,
            note_refusal=_note,
        )

    def start(self) -> None:
        """Make sure that app and server agree, and take a lease.

        A server that is away is no reason not to start: until it is back, checks are answered 503.

        Raises:
            ConfigurationError: the server does not know the key, or has another session cookie.
        """
        try:
            self._agree()
        except KeyRefusedError:
            raise ConfigurationError(
                f"{self._server} does not know this app's key: make one there with `watchword keys create NAME`, "
                "and set WATCHWORD_KEY to it"
            ) from None
        except ServerUnavailableError:
            _log.warning("%s can't be reached yet: until it is, who is signed in can't be said (503)", self._server)
        if self._settings.session.remembered:
            self.sessions.keeper.start(self.gate.memory.statistics)

    def stop(self) -> None:
        """Give the lease back."""
        self.sessions.keeper.stop()

    def refuse(self, request: Request, denied: Denied) -> Response:
        """Answer a refusal of the app's own routes."""
        self.kernel.locate(request)
        self.kernel.count(denied)
        _note(request, denied)
        return self.pages.refuse(request, denied)

    def withhold(self, request: Request, withheld: Withheld) -> Response:
        """Log that an answer did not leave, and return what takes its place; only a developer learns why."""
        self.kernel.locate(request)
        # Not the explanation, which can name the path: a log holds nothing that a caller sent (A148).
        _log.error("an answer was withheld (%s): %s", withheld.reason, withheld.handler or "no handler's")
        detail = "" if self._settings.is_production else withheld.explain(request.path)
        return self.pages.refuse(request, Denied(RESPONSE_WITHHELD, detail))

    def _agree(self) -> None:
        origin = parse_origin(self._settings.base_url) if self._settings.base_url else None
        answer = self.client.call("greeting", GreetingInput(origin=origin), GreetingAnswer, again=True)
        own = self.gate.cookies.session
        if answer.cookie != own:
            raise ConfigurationError(
                f"the server's session cookie is {answer.cookie!r}, and this app waits for {own!r}: give both the same "
                "cookie_domain (WATCHWORD_COOKIE_DOMAIN), and both an https address or neither"
            )
        if origin is not None and not answer.leads_back:
            _log.warning(
                "the server leads nobody back to %s: add it to the server's origins (WATCHWORD_ORIGINS)", origin
            )


def _note(_request: Request, denied: Denied) -> None:
    if denied.code.status == 403:
        _log.info("refused: %s", denied.code.name)
