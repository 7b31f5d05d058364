"""Other systems whose sessions are accepted: one folder each, with the rules in `trust.py`; what they share beside it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from watchword.vendors.auth0.trust import Auth0
    from watchword.vendors.clerk.trust import Clerk
    from watchword.vendors.descope.trust import Descope
    from watchword.vendors.iron_session.trust import IronSession
    from watchword.vendors.jose.trust import JWT
    from watchword.vendors.next_auth.trust import NextAuth
    from watchword.vendors.oidc.trust import OIDC
    from watchword.vendors.stytch.trust import Stytch
    from watchword.vendors.supabase.trust import Supabase
    from watchword.vendors.workos.trust import WorkOS

__all__ = ["JWT", "OIDC", "Auth0", "Clerk", "Descope", "IronSession", "NextAuth", "Stytch", "Supabase", "WorkOS"]


def __getattr__(name: str) -> Any:
    """Import a trust when it is first used: the others, and what they need, cost nothing."""
    from importlib import import_module

    from watchword.vendors.named import VENDORS

    module = next((module for module, class_name in VENDORS.values() if class_name == name), None)
    if module is None:
        raise AttributeError(f"module 'watchword.vendors' has no attribute {name!r}")
    return getattr(import_module(module), name)
