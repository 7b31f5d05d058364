"""What a project's settings say: `WATCHWORD`, `WATCHWORD_PUBLIC`, `WATCHWORD_GUARDS`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, final

from django.conf import settings
from django.utils.module_loading import import_string

from watchword.foundation.errors import ConfigurationError
from watchword.policy.guard import Guard
from watchword.web.edge import Protected


class PublicPaths(frozenset[str]):
    """Paths that everyone may call, as the report of the check writes them; `/static/*` is all that is below."""

    __slots__ = ()

    def __contains__(self, path: object) -> bool:
        """Tell whether the path is one of them, or below one."""
        return super().__contains__(path) or any(
            isinstance(path, str) and path.startswith(entry[:-1]) for entry in self if entry.endswith("/*")
        )


@final
@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings of one project.

    Attributes:
        auth: the `Auth` that protects it.
        public: paths of views of others that everyone may call, and of what no view answers.
        guards: guards by URL prefix.
    """

    auth: Protected
    public: PublicPaths
    guards: Mapping[str, Guard]

    @classmethod
    def of_settings(cls) -> "Configuration":
        """Read Django's settings.

        Raises:
            ConfigurationError: one of them is missing, or is not what it must be.
        """
        public: Any = getattr(settings, "WATCHWORD_PUBLIC", ())
        if isinstance(public, str) or not all(isinstance(path, str) and path.startswith("/") for path in public):
            raise ConfigurationError('WATCHWORD_PUBLIC is a list of paths: WATCHWORD_PUBLIC = ["/their/path"]')
        guards: Any = getattr(settings, "WATCHWORD_GUARDS", {})
        if not isinstance(guards, Mapping) or not all(isinstance(rule, Guard) for rule in guards.values()):  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
            raise ConfigurationError(
                'WATCHWORD_GUARDS is guards by URL prefix: WATCHWORD_GUARDS = {"/staff": guard(role="admin")}'
            )
        return cls(_auth(getattr(settings, "WATCHWORD", None)), PublicPaths(public), guards)  # pyright: ignore[reportUnknownArgumentType]


def _auth(given: Any) -> Protected:
    if isinstance(given, str):
        try:
            given = import_string(given)
        except ImportError as error:
            raise ConfigurationError(f"WATCHWORD names {given!r}, which can't be imported: {error}") from error
    found = _made(given) if callable(given) else given
    if not hasattr(found, "edge"):
        raise ConfigurationError(
            "the settings have no Auth: write WATCHWORD = Auth(…), or the dotted path of one, or a function that makes it"
        )
    return found


@lru_cache(maxsize=8)
def _made(maker: Callable[[], Protected]) -> Protected:
    return maker()
