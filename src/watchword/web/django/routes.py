"""All routes of a URLconf with their rules: for the check at the start, and for each request."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, final

from django.apps import apps
from django.conf import settings
from django.contrib.admindocs import utils as _admindocs
from django.urls import URLPattern, get_resolver
from django.urls.resolvers import RegexPattern
from django.utils.module_loading import import_string
from django.utils.translation import get_language

from watchword.policy.guard import Guard
from watchword.policy.marking import INSIDE, PUBLIC
from watchword.web.django.configuration import Configuration
from watchword.web.django.declared import ADMIN, ANY, SIGNED_IN, Declared, declared, named
from watchword.web.django.urls import RULE
from watchword.web.endpoints import Endpoint, Rule, combine, parameters_in

_ADMIN_APP: Final = "admin"


class _Found(NamedTuple):
    """A view in the URLconf.

    `route` is what Django calls the route of a match, `shown` what people call its path; `above` are the guards of the
    includes that it stands in, `given` the parameters that the URLconf gives by itself.
    """

    callback: Any
    route: str
    shown: str
    above: tuple[Guard, ...]
    is_admins: bool
    given: tuple[str, ...]


def endpoints(configure: Callable[[], Configuration], urlconf: Any = None) -> list[Endpoint]:
    """Return every route of a URLconf, the project's own unless another is named, as the check sees it."""
    configuration = configure()
    is_closed = _requires_login()
    return [
        endpoint
        for found in _walk(get_resolver(urlconf))
        for endpoint in _endpoints_of(found, configuration, is_closed=is_closed)
    ]


@final
class RouteTable:
    """The rule of each route, as requests ask for it.

    Django's URLconfs depend on the language, and a middleware may choose another for a request: each is looked through
    when it is first asked for.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._routes: dict[tuple[Any, Any, str], dict[str, Endpoint]] = {}
        self._seen: set[tuple[Any, str | None]] = set()

    def find(self, request: Any, callback: Any) -> Mapping[str, Endpoint] | None:
        """Return what answers at the route of this request by method, or `None` where the URLconf has no such route."""
        urlconf = getattr(request, "urlconf", None)
        key = (urlconf, callback, request.resolver_match.route)
        found = self._routes.get(key)
        if found is None and (urlconf, get_language()) not in self._seen:
            self._look_through(urlconf)
            found = self._routes.get(key)
        return found

    def _look_through(self, urlconf: Any) -> None:
        for endpoint in endpoints(lambda: self._configuration, urlconf):
            # Of two that are the same to Django, the first answers.
            self._routes.setdefault((urlconf, *endpoint.route), {}).setdefault(endpoint.methods, endpoint)
        self._seen.add((urlconf, get_language()))


def _walk(
    resolver: Any,
    route: str = "",
    shown: str = "/",
    above: tuple[Guard, ...] = (),
    *,
    is_admins: bool = False,
    given: tuple[str, ...] = (),
) -> Iterator[_Found]:
    for pattern in resolver.url_patterns:
        full, path = _join(route, str(pattern.pattern)), shown + _shown(pattern)
        if isinstance(pattern, URLPattern):
            yield _Found(pattern.callback, full, path, above, is_admins, (*given, *(pattern.default_args or ())))
        else:
            rule = getattr(pattern.urlconf_name, RULE, None)
            guards = (*above, rule) if rule is not None else above
            is_its = is_admins or pattern.app_name == _ADMIN_APP
            more = (*given, *(pattern.default_kwargs or ()))
            yield from _walk(pattern, full, path, guards, is_admins=is_its, given=more)


def _endpoints_of(found: _Found, configuration: Configuration, *, is_closed: bool) -> Iterator[Endpoint]:
    handler, place = named(found.callback)
    for methods, said in declared(found.callback).items():
        rule = combine(found.shown, _own(said, found, configuration, is_closed=is_closed), configuration.guards)
        for guard in found.above:
            rule = Guard(all_of=[guard, rule]) if isinstance(rule, Guard) else rule or guard
        parameters = parameters_in(found.shown, found.given)
        yield Endpoint(found.shown, methods, place, rule, (found.callback, found.route), handler, parameters)


def _own(said: Declared, found: _Found, configuration: Configuration, *, is_closed: bool) -> Rule | None:
    """Return the rule of a view alone: its mark, what the settings call public, Django's declarations, in this order."""
    is_exempt = getattr(found.callback, "login_required", True) is False
    djangos = said.djangos or (SIGNED_IN if is_closed and not is_exempt else None)
    if said.mark is INSIDE and isinstance(djangos, Guard):
        return djangos  # Django leads away whom it does not let in, before the view can decide
    if said.mark is not None:
        return said.mark
    if found.shown in configuration.public:
        return PUBLIC
    if found.is_admins:  # as a whole, unless the settings have a guard for its prefix
        return None if combine(found.shown, None, configuration.guards) else ADMIN
    return djangos


def _requires_login() -> bool:
    """Tell whether Django's LoginRequiredMiddleware stands there: then every view is for those who are signed in."""
    if not apps.is_installed("django.contrib.auth"):
        return False
    from django.contrib.auth import middleware as provided

    required: Any = getattr(provided, "LoginRequiredMiddleware")  # noqa: B009 - the stubs do not know it
    middlewares: Sequence[Any] = [import_string(path) for path in settings.MIDDLEWARE]
    return any(isinstance(one, type) and issubclass(one, required) for one in middlewares)


def _join(route: str, more: str) -> str:
    """Join two routes as Django does for a match."""
    return route + more.removeprefix("^") if route else more


def _shown(pattern: Any) -> str:
    text = str(pattern.pattern)
    if not isinstance(pattern.pattern, RegexPattern):
        return text
    simplified: Any = _admindocs
    groups = simplified.replace_named_groups(simplified.remove_non_capturing_groups(text))
    return simplified.replace_metacharacters(simplified.replace_unnamed_groups(groups))


__all__ = ["ANY", "RouteTable", "endpoints"]
