"""`Auth`: settings become a wired object here, and what is not safe is refused. The only module that knows all rooms."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, final

from watchword.admission import attempt as attempts
from watchword.admission.browser import sweep_devices
from watchword.admission.services import Feature, Method, Part, Services
from watchword.answers import Answers
from watchword.audit.log import AuditLog
from watchword.features.account.routes import AccountFeature
from watchword.features.account.steps import AccountSteps
from watchword.features.administration.steps import Administration
from watchword.features.first_admin.steps import FirstAdmin
from watchword.features.service_keys.routes import ServiceFeature
from watchword.features.step_up.routes import StepUpFeature
from watchword.features.trust_notices.routes import TrustNotices
from watchword.foundation.clock import Clock, SystemClock
from watchword.foundation.environment import from_document, from_environment, settings_of, stated, texts_of
from watchword.foundation.errors import ConfigurationError
from watchword.foundation.secrets import Secret
from watchword.foundation.settings import SMTP, Brand, Mode, SecondFactor, SessionLimits
from watchword.foundation.telemetry import telemetry
from watchword.http.kernel import Kernel
from watchword.limits.limiter import Limiter, StoredRates
from watchword.methods.email_code.routes import EmailCode
from watchword.methods.oauth.declaration import OAuth
from watchword.methods.oauth.declaration import bind as bind_oauth
from watchword.methods.passkey.declaration import Passkey
from watchword.methods.password.declaration import Password
from watchword.methods.recovery_codes.declaration import RecoveryCodes
from watchword.methods.totp.declaration import TOTP
from watchword.outbox.deliver import DeliveryWorker
from watchword.outbox.mailbox import Mailbox
from watchword.outbox.outbox import Outbox
from watchword.outbox.smtp import SMTPTransport
from watchword.pages.routes import Pages
from watchword.policy.actions.actions import Actions
from watchword.policy.actions.dispatch import ActionServices
from watchword.policy.actions.keys import StoredClaims
from watchword.policy.guard import Guard
from watchword.policy.taint import taint_settings
from watchword.refusals import refuse_unreachable, refuse_unsafe
from watchword.service import service_routes
from watchword.sessions import endings, records
from watchword.sessions.cookie import Cookies
from watchword.sessions.foreign import ForeignSessions, Trust
from watchword.sessions.gate import Gate
from watchword.sessions.session import Session
from watchword.sessions.stored import StoredSessions
from watchword.sessions.verify import current_context
from watchword.storage.secret_file import secrets_of
from watchword.storage.store import Store
from watchword.storage.upkeep import Upkeep
from watchword.tokens.keyring import Keyring
from watchword.web.edge import Edge

if TYPE_CHECKING:
    from watchword.beside.app import BesideApp
    from watchword.methods.oauth.routes import OAuthMethod
    from watchword.methods.oauth.tokens import ProviderToken

Function = TypeVar("Function", bound=Callable[..., Any])
INSTALLED = (Passkey(), TOTP(), RecoveryCodes())
"""The methods beside the password, each used where its libraries are installed."""
DEFAULT_STORE = "sqlite:///watchword.sqlite3"


@final
class Auth:
    """Sign-in for one site.

    Without arguments it is ready for development: a SQLite file in the working directory, hosted pages under
    `/auth`, mail shown at `/auth/dev/mailbox`. What is not given here comes from the environment
    (`WATCHWORD_STORE`, `WATCHWORD_SECRET`, …), then from `configuration`, then from the defaults.

    Args:
        store: `sqlite:///path` or `postgresql://user:password@host/database`.
        secret: at least 32 random characters, or several, the current one first. Keys are derived from it.
        mode: `development`, or `production`, which starts only with everything that safety needs.
        base_url: the site's address, `https://example.org`. Links in mails begin with it.
        password: the password method with other figures or services.
        methods: further sign-in methods, `[Passkey(), TOTP(), RecoveryCodes(), OAuth("google", …)]`; those whose
            libraries are installed unless given.
        second_factor: who is asked for a second factor: whoever has set one up, unless told otherwise.
        brand: name, logo and colour of pages and mails.
        smtp: where mail leaves.
        origins: further origins, `https://app.example.org`: their pages may call with the visitor's cookies, and people
            are led back there after signing in.
        cookie_domain: whose hosts all get the session cookie, `example.org`, so that apps on them share it.
        proxies: networks of the proxies in front, whose forwarding headers are believed.
        limits: rates by name, in place of the defaults.
        roles: further roles and what each permits, `{"editor": ["notes:write"]}`; `user` and `admin` are always there.
        session: how long sessions live.
        features: what else is switched on: `[SessionTokens(audience=…)]` signs sessions for services that cannot reach
            the store.
        trust: other systems whose sessions `verify_session()` accepts: `[Clerk(publishable_key=…)]`.
        server: the Watchword server that this app stands beside, `https://auth.example.org`, in place of a store of its
            own. Sessions, accounts and pages are there; what only the server decides is not given here.
        key: what that server knows the app by, from `watchword keys create`; several while one is replaced, the new one
            first.
        language: of pages and mails where a browser asks for none that exists.
        clock: what tells the time; tests hand in a `ManualClock`.
        configuration: what a `watchword.toml` holds, parsed.
        environ: environment variables, `os.environ` unless given.

    Raises:
        ConfigurationError: something is missing or not safe; lists everything that is wrong, and how to mend it.
    """

    def __init__(
        self,
        *,
        store: str | None = None,
        secret: str | Sequence[str] | None = None,
        mode: Mode | None = None,
        base_url: str | None = None,
        password: Password | None = None,
        methods: Sequence[Method | OAuth] | None = None,
        second_factor: SecondFactor | None = None,
        brand: Brand | None = None,
        smtp: SMTP | None = None,
        origins: Sequence[str] | None = None,
        cookie_domain: str | None = None,
        proxies: Sequence[str] | None = None,
        limits: Mapping[str, str] | None = None,
        roles: Mapping[str, Sequence[str]] | None = None,
        session: SessionLimits | None = None,
        features: Sequence[Feature] = (),
        trust: Sequence[Trust] = (),
        server: str | None = None,
        key: str | Sequence[str] | None = None,
        language: str | None = None,
        clock: Clock | None = None,
        configuration: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        given = from_document(configuration or {}) | from_environment(os.environ if environ is None else environ)
        given |= stated(store=store, secret=secret, mode=mode, base_url=base_url, language=language)
        given |= stated(cookie_domain=cookie_domain, key=key)
        lists = {name: tuple(texts) for name, texts in stated(origins=origins, proxies=proxies).items()}
        permitted = {role: tuple(permissions) for role, permissions in roles.items()} if roles else None
        objects = stated(brand=brand, smtp=smtp, limits=limits, session=session, roles=permitted) | lists
        objects |= stated(second_factor=second_factor)
        self.settings = replace(settings_of(given), **objects)
        clock, foreign = clock or SystemClock(), ForeignSessions(trust)
        self.beside: BesideApp | None = None
        if server is not None or "key" in given:
            meant = stated(password=password, methods=methods, features=features or None)
            self._stand_beside(server, {**given, **objects, **meant}, clock, foreign)
            return
        store_url = given.get("store", DEFAULT_STORE)
        secrets = secrets_of(texts_of(given.get("secret")), store_url, is_production=self.settings.is_production)
        refuse_unsafe(self.settings, secrets)
        providers = [one for one in methods or () if isinstance(one, OAuth)]
        named = [one for one in methods or () if not isinstance(one, OAuth)]
        chosen = [one for one in INSTALLED if one.is_installed()] if methods is None else named
        self._wire(store_url, Keyring(secrets), clock, foreign)
        self._furnish(password or Password(), chosen, providers, features)

    def _stand_beside(
        self, server: str | None, given: Mapping[str, Any], clock: Clock, foreign: ForeignSessions
    ) -> None:
        """Put together what an app has whose store is a server's."""
        from watchword.beside.app import BesideApp
        from watchword.beside.options import refuse_unfit

        if server is None:
            raise ConfigurationError("a key (WATCHWORD_KEY) is for an app beside a server: Auth(server='https://…')")
        keys = tuple(Secret(one) for one in texts_of(given.get("key")))
        refuse_unfit(given, self.settings, server, keys, tells=bool(foreign.notified))
        beside = BesideApp(self.settings, server, keys, clock, foreign=foreign, executor=lambda: self.edge.light)
        self.beside, self.gate, self.actions, self.routes = beside, beside.gate, beside.actions, beside.routes
        self.edge = Edge(self.settings, beside.kernel, self.gate, beside.refuse, beside.withhold, self.start, self.stop)
        taint_settings(self, {f"WATCHWORD_KEY {number}": key for number, key in enumerate(keys, 1)})

    def _wire(self, store_url: str, keyring: Keyring, clock: Clock, foreign: ForeignSessions) -> None:
        """Put the rooms below methods and features together."""
        settings = self.settings
        cookies = Cookies.of(settings)
        self.store = Store(store_url, clock)
        self._sessions = sessions = StoredSessions(self.store, settings.session, settings.all_roles)
        self.activity = sessions.activity
        self.gate = Gate(sessions, settings.session, cookies, foreign)
        limiter = Limiter(keyring, settings.limits)
        self.services = Services(
            settings=settings,
            store=self.store,
            keyring=keyring,
            audit=AuditLog(keyring),
            limiter=limiter,
            outbox=Outbox(keyring),
            cookies=cookies,
            gate=self.gate,
        )
        self.answers = Answers(self.services)
        self._claims = StoredClaims(self.store)
        rates = StoredRates(limiter, self.store)
        actions = (settings, keyring, self.gate, self._claims, rates, lambda: self.edge.light, self.answers.withhold)
        self.actions = Actions(ActionServices(*actions))
        secrets = {f"WATCHWORD_SECRET {number}": secret for number, secret in enumerate(keyring.secrets, 1)}
        taint_settings(self, secrets | {"WATCHWORD_SMTP": settings.smtp.password if settings.smtp else None})

    def _furnish(
        self, password: Password, methods: Sequence[Method], providers: Sequence[OAuth], features: Sequence[Feature]
    ) -> None:
        """Switch methods and features on, and derive from them what is served."""
        services, settings = self.services, self.settings
        self.password = password.bind(services)
        steps = self.password.steps
        self.account = AccountFeature(services, AccountSteps(services, steps.prove))
        self.administration = Administration(services, steps.hash_new)
        self.first_admin = FirstAdmin(services, steps.hash_new)
        self.step_up = StepUpFeature(services)
        factors = tuple(method.bind(services) for method in methods)
        second_factors = tuple(part.second_factor for part in factors)
        refuse_unreachable(settings, second_factors)
        services.second_factors.update({one.method: one for one in second_factors})
        self.oauth = bind_oauth(services, providers) if providers else None
        self.service = ServiceFeature(services, self._sessions, self._claims)
        notices = (TrustNotices(services),) if self.gate.foreign.notified else ()
        self._features = (*notices, *(feature.bind(services) for feature in features))
        own: tuple[Part, ...] = (self.password, EmailCode(services), *factors, self.account, self.step_up)
        parts = (*own, *((self.oauth,) if self.oauth else ()), *self._features)
        for part in parts:
            services.completions.update(part.completions)
        self.pages = Pages(
            services,
            password=self.password,
            account=self.account,
            first_admin=self.first_admin,
            step_up=self.step_up,
            factors=factors,
            oauth=self.oauth,
        )
        api = (*(route for part in parts for route in part.routes), self.actions.route)
        self.routes = (*api, *service_routes(services, api), *self.service.routes, *self.pages.routes)
        kernel = Kernel(
            self.routes,
            settings,
            take_limit=self.answers.take_limit,
            render_problem=self.pages.render_problem,
            note_refusal=self.answers.note_refusal,
        )
        answers = self.answers.by(kernel, self.pages.refuse)
        self.edge = Edge(settings, kernel, self.gate, answers.refuse, answers.withhold, self.start, self.stop)
        transport = SMTPTransport(settings.smtp) if settings.smtp else Mailbox(services.outbox)
        self._delivery = DeliveryWorker(self.store, services.outbox, transport)
        self._upkeep = self._sweeping()

    def _sweeping(self) -> Upkeep:
        services = self.services
        return Upkeep(
            self.store,
            (
                services.limiter.sweep,
                services.outbox.sweep,
                attempts.sweep,
                sweep_devices,
                endings.sweep,
                self._claims.sweep,
                lambda tx: records.sweep(tx, self.settings.session),
            ),
        )

    def action(
        self, rule: Guard | Callable[..., Any] | None = None, *, limit: str | None = None
    ) -> Callable[[Function], Function]:
        """Return the decorator that makes a function callable from the app's own pages, by `action_ref()`.

        For example: `@auth.action(guard(role="admin"), limit="10/minute")`. Its arguments are read as their types say,
        and of what it returns only that leaves which the return type declares.

        Args:
            rule: `guard(...)`, `guard.inside`, or `public` on purpose.
            limit: how often one account may call it, or one network address where nobody is signed in.

        Raises:
            ConfigurationError: there is no rule, or the function's types do not say what goes in and out.
        """
        return self.actions.declare(rule, limit)

    def session_token(self, session: Session) -> str:
        """Return the session of the request under way as a signed token, to call another service in its name.

        It is signed anew each time, so that it is as fresh as can be.

        Raises:
            ConfigurationError: session tokens are not switched on, or the session is another system's.
        """
        if self.beside is not None:
            raise ConfigurationError("the server signs session tokens: the caller gets one by POST /auth/session/token")
        # Imported only where it is used: whoever signs no tokens loads nothing for it.
        from watchword.features.session_tokens.routes import SessionTokenFeature

        feature = next((one for one in self._features if isinstance(one, SessionTokenFeature)), None)
        if feature is None or session.source != "watchword":
            raise ConfigurationError(
                "only own sessions become tokens, and only with Auth(features=[SessionTokens(audience=…)])"
            )
        return feature.mint(current_context().request, session).token

    async def provider_token(self, session: Session, provider: str) -> "ProviderToken":
        """Return the token of another service that this person signed in with, to call it in their name.

        It is refreshed where it is due, by one process of any number, and looked up once for each request.

        Args:
            session: whose.
            provider: the service, as it was declared: `OAuth("google", keep_tokens=True, …)`.

        Raises:
            ProviderTokenError: there is none, or it counts no more: the person signs in with that service again.
            ConfigurationError: no service is declared.
        """
        return await self._oauth().tokens.hand(session.user.id, provider, self.edge.light)

    def provider_token_sync(self, session: Session, provider: str) -> "ProviderToken":
        """Do what `provider_token()` does, in code that is not async."""
        return self._oauth().tokens.hand_sync(session.user.id, provider)

    def _oauth(self) -> "OAuthMethod":
        if self.oauth is None:
            raise ConfigurationError(
                "no other service is declared: Auth(methods=[OAuth('google', keep_tokens=True, …)])"
            )
        return self.oauth

    def start(self) -> None:
        """Get ready to serve: the schema, the lease, the mail worker, the upkeep. Adapters call it before the first request.

        Raises:
            ConfigurationError: in production, when the schema is not this version's.
        """
        if self.edge.kernel.telemetry is None:
            self._observe()
        if self.beside is not None:
            self.beside.start()
            return
        self.prepare_store()
        self.store.count(self.gate.memory.statistics)
        if self.store.keeper and self.settings.session.remembered:
            self.store.keeper.start(self.gate.memory.statistics)
        self.activity.start()
        self._delivery.start()
        self._upkeep.start()

    def _observe(self) -> None:
        told = self.edge.kernel.telemetry = telemetry(self.gate.memory.checks)
        if told is not None and self.beside is None:
            self.store.on_revoked = told.revoked
            self.services.audit.on_event = told.happened
            self.services.limiter.on_limit = told.limited

    def prepare_store(self) -> None:
        """Bring the schema to this version's in development; in production make sure that it is.

        Raises:
            ConfigurationError: in production, when the schema is not this version's.
        """
        if self.store.is_current():
            return
        if not self.settings.is_production:
            self.store.migrate()
        else:
            raise ConfigurationError("the database's schema is not this version's: run `watchword migrate`")

    def stop(self) -> None:
        """Stop the workers and close the database; what waits in the outbox is sent by the next start."""
        if self.beside is not None:
            self.beside.stop()
            return
        self._upkeep.stop()
        self._delivery.stop()
        self.activity.stop()
        self.store.close()

    def first_admin_link(self, base_url: str) -> str | None:
        """Return the one-time address that makes the first admin, or `None` where there is an admin."""
        token = self.first_admin.link()
        return f"{base_url}{self.settings.prefix}/setup/{token.reveal()}" if token else None
