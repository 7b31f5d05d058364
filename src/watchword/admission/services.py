"""What steps work with: the lower rooms, wired once by `auth.py` and handed to every method and feature."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, final

from watchword.admission.attempt import Attempt
from watchword.admission.outcome import Complete, NextStep, Pending
from watchword.admission.proof import Proof
from watchword.admission.second_factor import SecondFactor
from watchword.audit.events import AuditEvent
from watchword.audit.log import AuditLog, Detail
from watchword.foundation.errors import ConfigurationError, Denied
from watchword.foundation.settings import Settings
from watchword.foundation.texts import catalogues, choose_language
from watchword.http.origin import site_url
from watchword.http.request import Request
from watchword.http.route import Route
from watchword.identity.email_address import deliverable
from watchword.limits.limiter import Limiter
from watchword.outbox.outbox import Outbox
from watchword.outbox.render import MailKind, render_mail
from watchword.sessions.cookie import Cookies
from watchword.sessions.gate import Gate
from watchword.storage.store import Store, Transaction
from watchword.tokens.keyring import Keyring

Completion = Callable[[Transaction, Request, Attempt, Proof], "Complete | Pending | Denied"]
"""What an attempt was begun for, done once its proof is there: in the transaction that used the proof up."""


@final
@dataclass(frozen=True, slots=True)
class Services:
    """The rooms below, as one value."""

    settings: Settings
    store: Store
    keyring: Keyring
    audit: AuditLog
    limiter: Limiter
    outbox: Outbox
    cookies: Cookies
    gate: Gate
    completions: dict[str, Completion] = field(default_factory=dict[str, Completion])
    """By the purpose of the attempt; filled by `auth.py` from the methods and features that are switched on."""
    second_factors: dict[str, SecondFactor] = field(default_factory=dict[str, SecondFactor])
    """By the name of the step; filled likewise."""

    ways_in: list[Callable[[Transaction, str], int]] = field(default_factory=list[Callable[[Transaction, str], int]])
    """Each tells how many ways into this user's account a method holds; methods add theirs."""
    shown_again: list[Callable[[Transaction, str], tuple[NextStep, ...]]] = field(
        default_factory=list[Callable[[Transaction, str], tuple[NextStep, ...]]]
    )
    """What a method offers to show once more, of whoever has neither a password nor a second factor."""
    exports: dict[str, Callable[[Transaction, str], object]] = field(
        default_factory=dict[str, Callable[[Transaction, str], object]]
    )
    """What a method keeps about a user, by its name in the export of one's data."""

    def language(self, request: Request) -> str:
        """Return the language of mails to whoever sends this request."""
        header = ",".join(request.header_values("accept-language"))
        return choose_language(header, catalogues("watchword.outbox"), self.settings.language)

    def url(self, request: Request, path: str) -> str:
        """Return the absolute address of one of our pages, for a mail: of the configured site, never learnt (A51)."""
        url = site_url(self.settings, request, f"{self.settings.prefix}{path}")
        if isinstance(url, Denied):
            raise ConfigurationError("a mail needs the site's address: set base_url, or WATCHWORD_BASE_URL")
        return url

    def send(
        self,
        tx: Transaction,
        kind: MailKind,
        to: str,
        language: str | None,
        values: Mapping[str, str],
        *,
        decoy: bool = False,
    ) -> None:
        """Queue a mail in this transaction; it leaves after the commit. A decoy is made alike and thrown away."""
        rendered = render_mail(
            kind, brand=self.settings.brand, language=language or self.settings.language, to=deliverable(to), **values
        )
        (self.outbox.enqueue_decoy if decoy else self.outbox.enqueue)(tx, rendered)

    def note(
        self,
        tx: Transaction,
        event: AuditEvent,
        request: Request,
        user_id: str | None = None,
        **details: Detail,
    ) -> None:
        """Record that this request's caller did something to (or as) this user."""
        session = self.gate.remembered(request)
        self.audit.record(
            tx,
            event,
            user_id=user_id,
            actor_id=session.user.id if session and session.source == "watchword" else user_id,
            address=request.address,
            user_agent=request.header("user-agent") or "",
            details=details,
        )


class Part(Protocol):
    """A method or a feature, bound to its services: what `auth.py` derives everything else from."""

    @property
    def routes(self) -> tuple[Route, ...]:
        """The calls it adds to the HTTP API."""
        ...

    @property
    def completions(self) -> Mapping[str, Completion]:
        """The purposes of attempts that it carries out."""
        ...


class FactorPart(Part, Protocol):
    """A method that can be a second factor."""

    @property
    def second_factor(self) -> SecondFactor:
        """What the door asks of it."""
        ...


class Method(Protocol):
    """A sign-in method as it is declared in `Auth(methods=[...])`: its options."""

    def bind(self, services: Services) -> FactorPart:
        """Return the method, at work.

        Raises:
            ConfigurationError: a library that it builds on is not installed.
        """
        ...


class Feature(Protocol):
    """A capability as it is declared in `Auth(features=[...])`: its options."""

    def bind(self, services: Services) -> Part:
        """Return the feature, at work.

        Raises:
            ConfigurationError: its options don't go together.
        """
        ...
