"""`Auth.action`: functions become actions here, and all of them have one route."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast, final

from watchword.foundation.errors import FORBIDDEN, UNAUTHENTICATED, Code, ConfigurationError, Denied
from watchword.http.body import BODY_TOO_LARGE, MALFORMED_FORM, MALFORMED_JSON, UNSUPPORTED_MEDIA_TYPE
from watchword.http.request import Request
from watchword.http.route import Route
from watchword.limits.limiter import RATE_LIMITED
from watchword.policy.actions.action import Action, make_action
from watchword.policy.actions.dispatch import ActionServices, Dispatch
from watchword.policy.actions.keys import KEY_INVALID, KEY_REUSED, KEY_RUNNING, ActionKeys
from watchword.policy.actions.reference import REFERENCE_INVALID, mark
from watchword.policy.withheld import RESPONSE_WITHHELD

Function = TypeVar("Function", bound=Callable[..., Any])


_CODES: Final = (
    REFERENCE_INVALID,
    RATE_LIMITED,
    MALFORMED_JSON,
    MALFORMED_FORM,
    BODY_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    KEY_INVALID,
    KEY_REUSED,
    KEY_RUNNING,
    RESPONSE_WITHHELD,
)


@final
@dataclass(frozen=True, slots=True)
class _AsDeclared:
    """The guard of the one route of all actions: each has a rule of its own, which its function keeps."""

    description: str = "as the action declares"
    codes: tuple[Code, ...] = (UNAUTHENTICATED, FORBIDDEN)

    def check(self, request: Request) -> Denied | None:  # noqa: ARG002 - the protocol's shape
        """Leave it to the action."""
        return None


@final
class Actions:
    """All actions of one `Auth`."""

    def __init__(self, services: ActionServices) -> None:
        self._services = services
        self._named: dict[str, Action] = {}
        keys = ActionKeys(services.keyring, services.claims)
        self.route = Route(
            method="POST",
            path="/actions/{reference}",
            name="run_action",
            summary="Run an action of the app, by the reference that its page holds; takes its arguments as JSON or a form",
            guard=_AsDeclared(),
            handler=Dispatch(services, keys, self._named).handle,
            codes=_CODES,
            runs_app=True,
        )

    def list_all(self) -> list[Action]:
        """Return all actions, as they are now."""
        return [*self._named.values()]

    def declare(self, rule: Any, limit: str | None) -> Callable[[Function], Function]:
        """Return the decorator that makes a function an action.

        Raises:
            ConfigurationError: a function without a rule or types, or of a name that another action has.
        """

        def declared(function: Function) -> Function:
            action = make_action(function, rule, limited=limit is not None)
            if other := self._named.get(action.name):
                raise ConfigurationError(
                    f"two actions are called {action.name} ({other.where} and {action.where}): rename one"
                )
            if limit is not None:
                self._services.limits.declare(action.name, limit)
            self._named[action.name] = action
            mark(action.run, action, self._services.keyring)
            return cast("Function", action.run)

        return declared
