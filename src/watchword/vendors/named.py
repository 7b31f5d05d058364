"""Every trust by its name, made from texts: what the command line and a settings file can say."""

import inspect
import json
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final, cast

from watchword.foundation.clock import Clock
from watchword.foundation.errors import ConfigurationError
from watchword.sessions.foreign import Trust
from watchword.vendors.rules import JWKS

VENDORS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "auth0": ("watchword.vendors.auth0.trust", "Auth0"),
        "clerk": ("watchword.vendors.clerk.trust", "Clerk"),
        "descope": ("watchword.vendors.descope.trust", "Descope"),
        "iron-session": ("watchword.vendors.iron_session.trust", "IronSession"),
        "jose": ("watchword.vendors.jose.trust", "JWT"),
        "nextauth": ("watchword.vendors.next_auth.trust", "NextAuth"),
        "oidc": ("watchword.vendors.oidc.trust", "OIDC"),
        "stytch": ("watchword.vendors.stytch.trust", "Stytch"),
        "supabase": ("watchword.vendors.supabase.trust", "Supabase"),
        "watchword": ("watchword.vendors.watchword.trust", "Watchword"),
        "workos": ("watchword.vendors.workos.trust", "WorkOS"),
    }
)
"""Module and class of each."""
_ALSO: Final = {"jwt": "jose", "next-auth": "nextauth", "authjs": "nextauth", "ironsession": "iron-session"}
_NOT_TEXTS: Final = ("keys", "clock", "map", "network", "find_session")


def make_trust(
    vendor: str, options: Mapping[str, list[str]], *, keys: JWKS | None = None, clock: Clock | None = None
) -> Trust:
    """Return the trust.

    Args:
        vendor: its name, without regard to case and hyphens.
        options: what the class takes, as texts; an option given several times is a list.
        keys: a key set, where it takes one.
        clock: what tells the time.

    Raises:
        ConfigurationError: there is no such vendor or option, or a value is not what the option takes.
    """
    name = vendor.lower().replace("_", "-")
    module, class_name = VENDORS.get(_ALSO.get(name, name), ("", ""))
    if not module:
        raise ConfigurationError(f"there is no vendor {vendor!r}: choose one of {', '.join(VENDORS)}")
    try:
        class_: Any = getattr(import_module(module), class_name)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "tokens of other systems need two more packages: pip install 'watchword[trust]'"
        ) from error
    parameters = inspect.signature(class_).parameters
    allowed = [name for name in parameters if name not in _NOT_TEXTS]
    unknown = sorted(set(options) - set(allowed))
    if unknown:
        raise ConfigurationError(f"{class_name} takes no option {', '.join(unknown)}: choose from {', '.join(allowed)}")
    missing = [name for name in allowed if parameters[name].default is inspect.Parameter.empty and name not in options]
    if missing:
        raise ConfigurationError(f"{class_name} needs the option {', '.join(missing)}")
    values = {name: _value(name, parameters[name].annotation, texts) for name, texts in options.items()}
    given: dict[str, Any] = {"keys": keys} if keys is not None else {}
    return class_(**values, **given, clock=clock)


def _value(name: str, annotation: Any, texts: list[str]) -> Any:
    """Return what the texts of one option mean for a parameter with this annotation."""
    if len(texts) > 1:
        return texts
    text = texts[0]
    try:
        if annotation in (int, int | None):
            return int(text)
        if annotation is bool:
            return {"true": True, "false": False}[text.lower()]
        if text.startswith("[") and ("Sequence" in str(annotation) or "Collection" in str(annotation)):
            return cast("list[str]", json.loads(text))
        if text.startswith("{") and "Mapping" in str(annotation):
            return {int(number): value for number, value in cast("dict[str, str]", json.loads(text)).items()}
    except (ValueError, KeyError) as error:
        raise ConfigurationError(f"the option {name} can't be {text!r}") from error
    return text
